// Bias gradient, alone or together with the ReLU before it, in two stages.
//
//   relu_bias_backward   dx[r, c] = y[r, c] > 0 ? dy[r, c] : 0
//                        partial[b, c] = sum of dx[r, c] over the rows of block b
//   bias_gradient        partial[b, c] = sum of dy[r, c] over the rows of block b
//   bias_gradient_finish db[c] = sum of partial[b, c] over b
//
// Each sum has a fixed order that depends on the grid alone, so results repeat bit for bit.
//
// Shapes   y, dy, dx [rows, channels] with rows = N H W; dx may be dy.
//          Workspace: partial [parts, channels] in fp32, parts = gridDim.x of the first stage.
// Bytes    relu_bias_backward 3 rows channels sizeof(T), bias_gradient rows channels sizeof(T),
//          each with 8 parts channels for the partial sums.
// FLOPs    rows channels, with ReLU 2 rows channels.
#include "grid.cuh"

// A block covers a tile of units (N channels each) by `lanes` rows at a time.
template <bool RELU, int N, typename T>
__device__ void sum_rows(const T* y, const T* dy, T* dx, float* partial, long long rows,
                         int channels, float* sums) {
  const int units = channels / N;
  const int tile = units < BLOCK ? units : BLOCK;
  const int lanes = BLOCK / tile;
  const int unit = threadIdx.x % tile;
  const int lane = threadIdx.x / tile;
  for (int first = 0; first < units; first += tile) {
    const bool active = lane < lanes && first + unit < units;
    float sum[N] = {};
    if (active) {
      const long long stride = static_cast<long long>(gridDim.x) * lanes;
      for (long long row = static_cast<long long>(blockIdx.x) * lanes + lane; row < rows;
           row += stride) {
        const long long offset = row * channels + (first + unit) * N;
        float gradient[N];
        load(dy + offset, gradient);
        if constexpr (RELU) {
          float output[N];
          load(y + offset, output);
#pragma unroll
          for (int j = 0; j < N; j++) {
            gradient[j] = output[j] > 0.0f ? gradient[j] : 0.0f;
          }
          store(dx + offset, gradient);
        }
#pragma unroll
        for (int j = 0; j < N; j++) {
          sum[j] += gradient[j];
        }
      }
#pragma unroll
      for (int j = 0; j < N; j++) {
        sums[(lane * tile + unit) * N + j] = sum[j];
      }
    }
    __syncthreads();
    const int remaining = channels - first * N;
    const int width = tile * N < remaining ? tile * N : remaining;
    for (int c = threadIdx.x; c < width; c += BLOCK) {
      float total = 0.0f;
      for (int l = 0; l < lanes; l++) {
        total += sums[l * tile * N + c];
      }
      partial[static_cast<long long>(blockIdx.x) * channels + first * N + c] = total;
    }
    __syncthreads();
  }
}

template <bool RELU, typename T>
__device__ void sum_gradient(const T* y, const T* dy, T* dx, float* partial, long long rows,
                             int channels) {
  constexpr int N = PACK<T>;
  __shared__ float sums[BLOCK * N];
  const bool aligned = is_aligned(dy) && (!RELU || (is_aligned(y) && is_aligned(dx)));
  if (channels % N == 0 && aligned) {
    sum_rows<RELU, N>(y, dy, dx, partial, rows, channels, sums);
  } else {
    sum_rows<RELU, 1>(y, dy, dx, partial, rows, channels, sums);
  }
}

// A block sums 8 channels (one 32-byte sector of each part) with 32 threads a channel.
__device__ void finish(const float* partial, float* db, int parts, int channels) {
  __shared__ float sums[BLOCK];
  const int lane = threadIdx.x / 8;
  for (int first = blockIdx.x * 8; first < channels; first += gridDim.x * 8) {
    const int c = first + threadIdx.x % 8;
    float sum = 0.0f;
    if (c < channels) {
      for (int part = lane; part < parts; part += BLOCK / 8) {
        sum += partial[static_cast<long long>(part) * channels + c];
      }
    }
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (lane == 0 && c < channels) {
      float total = 0.0f;
      for (int l = 0; l < BLOCK / 8; l++) {
        total += sums[l * 8 + threadIdx.x];
      }
      db[c] = total;
    }
    __syncthreads();
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
relu_bias_backward_f32(const float* y, const float* dy, float* dx, float* partial, long long rows,
                       int channels) {
  sum_gradient<true>(y, dy, dx, partial, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
relu_bias_backward_bf16(const bf16* y, const bf16* dy, bf16* dx, float* partial, long long rows,
                        int channels) {
  sum_gradient<true>(y, dy, dx, partial, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
bias_gradient_f32(const float* dy, float* partial, long long rows, int channels) {
  sum_gradient<false, float>(nullptr, dy, nullptr, partial, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
bias_gradient_bf16(const bf16* dy, float* partial, long long rows, int channels) {
  sum_gradient<false, bf16>(nullptr, dy, nullptr, partial, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
bias_gradient_finish(const float* partial, float* db, int parts, int channels) {
  finish(partial, db, parts, channels);
}
