// The first block of NiN on images of one channel, forward, in one kernel: an 11×11 convolution of
// stride 4, two 1×1 convolutions, each with bias and ReLU and 96 filters, and a 3×3 max pool of
// stride 2. Built and proven on the stand-in; not measured on a GPU, not used yet: training would
// need a backward kernel that computes the inner activations again.
//
//   a[i, j, o] = max(sum over u, v < 11 of w1[o, u, v] x[4 i + u, 4 j + v] + b1[o], 0)
//   b[i, j, o] = max(sum over c of w2[o, c] a[i, j, c] + b2[o], 0)
//   c[i, j, o] = max(sum over c of w3[o, c] b[i, j, c] + b3[o], 0)     each rounded to bf16
//   y[i, j, o] = max over u, v < 3 of c[2 i + u, 2 j + v, o], position 3 u + v as in max_pool.cu
//
// A block takes a strip of pooled rows, some at a time, and keeps the weights and the last rows of
// c in shared memory. A warp takes 32 pixels through all three products in registers. A filter row
// of the first convolution counts as 16 channels, 5 of them with weight 0, so that its factors are
// whole words of the image: 45 % more multiplications of what is a tenth of the network's.
//
// Shapes   x [images, height, width]; conv_width = (width - 11) / 4 + 1, rows alike; w1
//          [96, 11, 11], w2, w3 [96, 96] in bf16; b1, b2, b3 [96] in fp32; y, position [images,
//          out_height, out_width, 96]; position in bytes, may be null (inference). All addresses
//          are multiples of 16. x is finite: the weights of 0 meet its pixels.
// Launch   from sm_80 on; any number of blocks, at most images strips; dynamic shared memory, in
//          bytes, for G pooled rows at a time:
//          2 (37 632 + (2 G + 1) conv_width 104 + (8 G + 11) (width + 6)),
//          at 224 pixels 143 844 with G = 2 and 117 700 with G = 1. sm_80 has 166 912, sm_90 and
//          100 have 232 448, others 101 376, enough for 128 pixels with G = 1.
// Bytes    x 2, y 2 and position, and the weights for each block; strips overlap in 11 - 4 + 8 rows
//          of x and compute one row of c twice.
// FLOPs    conv pixels 96 2 (121 + 96 + 96).
#include "grid.cuh"
#include "products.cuh"

constexpr int CHANNELS = 96;
constexpr int STEPS = CHANNELS / 16;
constexpr int KERNEL = 11;
constexpr int MOVE = 4;
constexpr int CHUNK = 32;
constexpr int CHUNKS = CHANNELS / CHUNK;
constexpr int PARTS = CHUNK / 16;
constexpr int M = 2;
constexpr int PIXELS = 16 * M;
// Elements from filter to filter, and from pixel to pixel: 8 more than there are let eight
// neighbours begin in different banks.
constexpr int WIDE = KERNEL * 16 + 8;
constexpr int NARROW = CHANNELS + 8;

extern __shared__ __align__(16) bf16 shared[];

struct Geometry {
  int height;
  int width;
  int conv_width;
  int out_height;
  int out_width;
  int at_once;
  // Elements from row to row of x in shared memory: what the widest window reaches, and even.
  __device__ int pitch() const { return (width + 6) & ~1; }
  // Rows of c that are kept, each in the place of its number modulo this.
  __device__ int kept() const { return 2 * at_once + 1; }
};

__device__ inline void load_weights(const bf16* w1, const bf16* w2, const bf16* w3, bf16* first,
                                    bf16* second, bf16* third) {
  for (int i = threadIdx.x; i < CHANNELS * KERNEL * 16; i += BLOCK) {
    const int filter = i / (KERNEL * 16);
    const int u = i / 16 % KERNEL;
    const int v = i % 16;
    first[filter * WIDE + u * 16 + v] =
        v < KERNEL ? w1[(filter * KERNEL + u) * KERNEL + v] : bf16{0};
  }
  for (int i = threadIdx.x; i < CHANNELS * CHANNELS / 8; i += BLOCK) {
    const int place = i / (CHANNELS / 8) * NARROW + i % (CHANNELS / 8) * 8;
    copy_async(second + place, w2 + i * 8);
    copy_async(third + place, w3 + i * 8);
  }
  wait_for_copies();
}

