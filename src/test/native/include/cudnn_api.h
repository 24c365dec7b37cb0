// cuDNN 9's legacy API, as far as the stand-in has it. Constants are those of cuDNN 9's manual; its
// status codes differ from cuDNN 8's.
#pragma once
#include <cstddef>

struct CUstream_st;
struct cudnnContext;
struct cudnnTensorStruct;
struct cudnnFilterStruct;
struct cudnnConvolutionStruct;
struct cudnnPoolingStruct;
struct cudnnActivationStruct;
struct cudnnOpTensorStruct;
using cudnnHandle_t = cudnnContext*;
using cudnnTensorDescriptor_t = cudnnTensorStruct*;
using cudnnFilterDescriptor_t = cudnnFilterStruct*;
using cudnnConvolutionDescriptor_t = cudnnConvolutionStruct*;
using cudnnPoolingDescriptor_t = cudnnPoolingStruct*;
using cudnnActivationDescriptor_t = cudnnActivationStruct*;
using cudnnOpTensorDescriptor_t = cudnnOpTensorStruct*;
using cudnnStatus_t = int;

inline constexpr int CUDNN_STATUS_SUCCESS = 0;
inline constexpr int CUDNN_STATUS_NOT_INITIALIZED = 1001;
inline constexpr int CUDNN_STATUS_BAD_PARAM = 2000;
inline constexpr int CUDNN_STATUS_NOT_SUPPORTED = 3000;
inline constexpr int CUDNN_STATUS_INTERNAL_ERROR = 4000;
inline constexpr int CUDNN_STATUS_ALLOC_FAILED = 4003;
inline constexpr int CUDNN_STATUS_EXECUTION_FAILED = 5000;

inline constexpr int CUDNN_DATA_FLOAT = 0;
inline constexpr int CUDNN_DATA_BFLOAT16 = 9;
inline constexpr int CUDNN_DATA_BOOLEAN = 11;
inline constexpr int CUDNN_TENSOR_NCHW = 0;
inline constexpr int CUDNN_TENSOR_NHWC = 1;
inline constexpr int CUDNN_CONVOLUTION = 0;
inline constexpr int CUDNN_CROSS_CORRELATION = 1;
inline constexpr int CUDNN_DEFAULT_MATH = 0;
inline constexpr int CUDNN_TENSOR_OP_MATH = 1;
inline constexpr int CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION = 2;
inline constexpr int CUDNN_FMA_MATH = 3;
inline constexpr int CUDNN_POOLING_MAX = 0;
inline constexpr int CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING = 1;
inline constexpr int CUDNN_POOLING_AVERAGE_COUNT_EXCLUDE_PADDING = 2;
inline constexpr int CUDNN_POOLING_MAX_DETERMINISTIC = 3;
inline constexpr int CUDNN_ACTIVATION_SIGMOID = 0;
inline constexpr int CUDNN_ACTIVATION_RELU = 1;
inline constexpr int CUDNN_ACTIVATION_TANH = 2;
inline constexpr int CUDNN_ACTIVATION_IDENTITY = 5;
inline constexpr int CUDNN_SOFTMAX_LOG = 2;
inline constexpr int CUDNN_SOFTMAX_MODE_INSTANCE = 0;
inline constexpr int CUDNN_SOFTMAX_MODE_CHANNEL = 1;
inline constexpr int CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM = 0;
inline constexpr int CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM = 1;

// cudnnConvolutionFwdAlgoPerf_t and its two like.
struct cudnnConvolutionAlgoPerf_t {
  int algo;
  cudnnStatus_t status;
  float time;  // milliseconds; -1 where the algorithm did not run
  size_t memory;
  int determinism;
  int mathType;
  int reserved[3];
};

