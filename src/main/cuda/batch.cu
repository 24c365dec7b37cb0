// Makes a batch on the device from a data set that lies there as bytes: gather in this epoch's
// order, perhaps mirror, shift and cut out, resize, scale, lay out as NHWC.
//
//   i          = order[run batch_size + n]; -1 or past the end: zeros, labelled -1
//   source     = images[i], of which pixel (r, c) is taken at (r + down, c' + right), border
//                outside, with c' = width - 1 - c if flip and Philox output 0 is odd, else c; down
//                and right = Philox outputs 1 and 2 mod (2 shift + 1) - shift; Philox(seed, block
//                first_place + n, step, stream); but cut[k] where r - top and c - left lie in [0, cutout), with
//                top and left = row and column of pixel (Philox output 3 mod (height width)) less
//                cutout / 2
//   h[r, x, k] = clip((2^21 + sum of columns[x].weight[t] source[k, r, columns[x].start + t])
//                     >> 22)
//   v[y, x, k] = clip((2^21 + sum of rows[y].weight[t] h[rows[y].start + t, x, k]) >> 22)
//   batch[n, y, x, k] = (v[y, x, k] / 255 - mean[k]) / std[k], 0 for k >= channels
//
// The two passes with 22 fraction bits, each rounded to 8 bits and clipped to [0, 255], are those
// of Pillow's Image.resize(BILINEAR); the weights come from the host.
//
// Shapes   images [count, channels, height, width] bytes, channels <= 4; labels [count] bytes;
//          mean, std, cut by channel; rows, columns: for each output row or column 2 + taps
//          integers: start, count, weights;
//          batch [batch_size, out_height, out_width, out_channels]; batch_labels [batch_size]
//          as int32.
// Launch   a block makes tile_rows rows of one image at a time; the source rows under them, made
//          wide, must fit SHARED_BYTES: (source rows) out_width channels <= 16384.
// Bytes    batch_size (channels height width + out_height out_width out_channels sizeof(T)).
// FLOPs    about 4 taps an output pixel, as integers.
#include "grid.cuh"
#include "philox.cuh"

constexpr int SHARED_BYTES = 16384;
constexpr int MAX_CHANNELS = 4;
constexpr int FRACTION_BITS = 22;

struct Source {
  const unsigned char* image;
  int height;
  int width;
  bool flip;
  int down;
  int right;
  int border;
  const int* cut;
  int cutout;
  int top;
  int left;

  __device__ int pixel(int channel, int row, int column) const {
    if (row >= top && row < top + cutout && column >= left && column < left + cutout) {
      return cut[channel];
    }
    const int r = row + down;
    const int c = (flip ? width - 1 - column : column) + right;
    if (r < 0 || r >= height || c < 0 || c >= width) {
      return border;
    }
    return image[(static_cast<long long>(channel) * height + r) * width + c];
  }
};

__device__ inline unsigned char to_byte(int sum) {
  const int value = sum >> FRACTION_BITS;
  return static_cast<unsigned char>(value < 0 ? 0 : value > 255 ? 255 : value);
}

// Writes N neighbouring elements of a row of the batch at a time.
template <int N, typename T>
__device__ void make_rows(const unsigned char* wide, const float* scaled, T* batch, const int* rows,
                          int row_taps, int first_source_row, int first_row, int row_count,
                          int channels, int out_channels, int out_width) {
  const int units = out_width * out_channels / N;
  for (int unit = threadIdx.x; unit < row_count * units; unit += BLOCK) {
    const int row = unit / units;
    const int first = (unit - row * units) * N;
    const int* entry = rows + static_cast<long long>(first_row + row) * (2 + row_taps);
    const int top = entry[0] - first_source_row;
    float values[N];
#pragma unroll
    for (int j = 0; j < N; j++) {
      const int x = (first + j) / out_channels;
      const int k = first + j - x * out_channels;
      values[j] = 0.0f;
      if (k < channels) {
        int sum = 1 << (FRACTION_BITS - 1);
        for (int t = 0; t < entry[1]; t++) {
          sum += entry[2 + t] * wide[((top + t) * out_width + x) * channels + k];
        }
        values[j] = scaled[k * 256 + to_byte(sum)];
      }
    }
    store(batch + static_cast<long long>(row) * out_width * out_channels + first, values);
  }
}

