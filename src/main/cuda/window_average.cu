// Average pooling with square windows.
//
//   forward   y[n, i, j, c] = sum of x[n, h, w, c] over the pixels (h, w) of window (i, j), divided
//             by its count. The window is rows i stride - padding to + kernel, columns likewise, cut
//             at the padded image's end; its count is of all these places if padding counts, else of
//             those inside the image
//   backward  dx[n, h, w, c] = sum of dy[n, i, j, c] / count(i, j) over the windows (i, j) that
//             hold (h, w), as a gather: each element of dx is written once, summed in a fixed order
//
// Shapes   x, dx [images, height, width, channels]; y, dy [images, out_height, out_width, channels].
//          out_height and out_width are such that every window reaches at least one pixel; it may
//          reach past the padding (ceil mode). An image has fewer than 2^31 elements, the batch may
//          have more.
// Bytes    (x + y) sizeof(T) each way, in elements of each; a window's overlap with its neighbour
//          comes from cache.
// FLOPs    forward kernel^2 for each element of y, backward up to 2 for each window over a pixel.
#include "grid.cuh"

struct Pool {
  int height;
  int width;
  int channels;
  int out_height;
  int out_width;
  int kernel;
  int stride;
  int padding;
  bool counts_padding;

  // Places of window (i, j) that count.
  __device__ float count(int i, int j) const {
    const int top = i * stride - padding;
    const int left = j * stride - padding;
    const int more = counts_padding ? padding : 0;
    const int rows = min(top + kernel, height + more) - max(top, -more);
    const int columns = min(left + kernel, width + more) - max(left, -more);
    return static_cast<float>(rows * columns);
  }
};

template <int N, typename T>
__device__ void forward(const T* x, T* y, long long images, const Pool& pool) {
  const int packs = pool.channels / N;
  const int units = pool.out_height * pool.out_width * packs;
  for_each_unit(images, units, [=](long long image, int unit) {
    const int pixel = unit / packs;
    const int i = pixel / pool.out_width;
    const int j = pixel - i * pool.out_width;
    const int top = i * pool.stride - pool.padding;
    const int left = j * pool.stride - pool.padding;
    const int end_row = min(top + pool.kernel, pool.height);
    const int end_column = min(left + pool.kernel, pool.width);
    const T* source = x + image * (pool.height * pool.width * pool.channels) +
                      (unit - pixel * packs) * N;
    float sum[N] = {};
    for (int row = max(top, 0); row < end_row; row++) {
      // Windows are small: unrolled, this would take more registers than there are.
#pragma unroll 1
      for (int column = max(left, 0); column < end_column; column++) {
        float values[N];
        load(source + (row * pool.width + column) * pool.channels, values);
#pragma unroll
        for (int k = 0; k < N; k++) {
          sum[k] += values[k];
        }
      }
    }
    const float count = pool.count(i, j);
#pragma unroll
    for (int k = 0; k < N; k++) {
      sum[k] /= count;
    }
    store(y + (image * units + unit) * N, sum);
  });
}

template <int N, typename T>
__device__ void backward(const T* dy, T* dx, long long images, const Pool& pool) {
  const int packs = pool.channels / N;
  const int units = pool.height * pool.width * packs;
  for_each_unit(images, units, [=](long long image, int unit) {
    const int pixel = unit / packs;
    const int row = pixel / pool.width + pool.padding;
    const int column = pixel % pool.width + pool.padding;
    // Windows (i, j) with i stride <= row < i stride + kernel, the same for columns.
    const int first_i = row < pool.kernel ? 0 : (row - pool.kernel) / pool.stride + 1;
    const int first_j = column < pool.kernel ? 0 : (column - pool.kernel) / pool.stride + 1;
    const int end_i = min(row / pool.stride + 1, pool.out_height);
    const int end_j = min(column / pool.stride + 1, pool.out_width);
    const T* source = dy + image * (pool.out_height * pool.out_width * pool.channels) +
                      (unit - pixel * packs) * N;
    float sum[N] = {};
    for (int i = first_i; i < end_i; i++) {
      for (int j = first_j; j < end_j; j++) {
        const float share = 1.0f / pool.count(i, j);
        float gradient[N];
        load(source + (i * pool.out_width + j) * pool.channels, gradient);
#pragma unroll
        for (int k = 0; k < N; k++) {
          sum[k] += gradient[k] * share;
        }
      }
    }
    store(dx + (image * units + unit) * N, sum);
  });
}

template <typename T>
__device__ void pool_forward(const T* x, T* y, long long images, const Pool& pool) {
  if (pool.channels % PACK<T> == 0 && is_aligned(x) && is_aligned(y)) {
    forward<PACK<T>>(x, y, images, pool);
  } else {
    forward<1>(x, y, images, pool);
  }
}

template <typename T>
__device__ void pool_backward(const T* dy, T* dx, long long images, const Pool& pool) {
  if (pool.channels % PACK<T> == 0 && is_aligned(dy) && is_aligned(dx)) {
    backward<PACK<T>>(dy, dx, images, pool);
  } else {
    backward<1>(dy, dx, images, pool);
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
window_average_forward_f32(const float* x, float* y, long long images, int height, int width,
                           int channels, int out_height, int out_width, int kernel, int stride,
                           int padding, int counts_padding) {
  pool_forward(x, y, images,
               {height, width, channels, out_height, out_width, kernel, stride, padding,
                counts_padding != 0});
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
window_average_forward_bf16(const bf16* x, bf16* y, long long images, int height, int width,
                            int channels, int out_height, int out_width, int kernel, int stride,
                            int padding, int counts_padding) {
  pool_forward(x, y, images,
               {height, width, channels, out_height, out_width, kernel, stride, padding,
                counts_padding != 0});
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
window_average_backward_f32(const float* dy, float* dx, long long images, int height, int width,
                            int channels, int out_height, int out_width, int kernel, int stride,
                            int padding, int counts_padding) {
  pool_backward(dy, dx, images,
               {height, width, channels, out_height, out_width, kernel, stride, padding,
                counts_padding != 0});
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
window_average_backward_bf16(const bf16* dy, bf16* dx, long long images, int height, int width,
                             int channels, int out_height, int out_width, int kernel, int stride,
                             int padding, int counts_padding) {
  pool_backward(dy, dx, images,
               {height, width, channels, out_height, out_width, kernel, stride, padding,
                counts_padding != 0});
}
