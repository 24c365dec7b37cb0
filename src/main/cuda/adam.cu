// Adam over a group of parameters at once, with PyTorch's meaning of its settings, in step t from 1.
//
//   g = clip gradient + weight_decay w               (without weight_decay where it is decoupled)
//   m = beta1 m + (1 - beta1) g
//   v = beta2 v + (1 - beta2) g g
//   w = w - rate weight_decay w                      (where it is decoupled)
//   w = w - rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
//   a = average a + (1 - average) w                  (a = w in the training's first step)
//
// 1 - beta^t is -expm1(t log(beta)): beta^t itself would lose what 1 - beta has behind its point, of
// which there is 0.001 in the first step. So log(beta) and 1 - beta come from the host, rounded once.
//
// Shapes   parameters, gradients, means, squares, averages [n] in fp32; averages may be null; copy
//          [n] in bf16 may be null; clip [1], null for 1. Gradients are only read. Elements of
//          padding stay 0 where gradient and parameter are 0.
// Bytes    28 n, 8 n more with averages, 2 n with the copy.
// FLOPs    15 n, 3 n more with averages.
#include "update.cuh"

struct Adam {
  float beta1;
  float rest1;
  float beta2;
  float rest2;
  float epsilon;
  float coupled_decay;
  float kept;
  float step_size;
  float inverse_root;

  // Updates a parameter and its moments in place.
  __device__ void update(float& w, float gradient, float& m, float& v) const {
    const float g = gradient + coupled_decay * w;
    m = beta1 * m + rest1 * g;
    v = beta2 * v + rest2 * g * g;
    w = kept * w - step_size * m / (sqrtf(v) * inverse_root + epsilon);
  }
};

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
adam(float* parameters, const float* gradients, float* means, float* squares, float* averages,
     bf16* copy, long long n, const float* clip, const float* rates, int rate_count,
     const long long* run, const long long* step, float factor, float average, float rest1,
     float log_beta1, float rest2, float log_beta2, float epsilon, float weight_decay,
     int decoupled) {
  const Progress progress(rates, rate_count, run, step, factor);
  const float t = static_cast<float>(progress.step + 1);
  const float correction1 = -expm1f(t * log_beta1);
  const float correction2 = -expm1f(t * log_beta2);
  const Region region{parameters, gradients, means, squares, averages, copy, n};
  const Adam rule{1 - rest1,
                  rest1,
                  1 - rest2,
                  rest2,
                  epsilon,
                  decoupled != 0 ? 0.0f : weight_decay,
                  decoupled != 0 ? 1 - progress.rate * weight_decay : 1.0f,
                  progress.rate / correction1,
                  1 / sqrtf(correction2)};
  update(region, rule, clip, progress, average);
}
