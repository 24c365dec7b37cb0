// Fill with one value: x[i] = value.
//
// Shapes   n elements in any layout.
// Bytes    n sizeof(T).
// FLOPs    none.
#include "grid.cuh"

template <typename T>
__device__ void fill(T* x, float value, long long n) {
  map(x, x, n, [value](float) { return value; });
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
fill_f32(float* x, float value, long long n) {
  fill(x, value, n);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
fill_bf16(bf16* x, float value, long long n) {
  fill(x, value, n);
}
