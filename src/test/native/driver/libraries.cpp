// What the real cuDNN wants of a driver when it makes plans for a GPU that is only described: that
// the code it has compiled can be loaded. Nothing here can be run.
#include "calls.h"
#include "driver_api.h"

using namespace stand_in;

namespace {

// Handles are never looked into; one place serves for all.
int anything;

template <class Handle>
CUresult give(Handle* handle) {
  if (!handle) return CUDA_ERROR_INVALID_VALUE;
  *handle = reinterpret_cast<Handle>(&anything);
  return CUDA_SUCCESS;
}

CUresult refuse(const char* function) {
  diagnose(function, "code for a described GPU can be loaded, not run");
  return CUDA_ERROR_NOT_SUPPORTED;
}

}  // namespace

CUresult cuLibraryLoadData(CUlibrary* library, const void* code, void*, void**, unsigned, void*,
                           void**, unsigned) {
  return code ? give(library) : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuLibraryLoadFromFile(CUlibrary*, const char*, void*, void**, unsigned, void*, void**,
                               unsigned) {
  return refuse("cuLibraryLoadFromFile");
}
CUresult cuLibraryUnload(CUlibrary) { return CUDA_SUCCESS; }
CUresult cuLibraryGetKernel(CUkernel* kernel, CUlibrary, const char*) { return give(kernel); }
CUresult cuKernelGetAttribute(int* value, int, CUkernel, CUdevice) {
  *value = 0;
  return CUDA_SUCCESS;
}
CUresult cuKernelSetAttribute(int, int, CUkernel, CUdevice) { return CUDA_SUCCESS; }
CUresult cuOccupancyMaxPotentialClusterSize(int* size, CUfunction, const void*) {
  *size = 8;  // what every GPU with clusters allows
  return CUDA_SUCCESS;
}
CUresult cuLaunchKernelEx(const void*, CUfunction, void**, void**) {
  return refuse("cuLaunchKernelEx");
}
CUresult cuLinkCreate(unsigned, int*, void**, void**) { return refuse("cuLinkCreate"); }
CUresult cuLinkAddData(void*, int, void*, size_t, const char*, unsigned, int*, void**) {
  return refuse("cuLinkAddData");
}
// The compiler within cuDNN asks for tables of the driver's own, to keep what it compiled; without
// one it keeps nothing.
CUresult cuGetExportTable(const void**, const CUuuid*) { return CUDA_ERROR_NOT_SUPPORTED; }

// By their oldest names.
CUresult cuCtxPushCurrent(CUcontext context) { return cuCtxPushCurrent_v2(context); }
CUresult cuCtxPopCurrent(CUcontext* context) { return cuCtxPopCurrent_v2(context); }
