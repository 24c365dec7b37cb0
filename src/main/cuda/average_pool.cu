// Global average pooling.
//
//   forward   y[n, c]     = 1 / pixels * sum over q of x[n, q, c]
//   backward  dx[n, q, c] = dy[n, c] / pixels
//
// Shapes   x, dx [images, pixels, channels]; y, dy [images, channels].
// Bytes    (images pixels channels + images channels) sizeof(T).
// FLOPs    images pixels channels.
#include "grid.cuh"

// A block takes 32 channels of an image with 8 threads a channel.
template <typename T>
__device__ void average(const T* x, T* y, long long images, int channels, int pixels) {
  __shared__ float sums[BLOCK];
  constexpr int WIDTH = 32;
  constexpr int LANES = BLOCK / WIDTH;
  const int lane = threadIdx.x / WIDTH;
  const int tiles = (channels + WIDTH - 1) / WIDTH;
  for (long long tile = blockIdx.x; tile < images * tiles; tile += gridDim.x) {
    const long long image = tile / tiles;
    const int c = static_cast<int>(tile - image * tiles) * WIDTH + threadIdx.x % WIDTH;
    float sum = 0.0f;
    if (c < channels) {
      for (int q = lane; q < pixels; q += LANES) {
        sum += to_float(x[(image * pixels + q) * channels + c]);
      }
    }
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (lane == 0 && c < channels) {
      float total = 0.0f;
#pragma unroll
      for (int l = 0; l < LANES; l++) {
        total += sums[l * WIDTH + threadIdx.x];
      }
      y[image * channels + c] = from_float<T>(total / static_cast<float>(pixels));
    }
    __syncthreads();
  }
}

template <int N, typename T>
__device__ void spread_packs(const T* dy, T* dx, long long images, int channels, int pixels) {
  const int packs = channels / N;
  for_each_unit(images, pixels * packs, [=](long long image, int unit) {
    const T* source = dy + image * channels + unit % packs * N;
    float values[N];
#pragma unroll
    for (int j = 0; j < N; j++) {
      values[j] = to_float(source[j]) / static_cast<float>(pixels);
    }
    store(dx + (image * pixels * packs + unit) * N, values);
  });
}

template <typename T>
__device__ void spread(const T* dy, T* dx, long long images, int channels, int pixels) {
  if (channels % PACK<T> == 0 && is_aligned(dx)) {
    spread_packs<PACK<T>>(dy, dx, images, channels, pixels);
  } else {
    spread_packs<1>(dy, dx, images, channels, pixels);
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
global_average_pool_forward_f32(const float* x, float* y, long long images, int channels,
                                int pixels) {
  average(x, y, images, channels, pixels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
global_average_pool_forward_bf16(const bf16* x, bf16* y, long long images, int channels,
                                 int pixels) {
  average(x, y, images, channels, pixels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
global_average_pool_backward_f32(const float* dy, float* dx, long long images, int channels,
                                 int pixels) {
  spread(dy, dx, images, channels, pixels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
global_average_pool_backward_bf16(const bf16* dy, bf16* dx, long long images, int channels,
                                  int pixels) {
  spread(dy, dx, images, channels, pixels);
}