// Rows of an image to shared memory, behind each as many zeros as the last window reaches.
__device__ inline void load_rows(const bf16* x, bf16* rows, int count, const Geometry& g) {
  const int pitch = g.pitch();
  for (int i = threadIdx.x; i < count * pitch; i += BLOCK) {
    const int row = i / pitch;
    const int column = i - row * pitch;
    rows[i] = column < g.width ? x[row * g.width + column] : bf16{0};
  }
}

// The pixels of a lane: g and g + 8 of each 16.
struct Pixel {
  const bf16* window;
  bf16* target;  // null past the last one
};

// A 1×1 convolution of what is in registers.
__device__ inline void convolve(const unsigned (&factors)[STEPS][M][4], const bf16* weight,
                                float (&sums)[PARTS][M][2][4]) {
#pragma unroll
  for (int k = 0; k < STEPS; k++) {
    multiply_add_chunk(sums, factors[k], weight + k * 16, NARROW);
  }
}

// 32 pixels from windows of x to c.
__device__ inline void convolve_pixels(const Pixel (&pixels)[M][2], int pitch, const bf16* first,
                                       const bf16* second, const bf16* third, const float* b1,
                                       const float* b2, const float* b3) {
  unsigned inner[STEPS][M][4];
#pragma unroll
  for (int chunk = 0; chunk < CHUNKS; chunk++) {
    const bf16* weight = first + chunk * CHUNK * WIDE + filter_offset(WIDE);
    float sums[PARTS][M][2][4] = {};
#pragma unroll 1
    for (int u = 0; u < KERNEL; u++) {
      unsigned a[M][4];
#pragma unroll
      for (int i = 0; i < 4 * M; i++) {
        const bf16* window = pixels[i / 4][i % 2].window + u * pitch + i / 2 % 2 * 8;
        a[i / 4][i % 4] = *reinterpret_cast<const unsigned*>(window + threadIdx.x % 4 * 2);
      }
      multiply_add_chunk(sums, a, weight + u * 16, WIDE);
    }
#pragma unroll
    for (int i = 0; i < PARTS * M; i++) {
      const int step = chunk * PARTS + i / M;
      activate(sums[i / M][i % M], b1 + step * 16, inner[step][i % M]);
    }
  }
  unsigned outer[STEPS][M][4];
#pragma unroll
  for (int chunk = 0; chunk < CHUNKS; chunk++) {
    float sums[PARTS][M][2][4] = {};
    convolve(inner, second + chunk * CHUNK * NARROW + filter_offset(NARROW), sums);
#pragma unroll
    for (int i = 0; i < PARTS * M; i++) {
      const int step = chunk * PARTS + i / M;
      activate(sums[i / M][i % M], b2 + step * 16, outer[step][i % M]);
    }
  }
#pragma unroll 1
  for (int chunk = 0; chunk < CHUNKS; chunk++) {
    float sums[PARTS][M][2][4] = {};
    convolve(outer, third + chunk * CHUNK * NARROW + filter_offset(NARROW), sums);
#pragma unroll
    for (int i = 0; i < PARTS * M; i++) {
      const int channel = chunk * CHUNK + i / M * 16;
      unsigned result[4];
      activate(sums[i / M][i % M], b3 + channel, result);
#pragma unroll
      for (int lower = 0; lower < 2; lower++) {
        bf16* target = pixels[i % M][lower].target;
        if (target != nullptr) {
          put_pixel(target + channel, lower != 0, result);
        }
      }
    }
  }
}

