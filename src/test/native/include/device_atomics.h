// Atomic operations, for the types that CUDA has them for.
#pragma once

#define STAND_IN_ATOMIC(NAME, T, BUILTIN) \
  __STAND_IN_INLINE T NAME(T* p, T v) { return BUILTIN(p, v, __ATOMIC_RELAXED); }
#define STAND_IN_ATOMIC_LOOP(NAME, T, EXPRESSION)                                             \
  __STAND_IN_INLINE T NAME(T* p, T v) {                                                       \
    T old = *p, next;                                                                         \
    do {                                                                                      \
      next = EXPRESSION;                                                                      \
    } while (!__atomic_compare_exchange(p, &old, &next, false, __ATOMIC_RELAXED,              \
                                        __ATOMIC_RELAXED));                                   \
    return old;                                                                               \
  }
#define STAND_IN_ATOMIC_INTEGERS(T)                     \
  STAND_IN_ATOMIC(atomicAdd, T, __atomic_fetch_add)     \
  STAND_IN_ATOMIC(atomicAnd, T, __atomic_fetch_and)     \
  STAND_IN_ATOMIC(atomicOr, T, __atomic_fetch_or)       \
  STAND_IN_ATOMIC(atomicXor, T, __atomic_fetch_xor)     \
  STAND_IN_ATOMIC(atomicExch, T, __atomic_exchange_n)   \
  STAND_IN_ATOMIC_LOOP(atomicMin, T, v < old ? v : old) \
  STAND_IN_ATOMIC_LOOP(atomicMax, T, v > old ? v : old) \
  __STAND_IN_INLINE T atomicCAS(T* p, T expected, T v) { \
    __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
    return expected;                                    \
  }
STAND_IN_ATOMIC_INTEGERS(int)
STAND_IN_ATOMIC_INTEGERS(unsigned)
STAND_IN_ATOMIC_INTEGERS(unsigned long long)
STAND_IN_ATOMIC(atomicSub, int, __atomic_fetch_sub)
STAND_IN_ATOMIC(atomicSub, unsigned, __atomic_fetch_sub)
STAND_IN_ATOMIC_LOOP(atomicMin, long long, v < old ? v : old)
STAND_IN_ATOMIC_LOOP(atomicMax, long long, v > old ? v : old)
STAND_IN_ATOMIC_LOOP(atomicInc, unsigned, old >= v ? 0 : old + 1)
STAND_IN_ATOMIC_LOOP(atomicDec, unsigned, old == 0 || old > v ? v : old - 1)
STAND_IN_ATOMIC_LOOP(atomicAdd, float, old + v)
STAND_IN_ATOMIC_LOOP(atomicAdd, double, old + v)
__STAND_IN_INLINE float atomicExch(float* p, float v) {
  float old;
  __atomic_exchange(p, &v, &old, __ATOMIC_RELAXED);
  return old;
}
#undef STAND_IN_ATOMIC
#undef STAND_IN_ATOMIC_LOOP
#undef STAND_IN_ATOMIC_INTEGERS
