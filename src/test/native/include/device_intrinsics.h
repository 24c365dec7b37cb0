// Intrinsics of one thread: reinterpretation, rounding, bits, cached loads and stores.
#pragma once

template <class To, class From>
__STAND_IN_INLINE To __stand_in_bits(From from) {
  static_assert(sizeof(To) == sizeof(From), "same size");
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}
__STAND_IN_INLINE int __float_as_int(float x) { return __stand_in_bits<int>(x); }
__STAND_IN_INLINE unsigned __float_as_uint(float x) { return __stand_in_bits<unsigned>(x); }
__STAND_IN_INLINE float __int_as_float(int x) { return __stand_in_bits<float>(x); }
__STAND_IN_INLINE float __uint_as_float(unsigned x) { return __stand_in_bits<float>(x); }
__STAND_IN_INLINE long long __double_as_longlong(double x) { return __stand_in_bits<long long>(x); }
__STAND_IN_INLINE double __longlong_as_double(long long x) { return __stand_in_bits<double>(x); }
__STAND_IN_INLINE int __double2hiint(double x) { return int(__double_as_longlong(x) >> 32); }
__STAND_IN_INLINE int __double2loint(double x) { return int(__double_as_longlong(x)); }
__STAND_IN_INLINE double __hiloint2double(int high, int low) {
  return __longlong_as_double(static_cast<long long>(high) << 32 | static_cast<unsigned>(low));
}

// Arithmetic that the compiler must not contract into a fused multiply-add.
__STAND_IN_INLINE float __stand_in_rounded(float x) {
  __asm__("" : "+x"(x));
  return x;
}
__STAND_IN_INLINE float __fadd_rn(float a, float b) { return __stand_in_rounded(a + b); }
__STAND_IN_INLINE float __fsub_rn(float a, float b) { return __stand_in_rounded(a - b); }
__STAND_IN_INLINE float __fmul_rn(float a, float b) { return __stand_in_rounded(a * b); }
__STAND_IN_INLINE float __fdiv_rn(float a, float b) { return a / b; }
__STAND_IN_INLINE float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
__STAND_IN_INLINE float __frcp_rn(float x) { return 1.0f / x; }
__STAND_IN_INLINE float __fsqrt_rn(float x) { return sqrtf(x); }
__STAND_IN_INLINE float __frsqrt_rn(float x) { return 1.0f / sqrtf(x); }

// The fast forms: exact here, approximate on a GPU.
__STAND_IN_INLINE float __fdividef(float a, float b) { return a / b; }
__STAND_IN_INLINE float __expf(float x) { return expf(x); }
__STAND_IN_INLINE float __exp10f(float x) { return exp10f(x); }
__STAND_IN_INLINE float __logf(float x) { return logf(x); }
__STAND_IN_INLINE float __log2f(float x) { return log2f(x); }
__STAND_IN_INLINE float __log10f(float x) { return log10f(x); }
__STAND_IN_INLINE float __powf(float x, float y) { return powf(x, y); }
__STAND_IN_INLINE float __sinf(float x) { return sinf(x); }
__STAND_IN_INLINE float __cosf(float x) { return cosf(x); }
__STAND_IN_INLINE float __tanf(float x) { return tanf(x); }
__STAND_IN_INLINE float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }

// Conversions; out of range saturates and NaN gives 0, as on a GPU.
template <class To>
__STAND_IN_INLINE To __stand_in_saturated(double x, double low, double high) {
  if (x != x) return 0;
  return x <= low ? static_cast<To>(low)
                  : x >= high ? static_cast<To>(-1) > 0 ? static_cast<To>(-1)
                                                        : static_cast<To>(high)
                              : static_cast<To>(x);
}
#define STAND_IN_CONVERT(NAME, ROUND)                                                      \
  __STAND_IN_INLINE int __float2int_##NAME(float x) {                                      \
    return __stand_in_saturated<int>(ROUND(x), -2147483648.0, 2147483647.0);               \
  }                                                                                        \
  __STAND_IN_INLINE unsigned __float2uint_##NAME(float x) {                                \
    return __stand_in_saturated<unsigned>(ROUND(x), 0.0, 4294967295.0);                    \
  }                                                                                        \
  __STAND_IN_INLINE long long __float2ll_##NAME(float x) {                                 \
    return ROUND(x) >= 9.2233720368547758e18                                               \
               ? 9223372036854775807ll                                                     \
               : __stand_in_saturated<long long>(ROUND(x), -9.2233720368547758e18, 9.3e18); \
  }
