// Matrix times vector, and vectors.
#include "handle.h"

using namespace stand_in;

namespace {

// Element i of a vector with a step; a negative one counts from its far end.
template <class T>
struct Vector {
  T* data;
  int count;
  long long step;

  T& operator[](int i) const { return data[step > 0 ? i * step : (i - count + 1) * step]; }
  bool is_there(const char* function) const {
    const long long span = (count - 1) * (step > 0 ? step : -step) + 1;
    return count < 1 || is_device_range(function, data, static_cast<size_t>(span) * sizeof(T));
  }
};

template <class Body>
cublasStatus_t run(cublasHandle_t handle, const char* function, Body body) {
  return submit(handle->stream, function, body) ? CUBLAS_STATUS_EXECUTION_FAILED
                                                : CUBLAS_STATUS_SUCCESS;
}

}  // namespace

cublasStatus_t cublasSgemv_v2(cublasHandle_t h, int op, int m, int n, const float* alpha,
                              const float* a, int lda, const float* x, int step_x,
                              const float* beta, float* y, int step_y) {
  constexpr char kName[] = "cublasSgemv";
  return cublas_call(kName, h, [&] {
    if (m < 0 || n < 0 || lda < m || !step_x || !step_y) return invalid(kName, "a size or a step");
    if (!m || !n) return CUBLAS_STATUS_SUCCESS;
    const bool turned = op != CUBLAS_OP_N;
    const Vector<const float> in{x, turned ? m : n, step_x};
    const Vector<float> out{y, turned ? n : m, step_y};
    const Scalar first(*h, alpha), second(*h, beta);
    const size_t bytes = (static_cast<size_t>(n - 1) * lda + m) * sizeof(float);
    if (!is_device_range(kName, a, bytes) || !in.is_there(kName) || !out.is_there(kName) ||
        !first.is_there(kName) || !second.is_there(kName)) {
      return CUBLAS_STATUS_MAPPING_ERROR;
    }
    return run(h, kName, [=] {
      for (int i = 0; i < out.count; i++) {
        double sum = 0;
        for (int j = 0; j < in.count; j++) {
          const size_t at = turned ? j + static_cast<size_t>(i) * lda
                                   : i + static_cast<size_t>(j) * lda;
          sum += static_cast<double>(a[at]) * in[j];
        }
        const double old = second.value() == 0 ? 0 : static_cast<double>(second.value()) * out[i];
        out[i] = static_cast<float>(first.value() * sum + old);
      }
    });
  });
}

cublasStatus_t cublasSaxpy_v2(cublasHandle_t h, int n, const float* alpha, const float* x,
                              int step_x, float* y, int step_y) {
  constexpr char kName[] = "cublasSaxpy";
  return cublas_call(kName, h, [&] {
    const Vector<const float> in{x, n, step_x};
    const Vector<float> out{y, n, step_y};
    const Scalar factor(*h, alpha);
    if (!in.is_there(kName) || !out.is_there(kName) || !factor.is_there(kName)) {
      return CUBLAS_STATUS_MAPPING_ERROR;
    }
    return run(h, kName, [=] {
      for (int i = 0; i < n; i++) out[i] += factor.value() * in[i];
    });
  });
}

cublasStatus_t cublasSscal_v2(cublasHandle_t h, int n, const float* alpha, float* x, int step_x) {
  constexpr char kName[] = "cublasSscal";
  return cublas_call(kName, h, [&] {
    const Vector<float> out{x, n, step_x};
    const Scalar factor(*h, alpha);
    if (!out.is_there(kName) || !factor.is_there(kName)) return CUBLAS_STATUS_MAPPING_ERROR;
    return run(h, kName, [=] {
      for (int i = 0; i < n; i++) out[i] *= factor.value();
    });
  });
}

cublasStatus_t cublasScopy_v2(cublasHandle_t h, int n, const float* x, int step_x, float* y,
                              int step_y) {
  constexpr char kName[] = "cublasScopy";
  return cublas_call(kName, h, [&] {
    const Vector<const float> in{x, n, step_x};
    const Vector<float> out{y, n, step_y};
    if (!in.is_there(kName) || !out.is_there(kName)) return CUBLAS_STATUS_MAPPING_ERROR;
    return run(h, kName, [=] {
      for (int i = 0; i < n; i++) out[i] = in[i];
    });
  });
}

cublasStatus_t cublasSdot_v2(cublasHandle_t h, int n, const float* x, int step_x, const float* y,
                             int step_y, float* result) {
  constexpr char kName[] = "cublasSdot";
  return cublas_call(kName, h, [&] {
    const Vector<const float> a{x, n, step_x}, b{y, n, step_y};
    if (h->pointer_mode != CUBLAS_POINTER_MODE_DEVICE) {
      diagnose(kName, "a result on the host, which would wait for the stream");
      return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (!a.is_there(kName) || !b.is_there(kName) || !is_device_range(kName, result, 4)) {
      return CUBLAS_STATUS_MAPPING_ERROR;
    }
    return run(h, kName, [=] {
      double sum = 0;
      for (int i = 0; i < n; i++) sum += static_cast<double>(a[i]) * b[i];
      *result = static_cast<float>(sum);
    });
  });
}
