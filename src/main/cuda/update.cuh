// What optimizers share: a loop over a region of parameters with all that lies beside it.
#pragma once
#include "grid.cuh"

// A region of n parameters in fp32, and beside it, in the same order, what belongs to each.
struct Region {
  float* parameters;
  const float* gradients;
  float* first;     // the optimizer's memory; may be null
  float* second;    // may be null
  float* averages;  // a running average of the parameters; may be null
  bf16* copy;       // the parameters' working copy; may be null
  long long n;
};

// What changes from run to run.
struct Progress {
  float rate;      // of this run
  long long step;  // of the training, from 0

  __device__ Progress(const float* rates, int rate_count, const long long* run,
                      const long long* steps, float factor)
      : rate(0), step(*steps) {
    const long long last = rate_count - 1;
    rate = factor * rates[*run < last ? *run : last];
  }
};

// The factor of all gradients; null for 1.
__device__ inline float clip_factor(const float* clip) { return clip == nullptr ? 1.0f : *clip; }

template <int N>
__device__ inline void load_if(const float* source, float (&values)[N]) {
  if (source != nullptr) {
    load(source, values);
  } else {
#pragma unroll
    for (int j = 0; j < N; j++) {
      values[j] = 0;
    }
  }
}

template <int N, typename T>
__device__ inline void store_if(T* target, const float (&values)[N]) {
  if (target != nullptr) {
    store(target, values);
  }
}

template <typename T>
__device__ inline T* at(T* region, long long i) {
  return region == nullptr ? nullptr : region + i;
}

template <int N, typename Rule>
__device__ inline void update_at(const Region& r, const Rule& rule, float clip, float kept,
                                 long long i) {
  float w[N];
  float g[N];
  float a[N];
  float b[N];
  load(r.parameters + i, w);
  load(r.gradients + i, g);
  load_if(at(r.first, i), a);
  load_if(at(r.second, i), b);
#pragma unroll
  for (int j = 0; j < N; j++) {
    rule.update(w[j], clip * g[j], a[j], b[j]);
  }
  store(r.parameters + i, w);
  store_if(at(r.first, i), a);
  store_if(at(r.second, i), b);
  store_if(at(r.copy, i), w);
  if (r.averages != nullptr) {
    load(r.averages + i, a);
#pragma unroll
    for (int j = 0; j < N; j++) {
      a[j] = kept * a[j] + (1 - kept) * w[j];
    }
    store(r.averages + i, a);
  }
}

// Updates all n parameters; the average is the parameters themselves in the training's first step.
template <typename Rule>
__device__ inline void update(const Region& r, const Rule& rule, const float* clip,
                              const Progress& progress, float average) {
  constexpr int N = 4;
  const float factor = clip_factor(clip);
  const float kept = progress.step == 0 ? 0.0f : average;
  long long done = 0;
  if (is_aligned(r.parameters) && is_aligned(r.gradients) && is_aligned(r.first) &&
      is_aligned(r.second) && is_aligned(r.averages) && is_aligned(r.copy, 8)) {
    for (long long i = grid_thread(); i < r.n / N; i += grid_threads()) {
      update_at<N>(r, rule, factor, kept, i * N);
    }
    done = r.n / N * N;
  }
  for (long long i = done + grid_thread(); i < r.n; i += grid_threads()) {
    update_at<1>(r, rule, factor, kept, i);
  }
}
