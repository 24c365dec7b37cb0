// The first block of NiN on images of one channel, backward, in one kernel that computes the inner
// activations a and b of first_block.cu again, and one that finishes its sums. Used where the trial
// of both at the first start is won. An H200 takes 224 µs for 128 images of 224×224 pixels.
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
// A block takes tiles of 64 M pixels: 16 M cells of 2×2, which read 4 windows where their pixels one
// by one would read 9. Its warps have two tasks, so that each has something to wait for while the
// other computes. Four make the chain: they unpool, and a warp takes 16 M of the pixels through all
// four products without the others, each weight that it loads for all of its pixels. Eight add to
// the filter gradients, each to a part of its own: 60 + 36 + 36 sums a thread that stay in registers
// to the end. Bias gradients are products with columns of ones, whose sums are where the last two
// slices have no taps. A tile takes two barriers:
//
//            the chain                           the others
//   one      dc, a, b of tile t; a in registers  dw2, dw1 of tile t - 1
//   other    stores a; db, da of tile t          dw3 of tile t; the image of tile t + 1
//
// In the end each block writes its sums, and first_block_gradient_finish adds those of all blocks.
// The order of the sums depends on shape and number of blocks alone, on M it does not: of 32 cells
// a block takes both halves.
//
// Shapes   x [images, height, width]; w1 [96, 11, 11], w2, w3 [96, 96] in bf16; b1, b2 [96] in
//          fp32; y, position and dy [images, out_height, out_width, 96], the former two as
//          first_block_forward_bf16 writes them; dw1, db1, … in fp32, in the shapes of w1, b1, ….
//          All addresses are multiples of 16. x is finite: weights and gradients of 0 meet its
//          pixels. Workspace: partial [blocks, 132, 256] in fp32, the sums of each block's threads.
// Launch   from sm_80 on; blocks of 384 threads, any number; those past the last of images
//          ceil((out_height + 1) (out_width + 1) / 32) units write zeros. A block fills a
//          multiprocessor: min(128, units), from the shape alone, suits GPUs with that number of them.
//          _128 has M = 2 and _64 has M = 1. Dynamic shared memory, in bytes, for P = 64 M pixels,
//          with R = min(out_height + 1, (P / 4 - 2) / (out_width + 1) + 2) rows of cells:
//          2 (34 560 + 524 P + 32 (2 R + 2) (2 out_width + 4)),
//          at 224 pixels 231 936 with M = 2 and 157 696 with M = 1. sm_80 has 166 912, sm_90 and
//          100 have 232 448, others too little. The finish takes 1056 blocks, 32 sums each, or any
//          other number.
// Bytes    x 2, and (y, dy) 2 and position, and for each block the weights and 135 168 for partial,
//          which the finish reads again. Tiles overlap in x: it is read some 3 times, from cache.
// FLOPs    conv pixels 96 2 (2 121 + 5 96), of which 121 + 96 compute a and b again.
#include "first_block.cuh"

// Threads that take pixels through the four products, behind those that sum filter gradients.
constexpr int CHAIN = 128;
constexpr int THREADS = BLOCK + CHAIN;
// Cells that a block takes in turn, and those of a tile, whose pixels are 16 M for each warp of the
// chain.
constexpr int UNIT = 32;
template <int M>
constexpr int CELLS = 16 * M;
template <int M>
constexpr int TILE = 4 * CELLS<M>;
// 16s of filters or channels of a 1×1 convolution whose sums are in registers at a time.
constexpr int SOME = 3;
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
  __device__ int rows_of(int cells) const { return min(out_height + 1, (cells - 2) / wide() + 2); }
  // Past the last cell: of the last.
  __device__ int row(int cell) const { return min(cell, count() - 1) / wide(); }

  // The window of a tile's pixel, from the tile's first row of squares. Of pixels past the last
  // cell: that of the last cell, which does no harm as their gradient is 0.
  __device__ Window window(int first, int pixel) const {
    const int cell = min(first + pixel / 4, count() - 1);
    return {2 * (cell / wide() - row(first)) + pixel / 2 % 2, 2 * (cell % wide()) + pixel % 2};
  }
};

