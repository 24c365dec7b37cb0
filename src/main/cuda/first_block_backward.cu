// The first block of NiN on images of one channel, backward, in one kernel that computes the inner
// activations a and b of first_block.cu again, and one that finishes its sums. Used where the trial
// of both at the first start is won. An H100 takes 317 µs for 128 images of 224×224 pixels.
//
//   dc[p, o] = sum of dy[i, j, o] over the windows (i, j) that pixel p won and where y > 0
//   db[p, k] = b[p, k] > 0 ? sum over o of dc[p, o] w3[o, k] : 0
//   da[p, k] = a[p, k] > 0 ? sum over o of db[p, o] w2[o, k] : 0       each rounded to bf16
//   dw3[o, k] = sum over p of dc[p, o] b[p, k]       db3[o] = sum over p of dc[p, o]
//   dw2[o, k] = sum over p of db[p, o] a[p, k]       db2[o] = sum over p of db[p, o]
//   dw1[o, u, v] = sum over p of da[p, o] x[4 i + u, 4 j + v], with p = (i, j)
//                                                    db1[o] = sum over p of da[p, o]
//
// Winners are above 0 where y is, so c and b3 are not needed. Roundings are those of the layers one
// by one, a and b are forward's bit for bit: the same sums in the same order.
//
// A block takes tiles of 128 pixels: 32 cells of 2×2, which read 4 windows where their pixels one
// by one would read 9. A warp has 16 of the pixels, which it takes through all four products
// without the others. In between all warps add to the filter gradients, each to a part of its own:
// 60 + 36 + 36 sums a thread that stay in registers to the end. Bias gradients are products with
// columns of ones, 4 sums a thread. In the end each block writes its sums, and
// first_block_gradient_finish adds those of all blocks. The order of the sums depends on shape and
// number of blocks alone.
//
// Shapes   x [images, height, width]; w1 [96, 11, 11], w2, w3 [96, 96] in bf16; b1, b2 [96] in
//          fp32; y, position and dy [images, out_height, out_width, 96], the former two as
//          first_block_forward_bf16 writes them; dw1, db1, … in fp32, in the shapes of w1, b1, ….
//          All addresses are multiples of 16. x is finite: weights and gradients of 0 meet its
//          pixels. Workspace: partial [blocks, 136, 256] in fp32, the sums of each block's threads.
// Launch   from sm_80 on; any number of blocks; those past the last of images
//          ceil((out_height + 1) (out_width + 1) / 32) tiles write zeros. A block fills a
//          multiprocessor: min(128, tiles), from the shape alone, suits GPUs with that number of them.
//          Dynamic shared memory, in bytes, with R = min(out_height + 1, 30 / (out_width + 1) + 2)
//          rows of cells:
//          2 (74 496 + 16 buffers (2 R + 2) (2 out_width + 4)),
//          at 224 pixels 177 664 with two buffers and 163 328 with one. sm_80 has 166 912, sm_90 and
//          100 have 232 448, others too little. With two, the squares of the next tile are loaded
//          early. The finish takes 1088 blocks, 32 sums each, or any other number.
// Bytes    x 2, and (y, dy) 2 and position, and for each block the weights and 139 264 for partial,
//          which the finish reads again. Tiles overlap in x: it is read some 3 times, from cache.
// FLOPs    conv pixels 96 2 (2 121 + 5 96), of which 121 + 96 compute a and b again.
#include "first_block.cuh"

constexpr int TILE = 128;
constexpr int CELLS = TILE / 4;
// A warp's part of a filter gradient: 48 filters, and 24 channels or 40 taps, in eights.
constexpr int FILTERS = 3;
constexpr int EIGHTS = 3;
constexpr int TAP_EIGHTS = 5;
constexpr int SLICES = 4;

constexpr int W1 = CHANNELS * KERNEL * KERNEL;
constexpr int W2 = CHANNELS * CHANNELS;

extern __shared__ __align__(16) bf16 shared[];

// The pixels that windows reach, as cells of 2×2, in row-major order; the lower and right halves of
// the last ones are reached by none.
struct Cells {
  int out_height;
  int out_width;

