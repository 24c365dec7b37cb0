// What both directions of the first block share: its weights and its image in shared memory, and a
// warp's way through its first two convolutions.
//
// Images of one channel lie there in squares of 4×4 pixels. What is an 11×11 convolution of stride
// 4 on pixels is one of 3×3 and stride 1 on squares of 16 channels, where the twelfth row and
// column of the filters is 0: 144 multiplications for 121. Every factor is then 16 bytes, aligned.
#pragma once
#include "grid.cuh"
#include "products.cuh"

constexpr int CHANNELS = 96;
constexpr int STEPS = CHANNELS / 16;
constexpr int KERNEL = 11;
constexpr int SIDE = 4;
constexpr int SQUARE = SIDE * SIDE;
constexpr int SQUARES = 3;
constexpr int TAPS = SQUARES * SQUARES * SQUARE;
// Elements from filter to filter, and from pixel to pixel: 8 more than there are let eight
// neighbours begin in different banks.
constexpr int WIDE = TAPS + 8;
constexpr int NARROW = CHANNELS + 8;
constexpr int WEIGHTS = CHANNELS * (WIDE + 2 * NARROW);

// Row and column of tap 16 s + t in the filter, for square s in row-major order.
__device__ inline int tap_row(int tap) {
  return tap / SQUARE / SQUARES * SIDE + tap % SQUARE / SIDE;
}

__device__ inline int tap_column(int tap) {
  return tap / SQUARE % SQUARES * SIDE + tap % SIDE;
}

struct Weights {
  const bf16* first;   // [96, WIDE]
  const bf16* second;  // [96, NARROW]
  const bf16* third;   // [96, NARROW]
};

__device__ inline Weights places_of_weights(const bf16* target) {
  const bf16* second = target + CHANNELS * WIDE;
  return Weights{target, second, second + CHANNELS * NARROW};
}

// What this thread copied is there; what others did, after a barrier.
__device__ inline Weights load_weights(const bf16* w1, const bf16* w2, const bf16* w3,
                                       bf16* target) {
  bf16* first = target;
  bf16* second = first + CHANNELS * WIDE;
  bf16* third = second + CHANNELS * NARROW;
// So many loads are under way at a time.
#pragma unroll 9
  for (int i = threadIdx.x; i < CHANNELS * TAPS; i += BLOCK) {
    const int filter = i / TAPS;
    const int tap = i % TAPS;
    const int u = tap_row(tap);
    const int v = tap_column(tap);
    first[filter * WIDE + tap] =
        u < KERNEL && v < KERNEL ? w1[(filter * KERNEL + u) * KERNEL + v] : bf16{0};
  }
  for (int i = threadIdx.x; i < CHANNELS * CHANNELS / 8; i += BLOCK) {
    const int place = i / (CHANNELS / 8) * NARROW + i % (CHANNELS / 8) * 8;
    copy_async(second + place, w2 + i * 8);
    copy_async(third + place, w3 + i * 8);
  }
  wait_for_copies();
  return places_of_weights(target);
}

// Rows of squares of an image.
struct Squares {
  const bf16* values;
  int pitch;  // squares from row to row

  // Where the upper (0) or lower (1) half of a square begins. They change places from row to row
  // and every four columns: so do eight pixels begin in different banks, whether they lie in a row
  // or in two rows of four.
  __device__ int half(int row, int column, int which) const {
    return (row * pitch + column) * SQUARE + ((which + row + column / 4) & 1) * 8;
  }

  // The same in one number, to which ways may be added: the last four bits hold the column in its
  // four, and above it, so that carries change it, which half is first.
  __device__ int place(int row, int column) const {
    return (row * pitch + column) * SQUARE + ((row + column / 4) & 1) * 4 + column % 4;
  }
  // To a half of a square so many rows below and fewer than four columns to the right.
  __device__ int way(int rows, int columns, int which) const {
    return (rows * pitch + columns) * SQUARE + ((which + rows) & 1) * 4 + columns;
  }
  __device__ static int half(int place) { return (place & ~15) + (place & 4) * 2; }
};

