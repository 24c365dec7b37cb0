// cuBLAS's stand-in against sums written out from the definitions.
#include "cublas_api.h"
#include "gpu.h"
#include "numbers.h"

namespace {

const float kHalf = 0.5f, kMinus = -1.0f, kZero = 0.0f, kOne = 1.0f;

class Cublas {
 public:
  Cublas() { EXPECT_OK(cublasCreate_v2(&handle)); }
  ~Cublas() { EXPECT_OK(cublasDestroy_v2(handle)); }
  cublasHandle_t handle;
};

}  // namespace

TEST(matrix_products_in_all_transpositions) {
  Gpu gpu;
  Cublas blas;
  const int m = 37, n = 21, k = 50, lda = 60, ldb = 70, ldc = 40;
  const std::vector<float> a = random_floats(60 * 60, 1), b = random_floats(70 * 70, 2),
                           c = random_floats(40 * 21, 3);
  DeviceArray<float> ga(a), gb(b);
  for (int ta : {0, 1}) {
    for (int tb : {0, 1}) {
      DeviceArray<float> gc(c);
      EXPECT_OK(cublasSgemm_v2(blas.handle, ta, tb, m, n, k, &kHalf, ga.data(), lda, gb.data(), ldb,
                               &kMinus, gc.data(), ldc));
      const std::vector<float> actual = gc.read();
      for (int j = 0; j < n; j++) {
        for (int i = 0; i < m; i++) {
          double sum = 0;
          for (int l = 0; l < k; l++) {
            sum += static_cast<double>(a[ta ? l + i * lda : i + l * lda]) *
                   b[tb ? j + l * ldb : l + j * ldb];
          }
          const double expected = 0.5 * sum - c[i + j * ldc];
          if (std::fabs(actual[i + j * ldc] - expected) > 1e-6) {
            EXPECT_EQ(actual[i + j * ldc], expected);
          }
        }
        EXPECT_EQ(actual[m + j * ldc], c[m + j * ldc]);  // rows beyond m stay
      }
    }
  }
}

TEST(batched_bf16_products_and_tf32) {
  Gpu gpu;
  Cublas blas;
  const int m = 5, n = 3, k = 4, count = 2;
  std::vector<uint16_t> a, b;
  for (float v : random_floats(m * k * count, 1)) a.push_back(stand_in::float_to_bf16(v));
  for (float v : random_floats(k * n * count, 2)) b.push_back(stand_in::float_to_bf16(v));
  DeviceArray<uint16_t> ga(a), gb(b);
  DeviceArray<float> gc(m * n * count);
  EXPECT_OK(cublasGemmStridedBatchedEx(blas.handle, 0, 0, m, n, k, &kOne, ga.data(), CUDA_R_16BF, m,
                                       m * k, gb.data(), CUDA_R_16BF, k, k * n, &kZero, gc.data(),
                                       CUDA_R_32F, m, m * n, count, CUBLAS_COMPUTE_32F, -1));
  const std::vector<float> c = gc.read();
  for (int i = 0; i < m * n * count; i++) {
    const int batch = i / (m * n), row = i % m, column = i / m % n;
    double sum = 0;
    for (int l = 0; l < k; l++) {
      sum += static_cast<double>(stand_in::bf16_to_float(a[batch * m * k + row + l * m])) *
             stand_in::bf16_to_float(b[batch * k * n + l + column * k]);
    }
    if (std::fabs(c[i] - sum) > 1e-6) EXPECT_EQ(c[i], sum);
  }
  const float fine = 1 + 1.0f / 4096;
  DeviceArray<float> x(std::vector<float>{fine}), y(std::vector<float>{1.0f}), z(1);
  auto times_one = [&](int compute) {
    EXPECT_OK(cublasGemmEx(blas.handle, 0, 0, 1, 1, 1, &kOne, x.data(), CUDA_R_32F, 1, y.data(),
                           CUDA_R_32F, 1, &kZero, z.data(), CUDA_R_32F, 1, compute, -1));
    return z.read()[0];
  };
  EXPECT_EQ(times_one(CUBLAS_COMPUTE_32F), fine);
  EXPECT_EQ(times_one(CUBLAS_COMPUTE_32F_FAST_TF32), 1.0f);
  EXPECT_OK(cublasSetMathMode(blas.handle, CUBLAS_TF32_TENSOR_OP_MATH));
  EXPECT_EQ(times_one(CUBLAS_COMPUTE_32F), 1.0f);
}

TEST(vectors_and_device_scalars) {
  Gpu gpu;
  Cublas blas;
  DeviceArray<float> a(std::vector<float>{1, 2, 3, 4, 5, 6}), x(std::vector<float>{1, 10, 100}),
      y(std::vector<float>{1, 1, 1}), two(std::vector<float>{2.0f});
  EXPECT_OK(cublasSgemv_v2(blas.handle, CUBLAS_OP_N, 2, 3, &kOne, a.data(), 2, x.data(), 1, &kZero,
                           y.data(), 1));
  EXPECT_EQ(y.read()[0], 531.0f);
  EXPECT_EQ(y.read()[1], 642.0f);
  EXPECT_OK(cublasSetPointerMode_v2(blas.handle, CUBLAS_POINTER_MODE_DEVICE));
  EXPECT_OK(cublasSaxpy_v2(blas.handle, 3, two.data(), x.data(), 1, y.data(), 1));
  EXPECT_EQ(y.read()[2], 201.0f);
  EXPECT_EQ(cublasSaxpy_v2(blas.handle, 3, &kOne, x.data(), 1, y.data(), 1),
            CUBLAS_STATUS_MAPPING_ERROR);
}

TEST(products_of_what_is_not_there_are_refused) {
  Gpu gpu;
  Cublas blas;
  DeviceArray<float> a(100), b(100), c(100);
  auto gemm = [&](int k, int lda, float* result) {
    return cublasSgemm_v2(blas.handle, 0, 0, 10, 10, k, &kOne, a.data(), lda, b.data(), 10, &kZero,
                          result, 10);
  };
  EXPECT_OK(gemm(10, 10, c.data()));
  EXPECT_EQ(gemm(11, 10, c.data()), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(gemm(10, 11, c.data()), CUBLAS_STATUS_MAPPING_ERROR);
  EXPECT_EQ(gemm(10, 10, a.data()), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(gemm(10, 10, c.data() + 1), CUBLAS_STATUS_MAPPING_ERROR);
}
