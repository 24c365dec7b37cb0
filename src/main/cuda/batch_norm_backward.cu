// Gradients of batch normalisation in training, in three kernels; the last one is left out where
// nobody needs dx. With xh[r, c] = (x[r, c] - mean[c]) inverse[c]:
//
//   batch_norm_sums        partial: sums of dy and of dy (x - mean) over the rows of each block
//   batch_norm_sums_finish dbias[c]   = sum over r of dy[r, c]
//                          dweight[c] = sum over r of dy[r, c] xh[r, c]
//   batch_norm_backward    dx[r, c]   = weight[c] inverse[c] (dy[r, c] - dbias[c] / rows -
//                                       xh[r, c] dweight[c] / rows)
//
// Each sum has a fixed order that depends on the first grid alone, so results repeat bit for bit.
//
// Shapes   x, dy, dx [rows, channels] with rows = N H W, or N for features; everything else
//          [channels] in fp32; dx may be dy.
//          Workspace: partial [parts, 2, channels] in fp32; parts = gridDim.x of the first kernel.
// Bytes    sums 2 rows channels sizeof(T) and 8 parts channels; backward 3 rows channels sizeof(T).
// FLOPs    rows channels each: sums 4, backward 5.
#include "grid.cuh"

// A block covers a tile of units (N channels each) by `lanes` rows at a time.
template <int N, typename T>
__device__ void sum_packs(const T* x, const float* mean, const T* dy, float* partial,
                          long long rows, int channels, float* sums, float* products) {
  const int units = channels / N;
  const int tile = units < BLOCK ? units : BLOCK;
  const int lanes = BLOCK / tile;
  const int unit = threadIdx.x % tile;
  const int lane = threadIdx.x / tile;
  for (int first = 0; first < units; first += tile) {
    const bool active = lane < lanes && first + unit < units;
    if (active) {
      float sum[N] = {};
      float product[N] = {};
      float centre[N];
      load(mean + (first + unit) * N, centre);
      const long long stride = static_cast<long long>(gridDim.x) * lanes;
      for (long long row = static_cast<long long>(blockIdx.x) * lanes + lane; row < rows;
           row += stride) {
        const long long offset = row * channels + (first + unit) * N;
        float values[N];
        float gradient[N];
        load(x + offset, values);
        load(dy + offset, gradient);
#pragma unroll
        for (int j = 0; j < N; j++) {
          sum[j] += gradient[j];
          product[j] += gradient[j] * (values[j] - centre[j]);
        }
      }
#pragma unroll
      for (int j = 0; j < N; j++) {
        sums[(lane * tile + unit) * N + j] = sum[j];
        products[(lane * tile + unit) * N + j] = product[j];
      }
    }
    __syncthreads();
    const int remaining = channels - first * N;
    const int width = tile * N < remaining ? tile * N : remaining;
    for (int c = threadIdx.x; c < width; c += BLOCK) {
      float sum = 0.0f;
      float product = 0.0f;
      for (int l = 0; l < lanes; l++) {
        sum += sums[l * tile * N + c];
        product += products[l * tile * N + c];
      }
      float* target = partial + 2LL * blockIdx.x * channels + first * N + c;
      target[0] = sum;
      target[channels] = product;
    }
    __syncthreads();
  }
}

template <typename T>
__device__ void sum_gradients(const T* x, const float* mean, const T* dy, float* partial,
                              long long rows, int channels) {
  constexpr int N = PACK<T>;
  __shared__ float sums[BLOCK * N];
  __shared__ float products[BLOCK * N];
  if (channels % N == 0 && is_aligned(x) && is_aligned(mean) && is_aligned(dy)) {
    sum_packs<N>(x, mean, dy, partial, rows, channels, sums, products);
  } else {
    sum_packs<1>(x, mean, dy, partial, rows, channels, sums, products);
  }
}

