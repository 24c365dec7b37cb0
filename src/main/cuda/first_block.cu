// The first block of NiN on images of one channel, forward, in one kernel: an 11×11 convolution of
// stride 4, two 1×1 convolutions, each with bias and ReLU and 96 filters, and a 3×3 max pool of
// stride 2. Used where its trial at the first start is won, in training together with
// first_block_backward.cu, which computes a and b again. An H200 takes 122 µs for 128 images of
// 224×224 pixels.
//
//   a[i, j, o] = max(sum over u, v < 11 of w1[o, u, v] x[4 i + u, 4 j + v] + b1[o], 0)
//   b[i, j, o] = max(sum over c of w2[o, c] a[i, j, c] + b2[o], 0)
//   c[i, j, o] = max(sum over c of w3[o, c] b[i, j, c] + b3[o], 0)     each rounded to bf16
//   y[i, j, o] = max over u, v < 3 of c[2 i + u, 2 j + v, o], position 3 u + v as in max_pool.cu
//
// A block takes a strip of pooled rows, some at a time, and keeps the weights and the last rows of
// c in shared memory. A warp takes 32 pixels through all three products in registers.
//
// Shapes   x [images, height, width]; conv_width = (width - 11) / 4 + 1, rows alike; w1
//          [96, 11, 11], w2, w3 [96, 96] in bf16; b1, b2, b3 [96] in fp32; y, position [images,
//          out_height, out_width, 96]; position in bytes, may be null (inference). All addresses
//          are multiples of 16. x is finite: the weights of 0 meet its pixels.
// Launch   from sm_80 on; any number of blocks, at most images strips; dynamic shared memory, in
//          bytes, for G pooled rows at a time:
//          2 (34 560 + (2 G + 1) conv_width 104 + 32 (2 G + 3) (conv_width + 2)),
//          at 224 pixels 150 368 with G = 2 and 120 736 with G = 1. sm_80 has 166 912, sm_90 and
//          100 have 232 448, others 101 376, enough for 128 pixels with G = 1.
// Bytes    x 2, y 2 and position, and the weights for each block; strips overlap in 11 - 4 + 8 rows
//          of x and compute one row of c twice.
// FLOPs    conv pixels 96 2 (121 + 96 + 96).
#include "first_block.cuh"

constexpr int M = 2;
constexpr int PIXELS = 16 * M;
// 16s of filters of a 1×1 convolution whose sums are in registers at a time.
constexpr int SOME = 3;

extern __shared__ __align__(16) bf16 shared[];

struct Geometry {
  int conv_width;
  int out_width;
  int at_once;
  // Rows of c that are kept, each in the place of its number modulo this.
  __device__ int kept() const { return 2 * at_once + 1; }
};

// A 1×1 convolution with bias and ReLU.
__device__ inline void convolve(const unsigned (&factors)[STEPS][M][4], const bf16* weights,
                                const float* bias, unsigned (&result)[STEPS][M][4]) {
#pragma unroll
  for (int chunk = 0; chunk < STEPS / SOME; chunk++) {
    float sums[SOME][M][2][4] = {};
    convolve_chunk(factors, weights, chunk, sums);
#pragma unroll
    for (int i = 0; i < SOME * M; i++) {
      const int step = chunk * SOME + i / M;
      activate(sums[i / M][i % M], bias + step * 16, result[step][i % M]);
    }
  }
}

// 32 pixels from their windows to c. targets: of pixels g and g + 8 of each 16, with g = lane / 4;
// null past the last one.
__device__ inline void convolve_pixels(const Squares& squares, const Window (&windows)[M],
                                       bf16* (&targets)[M][2], const Weights& weights,
                                       const float* b1, const float* b2, const float* b3) {
  unsigned inner[STEPS][M][4];
  convolve_windows<STEPS>(squares, windows, weights.first, b1, inner);
  unsigned outer[STEPS][M][4];
  convolve(inner, weights.second, b2, outer);
#pragma unroll 1
  for (int chunk = 0; chunk < STEPS / SOME; chunk++) {
    float sums[SOME][M][2][4] = {};
    convolve_chunk(outer, weights.third, chunk, sums);
#pragma unroll
    for (int i = 0; i < SOME * M; i++) {
      const int channel = (chunk * SOME + i / M) * 16;
      unsigned result[4];
      activate(sums[i / M][i % M], b3 + channel, result);
#pragma unroll
      for (int lower = 0; lower < 2; lower++) {
        bf16* target = targets[i % M][lower];
        if (target != nullptr) {
          put_pixel(target + channel, lower != 0, result);
        }
      }
    }
  }
}

