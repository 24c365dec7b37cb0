// Max pooling with square windows.
//
//   forward   y[n, i, j, c] = max over u, v < kernel of x[n, i stride + u - padding,
//                                                           j stride + v - padding, c]
//             position[n, i, j, c] = u kernel + v of the first maximum in row-major order; pixels
//             outside the image never win; a NaN wins over every number (of several the last, as in
//             PyTorch)
//   backward  dx[n, h, w, c] = sum of dy[n, i, j, c] over the windows (i, j) whose position is
//             (h, w), as a gather: each element of dx is written once, summed in a fixed order
//
// Shapes   x, dx [images, height, width, channels]; y, dy, position [images, out_height, out_width,
//          channels]; position in bytes, so kernel <= 16; may be null in forward (inference).
//          out_height and out_width are such that every window reaches at least one pixel. An image
//          has fewer than 2^31 elements, the batch may have more.
// Bytes    forward (x + y) sizeof(T) + y, backward (dx + dy) sizeof(T) + y, in elements of each; a
//          window's overlap with its neighbour comes from cache.
// FLOPs    forward kernel^2 comparisons for each element of y, backward one addition.
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
};

// N positions, one byte each.
template <int N>
__device__ inline void load_positions(const unsigned char* source, unsigned (&positions)[N]) {
  if constexpr (N == 1) {
    positions[0] = *source;
  } else {
#pragma unroll
    for (int j = 0; j < N; j += 4) {
      const unsigned word = *reinterpret_cast<const unsigned*>(source + j);
#pragma unroll
      for (int k = 0; k < 4; k++) {
        positions[j + k] = (word >> (8 * k)) & 0xffu;
      }
    }
  }
}

template <int N>
__device__ inline void store_positions(unsigned char* target, const unsigned (&positions)[N]) {
  if constexpr (N == 1) {
    *target = static_cast<unsigned char>(positions[0]);
  } else {
#pragma unroll
    for (int j = 0; j < N; j += 4) {
      *reinterpret_cast<unsigned*>(target + j) = positions[j] | (positions[j + 1] << 8) |
                                                 (positions[j + 2] << 16) |
                                                 (positions[j + 3] << 24);
    }
  }
}

// A pixel of an image and its first channel, found from the number of a pack of N channels.
struct Place {
  int row;
  int column;
  int channel;
};

template <int N>
__device__ inline Place place(int unit, int width, int channels) {
  const int packs = channels / N;
  const int pixel = unit / packs;
  const int row = pixel / width;
  return Place{row, pixel - row * width, (unit - pixel * packs) * N};
}

// A window that lies whole within the image, of a size that is known beforehand: all its loads are
// under way at once.
template <int KERNEL, int N, typename T>
__device__ inline void best_of_whole(const T* corner, int width, int channels, float (&best)[N],
                                     unsigned (&where)[N]) {
  float values[KERNEL * KERNEL][N];
#pragma unroll
  for (int w = 0; w < KERNEL * KERNEL; w++) {
    load(corner + (w / KERNEL * width + w % KERNEL) * channels, values[w]);
  }
#pragma unroll
  for (int w = 0; w < KERNEL * KERNEL; w++) {
#pragma unroll
    for (int j = 0; j < N; j++) {
      if (values[w][j] > best[j] || values[w][j] != values[w][j]) {
        best[j] = values[w][j];
        where[j] = w;
      }
    }
  }
}

