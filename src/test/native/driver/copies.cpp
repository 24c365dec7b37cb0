// Allocation, copies and fills.
#include <algorithm>
#include <cstring>

#include "calls.h"
#include "faults.h"
#include "graphs.h"
#include "memory.h"
#include "settings.h"
#include "streams.h"

namespace stand_in {
namespace {

enum class Side { host, device };

uint64_t address_of(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

// Why an operand of a copy will not do; "" if it does.
std::string objection(Side side, uint64_t pointer, size_t bytes) {
  if (side == Side::host) {
    if (!pointer) return "host pointer is null";
    return is_device_address(pointer) ? "host argument is " + describe_address(pointer) : "";
  }
  if (is_inside(Space::device, pointer, bytes)) return "";
  return std::to_string(bytes) + " bytes from " + describe_address(pointer) +
         " are not inside one live allocation";
}

CUresult copy(const char* what, CUstream stream, Side to, uint64_t target, Side from,
              uint64_t source, size_t bytes, Timing timing) {
  if (!is_valid_stream(stream)) return CUDA_ERROR_INVALID_HANDLE;
  if (bytes == 0) return CUDA_SUCCESS;
  for (const std::string& why : {objection(to, target, bytes), objection(from, source, bytes)}) {
    if (why.empty()) continue;
    diagnose(what, why);
    return CUDA_ERROR_INVALID_VALUE;
  }
  auto is_pageable = [&](Side side, uint64_t pointer) {
    return side == Side::host && !is_inside(Space::pinned, pointer, bytes);
  };
  const bool pageable = is_pageable(to, target) || is_pageable(from, source);
  if (pageable && resolve(stream)->capture) {
    diagnose(what, "pageable host memory in a captured copy: it may be gone when the graph runs");
    resolve(stream)->capture->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  Work work{what, CU_GRAPH_NODE_TYPE_MEMCPY, [=](std::string& message) -> CUresult {
              for (const std::string& why :
                   {objection(to, target, bytes), objection(from, source, bytes)}) {
                if (why.empty()) continue;
                message = "when it ran, " + why;
                return CUDA_ERROR_ILLEGAL_ADDRESS;
              }
              CUresult error = CUDA_SUCCESS;
              run_guarded(
                  [=] {
                    std::memmove(reinterpret_cast<void*>(target),
                                 reinterpret_cast<const void*>(source), bytes);
                  },
                  error, message);
              return error;
            }};
  // A copy that touches pageable memory returns when it no longer needs it.
  return submit(stream, std::move(work), pageable ? Timing::synchronous : timing);
}

template <class T>
CUresult fill(const char* what, CUstream stream, CUdeviceptr target, T value, size_t count,
              Timing timing) {
  if (!is_valid_stream(stream)) return CUDA_ERROR_INVALID_HANDLE;
  if (count == 0) return CUDA_SUCCESS;
  const std::string why = objection(Side::device, target, count * sizeof(T));
  if (!why.empty() || target % sizeof(T) != 0) {
    diagnose(what, why.empty() ? "address not aligned" : why);
    return CUDA_ERROR_INVALID_VALUE;
  }
  return submit(stream,
                {what, CU_GRAPH_NODE_TYPE_MEMSET,
                 [=](std::string& message) -> CUresult {
                   CUresult error = CUDA_SUCCESS;
                   run_guarded([=] { std::fill_n(reinterpret_cast<T*>(target), count, value); },
                               error, message);
                   return error;
                 }},
                timing);
}

constexpr Timing kSync = Timing::synchronous;
constexpr Timing kAsync = Timing::asynchronous;
constexpr Side kHost = Side::host;
constexpr Side kDevice = Side::device;

CUresult allocate_pinned(const char* function, void** pointer, size_t bytes) {
  return call(
      function, Needs::context,
      [&]() -> CUresult {
        if (CUresult refused = refuse_during_capture()) return refused;
        if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
        *pointer = reinterpret_cast<void*>(allocate(Space::pinned, bytes));
        return *pointer ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
      },
      CUDA_ERROR_OUT_OF_MEMORY);
}

CUresult free_memory(const char* function, Space space, uint64_t pointer) {
  return release(function, [&]() -> CUresult {
    if (!pointer) return CUDA_SUCCESS;
    if (CUresult refused = refuse_during_capture()) return refused;
    run_all_work();
    std::string damage;
    if (!deallocate(space, pointer, damage)) {
      diagnose(function, "no live allocation begins at " + describe_address(pointer));
      return CUDA_ERROR_INVALID_VALUE;
    }
    if (!damage.empty()) set_device_fault(CUDA_ERROR_ILLEGAL_ADDRESS, function, damage);
    return device_fault();
  });
}

}  // namespace
}  // namespace stand_in

using namespace stand_in;

CUresult cuMemAlloc_v2(CUdeviceptr* pointer, size_t bytes) {
  return call(
      "cuMemAlloc", Needs::context,
      [&]() -> CUresult {
        if (CUresult refused = refuse_during_capture()) return refused;
        if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
        *pointer = allocate(Space::device, bytes);
        return *pointer ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
      },
      CUDA_ERROR_OUT_OF_MEMORY);
}

CUresult cuMemFree_v2(CUdeviceptr pointer) {
  return free_memory("cuMemFree", Space::device, pointer);
}

CUresult cuMemHostAlloc(void** pointer, size_t bytes, unsigned) {
  return allocate_pinned("cuMemHostAlloc", pointer, bytes);
}

CUresult cuMemAllocHost_v2(void** pointer, size_t bytes) {
  return allocate_pinned("cuMemAllocHost", pointer, bytes);
}

CUresult cuMemFreeHost(void* pointer) {
  return free_memory("cuMemFreeHost", Space::pinned, address_of(pointer));
}

CUresult cuMemGetInfo_v2(size_t* free, size_t* total) {
  return call("cuMemGetInfo", Needs::context, [&] {
    *total = settings().memory;
    *free = *total - std::min(*total, device_memory_used());
    return CUDA_SUCCESS;
  });
}

CUresult cuMemGetAddressRange_v2(CUdeviceptr* base, size_t* bytes, CUdeviceptr pointer) {
  return call("cuMemGetAddressRange", Needs::context, [&] {
    Space space;
    uint64_t begin;
    size_t size;
    if (!find_allocation(pointer, space, begin, size) || space != Space::device) {
      return CUDA_ERROR_NOT_FOUND;
    }
    if (base) *base = begin;
    if (bytes) *bytes = size;
    return CUDA_SUCCESS;
  });
}

CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr* device, void* host, unsigned) {
  return call("cuMemHostGetDevicePointer", Needs::context, [&] {
    *device = address_of(host);
    return is_inside(Space::pinned, address_of(host), 1) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuPointerGetAttribute(void* value, int attribute, CUdeviceptr pointer) {
  return call("cuPointerGetAttribute", Needs::context, [&] {
    Space space;
    uint64_t base;
    size_t bytes;
    if (!find_allocation(pointer, space, base, bytes)) return CUDA_ERROR_INVALID_VALUE;
    switch (attribute) {
      case 2:  // MEMORY_TYPE: 1 host, 2 device
        *static_cast<unsigned*>(value) = space == Space::device ? 2 : 1;
        return CUDA_SUCCESS;
      case 3:   // DEVICE_POINTER
      case 4:   // HOST_POINTER
        if (attribute == 4 && space == Space::device) return CUDA_ERROR_INVALID_VALUE;
        *static_cast<uint64_t*>(value) = pointer;
        return CUDA_SUCCESS;
      case 9:  // DEVICE_ORDINAL
        *static_cast<int*>(value) = 0;
        return CUDA_SUCCESS;
      case 11:  // RANGE_START_ADDR
        *static_cast<uint64_t*>(value) = base;
        return CUDA_SUCCESS;
      case 12:  // RANGE_SIZE
        *static_cast<size_t*>(value) = bytes;
        return CUDA_SUCCESS;
      default:
        return CUDA_ERROR_NOT_SUPPORTED;
    }
  });
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr target, const void* source, size_t bytes) {
  return call("cuMemcpyHtoD", Needs::context, [&] {
    return copy("cuMemcpyHtoD", nullptr, kDevice, target, kHost, address_of(source), bytes, kSync);
  });
}

CUresult cuMemcpyDtoH_v2(void* target, CUdeviceptr source, size_t bytes) {
  return call("cuMemcpyDtoH", Needs::context, [&] {
    return copy("cuMemcpyDtoH", nullptr, kHost, address_of(target), kDevice, source, bytes, kSync);
  });
}

CUresult cuMemcpyDtoD_v2(CUdeviceptr target, CUdeviceptr source, size_t bytes) {
  return call("cuMemcpyDtoD", Needs::context, [&] {
    return copy("cuMemcpyDtoD", nullptr, kDevice, target, kDevice, source, bytes, kSync);
  });
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void* source, size_t bytes, CUstream s) {
  return call("cuMemcpyHtoDAsync", Needs::context, [&] {
    return copy("cuMemcpyHtoDAsync", s, kDevice, target, kHost, address_of(source), bytes, kAsync);
  });
}

CUresult cuMemcpyDtoHAsync_v2(void* target, CUdeviceptr source, size_t bytes, CUstream s) {
  return call("cuMemcpyDtoHAsync", Needs::context, [&] {
    return copy("cuMemcpyDtoHAsync", s, kHost, address_of(target), kDevice, source, bytes, kAsync);
  });
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr target, CUdeviceptr source, size_t bytes, CUstream s) {
  return call("cuMemcpyDtoDAsync", Needs::context, [&] {
    return copy("cuMemcpyDtoDAsync", s, kDevice, target, kDevice, source, bytes, kAsync);
  });
}

#define STAND_IN_FILLS(BITS, T)                                                               \
  CUresult cuMemsetD##BITS##_v2(CUdeviceptr target, T value, size_t count) {                  \
    return call("cuMemsetD" #BITS, Needs::context, [&] {                                      \
      return fill("cuMemsetD" #BITS, nullptr, target, value, count, kAsync);                  \
    });                                                                                       \
  }                                                                                           \
  CUresult cuMemsetD##BITS##Async(CUdeviceptr target, T value, size_t count, CUstream stream) { \
    return call("cuMemsetD" #BITS "Async", Needs::context, [&] {                              \
      return fill("cuMemsetD" #BITS "Async", stream, target, value, count, kAsync);           \
    });                                                                                       \
  }
STAND_IN_FILLS(8, unsigned char)
STAND_IN_FILLS(16, unsigned short)
STAND_IN_FILLS(32, unsigned)
#undef STAND_IN_FILLS
