#include "device.h"

#include <cstdio>
#include <cstring>
#include <vector>

#include "calls.h"
#include "graphs.h"
#include "memory.h"
#include "modules.h"
#include "resources.h"
#include "settings.h"
#include "streams.h"

struct CUctx_st {
  CUdevice device;
};

namespace stand_in {
namespace {

struct Device {
  bool initialised = false;
  CUctx_st primary{0};
  int primary_references = 0;
};

Device& state() {
  static auto* device = new Device;
  return *device;
}

// Contexts current on this thread, the last one on top. A pointer, for thread-local space is scarce
// in a library that is loaded late.
std::vector<CUcontext>& stack() {
  static thread_local std::vector<CUcontext>* contexts = nullptr;
  if (!contexts) contexts = new std::vector<CUcontext>;
  return *contexts;
}

CUcontext current() { return stack().empty() ? nullptr : stack().back(); }

// Whatever is alive when the last context ends has leaked; it goes with the context.
void end_of_context() {
  if (live_count("context") > 0) return;
  run_all_work();
  for (const char* kind : {"device memory", "pinned memory", "stream", "event", "module"}) {
    count_leaked(kind);
  }
  destroy_all_streams_and_events();
  unload_all_modules();
  deallocate_all();
  clear_device_fault();
}

CUresult with_device(CUdevice device, CUresult result) {
  return device >= 0 && device < settings().devices ? result : CUDA_ERROR_INVALID_DEVICE;
}

struct Attribute {
  int id;
  int value;
};

// Numbers of CUdevice_attribute; a GPU like sm_90 unless a setting says otherwise.
constexpr Attribute kAttributes[] = {
    {1, 1024},        // MAX_THREADS_PER_BLOCK
    {2, 1024},        // MAX_BLOCK_DIM_X
    {3, 1024},        // MAX_BLOCK_DIM_Y
    {4, 64},          // MAX_BLOCK_DIM_Z
    {5, 0x7fffffff},  // MAX_GRID_DIM_X
    {6, 65535},       // MAX_GRID_DIM_Y
    {7, 65535},       // MAX_GRID_DIM_Z
    {8, 49152},       // MAX_SHARED_MEMORY_PER_BLOCK
    {9, 65536},       // TOTAL_CONSTANT_MEMORY
    {10, 32},         // WARP_SIZE
    {11, 0x7fffffff},  // MAX_PITCH
    {12, 65536},      // MAX_REGISTERS_PER_BLOCK
    {13, 1500000},    // CLOCK_RATE, kHz
    {14, 512},        // TEXTURE_ALIGNMENT
    {15, 1},          // GPU_OVERLAP
    {19, 1},          // CAN_MAP_HOST_MEMORY
    {31, 1},          // CONCURRENT_KERNELS
    {36, 1500000},    // MEMORY_CLOCK_RATE, kHz
    {37, 256},        // GLOBAL_MEMORY_BUS_WIDTH, bits
    {38, 131072},     // L2_CACHE_SIZE: small, for it is flooded often
    {39, 2048},       // MAX_THREADS_PER_MULTIPROCESSOR
    {40, 1},          // ASYNC_ENGINE_COUNT
    {41, 1},          // UNIFIED_ADDRESSING
    {78, 1},          // STREAM_PRIORITIES_SUPPORTED
    {82, 65536},      // MAX_REGISTERS_PER_MULTIPROCESSOR
    {106, 32},        // MAX_BLOCKS_PER_MULTIPROCESSOR
};

}  // namespace

int shared_memory_most() {
  switch (settings().compute_capability) {
    case 75: return 65536;
    case 80: case 87: return 166912;
    case 86: case 89: case 120: return 101376;
    default: return 232448;
  }
}

bool is_initialised() { return state().initialised; }
bool has_current_context() { return current() && alive("context", current()); }

void reset_device() {
  state() = Device{};
  stack().clear();
}

}  // namespace stand_in

using namespace stand_in;

CUresult cuInit(unsigned flags) {
  return call("cuInit", Needs::nothing, [&] {
    if (flags) return CUDA_ERROR_INVALID_VALUE;
    if (settings().devices == 0) return CUDA_ERROR_NO_DEVICE;
    state().initialised = true;
    return CUDA_SUCCESS;
  });
}

CUresult cuDriverGetVersion(int* version) {
  *version = settings().driver_version;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int* count) {
  return call("cuDeviceGetCount", Needs::initialised, [&] {
    *count = settings().devices;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  return call("cuDeviceGet", Needs::initialised, [&] {
    *device = ordinal;
    return with_device(ordinal, CUDA_SUCCESS);
  });
}

CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
  return call("cuDeviceGetName", Needs::initialised, [&] {
    std::snprintf(name, static_cast<size_t>(length), "%s", settings().device_name.c_str());
    return with_device(device, CUDA_SUCCESS);
  });
}

CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice device) {
  return call("cuDeviceGetUuid", Needs::initialised, [&] {
    std::memset(uuid->bytes, 0, sizeof uuid->bytes);
    std::memcpy(uuid->bytes, "NiN4J stand-in", 14);
    uuid->bytes[15] = static_cast<char>(device);
    return with_device(device, CUDA_SUCCESS);
  });
}

