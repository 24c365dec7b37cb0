// Numbers: bfloat16, conversions, and loads and stores of several elements at once.
//
// Kernels compute in fp32 whatever the storage type is, so each loads into floats and stores from
// floats. No CUDA header is included: NVRTC then needs no CUDA installation but its own library.
#pragma once

// The upper half of an fp32 number: 1 sign bit, 8 exponent bits, 7 mantissa bits.
struct bf16 {
  unsigned short bits;
};

__device__ inline float to_float(float x) { return x; }

__device__ inline float to_float(bf16 x) {
  return __uint_as_float(static_cast<unsigned>(x.bits) << 16);
}

// Rounds to nearest, ties to even; NaN stays NaN (made quiet), overflow gives infinity.
__device__ inline unsigned bf16_bits(float x) {
  const unsigned bits = __float_as_uint(x);
  const unsigned rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return x != x ? (bits >> 16) | 0x40u : rounded;
}

template <typename T>
__device__ inline T from_float(float x);

template <>
__device__ inline float from_float<float>(float x) {
  return x;
}

template <>
__device__ inline bf16 from_float<bf16>(float x) {
  return bf16{static_cast<unsigned short>(bf16_bits(x))};
}

// Elements in 16 bytes, the widest single access of a thread.
template <typename T>
constexpr int PACK = 16 / static_cast<int>(sizeof(T));

__device__ inline bool is_aligned(const void* pointer, int bytes = 16) {
  return reinterpret_cast<unsigned long long>(pointer) % bytes == 0;
}

__device__ inline void unpack(unsigned word, float& low, float& high) {
  low = __uint_as_float(word << 16);
  high = __uint_as_float(word & 0xffff0000u);
}

__device__ inline unsigned pack(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  // One instruction for two numbers. Only the bits of a NaN are others: this one's are always 1.
  unsigned word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
#else
  return bf16_bits(low) | (bf16_bits(high) << 16);
#endif
}

// pack of the two numbers, 0 in the place of those below; NaN stays NaN.
__device__ inline unsigned pack_relu(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  unsigned word;
  asm("cvt.rn.relu.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
#else
  return pack(low <= 0.0f ? 0.0f : low, high <= 0.0f ? 0.0f : high);
#endif
}

// Reads N elements: 1, for odd channel counts and unaligned tensors, or a multiple of 4 at an
// address that is a multiple of min(16, N * sizeof(T)).
template <int N>
__device__ inline void load(const float* source, float (&values)[N]) {
  static_assert(N == 1 || N % 4 == 0, "one element or whole float4s");
  if constexpr (N == 1) {
    values[0] = *source;
  } else {
#pragma unroll
    for (int i = 0; i < N; i += 4) {
      const float4 four = *reinterpret_cast<const float4*>(source + i);
      values[i] = four.x;
      values[i + 1] = four.y;
      values[i + 2] = four.z;
      values[i + 3] = four.w;
    }
  }
}

template <int N>
__device__ inline void load(const bf16* source, float (&values)[N]) {
  static_assert(N == 1 || N == 4 || N % 8 == 0, "one element, 8 bytes or whole packs");
  if constexpr (N == 1) {
    values[0] = to_float(*source);
  } else if constexpr (N == 4) {
    const uint2 words = *reinterpret_cast<const uint2*>(source);
    unpack(words.x, values[0], values[1]);
    unpack(words.y, values[2], values[3]);
  } else {
#pragma unroll
    for (int i = 0; i < N; i += 8) {
      const uint4 words = *reinterpret_cast<const uint4*>(source + i);
      unpack(words.x, values[i], values[i + 1]);
      unpack(words.y, values[i + 2], values[i + 3]);
      unpack(words.z, values[i + 4], values[i + 5]);
      unpack(words.w, values[i + 6], values[i + 7]);
    }
  }
}

// Writes N elements, with the same conditions.
template <int N>
__device__ inline void store(float* target, const float (&values)[N]) {
  static_assert(N == 1 || N % 4 == 0, "one element or whole float4s");
  if constexpr (N == 1) {
    *target = values[0];
  } else {
#pragma unroll
    for (int i = 0; i < N; i += 4) {
      *reinterpret_cast<float4*>(target + i) =
          make_float4(values[i], values[i + 1], values[i + 2], values[i + 3]);
    }
  }
}

template <int N>
__device__ inline void store(bf16* target, const float (&values)[N]) {
  static_assert(N == 1 || N == 4 || N % 8 == 0, "one element, 8 bytes or whole packs");
  if constexpr (N == 1) {
    *target = from_float<bf16>(values[0]);
  } else if constexpr (N == 4) {
    *reinterpret_cast<uint2*>(target) =
        make_uint2(pack(values[0], values[1]), pack(values[2], values[3]));
  } else {
#pragma unroll
    for (int i = 0; i < N; i += 8) {
      *reinterpret_cast<uint4*>(target + i) =
          make_uint4(pack(values[i], values[i + 1]), pack(values[i + 2], values[i + 3]),
                     pack(values[i + 4], values[i + 5]), pack(values[i + 6], values[i + 7]));
    }
  }
}
