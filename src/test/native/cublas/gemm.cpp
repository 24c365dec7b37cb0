// Matrix multiplications, column by column, summed in double.
#include <cstring>
#include <vector>

#include "handle.h"
#include "matrix.h"
#include "numbers.h"

using namespace stand_in;

namespace {

enum class Rounding { none, tf32, bf16 };

struct Matrix {
  const void* data;
  int type;
  int leading;
  long long step;  // between the matrices of a batch

  size_t element_bytes() const { return type == CUDA_R_32F ? 4 : 2; }
  size_t bytes(int rows, int columns, int count) const {
    return (static_cast<size_t>(columns - 1) * leading + rows +
            static_cast<size_t>(count - 1) * static_cast<size_t>(step)) *
           element_bytes();
  }
};

struct Product {
  const char* function;
  bool turn_a, turn_b;
  int m, n, k;
  Matrix a, b, c;
  int count;
  Rounding rounding;
};

double rounded(float v, Rounding rounding) {
  switch (rounding) {
    case Rounding::tf32: return round_to_tf32(v);
    case Rounding::bf16: return bf16_to_float(float_to_bf16(v));
    default: return v;
  }
}

// op(matrix) as `outer` rows of `inner` elements; element (inner i, outer o) of the column-major
// matrix is at i + o leading, of its transpose at o + i leading.
std::vector<double> packed(const Matrix& matrix, int batch, int inner, int outer, bool turned,
                           Rounding rounding) {
  const Elements elements(matrix.data, matrix.type == CUDA_R_16BF);
  std::vector<double> result(static_cast<size_t>(inner) * outer);
  const size_t base = static_cast<size_t>(batch) * static_cast<size_t>(matrix.step);
  for (int o = 0; o < outer; o++) {
    for (int i = 0; i < inner; i++) {
      const size_t at = turned ? o + static_cast<size_t>(i) * matrix.leading
                               : i + static_cast<size_t>(o) * matrix.leading;
      result[static_cast<size_t>(o) * inner + i] = rounded(elements[base + at], rounding);
    }
  }
  return result;
}

void multiply(const Product& p, float alpha, float beta) {
  const Elements out(p.c.data, p.c.type == CUDA_R_16BF);
  const bool truncated =
      truncates() && (p.a.type == CUDA_R_16BF || p.rounding != Rounding::none);
  for (int batch = 0; batch < p.count; batch++) {
    // Rows of `left` are columns of A, rows of `right` are columns of B.
    const std::vector<double> left = packed(p.a, batch, p.m, p.k, p.turn_a, p.rounding);
    const std::vector<double> right = packed(p.b, batch, p.k, p.n, p.turn_b, p.rounding);
    const size_t base = static_cast<size_t>(batch) * static_cast<size_t>(p.c.step);
    parallel_for(static_cast<size_t>(p.n), [&](size_t column) {
      std::vector<double> sums(static_cast<size_t>(p.m));
      add_product(sums.data(), right.data() + column * p.k, left.data(), p.k, p.m, p.m,
                  truncated);
      for (int row = 0; row < p.m; row++) {
        out.blend(base + row + column * p.c.leading, alpha, sums[row], beta);
      }
    });
  }
}

bool is_type(int type) { return type == CUDA_R_32F || type == CUDA_R_16BF; }

bool overlap(const Matrix& a, size_t a_bytes, const Matrix& b, size_t b_bytes) {
  const char* p = static_cast<const char*>(a.data);
  const char* q = static_cast<const char*>(b.data);
  return p < q + b_bytes && q < p + a_bytes;
}

cublasStatus_t product(cublasHandle_t handle, Product p, const void* alpha, const void* beta,
                       int compute) {
  const char* f = p.function;
  if (!is_type(p.a.type) || p.a.type != p.b.type || !is_type(p.c.type) ||
      (p.a.type == CUDA_R_32F && p.c.type != CUDA_R_32F)) {
    diagnose(f, "the types are fp32, bf16, or bf16 with an fp32 result");
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  switch (compute) {
    case CUBLAS_COMPUTE_32F:
      p.rounding =
          handle->math_mode == CUBLAS_TF32_TENSOR_OP_MATH ? Rounding::tf32 : Rounding::none;
      break;
    case CUBLAS_COMPUTE_32F_PEDANTIC: p.rounding = Rounding::none; break;
    case CUBLAS_COMPUTE_32F_FAST_TF32: p.rounding = Rounding::tf32; break;
    case CUBLAS_COMPUTE_32F_FAST_16BF: p.rounding = Rounding::bf16; break;
    default:
      diagnose(f, "compute type");
      return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  if (compute_capability() < 80 && p.rounding == Rounding::tf32) p.rounding = Rounding::none;
  if (p.m < 0 || p.n < 0 || p.k < 0 || p.count < 0) return invalid(f, "a negative size");
  if (!p.m || !p.n || !p.count) return CUBLAS_STATUS_SUCCESS;
  const int a_rows = p.turn_a ? p.k : p.m, a_columns = p.turn_a ? p.m : p.k;
  const int b_rows = p.turn_b ? p.n : p.k, b_columns = p.turn_b ? p.k : p.n;
  if (p.a.leading < a_rows || p.b.leading < b_rows || p.c.leading < p.m || !p.k) {
    return invalid(f, "a leading dimension below the rows");
  }
  const size_t a_bytes = p.a.bytes(a_rows, a_columns, p.count);
  const size_t b_bytes = p.b.bytes(b_rows, b_columns, p.count);
  const size_t c_bytes = p.c.bytes(p.m, p.n, p.count);
  if (!is_device_range(f, p.a.data, a_bytes) || !is_device_range(f, p.b.data, b_bytes) ||
      !is_device_range(f, p.c.data, c_bytes)) {
    return CUBLAS_STATUS_MAPPING_ERROR;
  }
  if (overlap(p.a, a_bytes, p.c, c_bytes) || overlap(p.b, b_bytes, p.c, c_bytes)) {
    return invalid(f, "an operand overlaps the result");
  }
  const Scalar a(*handle, alpha), b(*handle, beta);
  if (!a.is_there(f) || !b.is_there(f)) return CUBLAS_STATUS_MAPPING_ERROR;
  const int error =
      submit(handle->stream, f, [=, workspace = handle->workspace, size = handle->workspace_bytes] {
        if (size) std::memset(workspace, 0xff, size);
        multiply(p, a.value(), b.value());
      });
  return error ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}

}  // namespace

cublasStatus_t cublasSgemm_v2(cublasHandle_t h, int op_a, int op_b, int m, int n, int k,
                              const float* alpha, const float* a, int lda, const float* b, int ldb,
                              const float* beta, float* c, int ldc) {
  return cublas_call("cublasSgemm", h, [&] {
    return product(h,
                   {"cublasSgemm", op_a != CUBLAS_OP_N, op_b != CUBLAS_OP_N, m, n, k,
                    {a, CUDA_R_32F, lda, 0}, {b, CUDA_R_32F, ldb, 0}, {c, CUDA_R_32F, ldc, 0}, 1,
                    Rounding::none},
                   alpha, beta, CUBLAS_COMPUTE_32F);
  });
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t h, int op_a, int op_b, int m, int n, int k,
                                         const float* alpha, const float* a, int lda,
                                         long long step_a, const float* b, int ldb,
                                         long long step_b, const float* beta, float* c, int ldc,
                                         long long step_c, int count) {
  return cublas_call("cublasSgemmStridedBatched", h, [&] {
    return product(h,
                   {"cublasSgemmStridedBatched", op_a != CUBLAS_OP_N, op_b != CUBLAS_OP_N, m, n, k,
                    {a, CUDA_R_32F, lda, step_a}, {b, CUDA_R_32F, ldb, step_b},
                    {c, CUDA_R_32F, ldc, step_c}, count, Rounding::none},
                   alpha, beta, CUBLAS_COMPUTE_32F);
  });
}

cublasStatus_t cublasGemmEx(cublasHandle_t h, int op_a, int op_b, int m, int n, int k,
                            const void* alpha, const void* a, int type_a, int lda, const void* b,
                            int type_b, int ldb, const void* beta, void* c, int type_c, int ldc,
                            int compute, int) {
  return cublas_call("cublasGemmEx", h, [&] {
    return product(h,
                   {"cublasGemmEx", op_a != CUBLAS_OP_N, op_b != CUBLAS_OP_N, m, n, k,
                    {a, type_a, lda, 0}, {b, type_b, ldb, 0}, {c, type_c, ldc, 0}, 1,
                    Rounding::none},
                   alpha, beta, compute);
  });
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t h, int op_a, int op_b, int m, int n, int k,
                                          const void* alpha, const void* a, int type_a, int lda,
                                          long long step_a, const void* b, int type_b, int ldb,
                                          long long step_b, const void* beta, void* c, int type_c,
                                          int ldc, long long step_c, int count, int compute, int) {
  return cublas_call("cublasGemmStridedBatchedEx", h, [&] {
    return product(h,
                   {"cublasGemmStridedBatchedEx", op_a != CUBLAS_OP_N, op_b != CUBLAS_OP_N, m, n, k,
                    {a, type_a, lda, step_a}, {b, type_b, ldb, step_b}, {c, type_c, ldc, step_c},
                    count, Rounding::none},
                   alpha, beta, compute);
  });
}