CUresult cuDeviceGetPCIBusId(char* id, int length, CUdevice device) {
  return call("cuDeviceGetPCIBusId", Needs::initialised, [&] {
    std::snprintf(id, static_cast<size_t>(length), "0000:%02x:00.0", device + 1);
    return with_device(device, CUDA_SUCCESS);
  });
}

CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice device) {
  return call("cuDeviceTotalMem", Needs::initialised, [&] {
    *bytes = settings().memory;
    return with_device(device, CUDA_SUCCESS);
  });
}

CUresult cuDeviceGetAttribute(int* value, int attribute, CUdevice device) {
  return call("cuDeviceGetAttribute", Needs::initialised, [&] {
    *value = 0;
    for (const Attribute& a : kAttributes) {
      if (a.id == attribute) *value = a.value;
    }
    if (attribute == 16) *value = settings().multiprocessors;
    if (attribute == 81) *value = shared_memory_most() + kReservedShared;
    if (attribute == 97) *value = shared_memory_most();  // ..._PER_BLOCK_OPTIN
    if (attribute == 33) *value = device + 1;  // PCI_BUS_ID
    if (attribute == 75) *value = settings().compute_capability / 10;
    if (attribute == 76) *value = settings().compute_capability % 10;
    return with_device(device, CUDA_SUCCESS);
  });
}

CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice device) {
  return call("cuDeviceComputeCapability", Needs::initialised, [&] {
    *major = settings().compute_capability / 10;
    *minor = settings().compute_capability % 10;
    return with_device(device, CUDA_SUCCESS);
  });
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  return call("cuDevicePrimaryCtxRetain", Needs::initialised, [&] {
    if (CUresult error = with_device(device, device_fault())) return error;
    Device& d = state();
    if (d.primary_references++ == 0) {
      d.primary.device = device;
      created("context", &d.primary);
    }
    *context = &d.primary;
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice) {
  std::lock_guard lock(state_mutex());
  const CUresult planned =
      enter("cuDevicePrimaryCtxRelease", CUDA_ERROR_UNKNOWN, CUDA_ERROR_DEVICE_UNAVAILABLE);
  Device& d = state();
  if (d.primary_references == 0) return CUDA_ERROR_INVALID_CONTEXT;
  if (--d.primary_references == 0) {
    destroyed("context", &d.primary);
    end_of_context();
  }
  return planned;
}

CUresult cuDevicePrimaryCtxReset_v2(CUdevice) { return CUDA_ERROR_NOT_SUPPORTED; }

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned) {
  return call("cuDevicePrimaryCtxSetFlags", Needs::initialised,
              [&] { return with_device(device, CUDA_SUCCESS); });
}

CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned* flags, int* active) {
  return call("cuDevicePrimaryCtxGetState", Needs::initialised, [&] {
    *flags = 0;
    *active = state().primary_references > 0;
    return with_device(device, CUDA_SUCCESS);
  });
}

CUresult cuCtxCreate_v2(CUcontext* context, unsigned, CUdevice device) {
  return call("cuCtxCreate", Needs::initialised, [&] {
    if (CUresult error = with_device(device, device_fault())) return error;
    *context = new CUctx_st{device};
    created("context", *context);
    stack().push_back(*context);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxDestroy_v2(CUcontext context) {
  std::lock_guard lock(state_mutex());
  const CUresult planned =
      enter("cuCtxDestroy", CUDA_ERROR_UNKNOWN, CUDA_ERROR_DEVICE_UNAVAILABLE);
  if (context == &state().primary || !destroyed("context", context)) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  if (current() == context) stack().pop_back();
  end_of_context();
  delete context;
  return planned;
}

CUresult cuCtxSetCurrent(CUcontext context) {
  return call("cuCtxSetCurrent", Needs::initialised, [&] {
    if (context && !alive("context", context)) return CUDA_ERROR_INVALID_CONTEXT;
    if (!stack().empty()) stack().pop_back();
    if (context) stack().push_back(context);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetCurrent(CUcontext* context) {
  return call("cuCtxGetCurrent", Needs::initialised, [&] {
    *context = current();
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
  return call("cuCtxPushCurrent", Needs::initialised, [&] {
    if (!alive("context", context)) return CUDA_ERROR_INVALID_CONTEXT;
    stack().push_back(context);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxPopCurrent_v2(CUcontext* context) {
  return call("cuCtxPopCurrent", Needs::initialised, [&] {
    if (!current()) return CUDA_ERROR_INVALID_CONTEXT;
    *context = current();
    stack().pop_back();
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetDevice(CUdevice* device) {
  return call("cuCtxGetDevice", Needs::context, [&] {
    *device = current()->device;
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetApiVersion(CUcontext, unsigned* version) {
  *version = static_cast<unsigned>(settings().driver_version);
  return CUDA_SUCCESS;
}

CUresult cuCtxGetStreamPriorityRange(int* least, int* greatest) {
  return call("cuCtxGetStreamPriorityRange", Needs::context, [&] {
    *least = 0;
    *greatest = -5;
    return CUDA_SUCCESS;
  });
}
