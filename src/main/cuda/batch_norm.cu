// Batch normalisation, in three kernels for training and one for inference; and the running
// statistics alone.
//
//   batch_norm_statistics        partial: mean and squared deviation of the rows of each block
//   batch_norm_statistics_finish mean[c]    = sum over r of x[r, c] / rows
//                                inverse[c] = 1 / sqrt(D / rows + eps),
//                                             D = sum over r of (x[r, c] - mean[c])^2
//                                running_mean[c]     += momentum (mean[c] - running_mean[c])
//                                running_variance[c] += momentum (D / (rows - 1) -
//                                                                 running_variance[c])
//   batch_norm_forward           y[r, c] = weight[c] (x[r, c] - mean[c]) inverse[c] + bias[c]
//   batch_norm_inference         the same, with inverse[c] = 1 / sqrt(variance[c] + eps)
//   batch_norm_running           running_mean[c]     += momentum (mean[c] - running_mean[c])
//                                running_variance[c] += momentum (v rows / (rows - 1) -
//                                                                 running_variance[c]),
//                                                       v = 1 / inverse[c]^2 - eps, at least 0
//
// The last one is for statistics that another kernel has found. v errs by some 2^-22 of v + eps,
// the number that inference takes the root of.
//
// Forward and inference add `added` before they store, where there is one, and then store max(y, 0)
// if `relu` is not 0 (NaN stays NaN).
//
// One pass over x gives both sums without cancellation (Welford: with the n-th element, mean moves
// by d = (x - mean) / n and D grows by (x - old mean) (x - new mean)); two groups of na and nb
// elements become one by (Chan) D = Da + Db + (mb - ma)^2 na nb / (na + nb). Each sum has a fixed
// order that depends on the first grid alone, so results repeat bit for bit.
//
// Shapes   x, y [rows, channels] with rows = N H W, or N for features, at least 2 in training;
//          everything else [channels] in fp32; added as y, or null; y may be added, and x in
//          inference.
//          Workspace: partial [parts, 2, channels] in fp32 and behind it the rows of each part
//          [parts] in fp32; parts = gridDim.x of the first kernel.
// Bytes    statistics rows channels sizeof(T) and 8 parts channels; forward and inference
//          2 rows channels sizeof(T), with a sum 3.
// FLOPs    rows channels each: statistics 4, the others 3.
#include "grid.cuh"

// Count, mean and squared deviation of a group of numbers.
struct Moments {
  float count;
  float mean;
  float deviation;

  __device__ void merge(const Moments& other) {
    const float total = count + other.count;
    if (other.count > 0.0f) {
      const float share = other.count / total;
      const float distance = other.mean - mean;
      mean += distance * share;
      deviation += other.deviation + distance * distance * count * share;
      count = total;
    }
  }
};

// A block covers a tile of units (N channels each) by `lanes` rows at a time.
template <int N, typename T>
__device__ void collect_packs(const T* x, float* partial, long long rows, int channels,
                              float* means, float* deviations, float* counts) {
  const int units = channels / N;
  const int tile = units < BLOCK ? units : BLOCK;
  const int lanes = BLOCK / tile;
  const int unit = threadIdx.x % tile;
  const int lane = threadIdx.x / tile;
  for (int first = 0; first < units; first += tile) {
    const bool active = lane < lanes && first + unit < units;
    if (active) {
      float mean[N] = {};
      float deviation[N] = {};
      float count = 0.0f;
      const long long stride = static_cast<long long>(gridDim.x) * lanes;
      for (long long row = static_cast<long long>(blockIdx.x) * lanes + lane; row < rows;
           row += stride) {
        float values[N];
        load(x + row * channels + (first + unit) * N, values);
        count += 1.0f;
        const float share = 1.0f / count;
#pragma unroll
        for (int j = 0; j < N; j++) {
          const float distance = values[j] - mean[j];
          mean[j] += distance * share;
          deviation[j] += distance * (values[j] - mean[j]);
        }
      }
#pragma unroll
      for (int j = 0; j < N; j++) {
        means[(lane * tile + unit) * N + j] = mean[j];
        deviations[(lane * tile + unit) * N + j] = deviation[j];
      }
      if (unit == 0) {
        counts[lane] = count;
      }
    }
    __syncthreads();
    const int remaining = channels - first * N;
    const int width = tile * N < remaining ? tile * N : remaining;
    for (int c = threadIdx.x; c < width; c += BLOCK) {
      Moments all{};
      for (int l = 0; l < lanes; l++) {
        all.merge({counts[l], means[l * tile * N + c], deviations[l * tile * N + c]});
      }
      float* target = partial + 2LL * blockIdx.x * channels + first * N + c;
      target[0] = all.mean;
      target[channels] = all.deviation;
      if (first == 0 && c == 0) {
        partial[2LL * gridDim.x * channels + blockIdx.x] = all.count;
      }
    }
    __syncthreads();
  }
}