// Pooled rows from those of c that are kept. c is a ReLU's: as whole numbers its values, the upper
// half of a key, are in the same order, and a NaN above all. The lower half lets the first window
// win, of several NaNs too.
__device__ inline void pool_rows(const bf16* c, bf16* y, unsigned char* position, int top, int end,
                                 const Geometry& g) {
  constexpr int N = PACK<bf16>;
  constexpr int PACKS = CHANNELS / N;
  for (int i = threadIdx.x; i < (end - top) * g.out_width * PACKS; i += BLOCK) {
    const int pixel = i / PACKS;
    const int channel = (i - pixel * PACKS) * N;
    const int row = top + pixel / g.out_width;
    const int column = pixel % g.out_width;
    int kept = 2 * row % g.kept();
    int best[N];
#pragma unroll
    for (int j = 0; j < N; j++) {
      best[j] = -0x7fffffff - 1;
    }
#pragma unroll
    for (int u = 0; u < 3; u++) {
#pragma unroll
      for (int v = 0; v < 3; v++) {
        const uint4 eight = *reinterpret_cast<const uint4*>(
            c + (kept * g.conv_width + 2 * column + v) * NARROW + channel);
        const unsigned words[N / 2] = {eight.x, eight.y, eight.z, eight.w};
        const unsigned last = 8 - (3 * u + v);
#pragma unroll
        for (int j = 0; j < N; j++) {
          const unsigned key = j % 2 == 0 ? words[j / 2] << 16 : words[j / 2] & 0xffff0000u;
          best[j] = max(best[j], static_cast<int>(key | last));
        }
      }
      kept = kept + 1 == g.kept() ? 0 : kept + 1;
    }
    unsigned values[N / 2];
    unsigned where[2] = {0, 0};
#pragma unroll
    for (int j = 0; j < N; j++) {
      const unsigned key = static_cast<unsigned>(best[j]);
      values[j / 2] = j % 2 == 0 ? key >> 16 : values[j / 2] | (key & 0xffff0000u);
      where[j / 4] |= (8 - (key & 0xffu)) << 8 * (j % 4);
    }
    const int target = (row * g.out_width + column) * CHANNELS + channel;
    *reinterpret_cast<uint4*>(y + target) = make_uint4(values[0], values[1], values[2], values[3]);
    if (position != nullptr) {
      *reinterpret_cast<uint2*>(position + target) = make_uint2(where[0], where[1]);
    }
  }
}

// strips: into how many parts the pooled rows of an image are cut, at most out_height; at_once: G.
extern "C" __global__ void __launch_bounds__(BLOCK, 1)
first_block_forward_bf16(const bf16* x, const bf16* w1, const float* b1, const bf16* w2,
                         const float* b2, const bf16* w3, const float* b3, bf16* y,
                         unsigned char* position, int images, int height, int width,
                         int conv_width, int out_height, int out_width, int strips, int at_once) {
  const Geometry g = {conv_width, out_width, at_once};
  bf16* c = shared + WEIGHTS;
  bf16* image_squares = c + g.kept() * conv_width * NARROW;
  const int pitch = conv_width + SQUARES - 1;
  // While a block works on some rows of the image, those of the next time are on their way.
  const int rows_of_squares = (g.kept() + SQUARES - 1) * pitch * SQUARE;
  const Weights weights = load_weights(w1, w2, w3, shared);

  const int lane = threadIdx.x % WARP;
  const int warp = threadIdx.x / WARP;
  int times = 0;
  for (int unit = blockIdx.x; unit < images * strips; unit += static_cast<int>(gridDim.x)) {
    const int image = unit / strips;
    const int begin = unit % strips * out_height / strips;
    const int end = (unit % strips + 1) * out_height / strips;
    const bf16* source = x + static_cast<long long>(image) * height * width;
    const long long target = static_cast<long long>(image) * out_height * out_width * CHANNELS;
    for (int top = begin; top < end; top += at_once, times++) {
      const int bottom = min(top + at_once, end);
      // The first row of c is there from the last time.
      const int from = 2 * top + (top == begin ? 0 : 1);
      const int to = 2 * bottom + 1;
      bf16* const now = image_squares + times % 2 * rows_of_squares;
      bf16* const later = image_squares + (times + 1) % 2 * rows_of_squares;
      const Squares squares = {now, pitch};
      if (top == begin) {
        load_squares(source, SIDE * from, height, width, now, to - from + SQUARES - 1, pitch,
                     threadIdx.x, BLOCK);
      }
      wait_for_copies();
      __syncthreads();
      if (bottom < end) {
        load_squares(source, SIDE * to, height, width, later,
                     2 * (min(bottom + at_once, end) - bottom) + SQUARES - 1, pitch, threadIdx.x, BLOCK);
      }
      const int count = (to - from) * conv_width;
      for (int tile = warp * PIXELS; tile < count; tile += BLOCK / WARP * PIXELS) {
        Window windows[M];
        bf16* targets[M][2];
#pragma unroll
        for (int m = 0; m < M; m++) {
          const int number = min(tile + m * 16 + lane % 16, count - 1);
          windows[m] = {number / conv_width, number % conv_width};
#pragma unroll
          for (int lower = 0; lower < 2; lower++) {
            const int pixel = tile + m * 16 + lower * 8 + lane / 4;
            const int kept = (from + pixel / conv_width) % g.kept();
            targets[m][lower] =
                pixel < count ? c + (kept * conv_width + pixel % conv_width) * NARROW : nullptr;
          }
        }
        convolve_pixels(squares, windows, targets, weights, b1, b2, b3);
      }
      __syncthreads();
      pool_rows(c, y + target, position == nullptr ? nullptr : position + target, top, bottom, g);
    }
  }
}
