// Barriers and warp operations. A lane that is not in its mask, or a lane that the others wait for
// in vain, is found by the executor.
#pragma once

__STAND_IN_INLINE void __syncthreads() { stand_in_sync_threads(); }
__STAND_IN_INLINE void __syncwarp(unsigned mask = ~0u) {
  stand_in_warp_exchange(mask, nullptr, 0);
}

namespace stand_in {
template <class T>
__STAND_IN_INLINE void* exchange(unsigned mask, const T& value) {
  static_assert(sizeof(T) <= 32, "a warp operation moves at most 32 bytes");
  return stand_in_warp_exchange(mask, &value, sizeof value);
}
template <class T>
__STAND_IN_INLINE T of_lane(const void* values, unsigned lane) {
  T result;
  __builtin_memcpy(&result, static_cast<const char*>(values) + 32 * lane, sizeof result);
  return result;
}
}  // namespace stand_in

template <class T>
__STAND_IN_INLINE T __shfl_sync(unsigned mask, T value, int source, int width = warpSize) {
  const unsigned lane = stand_in_lane();
  const void* values = stand_in::exchange(mask, value);
  return stand_in::of_lane<T>(values, (lane & ~(width - 1u)) | (source & (width - 1u)));
}
template <class T>
__STAND_IN_INLINE T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = warpSize) {
  const unsigned lane = stand_in_lane();
  const void* values = stand_in::exchange(mask, value);
  return lane % width >= by ? stand_in::of_lane<T>(values, lane - by) : value;
}
template <class T>
__STAND_IN_INLINE T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = warpSize) {
  const unsigned lane = stand_in_lane();
  const void* values = stand_in::exchange(mask, value);
  return lane % width + by < static_cast<unsigned>(width) ? stand_in::of_lane<T>(values, lane + by)
                                                          : value;
}
template <class T>
__STAND_IN_INLINE T __shfl_xor_sync(unsigned mask, T value, int bits, int width = warpSize) {
  const unsigned lane = stand_in_lane();
  const void* values = stand_in::exchange(mask, value);
  const unsigned source = lane ^ static_cast<unsigned>(bits);
  return source / width <= lane / width ? stand_in::of_lane<T>(values, source) : value;
}
__STAND_IN_INLINE unsigned __ballot_sync(unsigned mask, int predicate) {
  const void* values = stand_in::exchange(mask, predicate);
  unsigned result = 0;
  for (unsigned lane = 0; lane < 32; lane++) {
    if (mask >> lane & 1 && stand_in::of_lane<int>(values, lane)) result |= 1u << lane;
  }
  return result;
}
__STAND_IN_INLINE int __any_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) != 0;
}
__STAND_IN_INLINE int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, !predicate) == 0;
}
template <class T>
__STAND_IN_INLINE unsigned __match_any_sync(unsigned mask, T value) {
  const void* values = stand_in::exchange(mask, value);
  unsigned result = 0;
  for (unsigned lane = 0; lane < 32; lane++) {
    if (mask >> lane & 1 && stand_in::of_lane<T>(values, lane) == value) result |= 1u << lane;
  }
  return result;
}

#define STAND_IN_REDUCE(NAME, T, EXPRESSION)                     \
  __STAND_IN_INLINE T NAME(unsigned mask, T value) {             \
    const void* values = stand_in::exchange(mask, value);        \
    const int first = __builtin_ctz(mask);                       \
    T a = stand_in::of_lane<T>(values, first);                   \
    for (unsigned lane = first + 1; lane < 32; lane++) {         \
      if (mask >> lane & 1) {                                    \
        const T b = stand_in::of_lane<T>(values, lane);          \
        a = EXPRESSION;                                          \
      }                                                          \
    }                                                            \
    return a;                                                    \
  }
STAND_IN_REDUCE(__reduce_add_sync, int, a + b)
STAND_IN_REDUCE(__reduce_add_sync, unsigned, a + b)
STAND_IN_REDUCE(__reduce_min_sync, int, min(a, b))
STAND_IN_REDUCE(__reduce_min_sync, unsigned, min(a, b))
STAND_IN_REDUCE(__reduce_max_sync, int, max(a, b))
STAND_IN_REDUCE(__reduce_max_sync, unsigned, max(a, b))
STAND_IN_REDUCE(__reduce_and_sync, unsigned, a& b)
STAND_IN_REDUCE(__reduce_or_sync, unsigned, a | b)
STAND_IN_REDUCE(__reduce_xor_sync, unsigned, a ^ b)
#undef STAND_IN_REDUCE

__STAND_IN_INLINE int __syncthreads_count(int predicate) {
  return stand_in_sync_threads_count(predicate != 0);
}
__STAND_IN_INLINE int __syncthreads_or(int predicate) {
  return stand_in_sync_threads_count(predicate != 0) != 0;
}
__STAND_IN_INLINE int __syncthreads_and(int predicate) {
  return stand_in_sync_threads_count(predicate == 0) == 0;
}
