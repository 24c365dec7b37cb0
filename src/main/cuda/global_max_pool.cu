// Global max pooling.
//
//   forward   y[n, c]        = max over q of x[n, q, c]
//             position[n, c] = the first q that has it; a NaN wins over every number
//   backward  dx[n, q, c]    = q == position[n, c] ? dy[n, c] : 0
//
// Shapes   x, dx [images, pixels, channels]; y, dy, position [images, channels]; position in 32-bit
//          integers, may be null in forward (inference).
// Bytes    images pixels channels sizeof(T) + images channels (sizeof(T) + 4).
// FLOPs    forward images pixels channels comparisons, backward none.
#include "grid.cuh"

struct Candidate {
  float value;
  int pixel;

  // Whether the other, of any other pixel, stands before this one.
  __device__ bool loses_to(const Candidate& other) const {
    const bool nan = value != value;
    const bool other_nan = other.value != other.value;
    if (nan != other_nan) {
      return other_nan;
    }
    return other.value > value || (!(other.value < value) && other.pixel < pixel);
  }
};

// A block takes 32 channels of an image with 8 threads a channel.
template <typename T>
__device__ void maximum(const T* x, T* y, int* position, long long images, int channels,
                        int pixels) {
  __shared__ float values[BLOCK];
  __shared__ int where[BLOCK];
  constexpr int WIDTH = 32;
  constexpr int LANES = BLOCK / WIDTH;
  const int lane = threadIdx.x / WIDTH;
  const int tiles = (channels + WIDTH - 1) / WIDTH;
  for (long long tile = blockIdx.x; tile < images * tiles; tile += gridDim.x) {
    const long long image = tile / tiles;
    const int c = static_cast<int>(tile - image * tiles) * WIDTH + threadIdx.x % WIDTH;
    // Loses to every pixel.
    Candidate best{-__int_as_float(0x7f800000), pixels};
    if (c < channels) {
      for (int q = lane; q < pixels; q += LANES) {
        const Candidate next{to_float(x[(image * pixels + q) * channels + c]), q};
        if (best.loses_to(next)) {
          best = next;
        }
      }
    }
    values[threadIdx.x] = best.value;
    where[threadIdx.x] = best.pixel;
    __syncthreads();
    if (lane == 0 && c < channels) {
#pragma unroll
      for (int l = 1; l < LANES; l++) {
        const int other = l * WIDTH + threadIdx.x;
        const Candidate next{values[other], where[other]};
        if (best.loses_to(next)) {
          best = next;
        }
      }
      y[image * channels + c] = from_float<T>(best.value);
      if (position != nullptr) {
        position[image * channels + c] = best.pixel;
      }
    }
    __syncthreads();
  }
}

template <int N, typename T>
__device__ void spread_packs(const int* position, const T* dy, T* dx, long long images,
                             int channels, int pixels) {
  const int packs = channels / N;
  for_each_unit(images, pixels * packs, [=](long long image, int unit) {
    const int pixel = unit / packs;
    const long long source = image * channels + (unit - pixel * packs) * N;
    float values[N];
#pragma unroll
    for (int j = 0; j < N; j++) {
      values[j] = position[source + j] == pixel ? to_float(dy[source + j]) : 0.0f;
    }
    store(dx + (image * pixels * packs + unit) * N, values);
  });
}

template <typename T>
__device__ void spread(const int* position, const T* dy, T* dx, long long images, int channels,
                       int pixels) {
  if (channels % PACK<T> == 0 && is_aligned(dx)) {
    spread_packs<PACK<T>>(position, dy, dx, images, channels, pixels);
  } else {
    spread_packs<1>(position, dy, dx, images, channels, pixels);
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
global_max_pool_forward_f32(const float* x, float* y, int* position, long long images,
                            int channels, int pixels) {
  maximum(x, y, position, images, channels, pixels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
global_max_pool_forward_bf16(const bf16* x, bf16* y, int* position, long long images,
                             int channels, int pixels) {
  maximum(x, y, position, images, channels, pixels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
global_max_pool_backward_f32(const int* position, const float* dy, float* dx, long long images,
                             int channels, int pixels) {
  spread(position, dy, dx, images, channels, pixels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
global_max_pool_backward_bf16(const int* position, const bf16* dy, bf16* dx, long long images,
                              int channels, int pixels) {
  spread(position, dy, dx, images, channels, pixels);
}
