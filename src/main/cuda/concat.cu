// Copies a slice of channels, which is one input's part of a concatenation or of its gradient:
//
//   y[r to_row + c] = x[r from_row + c] for c < channels
//
// Shapes   rows = N H W, or N for features; from_row and to_row are the channels of the tensors that
//          x and y point into, at the slice's first channel. One of the two is `channels`.
// Bytes    2 rows channels sizeof(T).
// FLOPs    none.
#include "grid.cuh"

template <typename T>
__device__ void copy_channels(const T* x, T* y, long long rows, int channels, int from_row,
                              int to_row) {
  constexpr int N = PACK<T>;
  if (channels % N == 0 && from_row % N == 0 && to_row % N == 0 && is_aligned(x) &&
      is_aligned(y)) {
    for_each_unit(rows, channels / N, [=](long long row, int pack) {
      float values[N];
      load(x + row * from_row + pack * N, values);
      store(y + row * to_row + pack * N, values);
    });
  } else {
    for_each_unit(rows, channels, [=](long long row, int c) {
      y[row * to_row + c] = x[row * from_row + c];
    });
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
copy_channels_f32(const float* x, float* y, long long rows, int channels, int from_row,
                  int to_row) {
  copy_channels(x, y, rows, channels, from_row, to_row);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
copy_channels_bf16(const bf16* x, bf16* y, long long rows, int channels, int from_row,
                   int to_row) {
  copy_channels(x, y, rows, channels, from_row, to_row);
}
