// The head of Network in Network: two 1×1 convolutions of few channels, each with bias and ReLU,
// and the mean over the pixels, forward and backward. So little is computed that starting a kernel
// for each step takes longer than the steps. Used where its trial at the first start finds it faster:
// on an H100 forward 5 µs instead of 12, backward 7 instead of 52, for NiN's batch of 128.
//
//   head_forward
//     between[p, o] = max(sum over k of w1[o, k] x[p, k] + b1[o], 0)         rounded to bf16
//     y[p, o]       = max(sum over k of w2[o, k] between[p, k] + b2[o], 0)   rounded to bf16
//     logits[n, o]  = 1 / pixels * sum over the pixels p of image n of y[p, o]
//
//   head_backward
//     dy[p, o]    = y[p, o] > 0 ? dlogits[n, o] / pixels : 0
//     di[p, k]    = between[p, k] > 0 ? sum over o of dy[p, o] w2[o, k] : 0
//     dx[p, k]    = x[p, k] > 0 ? sum over o of di[p, o] w1[o, k] : 0        each rounded to bf16
//     dw2[o, k]   = sum over p of dy[p, o] between[p, k]      db2[o] = sum over p of dy[p, o]
//     dw1[o, k]   = sum over p of di[p, o] x[p, k]            db1[o] = sum over p of di[p, o]
//                                                             db0[k] = sum over p of dx[p, k]
//
// x is the output of the ReLU before, whose gradient dx takes, too; db0 is the bias gradient of the
// convolution before that. Roundings are those of the layers one by one, and the mean is summed as
// in average_pool.cu.
//
// A block takes an image at a time, 32 pixels of it at a time; a thread has one channel of every
// BLOCK / WIDTH-th pixel, and one column or row of each filter in registers. All channels of a pixel
// are a warp's, so from layer to layer there is no barrier; there is one before the sums over
// pixels. In the end each block of head_backward writes its sums, and head_gradient_finish adds
// those of all blocks: the order depends on shape and number of blocks alone.
//
// Shapes   x, between, y, dx [images, pixels, channels]; w1, w2 [channels, channels] in bf16,
//          filters first; b1, b2 [channels] and logits, dlogits [images, channels] in fp32; dw1,
//          db1, … in fp32. channels at most 16 or 32, by the name. between, and y forward, may be
//          null if only the logits count. Workspace: partial [blocks, 2 channels² + 3 channels] in
//          fp32, dw1, dw2, db0, db1, db2 of each.
// Launch   any number of blocks; min(256, images), from the shape alone, suits head_backward.
// Bytes    forward images pixels channels 6, backward images pixels channels 8; partial twice.
// FLOPs    forward images pixels channels (4 channels + 5), backward twice that.
#include "grid.cuh"

// Pixels at a time; a multiple of the mean's lanes.
constexpr int TILE = 32;
constexpr int LANES = 8;
constexpr int MOST = 32;

// A thread's channel and first pixel of a tile, as it lies in shared memory.
template <int WIDTH>
struct Place {
  static constexpr int ROWS = BLOCK / WIDTH;
  static constexpr int TURNS = TILE / ROWS;
  int channel = threadIdx.x % WIDTH;
  int row = threadIdx.x / WIDTH;

  __device__ int pixel(int turn) const { return row + turn * ROWS; }
  __device__ int at(int turn) const { return pixel(turn) * WIDTH + channel; }
};

__device__ inline float rounded(float x) { return to_float(from_float<bf16>(x)); }

// NaN stays NaN.
__device__ inline float relu(float x) { return x <= 0.0f ? 0.0f : x; }

// WIDTH weights, step elements apart; 0 past the channels, where pixels are 0, too.
template <int WIDTH>
__device__ inline void get_weights(const bf16* source, int step, bool active, int channels,
                                   float (&weights)[WIDTH]) {
#pragma unroll
  for (int k = 0; k < WIDTH; k++) {
    weights[k] = active && k < channels ? to_float(source[k * step]) : 0.0f;
  }
}

template <int WIDTH>
__device__ inline float dot(const float* pixel, const float (&weights)[WIDTH]) {
  float sum = 0.0f;
#pragma unroll
  for (int k = 0; k < WIDTH; k += 4) {
    float values[4];
    load(pixel + k, values);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      sum += values[j] * weights[k + j];
    }
  }
  return sum;
}