STAND_IN_CONVERT(rn, rintf)
STAND_IN_CONVERT(rz, truncf)
STAND_IN_CONVERT(ru, ceilf)
STAND_IN_CONVERT(rd, floorf)
#undef STAND_IN_CONVERT
__STAND_IN_INLINE float __int2float_rn(int x) { return static_cast<float>(x); }
__STAND_IN_INLINE float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
__STAND_IN_INLINE float __ll2float_rn(long long x) { return static_cast<float>(x); }
__STAND_IN_INLINE float __double2float_rn(double x) { return static_cast<float>(x); }

__STAND_IN_INLINE int __popc(unsigned x) { return __builtin_popcount(x); }
__STAND_IN_INLINE int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
__STAND_IN_INLINE int __clz(int x) { return x ? __builtin_clz(x) : 32; }
__STAND_IN_INLINE int __clzll(long long x) { return x ? __builtin_clzll(x) : 64; }
__STAND_IN_INLINE int __ffs(int x) { return __builtin_ffs(x); }
__STAND_IN_INLINE int __ffsll(long long x) { return __builtin_ffsll(x); }
__STAND_IN_INLINE unsigned __brev(unsigned x) {
  unsigned r = 0;
  for (int i = 0; i < 32; i++) r = r << 1 | (x >> i & 1);
  return r;
}
__STAND_IN_INLINE int __mulhi(int a, int b) {
  return static_cast<int>(static_cast<long long>(a) * b >> 32);
}
__STAND_IN_INLINE unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<unsigned long long>(a) * b >> 32);
}
__STAND_IN_INLINE long long __mul64hi(long long a, long long b) {
  return static_cast<long long>(static_cast<__int128>(a) * b >> 64);
}
__STAND_IN_INLINE unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}
__STAND_IN_INLINE unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return (static_cast<unsigned long long>(high) << 32 | low) << (shift & 31) >> 32;
}
__STAND_IN_INLINE unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((static_cast<unsigned long long>(high) << 32 | low) >> (shift & 31));
}
__STAND_IN_INLINE unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  const unsigned long long bytes = static_cast<unsigned long long>(b) << 32 | a;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) {
    const unsigned s = selector >> 4 * i & 15;
    unsigned byte = bytes >> 8 * (s & 7) & 255;
    if (s & 8) byte = byte & 128 ? 255 : 0;
    result |= byte << 8 * i;
  }
  return result;
}

#define STAND_IN_LOAD(NAME)     \
  template <class T>            \
  __STAND_IN_INLINE T NAME(const T* p) { \
    return *p;                  \
  }
STAND_IN_LOAD(__ldg)
STAND_IN_LOAD(__ldca)
STAND_IN_LOAD(__ldcg)
STAND_IN_LOAD(__ldcs)
STAND_IN_LOAD(__ldlu)
STAND_IN_LOAD(__ldcv)
#undef STAND_IN_LOAD
template <class T>
struct __stand_in_same {
  using type = T;
};
#define STAND_IN_STORE(NAME)                                             \
  template <class T>                                                     \
  __STAND_IN_INLINE void NAME(T* p, typename __stand_in_same<T>::type v) { \
    *p = v;                                                              \
  }
STAND_IN_STORE(__stwb)
STAND_IN_STORE(__stcg)
STAND_IN_STORE(__stcs)
STAND_IN_STORE(__stwt)
#undef STAND_IN_STORE

__STAND_IN_INLINE void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
__STAND_IN_INLINE void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
__STAND_IN_INLINE void __threadfence_system() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
__STAND_IN_INLINE long long clock64() { return static_cast<long long>(__builtin_ia32_rdtsc()); }
__STAND_IN_INLINE clock_t clock() { return clock64(); }
__STAND_IN_INLINE void __nanosleep(unsigned) {}
__STAND_IN_INLINE void __trap() { stand_in_trap("__trap()"); }