// N bytes in shared memory, from an address that is a multiple of 4.
template <int N>
__device__ inline void load_bytes(const unsigned char* source, int (&values)[N]) {
#pragma unroll
  for (int i = 0; i < N; i += 4) {
    const unsigned word = *reinterpret_cast<const unsigned*>(source + i);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      values[i + j] = static_cast<int>(word >> 8 * j & 0xffu);
    }
  }
}

// The same as make_rows where each number of a batch's row stems from the numbers above and below
// it alone, its channel being known from its place: one channel, N numbers at a time.
template <int N, typename T>
__device__ void make_grey_rows(const unsigned char* wide, const float* scaled, T* batch,
                               const int* rows, int row_taps, int first_source_row, int first_row,
                               int row_count, int out_width) {
  const int units = out_width / N;
  for (int unit = threadIdx.x; unit < row_count * units; unit += BLOCK) {
    const int row = unit / units;
    const int first = (unit - row * units) * N;
    const int* entry = rows + static_cast<long long>(first_row + row) * (2 + row_taps);
    const unsigned char* column = wide + (entry[0] - first_source_row) * out_width + first;
    const int taps = entry[1];
    int sums[N];
#pragma unroll
    for (int j = 0; j < N; j++) {
      sums[j] = 1 << (FRACTION_BITS - 1);
    }
    for (int t = 0; t < taps; t++) {
      const int weight = entry[2 + t];
      int bytes[N];
      load_bytes(column + t * out_width, bytes);
#pragma unroll
      for (int j = 0; j < N; j++) {
        sums[j] += weight * bytes[j];
      }
    }
    float values[N];
#pragma unroll
    for (int j = 0; j < N; j++) {
      values[j] = scaled[to_byte(sums[j])];
    }
    store(batch + static_cast<long long>(row) * out_width + first, values);
  }
}