#define CUDNN_API extern "C" __attribute__((visibility("default"))) cudnnStatus_t
using CudnnHandle = cudnnHandle_t;
using TensorDesc = cudnnTensorDescriptor_t;
using FilterDesc = cudnnFilterDescriptor_t;
using ConvDesc = cudnnConvolutionDescriptor_t;
using PoolDesc = cudnnPoolingDescriptor_t;
using ActDesc = cudnnActivationDescriptor_t;
using OpDesc = cudnnOpTensorDescriptor_t;
using AlgoPerf = cudnnConvolutionAlgoPerf_t;

extern "C" __attribute__((visibility("default"))) size_t cudnnGetVersion();
extern "C" __attribute__((visibility("default"))) size_t cudnnGetCudartVersion();
extern "C" __attribute__((visibility("default"))) const char* cudnnGetErrorString(cudnnStatus_t);
CUDNN_API cudnnGetProperty(int type, int* value);
CUDNN_API cudnnCreate(CudnnHandle*);
CUDNN_API cudnnDestroy(CudnnHandle);
CUDNN_API cudnnSetStream(CudnnHandle, CUstream_st*);
CUDNN_API cudnnGetStream(CudnnHandle, CUstream_st**);

// Descriptors.
CUDNN_API cudnnCreateTensorDescriptor(TensorDesc*);
CUDNN_API cudnnDestroyTensorDescriptor(TensorDesc);
CUDNN_API cudnnSetTensor4dDescriptor(TensorDesc, int format, int type, int n, int c, int h, int w);
CUDNN_API cudnnSetTensor4dDescriptorEx(TensorDesc, int type, int n, int c, int h, int w, int sn,
                                       int sc, int sh, int sw);
CUDNN_API cudnnGetTensor4dDescriptor(TensorDesc, int* type, int* n, int* c, int* h, int* w, int* sn,
                                     int* sc, int* sh, int* sw);
CUDNN_API cudnnSetTensorNdDescriptor(TensorDesc, int type, int rank, const int* dims,
                                     const int* strides);
CUDNN_API cudnnSetTensorNdDescriptorEx(TensorDesc, int format, int type, int rank, const int* dims);
CUDNN_API cudnnGetTensorNdDescriptor(TensorDesc, int asked, int* type, int* rank, int* dims,
                                     int* strides);
CUDNN_API cudnnGetTensorSizeInBytes(TensorDesc, size_t*);
CUDNN_API cudnnCreateFilterDescriptor(FilterDesc*);
CUDNN_API cudnnDestroyFilterDescriptor(FilterDesc);
CUDNN_API cudnnSetFilter4dDescriptor(FilterDesc, int type, int format, int k, int c, int h, int w);
CUDNN_API cudnnSetFilterNdDescriptor(FilterDesc, int type, int format, int rank, const int* dims);
CUDNN_API cudnnGetFilterSizeInBytes(FilterDesc, size_t*);
CUDNN_API cudnnCreateConvolutionDescriptor(ConvDesc*);
CUDNN_API cudnnDestroyConvolutionDescriptor(ConvDesc);
CUDNN_API cudnnSetConvolution2dDescriptor(ConvDesc, int pad_h, int pad_w, int stride_h,
                                          int stride_w, int dilation_h, int dilation_w, int mode,
                                          int type);
CUDNN_API cudnnSetConvolutionNdDescriptor(ConvDesc, int count, const int* pad, const int* stride,
                                          const int* dilation, int mode, int type);
CUDNN_API cudnnSetConvolutionGroupCount(ConvDesc, int groups);
CUDNN_API cudnnGetConvolutionGroupCount(ConvDesc, int* groups);
CUDNN_API cudnnSetConvolutionMathType(ConvDesc, int math);
CUDNN_API cudnnGetConvolutionMathType(ConvDesc, int* math);
CUDNN_API cudnnGetConvolution2dForwardOutputDim(ConvDesc, TensorDesc, FilterDesc, int* n, int* c,
                                                int* h, int* w);
CUDNN_API cudnnGetConvolutionNdForwardOutputDim(ConvDesc, TensorDesc, FilterDesc, int rank,
                                                int* dims);