template <int WIDTH>
__device__ inline void head_forward(const bf16* x, const bf16* w1, const float* b1, const bf16* w2,
                                    const float* b2, bf16* between, bf16* y, float* logits,
                                    long long images, int pixels, int channels) {
  constexpr int TURNS = Place<WIDTH>::TURNS;
  __shared__ __align__(16) float input[TILE * WIDTH];
  __shared__ __align__(16) float inner[TILE * WIDTH];
  __shared__ __align__(16) float output[TILE * WIDTH];
  __shared__ float sums[BLOCK];
  const Place<WIDTH> place;
  const bool is_channel = place.channel < channels;
  float first[WIDTH];
  float second[WIDTH];
  get_weights(w1 + place.channel * channels, 1, is_channel, channels, first);
  get_weights(w2 + place.channel * channels, 1, is_channel, channels, second);
  const float first_bias = is_channel ? b1[place.channel] : 0.0f;
  const float second_bias = is_channel ? b2[place.channel] : 0.0f;
  const int mean_channel = threadIdx.x % MOST;
  const int mean_lane = threadIdx.x / MOST;

  for (long long image = blockIdx.x; image < images; image += gridDim.x) {
    float sum = 0.0f;
    for (int begin = 0; begin < pixels; begin += TILE) {
      const long long offset = (image * pixels + begin) * channels + place.channel;
      const int count = min(TILE, pixels - begin);
#pragma unroll
      for (int turn = 0; turn < TURNS; turn++) {
        const bool active = is_channel && place.pixel(turn) < count;
        input[place.at(turn)] =
            active ? to_float(x[offset + place.pixel(turn) * channels]) : 0.0f;
      }
      __syncwarp();
#pragma unroll
      for (int turn = 0; turn < TURNS; turn++) {
        const float* pixel = input + place.pixel(turn) * WIDTH;
        const float value = rounded(relu(dot(pixel, first) + first_bias));
        inner[place.at(turn)] = value;
        if (between != nullptr && is_channel && place.pixel(turn) < count) {
          between[offset + place.pixel(turn) * channels] = from_float<bf16>(value);
        }
      }
      __syncwarp();
#pragma unroll
      for (int turn = 0; turn < TURNS; turn++) {
        const float* pixel = inner + place.pixel(turn) * WIDTH;
        const float value = rounded(relu(dot(pixel, second) + second_bias));
        output[place.at(turn)] = value;
        if (y != nullptr && is_channel && place.pixel(turn) < count) {
          y[offset + place.pixel(turn) * channels] = from_float<bf16>(value);
        }
      }
      __syncthreads();
      if (mean_channel < channels) {
#pragma unroll
        for (int p = mean_lane; p < TILE; p += LANES) {
          sum += p < count ? output[p * WIDTH + mean_channel] : 0.0f;
        }
      }
      __syncthreads();
    }
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (mean_lane == 0 && mean_channel < channels) {
      float total = 0.0f;
#pragma unroll
      for (int lane = 0; lane < LANES; lane++) {
        total += sums[lane * MOST + mean_channel];
      }
      logits[image * channels + mean_channel] = total / static_cast<float>(pixels);
    }
  }
}

