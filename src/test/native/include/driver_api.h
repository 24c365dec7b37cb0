// The part of the CUDA driver API that the stand-in implements, under the names that JCuda 11.7.0
// imports. Constants are those of the CUDA driver API manual.
#pragma once
#include <cstddef>

using CUresult = int;
using CUdevice = int;
using CUdeviceptr = unsigned long long;
struct CUctx_st;
struct CUstream_st;
struct CUevent_st;
struct CUmod_st;
struct CUfunc_st;
struct CUgraph_st;
struct CUgraphExec_st;
struct CUgraphNode_st;
using CUcontext = CUctx_st*;
using CUstream = CUstream_st*;
using CUevent = CUevent_st*;
using CUmodule = CUmod_st*;
using CUfunction = CUfunc_st*;
using CUgraph = CUgraph_st*;
using CUgraphExec = CUgraphExec_st*;
using CUgraphNode = CUgraphNode_st*;
struct CUuuid {
  char bytes[16];
};

inline constexpr CUresult CUDA_SUCCESS = 0;
inline constexpr CUresult CUDA_ERROR_INVALID_VALUE = 1;
inline constexpr CUresult CUDA_ERROR_OUT_OF_MEMORY = 2;
inline constexpr CUresult CUDA_ERROR_NOT_INITIALIZED = 3;
inline constexpr CUresult CUDA_ERROR_DEVICE_UNAVAILABLE = 46;
inline constexpr CUresult CUDA_ERROR_NO_DEVICE = 100;
inline constexpr CUresult CUDA_ERROR_INVALID_DEVICE = 101;
inline constexpr CUresult CUDA_ERROR_INVALID_IMAGE = 200;
inline constexpr CUresult CUDA_ERROR_INVALID_CONTEXT = 201;
inline constexpr CUresult CUDA_ERROR_NO_BINARY_FOR_GPU = 209;
inline constexpr CUresult CUDA_ERROR_FILE_NOT_FOUND = 301;
inline constexpr CUresult CUDA_ERROR_INVALID_HANDLE = 400;
inline constexpr CUresult CUDA_ERROR_NOT_FOUND = 500;
inline constexpr CUresult CUDA_ERROR_NOT_READY = 600;
inline constexpr CUresult CUDA_ERROR_ILLEGAL_ADDRESS = 700;
inline constexpr CUresult CUDA_ERROR_ASSERT = 710;
inline constexpr CUresult CUDA_ERROR_ILLEGAL_INSTRUCTION = 715;
inline constexpr CUresult CUDA_ERROR_MISALIGNED_ADDRESS = 716;
inline constexpr CUresult CUDA_ERROR_LAUNCH_FAILED = 719;
inline constexpr CUresult CUDA_ERROR_NOT_SUPPORTED = 801;
inline constexpr CUresult CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900;
inline constexpr CUresult CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901;
inline constexpr CUresult CUDA_ERROR_STREAM_CAPTURE_MERGE = 902;
inline constexpr CUresult CUDA_ERROR_STREAM_CAPTURE_UNMATCHED = 903;
inline constexpr CUresult CUDA_ERROR_STREAM_CAPTURE_UNJOINED = 904;
inline constexpr CUresult CUDA_ERROR_STREAM_CAPTURE_ISOLATION = 905;
inline constexpr CUresult CUDA_ERROR_STREAM_CAPTURE_IMPLICIT = 906;
inline constexpr CUresult CUDA_ERROR_CAPTURED_EVENT = 907;
inline constexpr CUresult CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD = 908;
inline constexpr CUresult CUDA_ERROR_UNKNOWN = 999;
inline constexpr unsigned CU_STREAM_NON_BLOCKING = 1;
inline constexpr unsigned CU_EVENT_DISABLE_TIMING = 2;
inline constexpr int CU_STREAM_CAPTURE_MODE_GLOBAL = 0;
inline constexpr int CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1;
inline constexpr int CU_STREAM_CAPTURE_MODE_RELAXED = 2;
inline constexpr int CU_GRAPH_NODE_TYPE_KERNEL = 0;
inline constexpr int CU_GRAPH_NODE_TYPE_MEMCPY = 1;
inline constexpr int CU_GRAPH_NODE_TYPE_MEMSET = 2;
inline constexpr int CU_GRAPH_NODE_TYPE_HOST = 3;
inline constexpr int CU_GRAPH_NODE_TYPE_EMPTY = 5;
inline constexpr int CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8;

#define STAND_IN_API extern "C" __attribute__((visibility("default"))) CUresult

