#include "handle.h"

using namespace stand_in;

namespace {
constexpr int kVersion = 120603;  // 12.6.3
}

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  if (int planned = enter("cublasCreate", CUBLAS_STATUS_ALLOC_FAILED,
                          CUBLAS_STATUS_NOT_INITIALIZED)) {
    return planned;
  }
  if (!context_is_usable() || is_capturing()) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = new cublasContext;
  created(kHandle, *handle);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  const int planned =
      enter("cublasDestroy", CUBLAS_STATUS_INTERNAL_ERROR, CUBLAS_STATUS_EXECUTION_FAILED);
  if (!destroyed(kHandle, handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
  delete handle;
  return planned;
}

cublasStatus_t cublasGetVersion_v2(cublasHandle_t, int* version) {
  *version = kVersion;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetProperty(int type, int* value) {
  const int parts[] = {kVersion / 10000, kVersion / 100 % 100, kVersion % 100};
  if (type < 0 || type > 2) return CUBLAS_STATUS_INVALID_VALUE;
  *value = parts[type];
  return CUBLAS_STATUS_SUCCESS;
}

size_t cublasGetCudartVersion() { return 12060; }

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, CUstream_st* stream) {
  return cublas_call("cublasSetStream", handle, [&] {
    if (!stream_is_valid(stream)) return invalid("cublasSetStream", "no such stream");
    handle->stream = stream;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasGetStream_v2(cublasHandle_t handle, CUstream_st** stream) {
  return cublas_call("cublasGetStream", handle, [&] {
    *stream = handle->stream;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, int mode) {
  return cublas_call("cublasSetPointerMode", handle, [&] {
    handle->pointer_mode = mode;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasGetPointerMode_v2(cublasHandle_t handle, int* mode) {
  return cublas_call("cublasGetPointerMode", handle, [&] {
    *mode = handle->pointer_mode;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, int mode) {
  return cublas_call("cublasSetMathMode", handle, [&] {
    handle->math_mode = mode;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasGetMathMode(cublasHandle_t handle, int* mode) {
  return cublas_call("cublasGetMathMode", handle, [&] {
    *mode = handle->math_mode;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t bytes) {
  return cublas_call("cublasSetWorkspace", handle, [&] {
    if (reinterpret_cast<size_t>(workspace) % 256 != 0) {
      return invalid("cublasSetWorkspace", "not aligned to 256 bytes");
    }
    if (!is_device_range("cublasSetWorkspace", workspace, bytes)) {
      return CUBLAS_STATUS_INVALID_VALUE;
    }
    handle->workspace = workspace;
    handle->workspace_bytes = bytes;
    return CUBLAS_STATUS_SUCCESS;
  });
}

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED: return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_ARCH_MISMATCH: return "CUBLAS_STATUS_ARCH_MISMATCH";
    case CUBLAS_STATUS_MAPPING_ERROR: return "CUBLAS_STATUS_MAPPING_ERROR";
    case CUBLAS_STATUS_EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INTERNAL_ERROR: return "CUBLAS_STATUS_INTERNAL_ERROR";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
    default: return "unknown status";
  }
}

const char* cublasGetStatusString(cublasStatus_t status) { return cublasGetStatusName(status); }