template <typename T>
__device__ void make_batch(const unsigned char* images, const unsigned char* labels,
                           const int* order, long long order_length, const long long* run,
                           const long long* step, const long long* first_place,
                           const int* rows, int row_taps, const int* columns, int column_taps,
                           const float* mean, const float* std, const int* cut, T* batch,
                           int* batch_labels, int batch_size, int channels, int height, int width,
                           int out_channels, int out_height, int out_width, int tile_rows,
                           unsigned long long seed, int stream, int flip, int shift, int border,
                           int cutout) {
  __shared__ __align__(16) unsigned char wide[SHARED_BYTES];
  __shared__ float scaled[MAX_CHANNELS * 256];
  constexpr int N = PACK<T>;
  for (int i = threadIdx.x; i < channels * 256; i += BLOCK) {
    scaled[i] = (static_cast<float>(i % 256) / 255.0f - mean[i / 256]) / std[i / 256];
  }
  const bool packs = out_width * out_channels % N == 0 && is_aligned(batch);
  const int tiles = (out_height + tile_rows - 1) / tile_rows;
  for (long long tile = blockIdx.x; tile < static_cast<long long>(batch_size) * tiles;
       tile += gridDim.x) {
    const int n = static_cast<int>(tile / tiles);
    const int first_row = static_cast<int>(tile - static_cast<long long>(n) * tiles) * tile_rows;
    const int row_count = min(tile_rows, out_height - first_row);
    const long long place = *run * batch_size + n;
    const int index = place < order_length ? order[place] : -1;
    T* target =
        batch + (static_cast<long long>(n) * out_height + first_row) * out_width * out_channels;
    if (first_row == 0 && threadIdx.x == 0) {
      batch_labels[n] = index < 0 ? -1 : labels[index];
    }
    if (index < 0) {
      for (int i = threadIdx.x; i < row_count * out_width * out_channels; i += BLOCK) {
        target[i] = from_float<T>(0.0f);
      }
      continue;
    }
    Source source{images + static_cast<long long>(index) * channels * height * width, height, width,
                  false, 0, 0, border, cut, cutout, 0, 0};
    if (flip != 0 || shift > 0 || cutout > 0) {
      unsigned words[4];
      philox(seed, static_cast<unsigned long long>(*first_place + n), static_cast<unsigned>(*step),
             static_cast<unsigned>(stream), words);
      const unsigned range = 2u * static_cast<unsigned>(shift) + 1u;
      source.flip = flip != 0 && (words[0] & 1u) != 0;
      source.down = static_cast<int>(words[1] % range) - shift;
      source.right = static_cast<int>(words[2] % range) - shift;
      const int centre = static_cast<int>(words[3] % static_cast<unsigned>(height * width));
      source.top = centre / width - cutout / 2;
      source.left = centre % width - cutout / 2;
    }
    const int* top = rows + static_cast<long long>(first_row) * (2 + row_taps);
    const int* bottom = top + static_cast<long long>(row_count - 1) * (2 + row_taps);
    const int first_source_row = top[0];
    const int source_rows = bottom[0] + bottom[1] - first_source_row;
    const int line = out_width * channels;
    __syncthreads();
    // A thread stays in its column, whose weights it reads once for all rows or every few of them.
    const int at_once = max(1, BLOCK / line);
    for (int i = threadIdx.x; i < at_once * line; i += BLOCK) {
      const int place = i % line;
      const int x = place / channels;
      const int k = place - x * channels;
      const int* entry = columns + static_cast<long long>(x) * (2 + column_taps);
      const int start = entry[0];
      const int taps = entry[1];
      for (int row = i / line; row < source_rows; row += at_once) {
        int sum = 1 << (FRACTION_BITS - 1);
        for (int t = 0; t < taps; t++) {
          sum += entry[2 + t] * source.pixel(k, first_source_row + row, start + t);
        }
        wide[row * line + place] = to_byte(sum);
      }
    }
    __syncthreads();
    if (packs && channels == 1 && out_channels == 1) {
      make_grey_rows<N>(wide, scaled, target, rows, row_taps, first_source_row, first_row,
                        row_count, out_width);
    } else if (packs) {
      make_rows<N>(wide, scaled, target, rows, row_taps, first_source_row, first_row, row_count,
                   channels, out_channels, out_width);
    } else {
      make_rows<1>(wide, scaled, target, rows, row_taps, first_source_row, first_row, row_count,
                   channels, out_channels, out_width);
    }
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
make_batch_f32(const unsigned char* images, const unsigned char* labels, const int* order,
               long long order_length, const long long* run, const long long* step,
               const long long* first_place, const int* rows, int row_taps, const int* columns, int column_taps,
               const float* mean, const float* std, const int* cut, float* batch, int* batch_labels,
               int batch_size, int channels, int height, int width, int out_channels,
               int out_height, int out_width, int tile_rows, unsigned long long seed, int stream,
               int flip, int shift, int border, int cutout) {
  make_batch(images, labels, order, order_length, run, step, first_place, rows, row_taps, columns,
             column_taps, mean, std, cut, batch, batch_labels, batch_size, channels, height, width,
             out_channels, out_height, out_width, tile_rows, seed, stream, flip, shift, border,
             cutout);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
make_batch_bf16(const unsigned char* images, const unsigned char* labels, const int* order,
                long long order_length, const long long* run, const long long* step,
                const long long* first_place, const int* rows, int row_taps, const int* columns, int column_taps,
                const float* mean, const float* std, const int* cut, bf16* batch, int* batch_labels,
                int batch_size, int channels, int height, int width, int out_channels,
                int out_height, int out_width, int tile_rows, unsigned long long seed, int stream,
                int flip, int shift, int border, int cutout) {
  make_batch(images, labels, order, order_length, run, step, first_place, rows, row_taps, columns,
             column_taps, mean, std, cut, batch, batch_labels, batch_size, channels, height, width,
             out_channels, out_height, out_width, tile_rows, seed, stream, flip, shift, border,
             cutout);
}