template <int N, typename T>
__device__ void forward(const T* x, T* y, unsigned char* position, long long images,
                        const Pool& pool) {
  const int units = pool.out_height * pool.out_width * (pool.channels / N);
  for_each_unit(images, units, [=](long long image, int unit) {
    const Place out = place<N>(unit, pool.out_width, pool.channels);
    const int top = out.row * pool.stride - pool.padding;
    const int left = out.column * pool.stride - pool.padding;
    const int first_u = max(0, -top);
    const int first_v = max(0, -left);
    int end_u = min(pool.kernel, pool.height - top);
    const int end_v = min(pool.kernel, pool.width - left);
    const T* source = x + image * (pool.height * pool.width * pool.channels) + out.channel;
    float best[N];
    unsigned where[N];
#pragma unroll
    for (int j = 0; j < N; j++) {
      best[j] = -__int_as_float(0x7f800000);
      where[j] = first_u * pool.kernel + first_v;
    }
    const bool whole = first_u == 0 && first_v == 0 && end_u == pool.kernel && end_v == pool.kernel;
    if (whole && pool.kernel == 3) {
      best_of_whole<3>(source + (top * pool.width + left) * pool.channels, pool.width,
                       pool.channels, best, where);
      end_u = 0;
    } else if (whole && pool.kernel == 2) {
      best_of_whole<2>(source + (top * pool.width + left) * pool.channels, pool.width,
                       pool.channels, best, where);
      end_u = 0;
    }
    for (int u = first_u; u < end_u; u++) {
      for (int v = first_v; v < end_v; v++) {
        float values[N];
        load(source + ((top + u) * pool.width + (left + v)) * pool.channels, values);
#pragma unroll
        for (int j = 0; j < N; j++) {
          if (values[j] > best[j] || values[j] != values[j]) {
            best[j] = values[j];
            where[j] = u * pool.kernel + v;
          }
        }
      }
    }
    const long long target = (image * units + unit) * N;
    store(y + target, best);
    if (position != nullptr) {
      store_positions(position + target, where);
    }
  });
}

template <int N, typename T>
__device__ void backward(const unsigned char* position, const T* dy, T* dx, long long images,
                         const Pool& pool) {
  const int units = pool.height * pool.width * (pool.channels / N);
  for_each_unit(images, units, [=](long long image, int unit) {
    const Place in = place<N>(unit, pool.width, pool.channels);
    const int row = in.row + pool.padding;
    const int column = in.column + pool.padding;
    // Windows (i, j) with i stride <= row < i stride + kernel, the same for columns.
    const int first_i = row < pool.kernel ? 0 : (row - pool.kernel) / pool.stride + 1;
    const int first_j = column < pool.kernel ? 0 : (column - pool.kernel) / pool.stride + 1;
    const int end_i = min(row / pool.stride + 1, pool.out_height);
    const int end_j = min(column / pool.stride + 1, pool.out_width);
    const long long first = image * (pool.out_height * pool.out_width * pool.channels);
    const unsigned char* winner = position + first + in.channel;
    const T* source = dy + first + in.channel;
    float sum[N] = {};
    for (int i = first_i; i < end_i; i++) {
      for (int j = first_j; j < end_j; j++) {
        const unsigned mine = (row - i * pool.stride) * pool.kernel + (column - j * pool.stride);
        const int offset = (i * pool.out_width + j) * pool.channels;
        unsigned where[N];
        float gradient[N];
        load_positions(winner + offset, where);
        load(source + offset, gradient);
#pragma unroll
        for (int k = 0; k < N; k++) {
          sum[k] += where[k] == mine ? gradient[k] : 0.0f;
        }
      }
    }
    store(dx + (image * units + unit) * N, sum);
  });
}