// A block takes 8 channels (one 32-byte sector of each part) with 32 threads a channel.
extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_sums_finish(const float* partial, const float* inverse, float* dweight, float* dbias,
                       int parts, int channels) {
  __shared__ float sums[BLOCK];
  __shared__ float products[BLOCK];
  const int lane = threadIdx.x / 8;
  for (int first = blockIdx.x * 8; first < channels; first += gridDim.x * 8) {
    const int c = first + threadIdx.x % 8;
    float sum = 0.0f;
    float product = 0.0f;
    if (c < channels) {
      for (int part = lane; part < parts; part += BLOCK / 8) {
        const float* source = partial + 2LL * part * channels + c;
        sum += source[0];
        product += source[channels];
      }
    }
    sums[threadIdx.x] = sum;
    products[threadIdx.x] = product;
    __syncthreads();
    if (lane == 0 && c < channels) {
      for (int l = 1; l < BLOCK / 8; l++) {
        sum += sums[l * 8 + threadIdx.x];
        product += products[l * 8 + threadIdx.x];
      }
      dbias[c] = sum;
      dweight[c] = product * inverse[c];
    }
    __syncthreads();
  }
}

// What makes dx of N channels: dx = factor (dy - constant - (x - mean) slope).
template <int N>
struct Scales {
  float mean[N];
  float factor[N];
  float constant[N];
  float slope[N];

  __device__ Scales(const float* means, const float* inverses, const float* weights,
                    const float* dweights, const float* dbiases, float rows, int c) {
    float inverse[N];
    load(means + c, mean);
    load(inverses + c, inverse);
    load(weights + c, factor);
    load(dweights + c, slope);
    load(dbiases + c, constant);
#pragma unroll
    for (int j = 0; j < N; j++) {
      factor[j] *= inverse[j];
      slope[j] *= inverse[j] / rows;
      constant[j] /= rows;
    }
  }

  template <typename T>
  __device__ void apply(const T* x, const T* dy, T* dx) const {
    float values[N];
    float gradient[N];
    load(x, values);
    load(dy, gradient);
#pragma unroll
    for (int j = 0; j < N; j++) {
      gradient[j] =
          factor[j] * (gradient[j] - constant[j] - (values[j] - mean[j]) * slope[j]);
    }
    store(dx, gradient);
  }
};

template <typename T>
__device__ void spread(const T* x, const float* mean, const float* inverse, const float* weight,
                       const float* dweight, const float* dbias, const T* dy, T* dx,
                       long long rows, int channels) {
  // Four channels of either type: the scales of eight would not leave registers for the rest.
  constexpr int N = 4;
  const int packs = channels / N;
  // A stride of whole rows keeps a thread on its channels, so that it reads their scales once.
  const int stride = packs == 0 ? 0 : grid_threads() / packs * packs;
  if (channels % N == 0 && stride > 0 && is_aligned(x) && is_aligned(dy) && is_aligned(dx) &&
      is_aligned(mean) && is_aligned(inverse) && is_aligned(weight) && is_aligned(dweight) &&
      is_aligned(dbias)) {
    if (grid_thread() >= stride) {
      return;
    }
    const Scales<N> scales(mean, inverse, weight, dweight, dbias, static_cast<float>(rows),
                           grid_thread() % packs * N);
    for (long long i = grid_thread(); i < rows * packs; i += stride) {
      scales.apply(x + i * N, dy + i * N, dx + i * N);
    }
  } else {
    for_each_unit(rows, channels, [=](long long row, int c) {
      const Scales<1> scales(mean, inverse, weight, dweight, dbias, static_cast<float>(rows), c);
      const long long i = row * channels + c;
      scales.apply(x + i, dy + i, dx + i);
    });
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_sums_f32(const float* x, const float* mean, const float* dy, float* partial,
                    long long rows, int channels) {
  sum_gradients(x, mean, dy, partial, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_sums_bf16(const bf16* x, const float* mean, const bf16* dy, float* partial,
                     long long rows, int channels) {
  sum_gradients(x, mean, dy, partial, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_backward_f32(const float* x, const float* mean, const float* inverse,
                        const float* weight, const float* dweight, const float* dbias,
                        const float* dy, float* dx, long long rows, int channels) {
  spread(x, mean, inverse, weight, dweight, dbias, dy, dx, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_backward_bf16(const bf16* x, const float* mean, const float* inverse,
                         const float* weight, const float* dweight, const float* dbias,
                         const bf16* dy, bf16* dx, long long rows, int channels) {
  spread(x, mean, inverse, weight, dweight, dbias, dy, dx, rows, channels);
}