  __device__ int wide() const { return out_width + 1; }
  __device__ int count() const { return (out_height + 1) * wide(); }
  __device__ int rows_of_tile() const { return min(out_height + 1, (CELLS - 2) / wide() + 2); }

  // The window of a tile's pixel, from the tile's first row of squares. Of pixels past the last
  // cell: that of the last cell, which does no harm as their gradient is 0.
  __device__ Window window(int first, int pixel) const {
    const int cell = min(first + pixel / 4, count() - 1);
    return {2 * (cell / wide() - first / wide()) + pixel / 2 % 2, 2 * (cell % wide()) + pixel % 2};
  }
};

// dc of a tile. The order of the sum is that of max_pool.cu.
__device__ inline void unpool(const bf16* y, const unsigned char* position, const bf16* dy,
                              const Cells& cells, int first, bf16* dc) {
  constexpr int N = PACK<bf16>;
  constexpr int PACKS = CHANNELS / N;
  for (int i = threadIdx.x; i < CELLS * PACKS; i += BLOCK) {
    const int cell = first + i / PACKS;
    const int channel = i % PACKS * N;
    const int row = cell / cells.wide();
    const int column = cell % cells.wide();
    // All loads are under way before the first is waited for.
    uint4 gradients[4];
    uint4 outputs[4];
    uint2 winners[4];
#pragma unroll
    for (int w = 0; w < 4; w++) {
      // Windows above and left of the cell come first.
      const int up = row - (1 - w / 2);
      const int left = column - (1 - w % 2);
      const bool exists = up >= 0 && up < cells.out_height && left >= 0 && left < cells.out_width;
      const int source = (up * cells.out_width + left) * CHANNELS + channel;
      gradients[w] = exists ? *reinterpret_cast<const uint4*>(dy + source) : make_uint4(0, 0, 0, 0);
      outputs[w] = exists ? *reinterpret_cast<const uint4*>(y + source) : make_uint4(0, 0, 0, 0);
      winners[w] =
          exists ? *reinterpret_cast<const uint2*>(position + source) : make_uint2(0, 0);
    }
    float sums[4][N] = {};
#pragma unroll
    for (int w = 0; w < 4; w++) {
      const unsigned gradient[N / 2] = {gradients[w].x, gradients[w].y, gradients[w].z,
                                        gradients[w].w};
      const unsigned output[N / 2] = {outputs[w].x, outputs[w].y, outputs[w].z, outputs[w].w};
#pragma unroll
      for (int j = 0; j < N; j++) {
        const unsigned winner = (j < 4 ? winners[w].x : winners[w].y) >> (j % 4 * 8) & 0xffu;
        float given[2];
        float activated[2];
        unpack(gradient[j / 2], given[0], given[1]);
        unpack(output[j / 2], activated[0], activated[1]);
        const float value = activated[j % 2] > 0.0f ? given[j % 2] : 0.0f;
#pragma unroll
        for (int p = 0; p < 4; p++) {
          const int u = p / 2 + 2 * (1 - w / 2);
          const int v = p % 2 + 2 * (1 - w % 2);
          if (u < 3 && v < 3) {
            sums[p][j] += winner == static_cast<unsigned>(3 * u + v) ? value : 0.0f;
          }
        }
      }
    }
#pragma unroll
    for (int p = 0; p < 4; p++) {
      store(dc + (i / PACKS * 4 + p) * NARROW + channel, sums[p]);
    }
  }
}

// Both inner activations of a warp's 16 pixels. Here and below, results that are put a chunk at a
// time leave registers for the sums of the gradients.
__device__ inline void activations(const Squares& squares, const Window& window,
                                   const Weights& weights, const float* b1, const float* b2,
                                   bf16* inner, bf16* outer) {
  const Window windows[1] = {window};
  unsigned a[STEPS][1][4];
  convolve_windows(squares, windows, weights.first, b1, a);
#pragma unroll
  for (int step = 0; step < STEPS; step++) {
    put(inner + step * 16, NARROW, a[step][0]);
  }
#pragma unroll 1
  for (int chunk = 0; chunk < CHUNKS; chunk++) {
    float sums[PARTS][1][2][4] = {};
    convolve_chunk(a, weights.second, chunk, sums);
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
      const int channel = chunk * CHUNK + part * 16;
      unsigned b[4];
      activate(sums[part][0], b2 + channel, b);
      put(outer + channel, NARROW, b);
    }
  }
}

