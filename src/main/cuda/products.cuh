// Chains of products by a warp: rows of 16 pixels by chunks of filters that lie in shared memory.
#pragma once
#include "mma.cuh"

constexpr int WARP = 32;

// Where a lane's row of the filters' four matrices begins: right, then down.
__device__ inline int filter_offset(int stride) {
  const int lane = threadIdx.x % WARP;
  return (lane % 8 + lane / 16 * 8) * stride + lane / 8 % 2 * 8;
}

// The same of matrices down, then right.
__device__ inline int pixel_offset(int stride) {
  const int lane = threadIdx.x % WARP;
  return lane % 16 * stride + lane / 16 * 8;
}

// Adds 16 more of the channels summed over, for 16 PARTS filters and 16 M pixels.
//
// weight: the first of these channels of the first filter, and filter_offset from there.
template <int PARTS, int M>
__device__ inline void multiply_add_chunk(float (&sums)[PARTS][M][2][4], const unsigned (&a)[M][4],
                                          SharedPlace weight, int stride) {
#pragma unroll
  for (int part = 0; part < PARTS; part++) {
    unsigned b[4];
    load_matrices(b, weight + part * 16 * stride);
#pragma unroll
    for (int m = 0; m < M; m++) {
      multiply_add(sums[part][m][0], a[m], b[0], b[1]);
      multiply_add(sums[part][m][1], a[m], b[2], b[3]);
    }
  }
}

// Adds 16 more of the filters summed over, for 16 PARTS channels and 16 M pixels.
//
// weight: the first of these channels of the first of these filters, and pixel_offset from there.
template <int PARTS, int M>
__device__ inline void multiply_add_transposed(float (&sums)[PARTS][M][2][4],
                                               const unsigned (&a)[M][4], SharedPlace weight) {
#pragma unroll
  for (int part = 0; part < PARTS; part++) {
    unsigned b[4];
    load_matrices_transposed(b, weight + part * 16);
#pragma unroll
    for (int m = 0; m < M; m++) {
      multiply_add(sums[part][m][0], a[m], b[0], b[1]);
      multiply_add(sums[part][m][1], a[m], b[2], b[3]);
    }
  }
}

// Bias, ReLU (NaN stays NaN) and rounding of 16 channels: two sums become a factor of the next
// product.
__device__ inline void activate(const float (&sums)[2][4], const float* bias,
                                unsigned (&factor)[4]) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const float low = bias[half * 8 + threadIdx.x % 4 * 2];
    const float high = bias[half * 8 + threadIdx.x % 4 * 2 + 1];
#pragma unroll
    for (int i = 0; i < 2; i++) {
      factor[2 * half + i] = pack_relu(sums[half][2 * i] + low, sums[half][2 * i + 1] + high);
    }
  }
}

// A lane's part of one of the two pixels that it shares, upper (g) or lower (g + 8), to the place
// of the pixel's 16 channels.
__device__ inline void put_pixel(bf16* pixel, bool lower, const unsigned (&factor)[4]) {
  unsigned* words = reinterpret_cast<unsigned*>(pixel + threadIdx.x % 4 * 2);
  words[0] = factor[lower ? 1 : 0];
  words[4] = factor[lower ? 3 : 2];
}

// A factor's 16 pixels, stride elements apart.
__device__ inline void put(bf16* pixels, int stride, const unsigned (&factor)[4]) {
  bf16* upper = pixels + threadIdx.x % WARP / 4 * stride;
  put_pixel(upper, false, factor);
  put_pixel(upper + 8 * stride, true, factor);
}

// The gradient of 16 channels: rounded, and 0 where the activation is not above 0. pixels: of the
// activation, as put by the same lane.
__device__ inline void mask(const float (&sums)[2][4], const bf16* pixels, int stride,
                            unsigned (&factor)[4]) {
  const bf16* upper = pixels + threadIdx.x % WARP / 4 * stride + threadIdx.x % 4 * 2;
#pragma unroll
  for (int half = 0; half < 2; half++) {
#pragma unroll
    for (int i = 0; i < 2; i++) {
      float low;
      float high;
      unpack(*reinterpret_cast<const unsigned*>(upper + i * 8 * stride + half * 8), low, high);
      factor[2 * half + i] = pack(low > 0.0f ? sums[half][2 * i] : 0.0f,
                                  high > 0.0f ? sums[half][2 * i + 1] : 0.0f);
    }
  }
}
