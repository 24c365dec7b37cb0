// Bias, with or without ReLU.
//
//   bias_forward       y[r, c] = x[r, c] + bias[c]
//   bias_relu_forward  y[r, c] = max(x[r, c] + bias[c], 0)      NaN stays NaN
//
// Shapes   x, y [rows, channels] with rows = N H W, or N for features; bias [channels] in fp32; y may
//          be x where both are of one type.
// Types    _f32, _bf16, and _f32_bf16: fp32 sums of bf16 factors, which are rounded now.
// Bytes    rows channels (sizeof(x) + sizeof(y)) + 4 channels.
// FLOPs    rows channels, with ReLU 2 rows channels.
#include "grid.cuh"

template <bool RELU>
__device__ inline float activate(float v) {
  return RELU && v <= 0.0f ? 0.0f : v;
}

template <bool RELU, typename In, typename Out>
__device__ void add_bias(const In* x, const float* bias, Out* y, long long rows, int channels) {
  constexpr int N = PACK<Out>;
  const int packs = channels / N;
  // A stride of whole rows keeps a thread on its channels, so that it reads their bias once.
  const int stride = packs == 0 ? 0 : grid_threads() / packs * packs;
  if (channels % N == 0 && stride > 0 && is_aligned(x) && is_aligned(y) && is_aligned(bias)) {
    if (grid_thread() >= stride) {
      return;
    }
    float shift[N];
    load(bias + grid_thread() % packs * N, shift);
    for (long long i = grid_thread(); i < rows * packs; i += stride) {
      float values[N];
      load(x + i * N, values);
#pragma unroll
      for (int j = 0; j < N; j++) {
        values[j] = activate<RELU>(values[j] + shift[j]);
      }
      store(y + i * N, values);
    }
  } else {
    for_each_unit(rows, channels, [=](long long row, int c) {
      const long long i = row * channels + c;
      y[i] = from_float<Out>(activate<RELU>(to_float(x[i]) + bias[c]));
    });
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
bias_forward_f32(const float* x, const float* bias, float* y, long long rows, int channels) {
  add_bias<false>(x, bias, y, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
bias_forward_bf16(const bf16* x, const float* bias, bf16* y, long long rows, int channels) {
  add_bias<false>(x, bias, y, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
bias_relu_forward_f32(const float* x, const float* bias, float* y, long long rows, int channels) {
  add_bias<true>(x, bias, y, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
bias_relu_forward_bf16(const bf16* x, const float* bias, bf16* y, long long rows, int channels) {
  add_bias<true>(x, bias, y, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
bias_forward_f32_bf16(const float* x, const float* bias, bf16* y, long long rows, int channels) {
  add_bias<false>(x, bias, y, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
bias_relu_forward_f32_bf16(const float* x, const float* bias, bf16* y, long long rows,
                           int channels) {
  add_bias<true>(x, bias, y, rows, channels);
}