CUDNN_API cudnnCreatePoolingDescriptor(PoolDesc*);
CUDNN_API cudnnDestroyPoolingDescriptor(PoolDesc);
CUDNN_API cudnnSetPooling2dDescriptor(PoolDesc, int mode, int nan, int window_h, int window_w,
                                      int pad_h, int pad_w, int stride_h, int stride_w);
CUDNN_API cudnnSetPoolingNdDescriptor(PoolDesc, int mode, int nan, int count, const int* window,
                                      const int* pad, const int* stride);
CUDNN_API cudnnGetPooling2dForwardOutputDim(PoolDesc, TensorDesc, int* n, int* c, int* h, int* w);
CUDNN_API cudnnGetPoolingNdForwardOutputDim(PoolDesc, TensorDesc, int rank, int* dims);
CUDNN_API cudnnCreateActivationDescriptor(ActDesc*);
CUDNN_API cudnnDestroyActivationDescriptor(ActDesc);
CUDNN_API cudnnSetActivationDescriptor(ActDesc, int mode, int nan, double coefficient);
CUDNN_API cudnnCreateOpTensorDescriptor(OpDesc*);
CUDNN_API cudnnDestroyOpTensorDescriptor(OpDesc);
CUDNN_API cudnnSetOpTensorDescriptor(OpDesc, int op, int type, int nan);

// Convolution.
CUDNN_API cudnnConvolutionForward(CudnnHandle, const void* alpha, TensorDesc, const void* x,
                                  FilterDesc, const void* w, ConvDesc, int algo, void* workspace,
                                  size_t workspace_bytes, const void* beta, TensorDesc, void* y);
CUDNN_API cudnnConvolutionBackwardData(CudnnHandle, const void* alpha, FilterDesc, const void* w,
                                       TensorDesc, const void* dy, ConvDesc, int algo,
                                       void* workspace, size_t workspace_bytes, const void* beta,
                                       TensorDesc, void* dx);
CUDNN_API cudnnConvolutionBackwardFilter(CudnnHandle, const void* alpha, TensorDesc, const void* x,
                                         TensorDesc, const void* dy, ConvDesc, int algo,
                                         void* workspace, size_t workspace_bytes, const void* beta,
                                         FilterDesc, void* dw);
CUDNN_API cudnnConvolutionBackwardBias(CudnnHandle, const void* alpha, TensorDesc, const void* dy,
                                       const void* beta, TensorDesc, void* db);
CUDNN_API cudnnConvolutionBiasActivationForward(CudnnHandle, const void* alpha1, TensorDesc,
                                                const void* x, FilterDesc, const void* w, ConvDesc,
                                                int algo, void* workspace, size_t workspace_bytes,
                                                const void* alpha2, TensorDesc, const void* z,
                                                TensorDesc, const void* bias, ActDesc, TensorDesc,
                                                void* y);

// Algorithms.
CUDNN_API cudnnGetConvolutionForwardAlgorithmMaxCount(CudnnHandle, int*);
CUDNN_API cudnnGetConvolutionBackwardDataAlgorithmMaxCount(CudnnHandle, int*);
CUDNN_API cudnnGetConvolutionBackwardFilterAlgorithmMaxCount(CudnnHandle, int*);
CUDNN_API cudnnGetConvolutionForwardWorkspaceSize(CudnnHandle, TensorDesc, FilterDesc, ConvDesc,
                                                  TensorDesc, int algo, size_t*);
CUDNN_API cudnnGetConvolutionBackwardDataWorkspaceSize(CudnnHandle, FilterDesc, TensorDesc,
                                                       ConvDesc, TensorDesc, int algo, size_t*);
CUDNN_API cudnnGetConvolutionBackwardFilterWorkspaceSize(CudnnHandle, TensorDesc, TensorDesc,
                                                         ConvDesc, FilterDesc, int algo, size_t*);
