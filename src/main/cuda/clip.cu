// What all gradients are multiplied by, so that their common norm is at most a given one.
//
//   factor = min(1, most / (sqrt(sum of g g) + 1e-6))
//
// Shapes   gradients [n] in fp32; partial [parts] in fp64; factor [1] in fp32.
// Bytes    4 n + 16 parts. FLOPs 2 n, in fp64.
//
// The sum is taken in parts of equal length whatever the grid is, so its order is fixed.
#include "grid.cuh"

// The sum of all threads' values, for thread 0.
__device__ inline double block_sum(double value) {
  __shared__ double sums[BLOCK];
  const int thread = static_cast<int>(threadIdx.x);
  __syncthreads();
  sums[thread] = value;
  for (int half = BLOCK / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread < half) {
      sums[thread] += sums[thread + half];
    }
  }
  return sums[0];
}

// Launch   one part a block at a time, in any grid.
extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
squares(const float* gradients, double* partial, long long n, int parts) {
  const long long length = (n + parts - 1) / parts;
  for (int part = static_cast<int>(blockIdx.x); part < parts; part += static_cast<int>(gridDim.x)) {
    const long long begin = part * length;
    const long long end = begin + length < n ? begin + length : n;
    double sum = 0;
    for (long long i = begin + threadIdx.x; i < end; i += BLOCK) {
      const double g = gradients[i];
      sum += g * g;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) {
      partial[part] = sum;
    }
  }
}

// Launch   one block.
extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
clip_by_norm(const double* partial, int parts, float most, float* factor) {
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < parts; i += BLOCK) {
    sum += partial[i];
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) {
    const double quotient = most / (sqrt(sum) + 1e-6);
    // Not fmin: a norm that is not a number is to be seen.
    *factor = quotient > 1 ? 1.0f : static_cast<float>(quotient);
  }
}
