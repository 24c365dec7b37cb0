// Where a thread stands in its grid, and loops over whole tensors.
#pragma once
#include "numbers.cuh"

// Every kernel here is launched with one-dimensional blocks of this many threads, but for some whose
// head says how many more.
constexpr int BLOCK = 256;

// At least n blocks of a kernel on a multiprocessor: up to 64 registers a thread. Left to
// itself, ptxas spills some to fit more blocks.
constexpr int BLOCKS = 4;

// Position of this thread in the grid. A grid has fewer than 2^31 threads; a tensor may have more
// elements, so loops count with 64 bits.
__device__ inline int grid_thread() { return static_cast<int>(blockIdx.x * BLOCK + threadIdx.x); }

__device__ inline int grid_threads() { return static_cast<int>(gridDim.x * BLOCK); }

// Calls f(image, unit) for each unit < units of each image, spread over the grid in order. Divides
// only before the loop, and in 32 bits: a 64-bit division costs as much as the work on a unit.
template <typename Function>
__device__ inline void for_each_unit(long long images, int units, Function f) {
  const int step_images = grid_threads() / units;
  const int step_units = grid_threads() % units;
  long long image = grid_thread() / units;
  int unit = grid_thread() % units;
  while (image < images) {
    f(image, unit);
    image += step_images;
    unit += step_units;
    if (unit >= units) {
      unit -= units;
      image++;
    }
  }
}

// y[i] = f(x[i]) for i < n, 16 bytes of the narrower type at a time where both are aligned.
template <typename In, typename Out, typename Function>
__device__ inline void map(const In* x, Out* y, long long n, Function f) {
  constexpr int N = PACK<In> > PACK<Out> ? PACK<In> : PACK<Out>;
  long long done = 0;
  if (is_aligned(x) && is_aligned(y)) {
    for (long long i = grid_thread(); i < n / N; i += grid_threads()) {
      float values[N];
      load(x + i * N, values);
#pragma unroll
      for (int j = 0; j < N; j++) {
        values[j] = f(values[j]);
      }
      store(y + i * N, values);
    }
    done = n / N * N;
  }
  for (long long i = done + grid_thread(); i < n; i += grid_threads()) {
    y[i] = from_float<Out>(f(to_float(x[i])));
  }
}

// y[i] = f(a[i], b[i]) for i < n.
template <typename T, typename Function>
__device__ inline void map(const T* a, const T* b, T* y, long long n, Function f) {
  constexpr int N = PACK<T>;
  long long done = 0;
  if (is_aligned(a) && is_aligned(b) && is_aligned(y)) {
    for (long long i = grid_thread(); i < n / N; i += grid_threads()) {
      float first[N];
      float second[N];
      load(a + i * N, first);
      load(b + i * N, second);
#pragma unroll
      for (int j = 0; j < N; j++) {
        first[j] = f(first[j], second[j]);
      }
      store(y + i * N, first);
    }
    done = n / N * N;
  }
  for (long long i = done + grid_thread(); i < n; i += grid_threads()) {
    y[i] = from_float<T>(f(to_float(a[i]), to_float(b[i])));
  }
}