template <int WIDTH>
__device__ inline void head_backward(const bf16* x, const bf16* between, const bf16* y,
                                     const float* dlogits, const bf16* w1, const bf16* w2,
                                     bf16* dx, float* partial, long long images, int pixels,
                                     int channels) {
  constexpr int TURNS = Place<WIDTH>::TURNS;
  constexpr int ROWS = Place<WIDTH>::ROWS;
  // Elements of a filter gradient that a thread sums.
  constexpr int PRODUCTS = WIDTH / ROWS;
  __shared__ __align__(16) float input[TILE * WIDTH];
  __shared__ __align__(16) float inner[TILE * WIDTH];
  __shared__ __align__(16) float inner_gradient[TILE * WIDTH];
  __shared__ __align__(16) float output_gradient[TILE * WIDTH];
  const Place<WIDTH> place;
  const bool is_channel = place.channel < channels;
  float first[WIDTH];
  float second[WIDTH];
  get_weights(w1 + place.channel, channels, is_channel, channels, first);
  get_weights(w2 + place.channel, channels, is_channel, channels, second);
  float biases[3] = {};
  float first_sums[PRODUCTS] = {};
  float second_sums[PRODUCTS] = {};

  for (long long image = blockIdx.x; image < images; image += gridDim.x) {
    const float spread =
        is_channel ? rounded(dlogits[image * channels + place.channel] / static_cast<float>(pixels))
                   : 0.0f;
    for (int begin = 0; begin < pixels; begin += TILE) {
      const long long offset = (image * pixels + begin) * channels + place.channel;
      const int count = min(TILE, pixels - begin);
      float inputs[TURNS];
      float inners[TURNS];
#pragma unroll
      for (int turn = 0; turn < TURNS; turn++) {
        const bool active = is_channel && place.pixel(turn) < count;
        const long long at = offset + place.pixel(turn) * channels;
        inputs[turn] = active ? to_float(x[at]) : 0.0f;
        inners[turn] = active ? to_float(between[at]) : 0.0f;
        const float gradient = active && to_float(y[at]) > 0.0f ? spread : 0.0f;
        input[place.at(turn)] = inputs[turn];
        inner[place.at(turn)] = inners[turn];
        output_gradient[place.at(turn)] = gradient;
        biases[2] += gradient;
      }
      __syncwarp();
#pragma unroll
      for (int turn = 0; turn < TURNS; turn++) {
        const float sum = dot(output_gradient + place.pixel(turn) * WIDTH, second);
        const float gradient = inners[turn] > 0.0f ? rounded(sum) : 0.0f;
        inner_gradient[place.at(turn)] = gradient;
        biases[1] += gradient;
      }
      __syncwarp();
#pragma unroll
      for (int turn = 0; turn < TURNS; turn++) {
        const float sum = dot(inner_gradient + place.pixel(turn) * WIDTH, first);
        const float gradient = inputs[turn] > 0.0f ? rounded(sum) : 0.0f;
        if (is_channel && place.pixel(turn) < count) {
          dx[offset + place.pixel(turn) * channels] = from_float<bf16>(gradient);
        }
        biases[0] += gradient;
      }
      __syncthreads();
#pragma unroll 4
      for (int p = 0; p < count; p++) {
        const float in = input[p * WIDTH + place.channel];
        const float between_layers = inner[p * WIDTH + place.channel];
#pragma unroll
        for (int j = 0; j < PRODUCTS; j++) {
          first_sums[j] += inner_gradient[p * WIDTH + place.pixel(j)] * in;
          second_sums[j] += output_gradient[p * WIDTH + place.pixel(j)] * between_layers;
        }
      }
      __syncthreads();
    }
  }

  const int square = channels * channels;
  float* part = partial + static_cast<long long>(blockIdx.x) * (2 * square + 3 * channels);
#pragma unroll
  for (int j = 0; j < PRODUCTS; j++) {
    const int filter = place.pixel(j);
    if (is_channel && filter < channels) {
      part[filter * channels + place.channel] = first_sums[j];
      part[square + filter * channels + place.channel] = second_sums[j];
    }
  }
  input[threadIdx.x] = biases[0];
  inner[threadIdx.x] = biases[1];
  output_gradient[threadIdx.x] = biases[2];
  __syncthreads();
  if (place.row < 3 && is_channel) {
    const float* lanes = place.row == 0 ? input : place.row == 1 ? inner : output_gradient;
    float total = 0.0f;
#pragma unroll
    for (int row = 0; row < ROWS; row++) {
      total += lanes[row * WIDTH + place.channel];
    }
    part[2 * square + place.row * channels + place.channel] = total;
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
head_forward_16_bf16(const bf16* x, const bf16* w1, const float* b1, const bf16* w2,
                     const float* b2, bf16* between, bf16* y, float* logits, long long images,
                     int pixels, int channels) {
  head_forward<16>(x, w1, b1, w2, b2, between, y, logits, images, pixels, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
head_forward_32_bf16(const bf16* x, const bf16* w1, const float* b1, const bf16* w2,
                     const float* b2, bf16* between, bf16* y, float* logits, long long images,
                     int pixels, int channels) {
  head_forward<32>(x, w1, b1, w2, b2, between, y, logits, images, pixels, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
head_backward_16_bf16(const bf16* x, const bf16* between, const bf16* y, const float* dlogits,
                      const bf16* w1, const bf16* w2, bf16* dx, float* partial, long long images,
                      int pixels, int channels) {
  head_backward<16>(x, between, y, dlogits, w1, w2, dx, partial, images, pixels, channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
head_backward_32_bf16(const bf16* x, const bf16* between, const bf16* y, const float* dlogits,
                      const bf16* w1, const bf16* w2, bf16* dx, float* partial, long long images,
                      int pixels, int channels) {
  head_backward<32>(x, between, y, dlogits, w1, w2, dx, partial, images, pixels, channels);
}

// A block sums 8 gradients (one 32-byte sector of each part) with 32 threads a gradient.
extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
head_gradient_finish(const float* partial, float* dw1, float* dw2, float* db0, float* db1,
                     float* db2, int parts, int channels) {
  constexpr int NEIGHBOURS = 8;
  constexpr int LINES = BLOCK / NEIGHBOURS;
  __shared__ float sums[BLOCK];
  const int line = threadIdx.x / NEIGHBOURS;
  const int square = channels * channels;
  const int gradients = 2 * square + 3 * channels;
  for (int first = blockIdx.x * NEIGHBOURS; first < gradients; first += gridDim.x * NEIGHBOURS) {
    const int gradient = first + threadIdx.x % NEIGHBOURS;
    float sum = 0.0f;
    if (gradient < gradients) {
#pragma unroll 4
      for (int part = line; part < parts; part += LINES) {
        sum += partial[static_cast<long long>(part) * gradients + gradient];
      }
    }
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (line == 0 && gradient < gradients) {
      float total = 0.0f;
#pragma unroll
      for (int l = 0; l < LINES; l++) {
        total += sums[l * NEIGHBOURS + threadIdx.x];
      }
      const int bias = gradient - 2 * square;
      if (bias < 0) {
        (gradient < square ? dw1 : dw2 - square)[gradient] = total;
      } else {
        (bias < channels ? db0 : bias < 2 * channels ? db1 - channels : db2 - 2 * channels)[bias] =
            total;
      }
    }
    __syncthreads();
  }
}