// The way back of a warp's 16 pixels: from dc, in whose place comes db, and b, in whose place comes
// da, and from a.
__device__ inline void gradients(const Weights& weights, bf16* gradient, bf16* outer,
                                 const bf16* inner) {
  const int offset = pixel_offset(NARROW);
  unsigned db[STEPS][1][4];
#pragma unroll
  for (int chunk = 0; chunk < CHUNKS; chunk++) {
    const bf16* weight = weights.third + chunk * CHUNK + offset;
    float sums[PARTS][1][2][4] = {};
#pragma unroll 3
    for (int k = 0; k < STEPS; k++) {
      unsigned dc[1][4];
      load_matrices(dc[0], gradient + k * 16 + offset);
      multiply_add_transposed(sums, dc, weight + k * 16 * NARROW);
    }
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
      const int step = chunk * PARTS + part;
      mask(sums[part][0], outer + step * 16, NARROW, db[step][0]);
    }
  }
  __syncwarp();
#pragma unroll
  for (int step = 0; step < STEPS; step++) {
    put(gradient + step * 16, NARROW, db[step][0]);
  }
#pragma unroll 1
  for (int chunk = 0; chunk < CHUNKS; chunk++) {
    const bf16* weight = weights.second + chunk * CHUNK + offset;
    float sums[PARTS][1][2][4] = {};
#pragma unroll
    for (int k = 0; k < STEPS; k++) {
      multiply_add_transposed(sums, db[k], weight + k * 16 * NARROW);
    }
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
      const int channel = chunk * CHUNK + part * 16;
      unsigned da[4];
      mask(sums[part][0], inner + channel, NARROW, da);
      put(outer + channel, NARROW, da);
    }
  }
}

// Which part of the gradients a warp sums.
struct Part {
  int filter;  // the first
  int slice;

  __device__ int channel() const { return slice * EIGHTS * 8; }
  // 18 eights of taps: 5, 5, 4, 4.
  __device__ int first_eight() const { return slice * 4 + min(slice, 2); }
  __device__ int eights() const { return slice < 2 ? 5 : 4; }
};

// A filter gradient of a tile: adds the products of 48 filters' gradients with `count` times 8
// factors, summed over the pixels, and those of 16 of the filters with the column of ones.
//
// factors(pixel, n): where the n-th 8 of this pixel begin.
template <int N, typename Factors>
__device__ inline void add_products(float (&sums)[FILTERS][N][4], float (&bias)[4], int column,
                                    const bf16* gradient, const Part& part, int count,
                                    Factors factors) {
  const int lane = threadIdx.x % WARP;
  const unsigned ones = lane / 4 == column ? 0x3f803f80u : 0u;
  const SharedPlace filters =
      SharedPlace(gradient) + (part.filter + filter_offset(NARROW));
#pragma unroll 1
  for (int pixel = 0; pixel < TILE; pixel += 32) {
    unsigned right[N][4];
#pragma unroll
    for (int n = 0; n < N; n++) {
      if (n < count) {
        load_matrices_transposed(right[n], factors(pixel + lane, n));
      }
    }
    // All loads are under way before the first product waits for one.
    unsigned left[2][FILTERS][4];
#pragma unroll
    for (int i = 0; i < 2 * FILTERS; i++) {
      load_matrices_transposed(left[i / FILTERS][i % FILTERS],
                               filters + ((pixel + i / FILTERS * 16) * NARROW + i % FILTERS * 16));
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
#pragma unroll
      for (int m = 0; m < FILTERS; m++) {
#pragma unroll
        for (int n = 0; n < N; n++) {
          if (n < count) {
            multiply_add(sums[m][n], left[half][m], right[n][2 * half], right[n][2 * half + 1]);
          }
        }
      }
      // Selected rather than branched for; of the last slice it is nothing that is written.
      unsigned chosen[4];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        chosen[i] = part.slice == 0   ? left[half][0][i]
                    : part.slice == 1 ? left[half][1][i]
                                      : left[half][2][i];
      }
      multiply_add(bias, chosen, ones, ones);
    }
  }
}

