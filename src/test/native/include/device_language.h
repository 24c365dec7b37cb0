// The device language as NVRTC gives it without any header, for g++. Force-included when a .cu file
// is compiled for the host. No standard header is included: a kernel that needs one must fail here
// as it would fail there.
#pragma once
#include "kernel_runtime.h"

#define __CUDACC_RTC__ 1
#define __CUDACC__ 1

#define __global__
#define __device__
#define __host__
#define __managed__
#define __grid_constant__
#define __constant__ __attribute__((visibility("default")))
// In a function `thread_local` implies static; one copy per worker thread is one per running block.
#define __shared__ thread_local
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __STAND_IN_INLINE static inline __attribute__((always_inline, unused))

using size_t = decltype(sizeof(0));
using ptrdiff_t = decltype(static_cast<char*>(nullptr) - static_cast<char*>(nullptr));
using clock_t = long long;
using uint = unsigned;
using ushort = unsigned short;
using uchar = unsigned char;
using ulong = unsigned long;

extern "C" {
int printf(const char*, ...);
void* memcpy(void*, const void*, size_t) noexcept;
void* memset(void*, int, size_t) noexcept;
}
#define assert(condition) \
  ((condition) ? static_cast<void>(0) : stand_in_trap("assertion failed: " #condition))

#include "device_vectors.h"

#include "device_math.h"

#include "device_intrinsics.h"

#include "device_warp.h"

#include "device_atomics.h"

#include "tensor_core.h"
