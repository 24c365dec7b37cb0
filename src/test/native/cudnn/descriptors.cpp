#include "descriptors.h"

#include <algorithm>

using namespace stand_in;

namespace stand_in {
namespace {

bool is_type(int type) { return type == CUDNN_DATA_FLOAT || type == CUDNN_DATA_BFLOAT16; }

cudnnStatus_t set_dims(const char* function, cudnnTensorStruct* t, int type, const int* dims) {
  if (!is_type(type)) return not_supported(function, "types are fp32 and bf16");
  if (std::any_of(dims, dims + kRank, [](int d) { return d < 1; })) {
    return bad_parameter(function, "a dimension below 1");
  }
  t->type = type;
  std::copy(dims, dims + kRank, t->dims);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set_packed(const char* function, cudnnTensorStruct* t, int format, int type,
                         const int* d) {
  if (format != CUDNN_TENSOR_NCHW && format != CUDNN_TENSOR_NHWC) {
    return not_supported(function, "formats are NCHW and NHWC");
  }
  if (cudnnStatus_t error = set_dims(function, t, type, d)) return error;
  const bool last = format == CUDNN_TENSOR_NHWC;
  t->strides[1] = last ? 1 : d[2] * d[3];
  t->strides[3] = last ? d[1] : 1;
  t->strides[2] = last ? d[1] * d[3] : d[3];
  t->strides[0] = d[1] * d[2] * d[3];
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set_strided(const char* function, TensorDesc t, int type, const int* dims,
                          const int* strides) {
  if (cudnnStatus_t error = set_dims(function, t, type, dims)) return error;
  if (std::any_of(strides, strides + kRank, [](int s) { return s < 1; })) {
    return bad_parameter(function, "a stride below 1");
  }
  std::copy(strides, strides + kRank, t->strides);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set_convolution(const char* function, ConvDesc c, const int* pad, const int* stride,
                              const int* dilation, int mode, int type) {
  for (int i = 0; i < 2; i++) {
    if (pad[i] < 0 || stride[i] < 1 || dilation[i] < 1) {
      return bad_parameter(function, "negative padding, or a stride or dilation below 1");
    }
  }
  if (mode != CUDNN_CONVOLUTION && mode != CUDNN_CROSS_CORRELATION) {
    return bad_parameter(function, "unknown mode");
  }
  if (type != CUDNN_DATA_FLOAT) return not_supported(function, "computes in fp32 only");
  std::copy(pad, pad + 2, c->pad);
  std::copy(stride, stride + 2, c->stride);
  std::copy(dilation, dilation + 2, c->dilation);
  c->mode = mode;
  c->compute_type = type;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set_pooling(const char* function, PoolDesc p, int mode, const int* window,
                          const int* pad, const int* stride) {
  if (mode < 0 || mode > 3) return bad_parameter(function, "unknown mode");
  for (int i = 0; i < 2; i++) {
    if (window[i] < 1 || stride[i] < 1 || pad[i] < 0 || pad[i] >= window[i]) {
      return bad_parameter(function, "window, stride or padding out of range");
    }
  }
  p->mode = mode;
  std::copy(window, window + 2, p->window);
  std::copy(pad, pad + 2, p->pad);
  std::copy(stride, stride + 2, p->stride);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t convolution_output(const char* function, ConvDesc c, TensorDesc x, FilterDesc w,
                                 int* dims) {
  if (c->mode < 0 || x->type < 0 || w->type < 0) {
    return bad_parameter(function, "descriptor not set");
  }
  if (x->dims[1] != w->dims[1] * c->groups) {
    return bad_parameter(function, "channels of input and filter do not fit");
  }
  dims[0] = x->dims[0];
  dims[1] = w->dims[0];
  for (int i = 0; i < 2; i++) dims[2 + i] = c->output_size(i, x->dims[2 + i], w->dims[2 + i]);
  return dims[2] < 1 || dims[3] < 1 ? bad_parameter(function, "filter larger than the input")
                                    : CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t pooling_output(const char* function, PoolDesc p, TensorDesc x, int* dims) {
  if (p->mode < 0 || x->type < 0) return bad_parameter(function, "descriptor not set");
  dims[0] = x->dims[0];
  dims[1] = x->dims[1];
  for (int i = 0; i < 2; i++) dims[2 + i] = p->output_size(i, x->dims[2 + i]);
  return dims[2] < 1 || dims[3] < 1 ? bad_parameter(function, "window larger than the input")
                                    : CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t need_rank(const char* function, int rank, int wanted) {
  return rank == wanted ? CUDNN_STATUS_SUCCESS
                        : not_supported(function, "only images: rank 4, 2 axes");
}

}  // namespace
}  // namespace stand_in

#define STAND_IN_LIFE(NAME, TYPE)                                                         \
  cudnnStatus_t cudnnCreate##NAME(TYPE* d) { return create("cudnnCreate" #NAME, d); }     \
  cudnnStatus_t cudnnDestroy##NAME(TYPE d) { return destroy("cudnnDestroy" #NAME, d); }
STAND_IN_LIFE(TensorDescriptor, TensorDesc)
STAND_IN_LIFE(FilterDescriptor, FilterDesc)
STAND_IN_LIFE(ConvolutionDescriptor, ConvDesc)
STAND_IN_LIFE(PoolingDescriptor, PoolDesc)
STAND_IN_LIFE(ActivationDescriptor, ActDesc)
STAND_IN_LIFE(OpTensorDescriptor, OpDesc)
#undef STAND_IN_LIFE

cudnnStatus_t cudnnSetTensor4dDescriptor(TensorDesc t, int format, int type, int n, int c, int h,
                                         int w) {
  constexpr char kName[] = "cudnnSetTensor4dDescriptor";
  const int dims[] = {n, c, h, w};
  return cudnn_call(kName, [&] { return set_packed(kName, t, format, type, dims); }, t);
}

cudnnStatus_t cudnnSetTensor4dDescriptorEx(TensorDesc t, int type, int n, int c, int h, int w,
                                           int sn, int sc, int sh, int sw) {
  constexpr char kName[] = "cudnnSetTensor4dDescriptorEx";
  const int dims[] = {n, c, h, w};
  const int strides[] = {sn, sc, sh, sw};
  return cudnn_call(kName, [&] { return set_strided(kName, t, type, dims, strides); }, t);
}

cudnnStatus_t cudnnGetTensor4dDescriptor(TensorDesc t, int* type, int* n, int* c, int* h, int* w,
                                         int* sn, int* sc, int* sh, int* sw) {
  return cudnn_call(
      "cudnnGetTensor4dDescriptor",
      [&] {
        *type = t->type;
        int* dims[] = {n, c, h, w};
        int* strides[] = {sn, sc, sh, sw};
        for (int i = 0; i < kRank; i++) {
          *dims[i] = t->dims[i];
          *strides[i] = t->strides[i];
        }
        return CUDNN_STATUS_SUCCESS;
      },
      t);
}

cudnnStatus_t cudnnSetTensorNdDescriptor(TensorDesc t, int type, int rank, const int* dims,
                                         const int* strides) {
  constexpr char kName[] = "cudnnSetTensorNdDescriptor";
  return cudnn_call(
      kName,
      [&] {
        const cudnnStatus_t error = need_rank(kName, rank, kRank);
        return error ? error : set_strided(kName, t, type, dims, strides);
      },
      t);
}

cudnnStatus_t cudnnSetTensorNdDescriptorEx(TensorDesc t, int format, int type, int rank,
                                           const int* dims) {
  constexpr char kName[] = "cudnnSetTensorNdDescriptorEx";
  return cudnn_call(
      kName,
      [&] {
        const cudnnStatus_t error = need_rank(kName, rank, kRank);
        return error ? error : set_packed(kName, t, format, type, dims);
      },
      t);
}

cudnnStatus_t cudnnGetTensorNdDescriptor(TensorDesc t, int asked, int* type, int* rank, int* dims,
                                         int* strides) {
  return cudnn_call(
      "cudnnGetTensorNdDescriptor",
      [&] {
        *type = t->type;
        *rank = kRank;
        std::copy(t->dims, t->dims + std::min(asked, kRank), dims);
        std::copy(t->strides, t->strides + std::min(asked, kRank), strides);
        return CUDNN_STATUS_SUCCESS;
      },
      t);
}

cudnnStatus_t cudnnGetTensorSizeInBytes(TensorDesc t, size_t* bytes) {
  return cudnn_call(
      "cudnnGetTensorSizeInBytes",
      [&] {
        *bytes = t->type < 0 ? 0 : t->span_bytes();
        return CUDNN_STATUS_SUCCESS;
      },
      t);
}

cudnnStatus_t cudnnSetFilter4dDescriptor(FilterDesc f, int type, int format, int k, int c, int h,
                                         int w) {
  constexpr char kName[] = "cudnnSetFilter4dDescriptor";
  const int dims[] = {k, c, h, w};
  return cudnn_call(
      kName,
      [&] {
        f->format = format;
        return set_packed(kName, f, format, type, dims);
      },
      f);
}

cudnnStatus_t cudnnSetFilterNdDescriptor(FilterDesc f, int type, int format, int rank,
                                         const int* dims) {
  constexpr char kName[] = "cudnnSetFilterNdDescriptor";
  return cudnn_call(
      kName,
      [&] {
        if (cudnnStatus_t error = need_rank(kName, rank, kRank)) return error;
        f->format = format;
        return set_packed(kName, f, format, type, dims);
      },
      f);
}

cudnnStatus_t cudnnGetFilterSizeInBytes(FilterDesc f, size_t* bytes) {
  return cudnn_call(
      "cudnnGetFilterSizeInBytes",
      [&] {
        *bytes = f->type < 0 ? 0 : f->span_bytes();
        return CUDNN_STATUS_SUCCESS;
      },
      f);
}

cudnnStatus_t cudnnSetConvolution2dDescriptor(ConvDesc c, int pad_h, int pad_w, int stride_h,
                                              int stride_w, int dilation_h, int dilation_w,
                                              int mode, int type) {
  constexpr char kName[] = "cudnnSetConvolution2dDescriptor";
  const int pad[] = {pad_h, pad_w}, stride[] = {stride_h, stride_w};
  const int dilation[] = {dilation_h, dilation_w};
  return cudnn_call(
      kName, [&] { return set_convolution(kName, c, pad, stride, dilation, mode, type); }, c);
}

cudnnStatus_t cudnnSetConvolutionNdDescriptor(ConvDesc c, int count, const int* pad,
                                              const int* stride, const int* dilation, int mode,
                                              int type) {
  constexpr char kName[] = "cudnnSetConvolutionNdDescriptor";
  return cudnn_call(
      kName,
      [&] {
        const cudnnStatus_t error = need_rank(kName, count, 2);
        return error ? error : set_convolution(kName, c, pad, stride, dilation, mode, type);
      },
      c);
}

cudnnStatus_t cudnnSetConvolutionGroupCount(ConvDesc c, int groups) {
  return cudnn_call(
      "cudnnSetConvolutionGroupCount",
      [&] {
        if (groups < 1) return CUDNN_STATUS_BAD_PARAM;
        c->groups = groups;
        return CUDNN_STATUS_SUCCESS;
      },
      c);
}

cudnnStatus_t cudnnGetConvolutionGroupCount(ConvDesc c, int* groups) {
  return cudnn_call(
      "cudnnGetConvolutionGroupCount",
      [&] {
        *groups = c->groups;
        return CUDNN_STATUS_SUCCESS;
      },
      c);
}

cudnnStatus_t cudnnSetConvolutionMathType(ConvDesc c, int math) {
  return cudnn_call(
      "cudnnSetConvolutionMathType",
      [&] {
        if (math < CUDNN_DEFAULT_MATH || math > CUDNN_FMA_MATH) return CUDNN_STATUS_BAD_PARAM;
        c->math = math;
        return CUDNN_STATUS_SUCCESS;
      },
      c);
}

cudnnStatus_t cudnnGetConvolutionMathType(ConvDesc c, int* math) {
  return cudnn_call(
      "cudnnGetConvolutionMathType",
      [&] {
        *math = c->math;
        return CUDNN_STATUS_SUCCESS;
      },
      c);
}

cudnnStatus_t cudnnGetConvolution2dForwardOutputDim(ConvDesc c, TensorDesc x, FilterDesc w, int* n,
                                                    int* k, int* h, int* width) {
  constexpr char kName[] = "cudnnGetConvolution2dForwardOutputDim";
  return cudnn_call(
      kName,
      [&] {
        int dims[kRank] = {};
        const cudnnStatus_t error = convolution_output(kName, c, x, w, dims);
        int* out[] = {n, k, h, width};
        for (int i = 0; i < kRank; i++) *out[i] = dims[i];
        return error;
      },
      c, x, w);
}

cudnnStatus_t cudnnGetConvolutionNdForwardOutputDim(ConvDesc c, TensorDesc x, FilterDesc w,
                                                    int rank, int* dims) {
  constexpr char kName[] = "cudnnGetConvolutionNdForwardOutputDim";
  return cudnn_call(
      kName,
      [&] {
        const cudnnStatus_t error = need_rank(kName, rank, kRank);
        return error ? error : convolution_output(kName, c, x, w, dims);
      },
      c, x, w);
}

cudnnStatus_t cudnnSetPooling2dDescriptor(PoolDesc p, int mode, int, int window_h, int window_w,
                                          int pad_h, int pad_w, int stride_h, int stride_w) {
  constexpr char kName[] = "cudnnSetPooling2dDescriptor";
  const int window[] = {window_h, window_w}, pad[] = {pad_h, pad_w};
  const int stride[] = {stride_h, stride_w};
  return cudnn_call(kName, [&] { return set_pooling(kName, p, mode, window, pad, stride); }, p);
}

cudnnStatus_t cudnnSetPoolingNdDescriptor(PoolDesc p, int mode, int, int count, const int* window,
                                          const int* pad, const int* stride) {
  constexpr char kName[] = "cudnnSetPoolingNdDescriptor";
  return cudnn_call(
      kName,
      [&] {
        const cudnnStatus_t error = need_rank(kName, count, 2);
        return error ? error : set_pooling(kName, p, mode, window, pad, stride);
      },
      p);
}

cudnnStatus_t cudnnGetPooling2dForwardOutputDim(PoolDesc p, TensorDesc x, int* n, int* c, int* h,
                                                int* w) {
  constexpr char kName[] = "cudnnGetPooling2dForwardOutputDim";
  return cudnn_call(
      kName,
      [&] {
        int dims[kRank] = {};
        const cudnnStatus_t error = pooling_output(kName, p, x, dims);
        int* out[] = {n, c, h, w};
        for (int i = 0; i < kRank; i++) *out[i] = dims[i];
        return error;
      },
      p, x);
}

cudnnStatus_t cudnnGetPoolingNdForwardOutputDim(PoolDesc p, TensorDesc x, int rank, int* dims) {
  constexpr char kName[] = "cudnnGetPoolingNdForwardOutputDim";
  return cudnn_call(
      kName,
      [&] {
        const cudnnStatus_t error = need_rank(kName, rank, kRank);
        return error ? error : pooling_output(kName, p, x, dims);
      },
      p, x);
}

cudnnStatus_t cudnnSetActivationDescriptor(ActDesc a, int mode, int, double coefficient) {
  return cudnn_call(
      "cudnnSetActivationDescriptor",
      [&] {
        a->mode = mode;
        a->coefficient = coefficient;
        return CUDNN_STATUS_SUCCESS;
      },
      a);
}

cudnnStatus_t cudnnSetOpTensorDescriptor(OpDesc o, int op, int, int) {
  return cudnn_call(
      "cudnnSetOpTensorDescriptor",
      [&] {
        o->op = op;
        return CUDNN_STATUS_SUCCESS;
      },
      o);
}