template <typename T>
__device__ void collect(const T* x, float* partial, long long rows, int channels) {
  constexpr int N = PACK<T>;
  __shared__ float means[BLOCK * N];
  __shared__ float deviations[BLOCK * N];
  __shared__ float counts[BLOCK];
  if (channels % N == 0 && is_aligned(x)) {
    collect_packs<N>(x, partial, rows, channels, means, deviations, counts);
  } else {
    collect_packs<1>(x, partial, rows, channels, means, deviations, counts);
  }
}

// A block takes 8 channels (one 32-byte sector of each part) with 32 threads a channel.
extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_statistics_finish(const float* partial, float* mean, float* inverse,
                             float* running_mean, float* running_variance, int parts,
                             int channels, float eps, float momentum) {
  __shared__ float counts[BLOCK];
  __shared__ float means[BLOCK];
  __shared__ float deviations[BLOCK];
  const float* part_counts = partial + 2LL * parts * channels;
  const int lane = threadIdx.x / 8;
  for (int first = blockIdx.x * 8; first < channels; first += gridDim.x * 8) {
    const int c = first + threadIdx.x % 8;
    Moments mine{};
    if (c < channels) {
      for (int part = lane; part < parts; part += BLOCK / 8) {
        const float* source = partial + 2LL * part * channels + c;
        mine.merge({part_counts[part], source[0], source[channels]});
      }
    }
    counts[threadIdx.x] = mine.count;
    means[threadIdx.x] = mine.mean;
    deviations[threadIdx.x] = mine.deviation;
    __syncthreads();
    if (lane == 0 && c < channels) {
      Moments all{};
      for (int l = 0; l < BLOCK / 8; l++) {
        const int other = l * 8 + threadIdx.x;
        all.merge({counts[other], means[other], deviations[other]});
      }
      mean[c] = all.mean;
      inverse[c] = 1.0f / sqrtf(all.deviation / all.count + eps);
      running_mean[c] += momentum * (all.mean - running_mean[c]);
      running_variance[c] +=
          momentum * (all.deviation / (all.count - 1.0f) - running_variance[c]);
    }
    __syncthreads();
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_running(const float* mean, const float* inverse, float* running_mean,
                   float* running_variance, long long rows, int channels, float eps,
                   float momentum) {
  const float unbiased = static_cast<float>(rows) / static_cast<float>(rows - 1);
  for (int c = grid_thread(); c < channels; c += grid_threads()) {
    const float variance = fmaxf(1.0f / (inverse[c] * inverse[c]) - eps, 0.0f);
    running_mean[c] += momentum * (mean[c] - running_mean[c]);
    running_variance[c] += momentum * (variance * unbiased - running_variance[c]);
  }
}

// What normalises N channels.
template <int N>
struct Scales {
  float mean[N];
  float scale[N];
  float shift[N];

  // The factor is weight times what `inverse_of` makes of the third statistic.
  template <typename Function>
  __device__ Scales(const float* means, const float* spreads, const float* weights,
                    const float* biases, int c, Function inverse_of) {
    float spread[N];
    load(means + c, mean);
    load(spreads + c, spread);
    load(weights + c, scale);
    load(biases + c, shift);
#pragma unroll
    for (int j = 0; j < N; j++) {
      scale[j] *= inverse_of(spread[j]);
    }
  }

  template <typename T>
  __device__ void apply(const T* x, const T* added, int relu, T* y, long long i) const {
    float values[N];
    load(x + i, values);
#pragma unroll
    for (int j = 0; j < N; j++) {
      values[j] = (values[j] - mean[j]) * scale[j] + shift[j];
    }
    if (added != nullptr) {
      float terms[N];
      load(added + i, terms);
#pragma unroll
      for (int j = 0; j < N; j++) {
        values[j] += terms[j];
      }
    }
    if (relu != 0) {
#pragma unroll
      for (int j = 0; j < N; j++) {
        values[j] = values[j] <= 0.0f ? 0.0f : values[j];
      }
    }
    store(y + i, values);
  }
};

template <typename T, typename Function>
__device__ void normalise(const T* x, const float* mean, const float* spread, const float* weight,
                          const float* bias, const T* added, int relu, T* y, long long rows,
                          int channels, Function inverse_of) {
  constexpr int N = PACK<T>;
  const int packs = channels / N;
  // A stride of whole rows keeps a thread on its channels, so that it reads their scales once.
  const int stride = packs == 0 ? 0 : grid_threads() / packs * packs;
  if (channels % N == 0 && stride > 0 && is_aligned(x) && is_aligned(added) && is_aligned(y) &&
      is_aligned(mean) && is_aligned(spread) && is_aligned(weight) && is_aligned(bias)) {
    if (grid_thread() >= stride) {
      return;
    }
    const Scales<N> scales(mean, spread, weight, bias, grid_thread() % packs * N, inverse_of);
    for (long long i = grid_thread(); i < rows * packs; i += stride) {
      scales.apply(x, added, relu, y, i * N);
    }
  } else {
    for_each_unit(rows, channels, [=](long long row, int c) {
      const Scales<1> scales(mean, spread, weight, bias, c, inverse_of);
      scales.apply(x, added, relu, y, row * channels + c);
    });
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_statistics_f32(const float* x, float* partial, long long rows, int channels) {
  collect(x, partial, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_statistics_bf16(const bf16* x, float* partial, long long rows, int channels) {
  collect(x, partial, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_forward_f32(
    const float* x, const float* mean, const float* inverse, const float* weight,
    const float* bias, const float* added, int relu, float* y, long long rows, int channels) {
  normalise(x, mean, inverse, weight, bias, added, relu, y, rows, channels,
            [](float v) { return v; });
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_forward_bf16(
    const bf16* x, const float* mean, const float* inverse, const float* weight,
    const float* bias, const bf16* added, int relu, bf16* y, long long rows, int channels) {
  normalise(x, mean, inverse, weight, bias, added, relu, y, rows, channels,
            [](float v) { return v; });
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_inference_f32(
    const float* x, const float* mean, const float* variance,
    const float* weight, const float* bias, const float* added, int relu, float* y, long long rows,
    int channels, float eps) {
  normalise(x, mean, variance, weight, bias, added, relu, y, rows, channels,
            [=](float v) { return 1.0f / sqrtf(v + eps); });
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_inference_bf16(
    const bf16* x, const float* mean, const float* variance,
    const float* weight, const float* bias, const bf16* added, int relu, bf16* y, long long rows,
    int channels, float eps) {
  normalise(x, mean, variance, weight, bias, added, relu, y, rows, channels,
            [=](float v) { return 1.0f / sqrtf(v + eps); });
}
