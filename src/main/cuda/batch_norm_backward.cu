// Gradients of batch normalisation in training, in three kernels; the last one is left out where
// nobody needs dx. With xh[r, c] = (x[r, c] - mean[c]) inverse[c]:
//
//   batch_norm_sums        partial: sums of dy and of dy (x - mean) over the rows of each block
//   batch_norm_sums_finish dbias[c]   = sum over r of dy[r, c]
//                          dweight[c] = sum over r of dy[r, c] xh[r, c]
//   batch_norm_backward    dx[r, c]   = weight[c] inverse[c] (dy[r, c] - dbias[c] / rows -
//                                       xh[r, c] dweight[c] / rows)
//
// With a ReLU after the norm, batch_norm_relu_sums and batch_norm_relu_backward take their place: dy
// counts where weight[c] xh[r, c] + bias[c] > 0, which they find out again from x by the forward
// kernel's own arithmetic, for less than reading y. With a sum and a ReLU after it,
// batch_norm_sum_relu_sums takes the first one's place and stores masked[r, c] = y[r, c] > 0 ?
// dy[r, c] : 0, the gradient by the sum, which then is the others' dy.
//
// Each sum has a fixed order that depends on the first grid alone, so results repeat bit for bit.
//
// Shapes   x, dy, dx [rows, channels] with rows = N H W, or N for features; everything else
//          [channels] in fp32; y, masked as x; dx and masked may be dy.
//          Workspace: partial [parts, 2, channels] in fp32; parts = gridDim.x of the first kernel.
// Bytes    sums 2 rows channels sizeof(T) and 8 parts channels; backward 3 rows channels sizeof(T);
//          batch_norm_sum_relu_sums 4 rows channels sizeof(T).
// FLOPs    rows channels each: sums 4, backward 5.
#include "grid.cuh"

// Where dy counts: everywhere, or where a ReLU let the value through, as found out again from x or
// seen in the output.
enum class Gate { OPEN, AGAIN, OUTPUT };

// What a gate needs: AGAIN the statistics and parameters, OUTPUT y and where masked goes.
template <typename T>
struct Relu {
  const float* inverse;
  const float* weight;
  const float* bias;
  const T* y;
  T* masked;

  __device__ bool is_aligned_for(Gate gate) const {
    return gate == Gate::AGAIN    ? is_aligned(inverse) && is_aligned(weight) && is_aligned(bias)
           : gate == Gate::OUTPUT ? is_aligned(y) && is_aligned(masked)
                                  : true;
  }
};

// As the forward kernel computes it.
__device__ inline bool is_open(float value, float mean, float scale, float shift) {
  return (value - mean) * scale + shift > 0.0f;
}

