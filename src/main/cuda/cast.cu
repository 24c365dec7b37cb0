// Conversion between fp32 and bf16: y[i] = x[i], rounded to nearest, ties to even.
//
// Shapes   n elements in any layout.
// Bytes    6 n.
// FLOPs    none.
#include "grid.cuh"

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
cast_f32_bf16(const float* x, bf16* y, long long n) {
  map(x, y, n, [](float v) { return v; });
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
cast_bf16_f32(const bf16* x, float* y, long long n) {
  map(x, y, n, [](float v) { return v; });
}
