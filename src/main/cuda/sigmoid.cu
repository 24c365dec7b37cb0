// Sigmoid.
//
//   forward   y[i]  = 1 / (1 + exp(-x[i]))
//   backward  dx[i] = dy[i] y[i] (1 - y[i])
//
// Shapes   n elements in any layout; y may be x, dx may be dy.
// Bytes    forward 2 n sizeof(T), backward 3 n sizeof(T).
// FLOPs    forward 3 n and an exponential each, backward 3 n.
#include "grid.cuh"

template <typename T>
__device__ void sigmoid_forward(const T* x, T* y, long long n) {
  map(x, y, n, [](float v) { return 1.0f / (1.0f + expf(-v)); });
}

// Where the slope is 0 the gradient is, even if what comes is infinite.
template <typename T>
__device__ void sigmoid_backward(const T* y, const T* dy, T* dx, long long n) {
  map(y, dy, dx, n, [](float output, float gradient) {
    const float slope = output * (1.0f - output);
    return slope == 0.0f ? 0.0f : gradient * slope;
  });
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
sigmoid_forward_f32(const float* x, float* y, long long n) {
  sigmoid_forward(x, y, n);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
sigmoid_forward_bf16(const bf16* x, bf16* y, long long n) {
  sigmoid_forward(x, y, n);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
sigmoid_backward_f32(const float* y, const float* dy, float* dx, long long n) {
  sigmoid_backward(y, dy, dx, n);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
sigmoid_backward_bf16(const bf16* y, const bf16* dy, bf16* dx, long long n) {
  sigmoid_backward(y, dy, dx, n);
}