// The same for windows of 3×3 pixels, two apart. A thread takes 2×2 pixels, which read four windows
// where one by one they would read nine: the pixels (2 I + a, 2 J + b), padding counted in, lie in
// the windows I - 1 and I, those with a = 1 in window I alone; columns alike.
template <int N, typename T>
__device__ void backward_by_cells(const unsigned char* position, const T* dy, T* dx,
                                  long long images, const Pool& pool) {
  const int packs = pool.channels / N;
  const int first_cell = pool.padding / 2;
  const int rows = (pool.height + pool.padding + 1) / 2 - first_cell;
  const int columns = (pool.width + pool.padding + 1) / 2 - first_cell;
  for_each_unit(images, rows * columns * packs, [=](long long image, int unit) {
    const Place cell = place<N>(unit, columns, pool.channels);
    const int row = cell.row + first_cell;
    const int column = cell.column + first_cell;
    const long long first = image * (pool.out_height * pool.out_width * pool.channels);
    float sums[4][N] = {};
#pragma unroll
    for (int w = 0; w < 4; w++) {
      // Windows above and left of the cell come first.
      const int up = 1 - w / 2;
      const int left = 1 - w % 2;
      if (row - up < 0 || row - up >= pool.out_height || column - left < 0 ||
          column - left >= pool.out_width) {
        continue;
      }
      const int source =
          ((row - up) * pool.out_width + column - left) * pool.channels + cell.channel;
      unsigned where[N];
      float gradient[N];
      load_positions(position + first + source, where);
      load(dy + first + source, gradient);
#pragma unroll
      for (int p = 0; p < 4; p++) {
        const int u = p / 2 + 2 * up;
        const int v = p % 2 + 2 * left;
        if (u < 3 && v < 3) {
#pragma unroll
          for (int k = 0; k < N; k++) {
            sums[p][k] += where[k] == static_cast<unsigned>(3 * u + v) ? gradient[k] : 0.0f;
          }
        }
      }
    }
    T* target = dx + image * (pool.height * pool.width * pool.channels) + cell.channel;
#pragma unroll
    for (int p = 0; p < 4; p++) {
      const int y = 2 * row + p / 2 - pool.padding;
      const int x = 2 * column + p % 2 - pool.padding;
      if (y >= 0 && y < pool.height && x >= 0 && x < pool.width) {
        store(target + (y * pool.width + x) * pool.channels, sums[p]);
      }
    }
  });
}

template <typename T>
__device__ void pool_forward(const T* x, T* y, unsigned char* position, long long images,
                             const Pool& pool) {
  const bool whole = pool.channels % PACK<T> == 0;
  if (whole && is_aligned(x) && is_aligned(y) && is_aligned(position, 4)) {
    forward<PACK<T>>(x, y, position, images, pool);
  } else {
    forward<1>(x, y, position, images, pool);
  }
}

template <typename T>
__device__ void pool_backward(const unsigned char* position, const T* dy, T* dx, long long images,
                              const Pool& pool) {
  const bool whole = pool.channels % PACK<T> == 0;
  if (whole && is_aligned(dy) && is_aligned(dx) && is_aligned(position, 4)) {
    if (pool.kernel == 3 && pool.stride == 2) {
      backward_by_cells<PACK<T>>(position, dy, dx, images, pool);
    } else {
      backward<PACK<T>>(position, dy, dx, images, pool);
    }
  } else {
    backward<1>(position, dy, dx, images, pool);
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
max_pool_forward_f32(const float* x, float* y, unsigned char* position, long long images,
                     int height, int width, int channels, int out_height, int out_width,
                     int kernel, int stride, int padding) {
  pool_forward(x, y, position, images,
               {height, width, channels, out_height, out_width, kernel, stride, padding});
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
max_pool_forward_bf16(const bf16* x, bf16* y, unsigned char* position, long long images,
                      int height, int width, int channels, int out_height, int out_width,
                      int kernel, int stride, int padding) {
  pool_forward(x, y, position, images,
               {height, width, channels, out_height, out_width, kernel, stride, padding});
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
max_pool_backward_f32(const unsigned char* position, const float* dy, float* dx, long long images,
                      int height, int width, int channels, int out_height, int out_width,
                      int kernel, int stride, int padding) {
  pool_backward(position, dy, dx, images,
                {height, width, channels, out_height, out_width, kernel, stride, padding});
}

// Four pixels of eight channels each want more registers than four blocks leave.
extern "C" __global__ void __launch_bounds__(BLOCK, 3)
max_pool_backward_bf16(const unsigned char* position, const bf16* dy, bf16* dx, long long images,
                       int height, int width, int channels, int out_height, int out_width,
                       int kernel, int stride, int padding) {
  pool_backward(position, dy, dx, images,
                {height, width, channels, out_height, out_width, kernel, stride, padding});
}
