// The handle, and the frame of every cuBLAS function.
#pragma once
#include <exception>

#include "cublas_api.h"
#include "library_support.h"

struct cublasContext {
  CUstream_st* stream = nullptr;
  int pointer_mode = CUBLAS_POINTER_MODE_HOST;
  int math_mode = CUBLAS_DEFAULT_MATH;
  void* workspace = nullptr;
  size_t workspace_bytes = 0;
};

namespace stand_in {

inline constexpr char kHandle[] = "cuBLAS handle";

template <class Body>
cublasStatus_t cublas_call(const char* function, cublasHandle_t handle, Body body) {
  if (int planned =
          enter(function, CUBLAS_STATUS_INTERNAL_ERROR, CUBLAS_STATUS_EXECUTION_FAILED)) {
    return planned;
  }
  if (!alive(kHandle, handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
  try {
    return body();
  } catch (const std::exception& e) {
    diagnose(function, e.what());
    return CUBLAS_STATUS_INTERNAL_ERROR;
  }
}

inline cublasStatus_t invalid(const char* function, const char* why) {
  diagnose(function, why);
  return CUBLAS_STATUS_INVALID_VALUE;
}

// alpha or beta: read now from the host, or when the work runs from the device.
class Scalar {
 public:
  Scalar(const cublasContext& handle, const void* pointer)
      : pointer_(static_cast<const float*>(pointer)),
        on_device_(handle.pointer_mode == CUBLAS_POINTER_MODE_DEVICE),
        value_(on_device_ ? 0.0f : *pointer_) {}
  bool is_there(const char* function) const {
    return !on_device_ || is_device_range(function, pointer_, sizeof(float));
  }
  float value() const { return on_device_ ? *pointer_ : value_; }

 private:
  const float* pointer_;
  bool on_device_;
  float value_;
};

}  // namespace stand_in