// dc of a tile, by the threads of the chain. The order of the sum is that of max_pool.cu.
template <int M>
__device__ inline void unpool(const bf16* y, const unsigned char* position, const bf16* dy,
                              const Cells& cells, int first, bf16* dc) {
  constexpr int N = PACK<bf16>;
  constexpr int PACKS = CHANNELS / N;
// So many loads are under way at a time: 224 µs in place of 234.
#pragma unroll 3
  for (int i = threadIdx.x - BLOCK; i < CELLS<M> * PACKS; i += CHAIN) {
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

// Asks for what unpool will read: from the first cell's first window to the last one's last.
template <int M>
__device__ inline void prefetch_windows(const bf16* y, const unsigned char* position,
                                        const bf16* dy, const Cells& cells, int first) {
  constexpr int LINE = 128;
  const int end = min(first + CELLS<M>, cells.count()) - 1;
  const int windows = cells.out_height * cells.out_width;
  const int from = max(first - first / cells.wide() - cells.wide(), 0) * CHANNELS;
  const int to = min(end - end / cells.wide() + 1, windows) * CHANNELS;
  for (int i = from + threadIdx.x * LINE; i < to; i += BLOCK * LINE) {
    prefetch(position + i);
    prefetch(y + i);
    prefetch(y + min(i + LINE / 2, to - 1));
    prefetch(dy + i);
    prefetch(dy + min(i + LINE / 2, to - 1));
  }
}

// A factor of 16 M pixels.
template <int M>
__device__ inline void put_all(bf16* pixels, const unsigned (&factor)[M][4]) {
#pragma unroll
  for (int m = 0; m < M; m++) {
    put(pixels + m * 16 * NARROW, NARROW, factor[m]);
  }
}

// Both inner activations of a warp's 16 M pixels: a stays in registers.
template <int M>
__device__ inline void activations(const Squares& squares, const Window (&windows)[M],
                                   const Weights& weights, const float* b1, const float* b2,
                                   unsigned (&a)[STEPS][M][4], bf16* outer) {
  convolve_windows<STEPS>(squares, windows, weights.first, b1, a);
#pragma unroll 1
  for (int chunk = 0; chunk < STEPS / SOME; chunk++) {
    float sums[SOME][M][2][4] = {};
    convolve_chunk(a, weights.second, chunk, sums);
#pragma unroll
    for (int part = 0; part < SOME; part++) {
      const int channel = (chunk * SOME + part) * 16;
      unsigned b[M][4];
#pragma unroll
      for (int m = 0; m < M; m++) {
        activate(sums[part][m], b2 + channel, b[m]);
      }
      put_all(outer + channel, b);
    }
  }
}

// The way back of a warp's 16 M pixels, from dc, a and b.
template <int M>
__device__ inline void gradients(const Weights& weights, const bf16* dc, const bf16* outer,
                                 const bf16* inner, bf16* outer_gradient, bf16* inner_gradient) {
  const int offset = pixel_offset(NARROW);
  unsigned db[STEPS][M][4];
  {
    const SharedPlace weight = SharedPlace(weights.third) + offset;
    const SharedPlace pixels = SharedPlace(dc) + offset;
    float sums[STEPS][M][2][4] = {};
#pragma unroll 1
    for (int k = 0; k < STEPS; k++) {
      unsigned factors[M][4];
#pragma unroll
      for (int m = 0; m < M; m++) {
        load_matrices(factors[m], pixels + (m * 16 * NARROW + k * 16));
      }
      multiply_add_transposed(sums, factors, weight + k * 16 * NARROW);
    }
#pragma unroll
    for (int step = 0; step < STEPS; step++) {
#pragma unroll
      for (int m = 0; m < M; m++) {
        mask(sums[step][m], outer + m * 16 * NARROW + step * 16, NARROW, db[step][m]);
      }
      put_all(outer_gradient + step * 16, db[step]);
    }
  }
#pragma unroll 1
  for (int chunk = 0; chunk < STEPS / SOME; chunk++) {
    const SharedPlace weight = SharedPlace(weights.second) + (chunk * SOME * 16 + offset);
    float sums[SOME][M][2][4] = {};
#pragma unroll
    for (int k = 0; k < STEPS; k++) {
      multiply_add_transposed(sums, db[k], weight + k * 16 * NARROW);
    }
#pragma unroll
    for (int part = 0; part < SOME; part++) {
      const int channel = (chunk * SOME + part) * 16;
      unsigned da[M][4];
#pragma unroll
      for (int m = 0; m < M; m++) {
        mask(sums[part][m], inner + m * 16 * NARROW + channel, NARROW, da[m]);
      }
      put_all(inner_gradient + channel, da);
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

// A filter gradient of a tile: adds the products of 48 filters' gradients with N times 8 factors,
// or N - 1 unless `whole`, summed over the pixels; and in slices 2 and 3 those of some of the
// filters with a column of ones, in the last 8 of dw1, which have no taps there.
//
// factors(pixel, n): where the n-th 8 of this pixel begin.
template <int PIXELS, int N, typename Factors>
__device__ inline void add_products(float (&sums)[FILTERS][N][4],
                                    float (&biases)[FILTERS][TAP_EIGHTS][4], int column,
                                    const bf16* gradient, const Part& part, bool whole,
                                    Factors factors) {
  static_assert(N % 2 == 1, "pairs and a last one");
  const int lane = threadIdx.x % WARP;
  const unsigned ones = lane / 4 == column ? 0x3f803f80u : 0u;
  const SharedPlace filters = SharedPlace(gradient) + (part.filter + filter_offset(NARROW));
#pragma unroll 1
  for (int pixel = 0; pixel < PIXELS; pixel += 16) {
    unsigned left[FILTERS][4];
#pragma unroll
    for (int m = 0; m < FILTERS; m++) {
      load_matrices_transposed(left[m], filters + (pixel * NARROW + m * 16));
    }
#pragma unroll
    for (int n = 0; n < N - 1; n += 2) {
      unsigned right[4];
      load_matrices_transposed(right, factors(pixel + lane % 16, n + lane / 16));
#pragma unroll
      for (int m = 0; m < FILTERS; m++) {
        multiply_add(sums[m][n], left[m], right[0], right[1]);
        multiply_add(sums[m][n + 1], left[m], right[2], right[3]);
      }
    }
    if (whole) {
      unsigned right[2];
      load_matrices_transposed(right, factors(pixel + lane % 16, N - 1));
#pragma unroll
      for (int m = 0; m < FILTERS; m++) {
        multiply_add(sums[m][N - 1], left[m], right[0], right[1]);
      }
    }
    if (part.slice == 2) {
      multiply_add(biases[0][TAP_EIGHTS - 1], left[0], ones, ones);
      multiply_add(biases[1][TAP_EIGHTS - 1], left[1], ones, ones);
    } else if (part.slice == 3) {
      multiply_add(biases[2][TAP_EIGHTS - 1], left[2], ones, ones);
    }
  }
}

// Sums of a thread, in the order in which they are written: by dw1, dw2 and dw3.
constexpr int SUMS1 = FILTERS * TAP_EIGHTS * 4;
constexpr int SUMS2 = FILTERS * EIGHTS * 4;
constexpr int SUMS = SUMS1 + 2 * SUMS2;

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
  const int layer = first ? 0 : (sum - SUMS1) / SUMS2;
  const int i = first ? sum : (sum - SUMS1) % SUMS2;
  const int eights = first ? TAP_EIGHTS : EIGHTS;
  const int m = i / 4 / eights;
  const int n = i / 4 % eights;
  const int filter = part.filter + m * 16 + i / 2 % 2 * 8 + lane / 4;
  const int column = n * 8 + lane % 4 * 2 + i % 2;
  if (!first) {
    return W1 + layer * W2 + filter * CHANNELS + part.channel() + column;
  }
  if (n >= part.eights()) {
    const bool counts = part.slice == (m < 2 ? 2 : 3) && column % 8 < 3;
    return counts ? W1 + 2 * W2 + column % 8 * CHANNELS + filter : -1;
  }
  const int tap = part.first_eight() * 8 + column;
  const int u = tap_row(tap);
  const int v = tap_column(tap);
  return u < KERNEL && v < KERNEL ? (filter * KERNEL + u) * KERNEL + v : -1;
}

template <int M>
__device__ inline void backward(const bf16* x, const bf16* w1, const float* b1, const bf16* w2,
                                const float* b2, const bf16* w3, const bf16* y,
                                const unsigned char* position, const bf16* dy, float* partial,
                                int images, int height, int width, int out_height,
                                int out_width) {
  const Cells cells = {out_height, out_width};
  bf16* const dc = shared + WEIGHTS;
  bf16* const b = dc + TILE<M> * NARROW;
  bf16* const a = b + TILE<M> * NARROW;
  bf16* const db = a + TILE<M> * NARROW;
  bf16* const da = db + TILE<M> * NARROW;
  int* const places = reinterpret_cast<int*>(da + TILE<M> * NARROW);
  bf16* const image_squares = da + TILE<M> * (NARROW + 4);
  const Weights weights = places_of_weights(shared);

  constexpr int TILES = UNIT / CELLS<M>;  // of a unit
  const int units = (cells.count() + UNIT - 1) / UNIT;
  const int all = images * units;
  const int blocks = static_cast<int>(gridDim.x);
  const int block = static_cast<int>(blockIdx.x);
  const int tiles = block < all ? ((all - block - 1) / blocks + 1) * TILES : 0;
  // Of a tile of this block: image and first cell.
  const auto unit_of = [=](int tile) { return block + tile / TILES * blocks; };
  const auto first_of = [=](int tile) {
    return unit_of(tile) % units * UNIT + tile % TILES * CELLS<M>;
  };
  const int rows = 2 * cells.rows_of(CELLS<M>) + SQUARES - 1;
  const int pitch = 2 * cells.wide() + SQUARES - 1;
  const auto squares_of = [=](int tile) {
    return Squares{image_squares + tile % 2 * rows * pitch * SQUARE, pitch};
  };
  const auto places_of = [=](int tile) { return places + tile % 2 * TILE<M>; };

  const int lane = threadIdx.x % WARP;
  const int warp = threadIdx.x / WARP;
  if (warp < BLOCK / WARP) {
    const auto load_tile = [&](int tile) {
      load_squares(x + static_cast<long long>(unit_of(tile) / units) * height * width,
                   cells.row(first_of(tile)) * 2 * SIDE, height, width,
                   image_squares + tile % 2 * rows * pitch * SQUARE, rows, pitch, threadIdx.x,
                   BLOCK);
    };
    if (tiles > 0) {
      load_tile(0);
    }
    load_weights(w1, w2, w3, shared);
    __syncthreads();
    const Part part = {warp / SLICES * FILTERS * 16, warp % SLICES};
    float dw1[FILTERS][TAP_EIGHTS][4] = {};
    float dw2[FILTERS][EIGHTS][4] = {};
    float dw3[FILTERS][EIGHTS][4] = {};
#pragma unroll 1
    for (int tile = 0; tile < tiles; tile++) {
      __syncthreads();
      if (tile + 1 < tiles) {
        load_tile(tile + 1);
        const long long output = static_cast<long long>(unit_of(tile + 1) / units) * out_height *
                                 out_width * CHANNELS;
        prefetch_windows<M>(y + output, position + output, dy + output, cells,
                            first_of(tile + 1));
      }
      add_products<TILE<M>>(dw3, dw1, 2, dc, part, true, [=](int pixel, int n) {
        return b + pixel * NARROW + part.channel() + n * 8;
      });
      wait_for_copies();
      __syncthreads();

      add_products<TILE<M>>(dw2, dw1, 1, db, part, true, [=](int pixel, int n) {
        return a + pixel * NARROW + part.channel() + n * 8;
      });
      const Squares squares = squares_of(tile);
      const int* const windows = places_of(tile);
      add_products<TILE<M>>(dw1, dw1, 0, da, part, part.eights() == TAP_EIGHTS, [=](int pixel, int n) {
        const int eight = part.first_eight() + n;
        const int square = eight / 2;
        const int way = squares.way(square / SQUARES, square % SQUARES, eight % 2);
        return squares.values + Squares::half(windows[pixel] + way);
      });
    }
    float* const target = partial + static_cast<long long>(block) * SUMS * BLOCK;
    write_sums(dw1, target);
    write_sums(dw2, target + SUMS1 * BLOCK);
    write_sums(dw3, target + (SUMS1 + SUMS2) * BLOCK);
  } else {
    const int pixel = (warp - BLOCK / WARP) * 16 * M;
    const int own = pixel * NARROW;
    __syncthreads();
#pragma unroll 1
    for (int tile = 0; tile < tiles; tile++) {
      const int first = first_of(tile);
      const long long output = static_cast<long long>(unit_of(tile) / units) * out_height *
                               out_width * CHANNELS;
      unpool<M>(y + output, position + output, dy + output, cells, first, dc);
      Window windows[M];
#pragma unroll
      for (int m = 0; m < M; m++) {
        windows[m] = cells.window(first, pixel + m * 16 + lane % 16);
        places_of(tile)[pixel + m * 16 + lane % 16] =
            squares_of(tile).place(windows[m].row, windows[m].column);
      }
      unsigned inner[STEPS][M][4];
      activations(squares_of(tile), windows, weights, b1, b2, inner, b + own);
      __syncthreads();
#pragma unroll
      for (int step = 0; step < STEPS; step++) {
        put_all(a + own + step * 16, inner[step]);
      }
      gradients<M>(weights, dc + own, b + own, a + own, db + own, da + own);
      __syncthreads();
    }
  }
}

#define FIRST_BLOCK_BACKWARD(M, PIXELS)                                                          \
  extern "C" __global__ void __launch_bounds__(THREADS, 1) first_block_backward_##PIXELS##_bf16( \
      const bf16* x, const bf16* w1, const float* b1, const bf16* w2, const float* b2,           \
      const bf16* w3, const bf16* y, const unsigned char* position, const bf16* dy,              \
      float* partial, int images, int height, int width, int out_height, int out_width) {        \
    backward<M>(x, w1, b1, w2, b2, w3, y, position, dy, partial, images, height, width,          \
                out_height, out_width);                                                          \
  }
FIRST_BLOCK_BACKWARD(1, 64)
FIRST_BLOCK_BACKWARD(2, 128)

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
