// Mathematical functions: the float forms (expf), their overloads (exp), min, max and abs.
#pragma once

extern "C" {
#define STAND_IN_UNARY(F) \
  double F(double) noexcept; \
  float F##f(float) noexcept;
#define STAND_IN_BINARY(F) \
  double F(double, double) noexcept; \
  float F##f(float, float) noexcept;
STAND_IN_UNARY(acos)
STAND_IN_UNARY(acosh)
STAND_IN_UNARY(asin)
STAND_IN_UNARY(asinh)
STAND_IN_UNARY(atan)
STAND_IN_UNARY(atanh)
STAND_IN_UNARY(cbrt)
STAND_IN_UNARY(ceil)
STAND_IN_UNARY(cos)
STAND_IN_UNARY(cosh)
STAND_IN_UNARY(erf)
STAND_IN_UNARY(erfc)
STAND_IN_UNARY(exp)
STAND_IN_UNARY(exp10)
STAND_IN_UNARY(exp2)
STAND_IN_UNARY(expm1)
STAND_IN_UNARY(fabs)
STAND_IN_UNARY(floor)
STAND_IN_UNARY(lgamma)
STAND_IN_UNARY(log)
STAND_IN_UNARY(log10)
STAND_IN_UNARY(log1p)
STAND_IN_UNARY(log2)
STAND_IN_UNARY(nearbyint)
STAND_IN_UNARY(rint)
STAND_IN_UNARY(round)
STAND_IN_UNARY(sin)
STAND_IN_UNARY(sinh)
STAND_IN_UNARY(sqrt)
STAND_IN_UNARY(tan)
STAND_IN_UNARY(tanh)
STAND_IN_UNARY(tgamma)
STAND_IN_UNARY(trunc)
STAND_IN_BINARY(atan2)
STAND_IN_BINARY(copysign)
STAND_IN_BINARY(fdim)
STAND_IN_BINARY(fmod)
STAND_IN_BINARY(hypot)
STAND_IN_BINARY(nextafter)
STAND_IN_BINARY(pow)
STAND_IN_BINARY(remainder)
double fma(double, double, double) noexcept;
float fmaf(float, float, float) noexcept;
double ldexp(double, int) noexcept;
float ldexpf(float, int) noexcept;
double frexp(double, int*) noexcept;
float frexpf(float, int*) noexcept;
double modf(double, double*) noexcept;
float modff(float, float*) noexcept;
long lrint(double) noexcept;
long lrintf(float) noexcept;
long long llrint(double) noexcept;
long long llrintf(float) noexcept;
int abs(int) noexcept;
long labs(long) noexcept;
long long llabs(long long) noexcept;
void sincos(double, double*, double*) noexcept;
void sincosf(float, float*, float*) noexcept;
#undef STAND_IN_UNARY
#undef STAND_IN_BINARY
}

#define STAND_IN_OVERLOAD(F) \
  __STAND_IN_INLINE float F(float x) { return F##f(x); }
STAND_IN_OVERLOAD(acos)
STAND_IN_OVERLOAD(asin)
STAND_IN_OVERLOAD(atan)
STAND_IN_OVERLOAD(cbrt)
STAND_IN_OVERLOAD(ceil)
STAND_IN_OVERLOAD(cos)
STAND_IN_OVERLOAD(cosh)
STAND_IN_OVERLOAD(erf)
STAND_IN_OVERLOAD(erfc)
STAND_IN_OVERLOAD(exp)
STAND_IN_OVERLOAD(exp2)
STAND_IN_OVERLOAD(expm1)
STAND_IN_OVERLOAD(fabs)
STAND_IN_OVERLOAD(floor)
STAND_IN_OVERLOAD(log)
STAND_IN_OVERLOAD(log10)
STAND_IN_OVERLOAD(log1p)
STAND_IN_OVERLOAD(log2)
STAND_IN_OVERLOAD(rint)
STAND_IN_OVERLOAD(round)
STAND_IN_OVERLOAD(sin)
STAND_IN_OVERLOAD(sinh)
STAND_IN_OVERLOAD(sqrt)
STAND_IN_OVERLOAD(tan)
STAND_IN_OVERLOAD(tanh)
STAND_IN_OVERLOAD(trunc)
#undef STAND_IN_OVERLOAD
__STAND_IN_INLINE float pow(float x, float y) { return powf(x, y); }
__STAND_IN_INLINE float fma(float x, float y, float z) { return fmaf(x, y, z); }
__STAND_IN_INLINE float copysign(float x, float y) { return copysignf(x, y); }
__STAND_IN_INLINE float fmod(float x, float y) { return fmodf(x, y); }
__STAND_IN_INLINE float abs(float x) { return fabsf(x); }
__STAND_IN_INLINE double abs(double x) { return fabs(x); }
__STAND_IN_INLINE long long abs(long long x) { return x < 0 ? -x : x; }

// The number where the other is NaN, as IEEE 754 maxNum and minNum; written so that it vectorises.
__STAND_IN_INLINE float fmaxf(float a, float b) { return a != a ? b : (b > a ? b : a); }
__STAND_IN_INLINE float fminf(float a, float b) { return a != a ? b : (b < a ? b : a); }
__STAND_IN_INLINE double fmax(double a, double b) { return a != a ? b : (b > a ? b : a); }
__STAND_IN_INLINE double fmin(double a, double b) { return a != a ? b : (b < a ? b : a); }
__STAND_IN_INLINE float fmax(float a, float b) { return fmaxf(a, b); }
__STAND_IN_INLINE float fmin(float a, float b) { return fminf(a, b); }
__STAND_IN_INLINE float max(float a, float b) { return fmaxf(a, b); }
__STAND_IN_INLINE float min(float a, float b) { return fminf(a, b); }
__STAND_IN_INLINE double max(double a, double b) { return fmax(a, b); }
__STAND_IN_INLINE double min(double a, double b) { return fmin(a, b); }
#define STAND_IN_MIN_MAX(T)                                          \
  __STAND_IN_INLINE constexpr T max(T a, T b) { return a < b ? b : a; } \
  __STAND_IN_INLINE constexpr T min(T a, T b) { return b < a ? b : a; }
STAND_IN_MIN_MAX(int)
STAND_IN_MIN_MAX(unsigned)
STAND_IN_MIN_MAX(long)
STAND_IN_MIN_MAX(unsigned long)
STAND_IN_MIN_MAX(long long)
STAND_IN_MIN_MAX(unsigned long long)
#undef STAND_IN_MIN_MAX

__STAND_IN_INLINE float rsqrtf(float x) { return 1.0f / sqrtf(x); }
__STAND_IN_INLINE double rsqrt(double x) { return 1.0 / sqrt(x); }
__STAND_IN_INLINE float rsqrt(float x) { return rsqrtf(x); }
__STAND_IN_INLINE float normcdff(float x) { return 0.5f * erfcf(-0.70710678f * x); }
__STAND_IN_INLINE bool isnan(float x) { return x != x; }
__STAND_IN_INLINE bool isnan(double x) { return x != x; }
__STAND_IN_INLINE bool isinf(float x) { return __builtin_isinf(x); }
__STAND_IN_INLINE bool isinf(double x) { return __builtin_isinf(x); }
__STAND_IN_INLINE bool isfinite(float x) { return __builtin_isfinite(x); }
__STAND_IN_INLINE bool isfinite(double x) { return __builtin_isfinite(x); }
__STAND_IN_INLINE bool signbit(float x) { return __builtin_signbit(x); }
__STAND_IN_INLINE bool signbit(double x) { return __builtin_signbit(x); }
