// Changes of layout, with a change of type where source and target differ in it.
//
//   nchw_to_nhwc   y[n, q, c] = x[n, c, q], 0 for channels <= c < padded_channels
//   nhwc_to_nchw   y[n, c, q] = x[n, q, c], channels beyond `channels` are left out
//
// Convolution weights are the same change with other names: (O, I, kernel, kernel) to (O, kernel,
// kernel, I) is n = O, c = I, q = pixel of the kernel.
//
// Shapes   NCHW [images, channels, pixels]; NHWC [images, pixels, padded_channels].
// Bytes    images pixels (channels sizeof(x) + padded_channels sizeof(y)), or the other way round.
// FLOPs    none.
#include "grid.cuh"

constexpr int TILE = 32;

// Transposes matrices of `rows` by `columns`, one for each image, through a tile in shared memory
// so that both sides are read and written in order. The source has source_columns columns of which
// the first `columns` count; rows of the target are target_columns long, zeros after `rows`.
template <typename In, typename Out>
__device__ void transpose(const In* x, Out* y, long long images, int rows, int columns,
                          int source_columns, int target_columns) {
  __shared__ float tile[TILE][TILE + 1];
  const int across = threadIdx.x % TILE;
  const int down = threadIdx.x / TILE;
  const int row_tiles = (target_columns + TILE - 1) / TILE;
  const int column_tiles = (columns + TILE - 1) / TILE;
  const long long tiles = images * row_tiles * column_tiles;
  for (long long t = blockIdx.x; t < tiles; t += gridDim.x) {
    const long long line = t / column_tiles;
    const long long image = line / row_tiles;
    const int first_column = static_cast<int>(t - line * column_tiles) * TILE;
    const int first_row = static_cast<int>(line - image * row_tiles) * TILE;
    for (int i = down; i < TILE; i += BLOCK / TILE) {
      const int row = first_row + i;
      const int column = first_column + across;
      tile[i][across] = row < rows && column < columns
                            ? to_float(x[(image * rows + row) * source_columns + column])
                            : 0.0f;
    }
    __syncthreads();
    for (int i = down; i < TILE; i += BLOCK / TILE) {
      const int row = first_column + i;
      const int column = first_row + across;
      if (row < columns && column < target_columns) {
        y[(image * columns + row) * target_columns + column] = from_float<Out>(tile[across][i]);
      }
    }
    __syncthreads();
  }
}

template <typename In, typename Out>
__device__ void to_nhwc(const In* x, Out* y, long long images, int channels, int pixels,
                        int padded_channels) {
  transpose(x, y, images, channels, pixels, pixels, padded_channels);
}

template <typename In, typename Out>
__device__ void to_nchw(const In* x, Out* y, long long images, int channels, int pixels,
                        int padded_channels) {
  transpose(x, y, images, pixels, channels, padded_channels, pixels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
nchw_to_nhwc_f32(const float* x, float* y, long long images, int channels, int pixels,
                 int padded_channels) {
  to_nhwc(x, y, images, channels, pixels, padded_channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
nchw_to_nhwc_bf16(const bf16* x, bf16* y, long long images, int channels, int pixels,
                  int padded_channels) {
  to_nhwc(x, y, images, channels, pixels, padded_channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
nchw_to_nhwc_f32_bf16(const float* x, bf16* y, long long images, int channels, int pixels,
                      int padded_channels) {
  to_nhwc(x, y, images, channels, pixels, padded_channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
nhwc_to_nchw_f32(const float* x, float* y, long long images, int channels, int pixels,
                 int padded_channels) {
  to_nchw(x, y, images, channels, pixels, padded_channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
nhwc_to_nchw_bf16(const bf16* x, bf16* y, long long images, int channels, int pixels,
                  int padded_channels) {
  to_nchw(x, y, images, channels, pixels, padded_channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
nhwc_to_nchw_bf16_f32(const bf16* x, float* y, long long images, int channels, int pixels,
                      int padded_channels) {
  to_nchw(x, y, images, channels, pixels, padded_channels);
}