// Pooled rows from those of c that are kept.
__device__ inline void pool_rows(const bf16* c, bf16* y, unsigned char* position, int top, int end,
                                 const Geometry& g) {
  constexpr int N = PACK<bf16>;
  constexpr int PACKS = CHANNELS / N;
  for (int i = threadIdx.x; i < (end - top) * g.out_width * PACKS; i += BLOCK) {
    const int row = top + i / (g.out_width * PACKS);
    const int column = i / PACKS % g.out_width;
    const int channel = i % PACKS * N;
    float best[N];
    unsigned where[N];
#pragma unroll
    for (int window = 0; window < 9; window++) {
      const int kept = (2 * row + window / 3) % g.kept();
      float values[N];
      load(c + (kept * g.conv_width + 2 * column + window % 3) * NARROW + channel, values);
#pragma unroll
      for (int j = 0; j < N; j++) {
        if (window == 0 || values[j] > best[j] || values[j] != values[j]) {
          best[j] = values[j];
          where[j] = window;
        }
      }
    }
    const int target = (row * g.out_width + column) * CHANNELS + channel;
    store(y + target, best);
    if (position != nullptr) {
      *reinterpret_cast<uint2*>(position + target) =
          make_uint2(where[0] | where[1] << 8 | where[2] << 16 | where[3] << 24,
                     where[4] | where[5] << 8 | where[6] << 16 | where[7] << 24);
    }
  }
}

// strips: into how many parts the pooled rows of an image are cut, at most out_height; at_once: G.
extern "C" __global__ void __launch_bounds__(BLOCK, 1)
first_block_forward_bf16(const bf16* x, const bf16* w1, const float* b1, const bf16* w2,
                         const float* b2, const bf16* w3, const float* b3, bf16* y,
                         unsigned char* position, int images, int height, int width,
                         int conv_width, int out_height, int out_width, int strips, int at_once) {
  const Geometry g = {height, width, conv_width, out_height, out_width, at_once};
  bf16* first = shared;
  bf16* second = first + CHANNELS * WIDE;
  bf16* third = second + CHANNELS * NARROW;
  bf16* c = third + CHANNELS * NARROW;
  bf16* rows = c + g.kept() * conv_width * NARROW;
  load_weights(w1, w2, w3, first, second, third);

  const int warp = threadIdx.x / WARP;
  for (int unit = blockIdx.x; unit < images * strips; unit += static_cast<int>(gridDim.x)) {
    const int image = unit / strips;
    const int begin = unit % strips * out_height / strips;
    const int end = (unit % strips + 1) * out_height / strips;
    const bf16* source = x + static_cast<long long>(image) * height * width;
    const long long target = static_cast<long long>(image) * out_height * out_width * CHANNELS;
    for (int top = begin; top < end; top += at_once) {
      const int bottom = min(top + at_once, end);
      // The first row of c is there from the last time.
      const int from = 2 * top + (top == begin ? 0 : 1);
      const int to = 2 * bottom + 1;
      load_rows(source + MOVE * from * width, rows, MOVE * (to - 1 - from) + KERNEL, g);
      __syncthreads();
      const int count = (to - from) * conv_width;
      for (int tile = warp * PIXELS; tile < count; tile += BLOCK / WARP * PIXELS) {
        Pixel pixels[M][2];
#pragma unroll
        for (int i = 0; i < 2 * M; i++) {
          const int number = tile + i * 8 + static_cast<int>(threadIdx.x) % WARP / 4;
          const int pixel = number < count ? number : 0;
          const int row = pixel / conv_width;
          const int column = pixel - row * conv_width;
          const int kept = (from + row) % g.kept();
          pixels[i / 2][i % 2].window = rows + MOVE * (row * g.pitch() + column);
          pixels[i / 2][i % 2].target =
              number < count ? c + (kept * conv_width + column) * NARROW : nullptr;
        }
        convolve_pixels(pixels, g.pitch(), first, second, third, b1, b2, b3);
      }
      __syncthreads();
      pool_rows(c, y + target, position == nullptr ? nullptr : position + target, top, bottom, g);
    }
  }
}
