// ReLU.
//
//   forward   y[i]  = max(x[i], 0)                NaN stays NaN
//   backward  dx[i] = y[i] > 0 ? dy[i] : 0
//
// Shapes   n elements in any layout; y may be x, dx may be dy.
// Bytes    forward 2 n sizeof(T), backward 3 n sizeof(T).
// FLOPs    n each.
#include "grid.cuh"

template <typename T>
__device__ void relu_forward(const T* x, T* y, long long n) {
  map(x, y, n, [](float v) { return v <= 0.0f ? 0.0f : v; });
}

template <typename T>
__device__ void relu_backward(const T* y, const T* dy, T* dx, long long n) {
  map(y, dy, dx, n, [](float output, float gradient) { return output > 0.0f ? gradient : 0.0f; });
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
relu_forward_f32(const float* x, float* y, long long n) {
  relu_forward(x, y, n);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
relu_forward_bf16(const bf16* x, bf16* y, long long n) {
  relu_forward(x, y, n);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
relu_backward_f32(const float* y, const float* dy, float* dx, long long n) {
  relu_backward(y, dy, dx, n);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
relu_backward_bf16(const bf16* y, const bf16* dy, bf16* dx, long long n) {
  relu_backward(y, dy, dx, n);
}
