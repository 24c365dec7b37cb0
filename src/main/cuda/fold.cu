// Squares of pixels as channels, so that a convolution with a stride becomes one without.
//
//   fold     y[n, i, j, (a s + b) C + c] = x[n, i s + a - p, j s + b - p, c], 0 outside of x and in
//            channels from s s C on; s the stride, p the padding, a and b below s
//   unfold   dw[o, u, v, c] = dy[o, u / s, v / s, (u % s s + v % s) C + c]
//
// Filters are folded as images are, with p = 0; unfold takes the gradient of such filters back.
//
// Shapes   x [images, height, width, channels]; y [images, out_height, out_width, out_channels];
//          dw [filters, kernel, kernel, channels], dy [filters, side, side, out_channels] with side
//          = kernel / s rounded up.
// Bytes    x and y once, each sizeof(T).
// FLOPs    none.
#include "grid.cuh"

// A unit is a row of a square: s C neighbours in x and in y.
template <typename T>
__device__ void fold(const T* x, T* y, long long images, int height, int width, int channels,
                     int stride, int padding, int out_height, int out_width, int out_channels) {
  const int line = stride * channels;
  const int row_length = width * channels;
  const T zero = from_float<T>(0.0f);
  for_each_unit(images, out_height * out_width * stride, [&](long long image, int unit) {
    const int a = unit % stride;
    const int square = unit / stride;
    const int row = square / out_width * stride + a - padding;
    const int first = (square % out_width * stride - padding) * channels;
    const bool is_inside = row >= 0 && row < height;
    const T* source = x + (image * height + (is_inside ? row : 0)) * row_length;
    T* target = y + (image * out_height * out_width + square) * out_channels + a * line;
    for (int q = 0; q < line; q++) {
      const int element = first + q;
      const bool is_there = is_inside && element >= 0 && element < row_length;
      target[q] = is_there ? source[element] : zero;
    }
    if (a == stride - 1) {
      for (int q = line; q < out_channels - a * line; q++) {
        target[q] = zero;
      }
    }
  });
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
fold_f32(const float* x, float* y, long long images, int height, int width, int channels,
         int stride, int padding, int out_height, int out_width, int out_channels) {
  fold(x, y, images, height, width, channels, stride, padding, out_height, out_width,
       out_channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
fold_bf16(const bf16* x, bf16* y, long long images, int height, int width, int channels,
          int stride, int padding, int out_height, int out_width, int out_channels) {
  fold(x, y, images, height, width, channels, stride, padding, out_height, out_width,
       out_channels);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
unfold_f32(const float* dy, float* dw, long long filters, int kernel, int channels, int stride,
           int side, int out_channels) {
  const int taps = kernel * kernel;
  for_each_unit(filters, taps * channels, [&](long long filter, int unit) {
    const int c = unit % channels;
    const int tap = unit / channels;
    const int u = tap / kernel;
    const int v = tap % kernel;
    const int square = u / stride * side + v / stride;
    const int q = (u % stride * stride + v % stride) * channels + c;
    dw[filter * taps * channels + unit] =
        dy[(filter * side * side + square) * out_channels + q];
  });
}
