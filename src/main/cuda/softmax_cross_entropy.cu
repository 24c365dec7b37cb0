// Softmax, cross-entropy, its gradient, and counts of right answers, in two kernels.
//
// softmax_cross_entropy, a warp a sample, with m = max z, p = softmax(z), s = smoothing:
//
//   loss[n]        = log(sum over k of exp(z[n, k] - m)) + m
//                    - (1 - s) z[n, label] - s / classes sum over k of z[n, k]
//   gradient[n, k] = (p[k] - (1 - s) [k = label] - s / classes) / valid
//   rank[n]        = number of classes before the label's, where a larger logit (or a NaN) stands
//                    before a smaller and, of equal ones, the lower class before the higher
//
//   valid is the number of labels that are not -1. A sample labelled -1 has no loss, a gradient of
//   0 and rank -1. A label that is no class has a loss of NaN, so that it cannot pass unnoticed.
//
// accumulate_metrics, one block, adds a batch to the session's sums in double and in a fixed order:
//
//   loss_sum += sum of loss[n]      samples += valid      batches += 1
//   top1, top5 += samples with rank < 1, < 5
//   batch_loss = mean loss of this batch
//   if it is NaN or infinite: non_finite += 1, and the first time first_non_finite_step = step
//
// Shapes   logits, gradient [samples, classes] in fp32, labels [samples] as int32; gradient may be
//          null (inference). Workspace: loss [samples] fp32, rank [samples] int32.
// Bytes    samples classes 8 + samples 12; the logits are read from cache after the first time.
// FLOPs    about 8 samples classes, with 2 exponentials an element.
#include "grid.cuh"

constexpr int WARP = 32;

__device__ inline float warp_max(float v) {
#pragma unroll
  for (int offset = WARP / 2; offset > 0; offset /= 2) {
    v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, offset));
  }
  return v;
}

template <typename T>
__device__ inline T warp_sum(T v) {
#pragma unroll
  for (int offset = WARP / 2; offset > 0; offset /= 2) {
    v += __shfl_xor_sync(0xffffffffu, v, offset);
  }
  return v;
}

// Labels other than -1, counted by the whole block; every thread gets the count.
__device__ inline int count_valid(const int* labels, int samples) {
  __shared__ int counts[BLOCK / WARP];
  int count = 0;
  for (int n = threadIdx.x; n < samples; n += BLOCK) {
    count += labels[n] != -1;
  }
  count = warp_sum(count);
  if (threadIdx.x % WARP == 0) {
    counts[threadIdx.x / WARP] = count;
  }
  __syncthreads();
  int total = 0;
#pragma unroll
  for (int warp = 0; warp < BLOCK / WARP; warp++) {
    total += counts[warp];
  }
  return total;
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
softmax_cross_entropy(const float* logits, const int* labels, float* gradient, float* loss,
                      int* rank, int samples, int classes, float smoothing) {
  const float valid = static_cast<float>(count_valid(labels, samples));
  const int lane = threadIdx.x % WARP;
  const float infinity = __int_as_float(0x7f800000);
  for (int n = static_cast<int>(grid_thread() / WARP); n < samples;
       n += static_cast<int>(grid_threads() / WARP)) {
    const float* z = logits + static_cast<long long>(n) * classes;
    float* dz = gradient + static_cast<long long>(n) * classes;
    const int label = labels[n];
    const bool known = label >= 0 && label < classes;
    if (!known) {
      for (int k = lane; gradient != nullptr && k < classes; k += WARP) {
        dz[k] = 0.0f;
      }
      if (lane == 0) {
        loss[n] = label == -1 ? 0.0f : __int_as_float(0x7fffffff);
        rank[n] = label == -1 ? -1 : classes;
      }
      continue;
    }
    const float answer = z[label];
    float largest = -infinity;
    float total = 0.0f;
    int before = 0;
    for (int k = lane; k < classes; k += WARP) {
      largest = fmaxf(largest, z[k]);
      total += z[k];
      const bool smaller = z[k] < answer || (z[k] == answer && k >= label);
      before += k != label && !smaller;
    }
    largest = warp_max(largest);
    total = warp_sum(total);
    before = warp_sum(before);
    float sum = 0.0f;
    for (int k = lane; k < classes; k += WARP) {
      sum += expf(z[k] - largest);
    }
    sum = warp_sum(sum);
    const float even = smoothing / static_cast<float>(classes);
    if (gradient != nullptr) {
      for (int k = lane; k < classes; k += WARP) {
        const float target = (k == label ? 1.0f - smoothing : 0.0f) + even;
        dz[k] = (expf(z[k] - largest) / sum - target) / valid;
      }
    }
    if (lane == 0) {
      // Differences from the largest logit first: no digits are lost where all logits are large.
      const float spread = smoothing == 0.0f
                               ? 0.0f
                               : even * (total - static_cast<float>(classes) * largest);
      loss[n] = logf(sum) - (1.0f - smoothing) * (answer - largest) - spread;
      rank[n] = before;
    }
  }
}

// The session's sums, 64 bits each, read by the host as an array of eight.
struct Metrics {
  double loss_sum;
  double batch_loss;
  long long samples;
  long long top1;
  long long top5;
  long long batches;
  long long non_finite;
  long long first_non_finite_step;
};

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
accumulate_metrics(const float* loss, const int* rank, Metrics* metrics, const long long* step,
                   int samples) {
  __shared__ double losses[BLOCK / WARP];
  __shared__ int counts[3][BLOCK / WARP];
  double sum = 0.0;
  int valid = 0;
  int top1 = 0;
  int top5 = 0;
  for (int n = threadIdx.x; n < samples; n += BLOCK) {
    sum += static_cast<double>(loss[n]);
    valid += rank[n] >= 0;
    top1 += rank[n] >= 0 && rank[n] < 1;
    top5 += rank[n] >= 0 && rank[n] < 5;
  }
  sum = warp_sum(sum);
  valid = warp_sum(valid);
  top1 = warp_sum(top1);
  top5 = warp_sum(top5);
  if (threadIdx.x % WARP == 0) {
    losses[threadIdx.x / WARP] = sum;
    counts[0][threadIdx.x / WARP] = valid;
    counts[1][threadIdx.x / WARP] = top1;
    counts[2][threadIdx.x / WARP] = top5;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < BLOCK / WARP; warp++) {
      sum += losses[warp];
      valid += counts[0][warp];
      top1 += counts[1][warp];
      top5 += counts[2][warp];
    }
    if (valid > 0) {
      const double mean = sum / valid;
      metrics->batch_loss = mean;
      metrics->loss_sum += sum;
      metrics->samples += valid;
      metrics->top1 += top1;
      metrics->top5 += top5;
      metrics->batches += 1;
      if (mean - mean != 0.0) {
        if (metrics->non_finite == 0) {
          metrics->first_non_finite_step = *step;
        }
        metrics->non_finite += 1;
      }
    }
  }
}
