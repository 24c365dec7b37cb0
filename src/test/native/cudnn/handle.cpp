// Versions, status texts, and the handle.
#include "descriptors.h"

using namespace stand_in;

namespace stand_in {

cudnnStatus_t bad_parameter(const char* function, const char* why) {
  diagnose(function, why);
  return CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t not_supported(const char* function, const char* why) {
  diagnose(function, why);
  return CUDNN_STATUS_NOT_SUPPORTED;
}

}  // namespace stand_in

namespace {
constexpr int kVersion = 90501;  // 9.5.1
}

size_t cudnnGetVersion() { return kVersion; }
size_t cudnnGetCudartVersion() { return 12060; }

const char* cudnnGetErrorString(cudnnStatus_t status) {
  switch (status) {
    case CUDNN_STATUS_SUCCESS: return "CUDNN_STATUS_SUCCESS";
    case CUDNN_STATUS_NOT_INITIALIZED: return "CUDNN_STATUS_NOT_INITIALIZED";
    case CUDNN_STATUS_BAD_PARAM: return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_NOT_SUPPORTED: return "CUDNN_STATUS_NOT_SUPPORTED";
    case CUDNN_STATUS_INTERNAL_ERROR: return "CUDNN_STATUS_INTERNAL_ERROR";
    case CUDNN_STATUS_ALLOC_FAILED: return "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED";
    case CUDNN_STATUS_EXECUTION_FAILED: return "CUDNN_STATUS_EXECUTION_FAILED";
    default: return "CUDNN_UNKNOWN_STATUS";
  }
}

cudnnStatus_t cudnnGetProperty(int type, int* value) {
  const int parts[] = {kVersion / 10000, kVersion / 100 % 100, kVersion % 100};
  if (type < 0 || type > 2) return CUDNN_STATUS_BAD_PARAM;
  *value = parts[type];
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreate(CudnnHandle* handle) {
  return cudnn_call("cudnnCreate", [&] {
    if (!context_is_usable() || is_capturing()) return CUDNN_STATUS_NOT_INITIALIZED;
    *handle = new cudnnContext;
    created(KindOf<cudnnContext>::name, *handle);
    return CUDNN_STATUS_SUCCESS;
  });
}

cudnnStatus_t cudnnDestroy(CudnnHandle handle) { return destroy("cudnnDestroy", handle); }

cudnnStatus_t cudnnSetStream(CudnnHandle handle, CUstream_st* stream) {
  return cudnn_call(
      "cudnnSetStream",
      [&] {
        if (!stream_is_valid(stream)) return bad_parameter("cudnnSetStream", "no such stream");
        handle->stream = stream;
        return CUDNN_STATUS_SUCCESS;
      },
      handle);
}

cudnnStatus_t cudnnGetStream(CudnnHandle handle, CUstream_st** stream) {
  return cudnn_call(
      "cudnnGetStream",
      [&] {
        *stream = handle->stream;
        return CUDNN_STATUS_SUCCESS;
      },
      handle);
}
