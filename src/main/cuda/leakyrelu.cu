// ReLU with a slope below 0.
//
//   forward   y[i]  = x[i] > 0 ? x[i] : 0.01 x[i]        NaN stays NaN
//   backward  dx[i] = y[i] > 0 ? dy[i] : 0.01 dy[i]
//
// Shapes   n elements in any layout; y may be x, dx may be dy.
// Bytes    forward 2 n sizeof(T), backward 3 n sizeof(T).
// FLOPs    n each.
#include "grid.cuh"

// Activation.LEAK.
constexpr float LEAK = 0.01f;

template <typename T>
__device__ void leakyrelu_forward(const T* x, T* y, long long n) {
  map(x, y, n, [](float v) { return v > 0.0f ? v : LEAK * v; });
}

template <typename T>
__device__ void leakyrelu_backward(const T* y, const T* dy, T* dx, long long n) {
  map(y, dy, dx, n, [](float output, float gradient) {
    return output > 0.0f ? gradient : LEAK * gradient;
  });
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
leakyrelu_forward_f32(const float* x, float* y, long long n) {
  leakyrelu_forward(x, y, n);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
leakyrelu_forward_bf16(const bf16* x, bf16* y, long long n) {
  leakyrelu_forward(x, y, n);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
leakyrelu_backward_f32(const float* y, const float* dy, float* dx, long long n) {
  leakyrelu_backward(y, dy, dx, n);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
leakyrelu_backward_bf16(const bf16* y, const bf16* dy, bf16* dx, long long n) {
  leakyrelu_backward(y, dy, dx, n);
}