// A block covers a tile of units (N channels each) by `lanes` rows at a time.
template <Gate GATE, int N, typename T>
__device__ void sum_packs(const T* x, const float* mean, const Relu<T>& relu, const T* dy,
                          float* partial, long long rows, int channels, float* sums,
                          float* products) {
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
      float scale[N];
      float shift[N];
      if constexpr (GATE == Gate::AGAIN) {
        float inverse[N];
        load(relu.inverse + (first + unit) * N, inverse);
        load(relu.weight + (first + unit) * N, scale);
        load(relu.bias + (first + unit) * N, shift);
#pragma unroll
        for (int j = 0; j < N; j++) {
          scale[j] *= inverse[j];
        }
      }
      const long long stride = static_cast<long long>(gridDim.x) * lanes;
      // Four rows of three tensors, or of packs of eight, would not fit into the registers.
#pragma unroll(GATE == Gate::OUTPUT || N > 4 ? 2 : 4)
      for (long long row = static_cast<long long>(blockIdx.x) * lanes + lane; row < rows;
           row += stride) {
        const long long offset = row * channels + (first + unit) * N;
        float values[N];
        float gradient[N];
        load(x + offset, values);
        load(dy + offset, gradient);
        if constexpr (GATE == Gate::AGAIN) {
#pragma unroll
          for (int j = 0; j < N; j++) {
            gradient[j] =
                is_open(values[j], centre[j], scale[j], shift[j]) ? gradient[j] : 0.0f;
          }
        } else if constexpr (GATE == Gate::OUTPUT) {
          float output[N];
          load(relu.y + offset, output);
#pragma unroll
          for (int j = 0; j < N; j++) {
            gradient[j] = output[j] > 0.0f ? gradient[j] : 0.0f;
          }
          store(relu.masked + offset, gradient);
        }
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

template <Gate GATE, typename T>
__device__ void sum_gradients(const T* x, const float* mean, const Relu<T>& relu, const T* dy,
                              float* partial, long long rows, int channels) {
  // Four channels of either type where a gate's own numbers need registers.
  constexpr int N = GATE == Gate::OPEN ? PACK<T> : 4;
  __shared__ float sums[BLOCK * N];
  __shared__ float products[BLOCK * N];
  if (channels % N == 0 && is_aligned(x) && is_aligned(mean) && is_aligned(dy) &&
      relu.is_aligned_for(GATE)) {
    sum_packs<GATE, N>(x, mean, relu, dy, partial, rows, channels, sums, products);
  } else {
    sum_packs<GATE, 1>(x, mean, relu, dy, partial, rows, channels, sums, products);
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

// What makes dx of N channels: dx = factor (dy - constant - (x - mean) slope). The norm's output
// was (x - mean) factor + shift.
template <Gate GATE, int N>
struct Scales {
  float mean[N];
  float factor[N];
  float constant[N];
  float slope[N];
  float shift[N];

  __device__ Scales(const float* means, const float* inverses, const float* weights,
                    const float* biases, const float* dweights, const float* dbiases, float rows,
                    int c) {
    float inverse[N];
    load(means + c, mean);
    load(inverses + c, inverse);
    load(weights + c, factor);
    load(dweights + c, slope);
    load(dbiases + c, constant);
    if constexpr (GATE == Gate::AGAIN) {
      load(biases + c, shift);
    }
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
      if constexpr (GATE == Gate::AGAIN) {
        gradient[j] = is_open(values[j], mean[j], factor[j], shift[j]) ? gradient[j] : 0.0f;
      }
      gradient[j] =
          factor[j] * (gradient[j] - constant[j] - (values[j] - mean[j]) * slope[j]);
    }
    store(dx, gradient);
  }
};

template <Gate GATE, typename T>
__device__ void spread(const T* x, const float* mean, const float* inverse, const float* weight,
                       const float* bias, const float* dweight, const float* dbias, const T* dy,
                       T* dx, long long rows, int channels) {
  // Four channels of either type: the scales of eight would not leave registers for the rest.
  constexpr int N = 4;
  const int packs = channels / N;
  // A stride of whole rows keeps a thread on its channels, so that it reads their scales once.
  const int stride = packs == 0 ? 0 : grid_threads() / packs * packs;
  if (channels % N == 0 && stride > 0 && is_aligned(x) && is_aligned(dy) && is_aligned(dx) &&
      is_aligned(mean) && is_aligned(inverse) && is_aligned(weight) && is_aligned(dweight) &&
      is_aligned(dbias) && is_aligned(bias)) {
    if (grid_thread() >= stride) {
      return;
    }
    const Scales<GATE, N> scales(mean, inverse, weight, bias, dweight, dbias,
                                 static_cast<float>(rows), grid_thread() % packs * N);
    for (long long i = grid_thread(); i < rows * packs; i += stride) {
      scales.apply(x + i * N, dy + i * N, dx + i * N);
    }
  } else {
    for_each_unit(rows, channels, [=](long long row, int c) {
      const Scales<GATE, 1> scales(mean, inverse, weight, bias, dweight, dbias,
                                   static_cast<float>(rows), c);
      const long long i = row * channels + c;
      scales.apply(x + i, dy + i, dx + i);
    });
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_sums_f32(const float* x, const float* mean, const float* dy, float* partial, long long rows,
                    int channels) {
  sum_gradients<Gate::OPEN>(x, mean, Relu<float>{}, dy, partial, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_sums_bf16(const bf16* x, const float* mean, const bf16* dy, float* partial, long long rows,
                    int channels) {
  sum_gradients<Gate::OPEN>(x, mean, Relu<bf16>{}, dy, partial, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_relu_sums_f32(const float* x, const float* mean, const float* inverse,
                         const float* weight, const float* bias, const float* dy, float* partial,
                         long long rows, int channels) {
  sum_gradients<Gate::AGAIN>(x, mean, Relu<float>{inverse, weight, bias, nullptr, nullptr}, dy,
                             partial, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_relu_sums_bf16(const bf16* x, const float* mean, const float* inverse,
                         const float* weight, const float* bias, const bf16* dy, float* partial,
                         long long rows, int channels) {
  sum_gradients<Gate::AGAIN>(x, mean, Relu<bf16>{inverse, weight, bias, nullptr, nullptr}, dy,
                             partial, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_sum_relu_sums_f32(const float* x, const float* mean, const float* y, const float* dy, float* masked,
                             float* partial, long long rows, int channels) {
  sum_gradients<Gate::OUTPUT>(x, mean, Relu<float>{nullptr, nullptr, nullptr, y, masked}, dy, partial,
                              rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_sum_relu_sums_bf16(const bf16* x, const float* mean, const bf16* y, const bf16* dy, bf16* masked,
                             float* partial, long long rows, int channels) {
  sum_gradients<Gate::OUTPUT>(x, mean, Relu<bf16>{nullptr, nullptr, nullptr, y, masked}, dy, partial,
                              rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_backward_f32(const float* x, const float* mean, const float* inverse,
                        const float* weight, const float* dweight, const float* dbias,
                        const float* dy, float* dx, long long rows, int channels) {
  spread<Gate::OPEN>(x, mean, inverse, weight, nullptr, dweight, dbias, dy, dx, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_backward_bf16(const bf16* x, const float* mean, const float* inverse,
                        const float* weight, const float* dweight, const float* dbias,
                        const bf16* dy, bf16* dx, long long rows, int channels) {
  spread<Gate::OPEN>(x, mean, inverse, weight, nullptr, dweight, dbias, dy, dx, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_relu_backward_f32(const float* x, const float* mean, const float* inverse,
                             const float* weight, const float* bias, const float* dweight,
                             const float* dbias, const float* dy, float* dx, long long rows,
                             int channels) {
  spread<Gate::AGAIN>(x, mean, inverse, weight, bias, dweight, dbias, dy, dx, rows, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
batch_norm_relu_backward_bf16(const bf16* x, const float* mean, const float* inverse,
                             const float* weight, const float* bias, const float* dweight,
                             const float* dbias, const bf16* dy, bf16* dx, long long rows,
                             int channels) {
  spread<Gate::AGAIN>(x, mean, inverse, weight, bias, dweight, dbias, dy, dx, rows, channels);
}
