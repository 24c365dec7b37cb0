// Random numbers for trials of algorithms: x[i] = 2 u - 1 with u in [0, 1) from word i % 4 of
// Philox(seed, block i / 4, step 0, stream 0). fp32 elements are rounded to bf16 if `rounded`.
//
// Shapes   n elements in any layout.
// Bytes    n sizeof(T).
// FLOPs    2 n; about 25 integer operations an element.
#include "grid.cuh"
#include "philox.cuh"

template <typename T>
__device__ void random_fill(T* x, long long n, unsigned long long seed, int rounded) {
  for (long long i = grid_thread(); i < (n + 3) / 4; i += grid_threads()) {
    unsigned words[4];
    philox(seed, static_cast<unsigned long long>(i), 0, 0, words);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      if (i * 4 + j < n) {
        const float value = 2.0f * uniform(words[j]) - 1.0f;
        x[i * 4 + j] = from_float<T>(rounded != 0 ? to_float(from_float<bf16>(value)) : value);
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
random_fill_f32(float* x, long long n, unsigned long long seed, int rounded) {
  random_fill(x, n, seed, rounded);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
random_fill_bf16(bf16* x, long long n, unsigned long long seed, int rounded) {
  random_fill(x, n, seed, rounded);
}
