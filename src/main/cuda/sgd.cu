// Stochastic gradient descent over all parameters at once, with PyTorch's meaning of its settings.
//
//   g = gradient + weight_decay w
//   v = momentum v + g                 (v starts at 0, so the first step is v = g)
//   d = nesterov ? g + momentum v : v  (g if there is no momentum)
//   w = w - rate d,   rate = rates[min(run, rate_count - 1)]
//
// Shapes   parameters, gradients, velocities [n] in fp32; velocities may be null (no momentum);
//          copy [n] in bf16, the working copy of the parameters, may be null. Gradients are only
//          read. Elements of padding stay 0 where gradient and parameter are 0.
// Bytes    20 n with momentum, 12 n without, 2 n more with the copy.
// FLOPs    6 n.
#include "grid.cuh"

struct Sgd {
  float rate;
  float momentum;
  float weight_decay;
  bool nesterov;

  // Updates a parameter and its velocity in place.
  __device__ void update(float& w, float gradient, float& v) const {
    const float g = gradient + weight_decay * w;
    v = momentum * v + g;
    w -= rate * (nesterov ? g + momentum * v : v);
  }
};

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
sgd(float* parameters, const float* gradients, float* velocities, bf16* copy, long long n,
    const float* rates, int rate_count, const long long* run, float momentum, float weight_decay,
    int nesterov) {
  const long long last = rate_count - 1;
  const Sgd sgd{rates[*run < last ? *run : last], velocities == nullptr ? 0.0f : momentum,
                weight_decay, nesterov != 0};
  constexpr int N = 4;
  long long done = 0;
  if (is_aligned(parameters) && is_aligned(gradients) && is_aligned(velocities) &&
      is_aligned(copy, 8)) {
    for (long long i = grid_thread(); i < n / N; i += grid_threads()) {
      float w[N];
      float g[N];
      float v[N] = {};
      load(parameters + i * N, w);
      load(gradients + i * N, g);
      if (velocities != nullptr) {
        load(velocities + i * N, v);
      }
#pragma unroll
      for (int j = 0; j < N; j++) {
        sgd.update(w[j], g[j], v[j]);
      }
      store(parameters + i * N, w);
      if (velocities != nullptr) {
        store(velocities + i * N, v);
      }
      if (copy != nullptr) {
        store(copy + i * N, w);
      }
    }
    done = n / N * N;
  }
  for (long long i = done + grid_thread(); i < n; i += grid_threads()) {
    float w = parameters[i];
    float v = velocities == nullptr ? 0.0f : velocities[i];
    sgd.update(w, gradients[i], v);
    parameters[i] = w;
    if (velocities != nullptr) {
      velocities[i] = v;
    }
    if (copy != nullptr) {
      copy[i] = from_float<bf16>(w);
    }
  }
}
