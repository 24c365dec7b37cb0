// cuBLAS 12, as far as the stand-in has it. Constants are those of cuBLAS's manual.
#pragma once
#include <cstddef>

struct CUstream_st;
struct cublasContext;
using cublasHandle_t = cublasContext*;
using cublasStatus_t = int;

inline constexpr int CUBLAS_STATUS_SUCCESS = 0;
inline constexpr int CUBLAS_STATUS_NOT_INITIALIZED = 1;
inline constexpr int CUBLAS_STATUS_ALLOC_FAILED = 3;
inline constexpr int CUBLAS_STATUS_INVALID_VALUE = 7;
inline constexpr int CUBLAS_STATUS_ARCH_MISMATCH = 8;
inline constexpr int CUBLAS_STATUS_MAPPING_ERROR = 11;
inline constexpr int CUBLAS_STATUS_EXECUTION_FAILED = 13;
inline constexpr int CUBLAS_STATUS_INTERNAL_ERROR = 14;
inline constexpr int CUBLAS_STATUS_NOT_SUPPORTED = 15;
inline constexpr int CUBLAS_OP_N = 0;
inline constexpr int CUBLAS_OP_T = 1;
inline constexpr int CUDA_R_32F = 0;
inline constexpr int CUDA_R_16BF = 14;
inline constexpr int CUBLAS_COMPUTE_32F = 68;
inline constexpr int CUBLAS_COMPUTE_32F_PEDANTIC = 69;
inline constexpr int CUBLAS_COMPUTE_32F_FAST_16BF = 75;
inline constexpr int CUBLAS_COMPUTE_32F_FAST_TF32 = 77;
inline constexpr int CUBLAS_DEFAULT_MATH = 0;
inline constexpr int CUBLAS_PEDANTIC_MATH = 2;
inline constexpr int CUBLAS_TF32_TENSOR_OP_MATH = 3;
inline constexpr int CUBLAS_POINTER_MODE_HOST = 0;
inline constexpr int CUBLAS_POINTER_MODE_DEVICE = 1;

#define CUBLAS_API extern "C" __attribute__((visibility("default"))) cublasStatus_t

CUBLAS_API cublasCreate_v2(cublasHandle_t*);
CUBLAS_API cublasDestroy_v2(cublasHandle_t);
CUBLAS_API cublasGetVersion_v2(cublasHandle_t, int* version);
CUBLAS_API cublasGetProperty(int type, int* value);
CUBLAS_API cublasSetStream_v2(cublasHandle_t, CUstream_st*);
CUBLAS_API cublasGetStream_v2(cublasHandle_t, CUstream_st**);
CUBLAS_API cublasSetPointerMode_v2(cublasHandle_t, int mode);
CUBLAS_API cublasGetPointerMode_v2(cublasHandle_t, int* mode);
CUBLAS_API cublasSetMathMode(cublasHandle_t, int mode);
CUBLAS_API cublasGetMathMode(cublasHandle_t, int* mode);
CUBLAS_API cublasSetWorkspace_v2(cublasHandle_t, void* workspace, size_t bytes);
CUBLAS_API cublasSgemm_v2(cublasHandle_t, int op_a, int op_b, int m, int n, int k,
                          const float* alpha, const float* a, int lda, const float* b, int ldb,
                          const float* beta, float* c, int ldc);
CUBLAS_API cublasSgemmStridedBatched(cublasHandle_t, int op_a, int op_b, int m, int n, int k,
                                     const float* alpha, const float* a, int lda, long long step_a,
                                     const float* b, int ldb, long long step_b, const float* beta,
                                     float* c, int ldc, long long step_c, int count);
CUBLAS_API cublasGemmEx(cublasHandle_t, int op_a, int op_b, int m, int n, int k, const void* alpha,
                        const void* a, int type_a, int lda, const void* b, int type_b, int ldb,
                        const void* beta, void* c, int type_c, int ldc, int compute, int algo);
CUBLAS_API cublasGemmStridedBatchedEx(cublasHandle_t, int op_a, int op_b, int m, int n, int k,
                                      const void* alpha, const void* a, int type_a, int lda,
                                      long long step_a, const void* b, int type_b, int ldb,
                                      long long step_b, const void* beta, void* c, int type_c,
                                      int ldc, long long step_c, int count, int compute, int algo);
CUBLAS_API cublasSgemv_v2(cublasHandle_t, int op, int m, int n, const float* alpha, const float* a,
                          int lda, const float* x, int step_x, const float* beta, float* y,
                          int step_y);
CUBLAS_API cublasSaxpy_v2(cublasHandle_t, int n, const float* alpha, const float* x, int step_x,
                          float* y, int step_y);
CUBLAS_API cublasSscal_v2(cublasHandle_t, int n, const float* alpha, float* x, int step_x);
CUBLAS_API cublasScopy_v2(cublasHandle_t, int n, const float* x, int step_x, float* y, int step_y);
CUBLAS_API cublasSdot_v2(cublasHandle_t, int n, const float* x, int step_x, const float* y,
                         int step_y, float* result);
extern "C" __attribute__((visibility("default"))) const char* cublasGetStatusName(cublasStatus_t);
extern "C" __attribute__((visibility("default"))) const char* cublasGetStatusString(cublasStatus_t);
extern "C" __attribute__((visibility("default"))) size_t cublasGetCudartVersion();