// Starts to load count rows of squares, the first of which has pixel row `top`; zeros outside the
// image. They are there after wait_for_copies and a barrier. thread: of so many `threads`.
__device__ inline void load_squares(const bf16* x, int top, int height, int width, bf16* target,
                                    int count, int pitch, int thread, int threads) {
  const Squares squares = {target, pitch};
  for (int i = thread; i < count * SIDE * pitch; i += threads) {
    const int row = i / pitch;
    const int square = i - row * pitch;
    const int column = square * SIDE;
    const bf16* source = x + (top + row) * width + column;
    const int inside = row % SIDE;
    bf16* place = target + squares.half(row / SIDE, square, inside / 2) + inside % 2 * SIDE;
    if (top + row < height && column + SIDE <= width && width % SIDE == 0) {
      copy_half_async(place, source);
      continue;
    }
    unsigned bits[SIDE] = {};
    if (top + row < height) {
#pragma unroll
      for (int j = 0; j < SIDE; j++) {
        bits[j] = column + j < width ? source[j].bits : 0;
      }
    }
    *reinterpret_cast<uint2*>(place) =
        make_uint2(bits[0] | bits[1] << 16, bits[2] | bits[3] << 16);
  }
}

// The first square of a pixel's window.
struct Window {
  int row;
  int column;
};

// The first convolution of 16 M pixels, of which the sums of 16 P filters at a time are in
// registers. windows: of pixel lane % 16 of each 16.
template <int P, int M>
__device__ inline void convolve_windows(const Squares& squares, const Window (&windows)[M],
                                        const bf16* weights, const float* bias,
                                        unsigned (&result)[STEPS][M][4]) {
  const int which = threadIdx.x % WARP / 16;
  // Of the window's first row of squares; in the rows below, halves change places each time.
  int begin[M][SQUARES];
#pragma unroll
  for (int i = 0; i < M * SQUARES; i++) {
    const Window& window = windows[i / SQUARES];
    begin[i / SQUARES][i % SQUARES] =
        squares.half(window.row, window.column + i % SQUARES, which);
  }
  const SharedPlace values(squares.values);
  const SharedPlace first = SharedPlace(weights) + filter_offset(WIDE);
#pragma unroll
  for (int chunk = 0; chunk < STEPS / P; chunk++) {
    const SharedPlace weight = first + chunk * P * 16 * WIDE;
    float sums[P][M][2][4] = {};
// More would fill the registers with loads made early.
#pragma unroll 1
    for (int row = 0; row < SQUARES; row++) {
      const int down = row * squares.pitch * SQUARE;
      const int swap = (row & 1) * 8;
#pragma unroll
      for (int column = 0; column < SQUARES; column++) {
        unsigned a[M][4];
#pragma unroll
        for (int m = 0; m < M; m++) {
          load_matrices(a[m], values + (down + (begin[m][column] ^ swap)));
        }
        multiply_add_chunk(sums, a, weight + (row * SQUARES + column) * SQUARE, WIDE);
      }
    }
#pragma unroll
    for (int i = 0; i < P * M; i++) {
      const int step = chunk * P + i / M;
      activate(sums[i / M][i % M], bias + step * 16, result[step][i % M]);
    }
  }
}

// A chunk of 16 P filters of a 1×1 convolution of what is in registers.
template <int P, int M>
__device__ inline void convolve_chunk(const unsigned (&factors)[STEPS][M][4], const bf16* weights,
                                      int chunk, float (&sums)[P][M][2][4]) {
  const SharedPlace weight = SharedPlace(weights) + (chunk * P * 16 * NARROW + filter_offset(NARROW));
#pragma unroll
  for (int k = 0; k < STEPS; k++) {
    multiply_add_chunk(sums, factors[k], weight + k * 16, NARROW);
  }
}
