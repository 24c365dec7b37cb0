// Dropout: keeps an element with probability 1 - p and scales what it keeps. The mask is computed
// anew from Philox each time and never stored, so forward and backward are one kernel:
//
//   y[i]  = keep(i) ? x[i]  / (1 - p) : 0
//   dx[i] = keep(i) ? dy[i] / (1 - p) : 0
//
//   keep(i): element e = (((place + n) C + c) H W + h W + w) is kept if and only if u >= p, u in [0, 1) from
//            word e % 4 of Philox(seed, block e / 4, step, stream). e counts in NCHW order, so the
//            mask does not depend on the layout in memory. `place` is where sample 0 stands in the
//            batch of which this one is a part.
//
// Shapes   [N, H, W, C] with pixels = H W; y may be x.
// Bytes    2 N H W C sizeof(T).
// FLOPs    N H W C; about 25 integer operations an element, since one call of Philox serves four
//          pixels of a channel.
#include "grid.cuh"
#include "philox.cuh"

struct Dropout {
  unsigned long long seed;
  unsigned step;
  long long place;
  unsigned stream;
  float p;
  float scale;
};

// Pixels that a thread takes of one channel: neighbours in NCHW order, so that a call of Philox serves
// four of them. Where such a four begins differs from channel to channel, but all channels take the
// same pixel at a time, which lies side by side in memory.
constexpr int RUN = 8;
constexpr int CALLS = (RUN + 3 + 3) / 4;

template <typename T>
__device__ void drop_runs(const T* x, T* y, long long images, int channels, int pixels,
                          const Dropout& dropout) {
  const int runs = (pixels + RUN - 1) / RUN;
  for_each_unit(images, runs * channels, [=](long long image, int unit) {
    const int run = unit / channels;
    const int c = unit - run * channels;
    const int count = min(RUN, pixels - run * RUN);
    const unsigned long long first =
        ((dropout.place + image) * channels + c) * pixels + run * RUN;
    const long long offset = (image * pixels + run * RUN) * channels + c;
    float values[RUN];
#pragma unroll
    for (int k = 0; k < RUN; k++) {
      values[k] = k < count ? to_float(x[offset + static_cast<long long>(k) * channels]) : 0.0f;
    }
    unsigned words[CALLS * 4];
#pragma unroll
    for (int call = 0; call < CALLS; call++) {
      unsigned four[4];
      philox(dropout.seed, first / 4 + call, dropout.step, dropout.stream, four);
#pragma unroll
      for (int k = 0; k < 4; k++) {
        words[call * 4 + k] = four[k];
      }
    }
    const int before = static_cast<int>(first % 4);
#pragma unroll
    for (int k = 0; k < RUN; k++) {
      // words[before + k], without an index that only the device knows.
      const unsigned word = before == 0   ? words[k]
                            : before == 1 ? words[k + 1]
                            : before == 2 ? words[k + 2]
                                          : words[k + 3];
      if (k < count) {
        y[offset + static_cast<long long>(k) * channels] = from_float<T>(
            uniform(word) >= dropout.p ? values[k] * dropout.scale : 0.0f);
      }
    }
  });
}

// A thread takes PACK channels of four neighbouring pixels: one call of Philox a channel.
template <typename T>
__device__ void drop_packs(const T* x, T* y, long long images, int channels, int pixels,
                           const Dropout& dropout) {
  constexpr int N = PACK<T>;
  const int packs = channels / N;
  const int groups = pixels / 4;
  for_each_unit(images, groups * packs, [=](long long image, int unit) {
    const int group = unit / packs;
    const int c = (unit - group * packs) * N;
    const unsigned long long first = ((dropout.place + image) * channels + c) * groups + group;
    const long long offset = (image * pixels + group * 4) * channels + c;
    float values[4][N];
#pragma unroll
    for (int k = 0; k < 4; k++) {
      load(x + offset + static_cast<long long>(k) * channels, values[k]);
    }
#pragma unroll
    for (int j = 0; j < N; j++) {
      unsigned words[4];
      philox(dropout.seed, first + static_cast<unsigned long long>(j) * groups, dropout.step,
             dropout.stream, words);
#pragma unroll
      for (int k = 0; k < 4; k++) {
        const float value = values[k][j] * dropout.scale;
        values[k][j] = uniform(words[k]) >= dropout.p ? value : 0.0f;
      }
    }
#pragma unroll
    for (int k = 0; k < 4; k++) {
      store(y + offset + static_cast<long long>(k) * channels, values[k]);
    }
  });
}

template <typename T>
__device__ void drop(const T* x, T* y, long long images, int channels, int pixels, float p,
                     unsigned long long seed, const long long* step, const long long* place,
                     int stream) {
  const Dropout dropout{seed, static_cast<unsigned>(*step), *place, static_cast<unsigned>(stream),
                        p,    1.0f / (1.0f - p)};
  if (pixels % 4 == 0 && channels % PACK<T> == 0 && is_aligned(x) && is_aligned(y)) {
    drop_packs(x, y, images, channels, pixels, dropout);
  } else {
    drop_runs(x, y, images, channels, pixels, dropout);
  }
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
dropout_f32(const float* x, float* y, long long images, int channels, int pixels, float p,
            unsigned long long seed, const long long* step, const long long* place, int stream) {
  drop(x, y, images, channels, pixels, p, seed, step, place, stream);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
dropout_bf16(const bf16* x, bf16* y, long long images, int channels, int pixels, float p,
             unsigned long long seed, const long long* step, const long long* place, int stream) {
  drop(x, y, images, channels, pixels, p, seed, step, place, stream);
}