CUDNN_API cudnnGetConvolutionForwardAlgorithm_v7(CudnnHandle, TensorDesc, FilterDesc, ConvDesc,
                                                 TensorDesc, int wanted, int* found, AlgoPerf*);
CUDNN_API cudnnGetConvolutionBackwardDataAlgorithm_v7(CudnnHandle, FilterDesc, TensorDesc, ConvDesc,
                                                      TensorDesc, int wanted, int* found,
                                                      AlgoPerf*);
CUDNN_API cudnnGetConvolutionBackwardFilterAlgorithm_v7(CudnnHandle, TensorDesc, TensorDesc,
                                                        ConvDesc, FilterDesc, int wanted,
                                                        int* found, AlgoPerf*);
CUDNN_API cudnnFindConvolutionForwardAlgorithmEx(CudnnHandle, TensorDesc, const void* x, FilterDesc,
                                                 const void* w, ConvDesc, TensorDesc, void* y,
                                                 int wanted, int* found, AlgoPerf*, void* workspace,
                                                 size_t workspace_bytes);
CUDNN_API cudnnFindConvolutionBackwardDataAlgorithmEx(CudnnHandle, FilterDesc, const void* w,
                                                      TensorDesc, const void* dy, ConvDesc,
                                                      TensorDesc, void* dx, int wanted, int* found,
                                                      AlgoPerf*, void* workspace,
                                                      size_t workspace_bytes);
CUDNN_API cudnnFindConvolutionBackwardFilterAlgorithmEx(CudnnHandle, TensorDesc, const void* x,
                                                        TensorDesc, const void* dy, ConvDesc,
                                                        FilterDesc, void* dw, int wanted,
                                                        int* found, AlgoPerf*, void* workspace,
                                                        size_t workspace_bytes);

// Pooling, activation, softmax, arithmetic.
CUDNN_API cudnnPoolingForward(CudnnHandle, PoolDesc, const void* alpha, TensorDesc, const void* x,
                              const void* beta, TensorDesc, void* y);
CUDNN_API cudnnPoolingBackward(CudnnHandle, PoolDesc, const void* alpha, TensorDesc, const void* y,
                               TensorDesc, const void* dy, TensorDesc, const void* x,
                               const void* beta, TensorDesc, void* dx);
CUDNN_API cudnnActivationForward(CudnnHandle, ActDesc, const void* alpha, TensorDesc, const void* x,
                                 const void* beta, TensorDesc, void* y);
CUDNN_API cudnnActivationBackward(CudnnHandle, ActDesc, const void* alpha, TensorDesc,
                                  const void* y, TensorDesc, const void* dy, TensorDesc,
                                  const void* x, const void* beta, TensorDesc, void* dx);
CUDNN_API cudnnSoftmaxForward(CudnnHandle, int algo, int mode, const void* alpha, TensorDesc,
                              const void* x, const void* beta, TensorDesc, void* y);
CUDNN_API cudnnSoftmaxBackward(CudnnHandle, int algo, int mode, const void* alpha, TensorDesc,
                               const void* y, TensorDesc, const void* dy, const void* beta,
                               TensorDesc, void* dx);
CUDNN_API cudnnAddTensor(CudnnHandle, const void* alpha, TensorDesc, const void* a,
                         const void* beta, TensorDesc, void* c);
CUDNN_API cudnnOpTensor(CudnnHandle, OpDesc, const void* alpha1, TensorDesc, const void* a,
                        const void* alpha2, TensorDesc, const void* b, const void* beta, TensorDesc,
                        void* c);
CUDNN_API cudnnTransformTensor(CudnnHandle, const void* alpha, TensorDesc, const void* x,
                               const void* beta, TensorDesc, void* y);
CUDNN_API cudnnSetTensor(CudnnHandle, TensorDesc, void* y, const void* value);
CUDNN_API cudnnScaleTensor(CudnnHandle, TensorDesc, void* y, const void* alpha);
