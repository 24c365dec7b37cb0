// Sum of up to eight tensors: y[i] = a[i] + b[i] + ..., from the first to the last in fp32, rounded
// once; max(y, 0) if `relu` is not 0 (NaN stays NaN).
//
// Shapes   n elements in any layout; b to h may be null, and every tensor after one that is; y may
//          be any of them.
// Bytes    (terms + 1) n sizeof(T).
// FLOPs    (terms - 1) n.
#include "grid.cuh"

template <int N, typename T>
__device__ inline bool add(const T* term, long long i, float (&sum)[N]) {
  if (term == nullptr) {
    return false;
  }
  float values[N];
  load(term + i, values);
#pragma unroll
  for (int j = 0; j < N; j++) {
    sum[j] += values[j];
  }
  return true;
}

template <typename T>
struct Terms {
  const T* a;
  const T* b;
  const T* c;
  const T* d;
  const T* e;
  const T* f;
  const T* g;
  const T* h;
  int relu;

  __device__ bool are_aligned() const {
    return is_aligned(a) && is_aligned(b) && is_aligned(c) && is_aligned(d) && is_aligned(e) &&
           is_aligned(f) && is_aligned(g) && is_aligned(h);
  }

  template <int N>
  __device__ void put(T* y, long long i) const {
    float sum[N];
    load(a + i, sum);
    if (add(b, i, sum) && add(c, i, sum) && add(d, i, sum) && add(e, i, sum) && add(f, i, sum) &&
        add(g, i, sum)) {
      add(h, i, sum);
    }
    if (relu != 0) {
#pragma unroll
      for (int j = 0; j < N; j++) {
        sum[j] = sum[j] <= 0.0f ? 0.0f : sum[j];
      }
    }
    store(y + i, sum);
  }
};

template <typename T>
__device__ void sum(const Terms<T>& terms, T* y, long long n) {
  constexpr int N = PACK<T>;
  long long done = 0;
  if (terms.are_aligned() && is_aligned(y)) {
    for (long long i = grid_thread(); i < n / N; i += grid_threads()) {
      terms.template put<N>(y, i * N);
    }
    done = n / N * N;
  }
  for (long long i = done + grid_thread(); i < n; i += grid_threads()) {
    terms.template put<1>(y, i);
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
sum_f32(const float* a, const float* b, const float* c, const float* d, const float* e,
        const float* f, const float* g, const float* h, int relu, float* y, long long n) {
  sum(Terms<float>{a, b, c, d, e, f, g, h, relu}, y, n);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
sum_bf16(const bf16* a, const bf16* b, const bf16* c, const bf16* d, const bf16* e, const bf16* f,
         const bf16* g, const bf16* h, int relu, bf16* y, long long n) {
  sum(Terms<bf16>{a, b, c, d, e, f, g, h, relu}, y, n);
}