// Initialisation, device, context.
STAND_IN_API cuInit(unsigned flags);
STAND_IN_API cuDriverGetVersion(int* version);
STAND_IN_API cuDeviceGetCount(int* count);
STAND_IN_API cuDeviceGet(CUdevice* device, int ordinal);
STAND_IN_API cuDeviceGetName(char* name, int length, CUdevice device);
STAND_IN_API cuDeviceGetUuid(CUuuid* uuid, CUdevice device);
STAND_IN_API cuDeviceGetPCIBusId(char* id, int length, CUdevice device);
STAND_IN_API cuDeviceTotalMem_v2(size_t* bytes, CUdevice device);
STAND_IN_API cuDeviceGetAttribute(int* value, int attribute, CUdevice device);
STAND_IN_API cuDeviceComputeCapability(int* major, int* minor, CUdevice device);
STAND_IN_API cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device);
STAND_IN_API cuDevicePrimaryCtxRelease_v2(CUdevice device);
STAND_IN_API cuDevicePrimaryCtxReset_v2(CUdevice device);
STAND_IN_API cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned flags);
STAND_IN_API cuDevicePrimaryCtxGetState(CUdevice device, unsigned* flags, int* active);
STAND_IN_API cuCtxCreate_v2(CUcontext* context, unsigned flags, CUdevice device);
STAND_IN_API cuCtxDestroy_v2(CUcontext context);
STAND_IN_API cuCtxSetCurrent(CUcontext context);
STAND_IN_API cuCtxGetCurrent(CUcontext* context);
STAND_IN_API cuCtxPushCurrent_v2(CUcontext context);
STAND_IN_API cuCtxPopCurrent_v2(CUcontext* context);
STAND_IN_API cuCtxGetDevice(CUdevice* device);
STAND_IN_API cuCtxGetApiVersion(CUcontext context, unsigned* version);
STAND_IN_API cuCtxGetStreamPriorityRange(int* least, int* greatest);
STAND_IN_API cuCtxSynchronize();
STAND_IN_API cuGetErrorName(CUresult error, const char** text);
STAND_IN_API cuGetErrorString(CUresult error, const char** text);

// Memory.
STAND_IN_API cuMemAlloc_v2(CUdeviceptr* pointer, size_t bytes);
STAND_IN_API cuMemFree_v2(CUdeviceptr pointer);
STAND_IN_API cuMemGetInfo_v2(size_t* free, size_t* total);
STAND_IN_API cuMemGetAddressRange_v2(CUdeviceptr* base, size_t* bytes, CUdeviceptr pointer);
STAND_IN_API cuMemHostAlloc(void** pointer, size_t bytes, unsigned flags);
STAND_IN_API cuMemAllocHost_v2(void** pointer, size_t bytes);
STAND_IN_API cuMemFreeHost(void* pointer);
STAND_IN_API cuMemHostGetDevicePointer_v2(CUdeviceptr* device, void* host, unsigned flags);
STAND_IN_API cuPointerGetAttribute(void* value, int attribute, CUdeviceptr pointer);
STAND_IN_API cuMemcpyHtoD_v2(CUdeviceptr target, const void* source, size_t bytes);
STAND_IN_API cuMemcpyDtoH_v2(void* target, CUdeviceptr source, size_t bytes);
STAND_IN_API cuMemcpyDtoD_v2(CUdeviceptr target, CUdeviceptr source, size_t bytes);
STAND_IN_API cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void* source, size_t bytes, CUstream);
STAND_IN_API cuMemcpyDtoHAsync_v2(void* target, CUdeviceptr source, size_t bytes, CUstream);
STAND_IN_API cuMemcpyDtoDAsync_v2(CUdeviceptr target, CUdeviceptr source, size_t bytes, CUstream);
STAND_IN_API cuMemsetD8_v2(CUdeviceptr target, unsigned char value, size_t count);
STAND_IN_API cuMemsetD16_v2(CUdeviceptr target, unsigned short value, size_t count);
STAND_IN_API cuMemsetD32_v2(CUdeviceptr target, unsigned value, size_t count);
STAND_IN_API cuMemsetD8Async(CUdeviceptr target, unsigned char value, size_t count, CUstream);
STAND_IN_API cuMemsetD16Async(CUdeviceptr target, unsigned short value, size_t count, CUstream);
STAND_IN_API cuMemsetD32Async(CUdeviceptr target, unsigned value, size_t count, CUstream);

