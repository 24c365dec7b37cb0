// Built-in vector types with CUDA's alignments, and dim3.
#pragma once

#define STAND_IN_VECTORS(T, NAME, ALIGN2, ALIGN4)                                             \
  struct NAME##1 {                                                                            \
    T x;                                                                                      \
  };                                                                                          \
  struct alignas(ALIGN2) NAME##2 {                                                            \
    T x, y;                                                                                   \
  };                                                                                          \
  struct alignas(ALIGN4) NAME##4 {                                                            \
    T x, y, z, w;                                                                             \
  };                                                                                          \
  __STAND_IN_INLINE NAME##1 make_##NAME##1(T x) { return {x}; }                               \
  __STAND_IN_INLINE NAME##2 make_##NAME##2(T x, T y) { return {x, y}; }                       \
  __STAND_IN_INLINE NAME##4 make_##NAME##4(T x, T y, T z, T w) { return {x, y, z, w}; }
#define STAND_IN_VECTOR3(T, NAME)                                                             \
  struct NAME##3 {                                                                            \
    T x, y, z;                                                                                \
  };                                                                                          \
  __STAND_IN_INLINE NAME##3 make_##NAME##3(T x, T y, T z) { return {x, y, z}; }

STAND_IN_VECTORS(signed char, char, 2, 4)
STAND_IN_VECTOR3(signed char, char)
STAND_IN_VECTORS(unsigned char, uchar, 2, 4)
STAND_IN_VECTOR3(unsigned char, uchar)
STAND_IN_VECTORS(short, short, 4, 8)
STAND_IN_VECTOR3(short, short)
STAND_IN_VECTORS(unsigned short, ushort, 4, 8)
STAND_IN_VECTOR3(unsigned short, ushort)
STAND_IN_VECTORS(int, int, 8, 16)
STAND_IN_VECTOR3(int, int)
STAND_IN_VECTORS(unsigned, uint, 8, 16)
STAND_IN_VECTORS(long long, longlong, 16, 16)
STAND_IN_VECTOR3(long long, longlong)
STAND_IN_VECTORS(unsigned long long, ulonglong, 16, 16)
STAND_IN_VECTOR3(unsigned long long, ulonglong)
STAND_IN_VECTORS(float, float, 8, 16)
STAND_IN_VECTOR3(float, float)
STAND_IN_VECTORS(double, double, 16, 16)
STAND_IN_VECTOR3(double, double)
__STAND_IN_INLINE uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }

#undef STAND_IN_VECTORS
#undef STAND_IN_VECTOR3

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned width = 1, unsigned height = 1, unsigned depth = 1)
      : x(width), y(height), z(depth) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};

constexpr int warpSize = 32;