// Sums of a thread, in the order in which they are written: by dw1, dw2, dw3 and the biases.
constexpr int SUMS1 = FILTERS * TAP_EIGHTS * 4;
constexpr int SUMS2 = FILTERS * EIGHTS * 4;
constexpr int SUMS = SUMS1 + 2 * SUMS2 + 4;

// A block's sums, the threads' side by side.
template <int N>
__device__ inline void write_sums(const float (&sums)[FILTERS][N][4], float* partial) {
#pragma unroll
  for (int i = 0; i < FILTERS * N * 4; i++) {
    partial[i * BLOCK + threadIdx.x] = sums[i / 4 / N][i / 4 % N][i % 4];
  }
}

// Of which gradient a sum is, in the order dw1, dw2, dw3, db1, db2, db3 of one after the other; -1 if
// of none: of a tap that is 0, or of a column of ones that is not the bias's.
__device__ inline int gradient_of(int sum, int thread) {
  const int lane = thread % WARP;
  const Part part = {thread / WARP / SLICES * FILTERS * 16, thread / WARP % SLICES};
  const bool first = sum < SUMS1;
  const bool bias = sum >= SUMS1 + 2 * SUMS2;
  const int layer = first || bias ? 0 : (sum - SUMS1) / SUMS2;
  const int i = first ? sum : bias ? sum - SUMS1 - 2 * SUMS2 : (sum - SUMS1) % SUMS2;
  const int eights = first ? TAP_EIGHTS : EIGHTS;
  const int m = bias ? part.slice : i / 4 / eights;
  const int n = bias ? 0 : i / 4 % eights;
  const int filter = part.filter + m * 16 + i / 2 % 2 * 8 + lane / 4;
  const int column = n * 8 + lane % 4 * 2 + i % 2;
  if (bias) {
    return part.slice < FILTERS && column < 3 ? W1 + 2 * W2 + column * CHANNELS + filter : -1;
  }
  if (!first) {
    return W1 + layer * W2 + filter * CHANNELS + part.channel() + column;
  }
  const int tap = part.first_eight() * 8 + column;
  const int u = tap_row(tap);
  const int v = tap_column(tap);
  const bool counts = column < part.eights() * 8 && u < KERNEL && v < KERNEL;
  return counts ? (filter * KERNEL + u) * KERNEL + v : -1;
}

