// What the descriptors hold, and the frame of every cuDNN function.
#pragma once
#include <cstddef>
#include <cstdint>
#include <exception>

#include "cudnn_api.h"
#include "library_support.h"

namespace stand_in {

inline constexpr int kRank = 4;  // N, C, H, W

}  // namespace stand_in

struct cudnnContext {
  CUstream_st* stream = nullptr;
};

// Dimensions and strides, in elements, in the order N, C, H, W; for a filter K, C, R, S.
struct cudnnTensorStruct {
  int type = -1;  // -1: not set yet
  int dims[stand_in::kRank] = {};
  int strides[stand_in::kRank] = {};

  size_t element_bytes() const { return type == CUDNN_DATA_FLOAT ? 4 : 2; }
  size_t count() const {
    size_t n = 1;
    for (int d : dims) n *= static_cast<size_t>(d);
    return n;
  }
  // From the first element to behind the last, wherever they lie.
  size_t span_bytes() const {
    size_t last = 0;
    for (int i = 0; i < stand_in::kRank; i++) {
      last += static_cast<size_t>(dims[i] - 1) * static_cast<size_t>(strides[i]);
    }
    return (last + 1) * element_bytes();
  }
  size_t offset(int n, int c, int h, int w) const {
    return static_cast<size_t>(n) * strides[0] + static_cast<size_t>(c) * strides[1] +
           static_cast<size_t>(h) * strides[2] + static_cast<size_t>(w) * strides[3];
  }
  bool is_channels_last() const { return strides[1] == 1 && (dims[1] > 1 || strides[3] == 1); }
  bool same_shape(const cudnnTensorStruct& other) const {
    for (int i = 0; i < stand_in::kRank; i++) {
      if (dims[i] != other.dims[i]) return false;
    }
    return true;
  }
};

struct cudnnFilterStruct : cudnnTensorStruct {
  int format = CUDNN_TENSOR_NCHW;
};

struct cudnnConvolutionStruct {
  int pad[2] = {}, stride[2] = {}, dilation[2] = {};
  int mode = -1;  // -1: not set yet
  int compute_type = CUDNN_DATA_FLOAT;
  int groups = 1;
  int math = CUDNN_DEFAULT_MATH;

  int output_size(int axis, int input, int filter) const {
    return 1 + (input + 2 * pad[axis] - ((filter - 1) * dilation[axis] + 1)) / stride[axis];
  }
};

struct cudnnPoolingStruct {
  int mode = -1;
  int window[2] = {}, pad[2] = {}, stride[2] = {};

  int output_size(int axis, int input) const {
    return 1 + (input + 2 * pad[axis] - window[axis]) / stride[axis];
  }
};

struct cudnnActivationStruct {
  int mode = -1;
  double coefficient = 0;
};

struct cudnnOpTensorStruct {
  int op = -1;
};

namespace stand_in {

// The kind of a handle, as leak reports name it.
template <class T>
struct KindOf;
#define STAND_IN_KIND(STRUCT, NAME)              \
  template <>                                    \
  struct KindOf<STRUCT> {                        \
    static constexpr const char* name = "cuDNN " NAME; \
  };
STAND_IN_KIND(cudnnContext, "handle")
STAND_IN_KIND(cudnnTensorStruct, "tensor descriptor")
STAND_IN_KIND(cudnnFilterStruct, "filter descriptor")
STAND_IN_KIND(cudnnConvolutionStruct, "convolution descriptor")
STAND_IN_KIND(cudnnPoolingStruct, "pooling descriptor")
STAND_IN_KIND(cudnnActivationStruct, "activation descriptor")
STAND_IN_KIND(cudnnOpTensorStruct, "operation descriptor")
#undef STAND_IN_KIND

template <class T>
bool is_alive(const T* handle) {
  return alive(KindOf<T>::name, handle);
}

cudnnStatus_t bad_parameter(const char* function, const char* why);
cudnnStatus_t not_supported(const char* function, const char* why);

// The frame of a cuDNN function: planned failures, handles that are none.
template <class Body, class... Handles>
cudnnStatus_t cudnn_call(const char* function, Body body, Handles... handles) {
  if (int planned = enter(function, CUDNN_STATUS_EXECUTION_FAILED, CUDNN_STATUS_EXECUTION_FAILED)) {
    return planned;
  }
  if (!(is_alive(handles) && ...)) return bad_parameter(function, "a handle that is not alive");
  try {
    return body();
  } catch (const std::exception& e) {
    diagnose(function, e.what());
    return CUDNN_STATUS_INTERNAL_ERROR;
  }
}

template <class T>
cudnnStatus_t create(const char* function, T** handle) {
  return cudnn_call(function, [&] {
    *handle = new T;
    created(KindOf<T>::name, *handle);
    return CUDNN_STATUS_SUCCESS;
  });
}

// Frees even where a failure was planned.
template <class T>
cudnnStatus_t destroy(const char* function, T* handle) {
  const int planned = enter(function, CUDNN_STATUS_EXECUTION_FAILED, CUDNN_STATUS_EXECUTION_FAILED);
  if (!destroyed(KindOf<T>::name, handle)) return bad_parameter(function, "handle is not alive");
  delete handle;
  return planned;
}

// Submits work on the handle's stream.
inline cudnnStatus_t run_on(CudnnHandle handle, const char* function, std::function<void()> work) {
  return submit(handle->stream, function, std::move(work)) ? CUDNN_STATUS_EXECUTION_FAILED
                                                           : CUDNN_STATUS_SUCCESS;
}

// Is the tensor's memory there? Says so if not.
inline bool is_there(const char* function, const cudnnTensorStruct& tensor, const void* pointer) {
  return is_device_range(function, pointer, tensor.span_bytes());
}

inline float scalar(const void* p) { return *static_cast<const float*>(p); }

}  // namespace stand_in
