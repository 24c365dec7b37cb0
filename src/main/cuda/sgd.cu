// Stochastic gradient descent over a group of parameters at once, with PyTorch's meaning of its
// settings.
//
//   g = clip gradient + weight_decay w
//   v = momentum v + g                 (v starts at 0, so the first step is v = g)
//   d = nesterov ? g + momentum v : v  (g if there is no momentum)
//   w = w - rate d,   rate = factor rates[min(run, rate_count - 1)]
//   a = average a + (1 - average) w    (a = w in the training's first step)
//
// Shapes   parameters, gradients, velocities, averages [n] in fp32; velocities may be null (no
//          momentum), averages too; copy [n] in bf16, the working copy of the parameters, may be
//          null; clip [1], null for 1. Gradients are only read. Elements of padding stay 0 where
//          gradient and parameter are 0.
// Bytes    20 n with momentum, 12 n without, 8 n more with averages, 2 n with the copy.
// FLOPs    7 n, 3 n more with averages.
#include "update.cuh"

struct Sgd {
  float rate;
  float momentum;
  float weight_decay;
  bool nesterov;

  // Updates a parameter and its velocity in place.
  __device__ void update(float& w, float gradient, float& v, float&) const {
    const float g = gradient + weight_decay * w;
    v = momentum * v + g;
    w -= rate * (nesterov ? g + momentum * v : v);
  }
};

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
sgd(float* parameters, const float* gradients, float* velocities, float* averages, bf16* copy,
    long long n, const float* clip, const float* rates, int rate_count, const long long* run,
    const long long* step, float factor, float average, float momentum, float weight_decay,
    int nesterov) {
  const Progress progress(rates, rate_count, run, step, factor);
  const Region region{parameters, gradients, velocities, nullptr, averages, copy, n};
  const Sgd rule{progress.rate, velocities == nullptr ? 0.0f : momentum, weight_decay,
                 nesterov != 0};
  update(region, rule, clip, progress, average);
}