extern "C" __global__ void __launch_bounds__(BLOCK, 1)
first_block_backward_bf16(const bf16* x, const bf16* w1, const float* b1, const bf16* w2,
                          const float* b2, const bf16* w3, const bf16* y,
                          const unsigned char* position, const bf16* dy, float* partial,
                          int images, int height, int width, int out_height, int out_width,
                          int buffers) {
  const Cells cells = {out_height, out_width};
  bf16* gradient = shared + WEIGHTS;          // dc, then db
  bf16* outer = gradient + TILE * NARROW;     // b, then da
  bf16* inner = outer + TILE * NARROW;        // a
  bf16* image_squares = inner + TILE * NARROW;
  const int tiles = (cells.count() + CELLS - 1) / CELLS;
  const int rows = 2 * cells.rows_of_tile() + SQUARES - 1;
  const int pitch = 2 * cells.wide() + SQUARES - 1;
  // Starts to load the squares of a tile.
  const auto load_tile = [&](int unit, bf16* to) {
    load_squares(x + static_cast<long long>(unit / tiles) * height * width,
                 unit % tiles * CELLS / cells.wide() * 2 * SIDE, height, width, to, rows, pitch);
  };
  const Weights weights = load_weights(w1, w2, w3, shared);

  const int lane = threadIdx.x % WARP;
  const int warp = threadIdx.x / WARP;
  const int own = warp * 16 * NARROW;
  const Part part = {warp / SLICES * FILTERS * 16, warp % SLICES};
  float dw1[FILTERS][TAP_EIGHTS][4] = {};
  float dw2[FILTERS][EIGHTS][4] = {};
  float dw3[FILTERS][EIGHTS][4] = {};
  float dbias[4] = {};

  const int step = static_cast<int>(gridDim.x);
  int now = 0;
  if (buffers == 2 && static_cast<int>(blockIdx.x) < images * tiles) {
    load_tile(blockIdx.x, image_squares);
  }
  for (int unit = blockIdx.x; unit < images * tiles; unit += step) {
    const int image = unit / tiles;
    const int first = unit % tiles * CELLS;
    const long long output = static_cast<long long>(image) * out_height * out_width * CHANNELS;
    const Squares squares = {image_squares + now * rows * pitch * SQUARE, pitch};
    if (buffers == 1) {
      load_tile(unit, image_squares);
    }
    unpool(y + output, position + output, dy + output, cells, first, gradient);
    wait_for_copies();
    __syncthreads();
    if (buffers == 2) {
      // While a block works on a tile, the squares of its next one are on their way.
      now = 1 - now;
      if (unit + step < images * tiles) {
        load_tile(unit + step, image_squares + now * rows * pitch * SQUARE);
      }
    }

    activations(squares, cells.window(first, warp * 16 + lane % 16), weights, b1, b2, inner + own,
                outer + own);
    __syncthreads();

    add_products(dw3, dbias, 2, gradient, part, EIGHTS, [=](int pixel, int n) {
      return outer + pixel * NARROW + part.channel() + n * 8;
    });
    __syncthreads();

    gradients(weights, gradient + own, outer + own, inner + own);
    __syncthreads();

    add_products(dw2, dbias, 1, gradient, part, EIGHTS, [=](int pixel, int n) {
      return inner + pixel * NARROW + part.channel() + n * 8;
    });
    add_products(dw1, dbias, 0, outer, part, part.eights(), [=](int pixel, int n) {
      const Window window = cells.window(first, pixel);
      const int eight = part.first_eight() + n;
      const int square = eight / 2;
      return squares.values + squares.half(window.row + square / SQUARES,
                                           window.column + square % SQUARES, eight % 2);
    });
    __syncthreads();
  }
  float* const target = partial + static_cast<long long>(blockIdx.x) * SUMS * BLOCK;
  write_sums(dw1, target);
  write_sums(dw2, target + SUMS1 * BLOCK);
  write_sums(dw3, target + (SUMS1 + SUMS2) * BLOCK);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    target[(SUMS1 + 2 * SUMS2 + i) * BLOCK + threadIdx.x] = dbias[i];
  }
}

// Adds the blocks' sums: a block 32 neighbouring ones at a time, 8 threads each.
extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
first_block_gradient_finish(const float* partial, float* dw1, float* db1, float* dw2, float* db2,
                            float* dw3, float* db3, int parts) {
  __shared__ float sums[BLOCK];
  const int lane = threadIdx.x % WARP;
  const int warp = threadIdx.x / WARP;
  for (int first = blockIdx.x * WARP; first < SUMS * BLOCK; first += gridDim.x * WARP) {
    float sum = 0.0f;
#pragma unroll 4
    for (int p = warp; p < parts; p += BLOCK / WARP) {
      sum += partial[static_cast<long long>(p) * SUMS * BLOCK + first + lane];
    }
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (warp == 0) {
      float total = 0.0f;
      for (int w = 0; w < BLOCK / WARP; w++) {
        total += sums[w * WARP + lane];
      }
      float* const targets[6] = {dw1, dw2, dw3, db1, db2, db3};
      const int lengths[6] = {W1, W2, W2, CHANNELS, CHANNELS, CHANNELS};
      int place = gradient_of(first / BLOCK, first % BLOCK + lane);
#pragma unroll
      for (int t = 0; t < 6; t++) {
        if (place >= 0 && place < lengths[t]) {
          targets[t][place] = total;
        }
        place -= place < 0 ? 0 : lengths[t];
      }
    }
    __syncthreads();
  }
}