// Streams and events.
STAND_IN_API cuStreamCreate(CUstream* stream, unsigned flags);
STAND_IN_API cuStreamCreateWithPriority(CUstream* stream, unsigned flags, int priority);
STAND_IN_API cuStreamDestroy_v2(CUstream stream);
STAND_IN_API cuStreamSynchronize(CUstream stream);
STAND_IN_API cuStreamQuery(CUstream stream);
STAND_IN_API cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags);
STAND_IN_API cuStreamGetPriority(CUstream stream, int* priority);
STAND_IN_API cuStreamGetFlags(CUstream stream, unsigned* flags);
STAND_IN_API cuEventCreate(CUevent* event, unsigned flags);
STAND_IN_API cuEventDestroy_v2(CUevent event);
STAND_IN_API cuEventRecord(CUevent event, CUstream stream);
STAND_IN_API cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned flags);
STAND_IN_API cuEventSynchronize(CUevent event);
STAND_IN_API cuEventQuery(CUevent event);
STAND_IN_API cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end);
STAND_IN_API cuLaunchHostFunc(CUstream stream, void (*function)(void*), void* data);

// Stream capture and graphs.
STAND_IN_API cuStreamBeginCapture_v2(CUstream stream, int mode);
STAND_IN_API cuStreamEndCapture(CUstream stream, CUgraph* graph);
STAND_IN_API cuStreamIsCapturing(CUstream stream, int* status);
STAND_IN_API cuGraphInstantiate_v2(CUgraphExec*, CUgraph, CUgraphNode* node, char* log, size_t);
STAND_IN_API cuGraphLaunch(CUgraphExec graph, CUstream stream);
STAND_IN_API cuGraphUpload(CUgraphExec graph, CUstream stream);
STAND_IN_API cuGraphDestroy(CUgraph graph);
STAND_IN_API cuGraphExecDestroy(CUgraphExec graph);
STAND_IN_API cuGraphGetNodes(CUgraph graph, CUgraphNode* nodes, size_t* count);
STAND_IN_API cuGraphGetEdges(CUgraph graph, CUgraphNode* from, CUgraphNode* to, size_t* count);
STAND_IN_API cuGraphNodeGetType(CUgraphNode node, int* type);

// Modules and kernels.
STAND_IN_API cuModuleLoad(CUmodule* module, const char* file);
STAND_IN_API cuModuleLoadData(CUmodule* module, const void* image);
STAND_IN_API cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned count, int* options,
                                void** values);
STAND_IN_API cuModuleUnload(CUmodule module);
STAND_IN_API cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name);
STAND_IN_API cuModuleGetGlobal_v2(CUdeviceptr*, size_t* bytes, CUmodule module, const char* name);
STAND_IN_API cuFuncGetAttribute(int* value, int attribute, CUfunction function);
STAND_IN_API cuFuncSetAttribute(CUfunction function, int attribute, int value);
STAND_IN_API cuFuncSetCacheConfig(CUfunction function, int config);
STAND_IN_API cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                            unsigned block_x, unsigned block_y, unsigned block_z,
                            unsigned dynamic_shared, CUstream stream, void** arguments,
                            void** extra);
STAND_IN_API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction function,
                                                         int threads, size_t dynamic_shared);
STAND_IN_API cuOccupancyMaxPotentialBlockSize(int* grid, int* block, CUfunction function,
                                              void* dynamic_shared_of_block, size_t dynamic_shared,
                                              int limit);

// Code for a GPU that is only described, as the real cuDNN loads it.
using CUlibrary = struct CUlib_st*;
using CUkernel = struct CUkern_st*;
STAND_IN_API cuLibraryLoadData(CUlibrary* library, const void* code, void* options, void** values,
                               unsigned count, void* library_options, void** library_values,
                               unsigned library_count);
STAND_IN_API cuLibraryLoadFromFile(CUlibrary* library, const char* file, void* options,
                                   void** values, unsigned count, void* library_options,
                                   void** library_values, unsigned library_count);
STAND_IN_API cuLibraryUnload(CUlibrary library);
STAND_IN_API cuLibraryGetKernel(CUkernel* kernel, CUlibrary library, const char* name);
STAND_IN_API cuKernelGetAttribute(int* value, int attribute, CUkernel kernel, CUdevice device);
STAND_IN_API cuKernelSetAttribute(int attribute, int value, CUkernel kernel, CUdevice device);
STAND_IN_API cuOccupancyMaxPotentialClusterSize(int* size, CUfunction function, const void* launch);
STAND_IN_API cuLaunchKernelEx(const void* launch, CUfunction function, void** arguments,
                              void** extra);
STAND_IN_API cuLinkCreate(unsigned count, int* options, void** values, void** state);
STAND_IN_API cuLinkAddData(void* state, int type, void* data, size_t bytes, const char* name,
                           unsigned count, int* options, void** values);
STAND_IN_API cuGetExportTable(const void** table, const CUuuid* id);
STAND_IN_API cuCtxPushCurrent(CUcontext context);
STAND_IN_API cuCtxPopCurrent(CUcontext* context);
