// Two 1×1 convolutions in a row, each with bias and ReLU, forward: the second and third convolution
// of a NiN block. Used where its trial at the first start finds it faster; on an H100 cuDNN's two
// are, with 256 and 384 channels.
//
//   between[r, o] = max(sum over c of w1[o, c] x[r, c] + b1[o], 0)      rounded to bf16
//   y[r, o]       = max(sum over c of w2[o, c] between[r, c] + b2[o], 0)
//
// A warp keeps its rows of `between` in registers, where they are already laid out as factors of
// the second product. Weights pass through shared memory in chunks of 32 filters: for 96 channels
// all chunks stay there, for 256 and 384 the next one is fetched while the last one is at work.
//
// Shapes   x, between, y [rows, C] with rows = N H W; w1, w2 [C, C] in bf16, filters first; b1, b2
//          [C] in fp32. All addresses are multiples of 16. between may be null if only y counts.
// Launch   from sm_80 on; blocks of `warps` warps, at most 8; dynamic shared memory, in bytes,
//          2 (C + 8) (F + warps R), with F the filters held and R the rows of a warp:
//
//            C     F     R     8 warps    4 warps
//            96    192   32    93 184     66 560
//            256   64    32    168 960    101 376
//            384   64    16    150 528    100 352
//
//          so 7 warps for 256 channels on sm_80; 4 for 256 and 384 on sm_86, 89 and 120. A grid of
//          as many blocks as the device holds at once, at most ceil(rows / (warps R)).
// Bytes    rows C 4, with `between` rows C 6, and the weights, 4 C C, for each block's turn.
// FLOPs    rows C (4 C + 4).
#include "grid.cuh"
#include "products.cuh"

constexpr int CHUNK = 32;

extern __shared__ __align__(16) bf16 shared[];

// Elements between rows in shared memory: 8 more than there are let eight neighbouring rows begin
// in different banks.
template <int C>
constexpr int STRIDE = C + 8;

// Both convolutions' filters, a chunk at a time, those of the first convolution first.
template <int C, bool RESIDENT>
struct Filters {
  static constexpr int CHUNKS = 2 * C / CHUNK;
  static constexpr int PLACES = RESIDENT ? CHUNKS : 2;
  static constexpr int ELEMENTS = PLACES * CHUNK * STRIDE<C>;

  const bf16* first;
  const bf16* second;

  __device__ bf16* place(int chunk) const { return shared + chunk % PLACES * CHUNK * STRIDE<C>; }

  __device__ void request(int chunk) const {
    constexpr int PIECES = C / 8;
    const bool early = chunk < CHUNKS / 2;
    const int number = early ? chunk : chunk - CHUNKS / 2;
    const bf16* source = (early ? first : second) + number * CHUNK * C;
    for (int i = threadIdx.x; i < CHUNK * PIECES; i += blockDim.x) {
      copy_async(place(chunk) + i / PIECES * STRIDE<C> + i % PIECES * 8, source + i * 8);
    }
  }

  __device__ void begin() const {
    if constexpr (RESIDENT) {
      for (int chunk = 0; chunk < CHUNKS; chunk++) {
        request(chunk);
      }
      wait_for_copies();
      __syncthreads();
    } else {
      request(0);
    }
  }

  // The chunk in shared memory. Where they stream, all threads ask for one after the other, round
  // and round; the barrier also says that nobody needs the place of the chunk before any more.
  __device__ const bf16* get(int chunk) const {
    if constexpr (!RESIDENT) {
      wait_for_copies();
      __syncthreads();
      request(chunk + 1 == CHUNKS ? 0 : chunk + 1);
    }
    return place(chunk);
  }
};

// A warp's rows from shared to global memory, 16 bytes at a time.
template <int C>
__device__ inline void write_rows(const bf16* tile, bf16* target, int rows) {
  constexpr int PIECES = C / 8;
  __syncwarp();
  for (int i = threadIdx.x % WARP; i < rows * PIECES; i += WARP) {
    *reinterpret_cast<uint4*>(target + i * 8) =
        *reinterpret_cast<const uint4*>(tile + i / PIECES * STRIDE<C> + i % PIECES * 8);
  }
  __syncwarp();
}

// M: how many times 16 rows a warp has, so how often it uses what it loads of the weights.
template <int C, int M, bool RESIDENT>
__device__ inline void pointwise_pair(const bf16* x, const bf16* w1, const float* b1,
                                      const bf16* w2, const float* b2, bf16* between, bf16* y,
                                      long long rows) {
  constexpr int STEPS = C / 16;
  constexpr int CHUNKS = C / CHUNK;
  constexpr int PARTS = CHUNK / 16;
  constexpr int ROWS = 16 * M;
  constexpr int PIECES = C / 8;
  const int lane = threadIdx.x % WARP;
  const int warp = threadIdx.x / WARP;
  const int block_rows = static_cast<int>(blockDim.x) / WARP * ROWS;
  const Filters<C, RESIDENT> filters = {w1, w2};
  bf16* tile = shared + Filters<C, RESIDENT>::ELEMENTS + warp * ROWS * STRIDE<C>;
  // Where a lane's row of the pixels' four matrices begins: down, then right.
  const bf16* left = tile + lane % 16 * STRIDE<C> + lane / 16 * 8;
  const int right = filter_offset(STRIDE<C>);

  filters.begin();
  for (long long begin = static_cast<long long>(blockIdx.x) * block_rows; begin < rows;
       begin += static_cast<long long>(gridDim.x) * block_rows) {
    const long long row = begin + warp * ROWS;
    const int count = rows - row < 0 ? 0 : rows - row < ROWS ? static_cast<int>(rows - row) : ROWS;
    for (int i = lane; i < count * PIECES; i += WARP) {
      copy_async(tile + i / PIECES * STRIDE<C> + i % PIECES * 8, x + row * C + i * 8);
    }
    wait_for_copies();
    __syncwarp();

    unsigned factors[STEPS][M][4];
#pragma unroll
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      const bf16* weight = filters.get(chunk) + right;
      float sums[PARTS][M][2][4] = {};
// More would fill the registers with loads made early.
#pragma unroll 1
      for (int k = 0; k < STEPS; k++) {
        unsigned a[M][4];
#pragma unroll
        for (int m = 0; m < M; m++) {
          load_matrices(a[m], left + m * 16 * STRIDE<C> + k * 16);
        }
        multiply_add_chunk(sums, a, weight + k * 16, STRIDE<C>);
      }
#pragma unroll
      for (int part = 0; part < PARTS; part++) {
#pragma unroll
        for (int m = 0; m < M; m++) {
          const int step = chunk * PARTS + part;
          activate(sums[part][m], b1 + step * 16, factors[step][m]);
        }
      }
    }
    __syncwarp();

    if (between != nullptr) {
#pragma unroll
      for (int step = 0; step < STEPS; step++) {
#pragma unroll
        for (int m = 0; m < M; m++) {
          put(tile + m * 16 * STRIDE<C> + step * 16, STRIDE<C>, factors[step][m]);
        }
      }
      write_rows<C>(tile, between + row * C, count);
    }

#pragma unroll 1
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      const bf16* weight = filters.get(CHUNKS + chunk) + right;
      float sums[PARTS][M][2][4] = {};
#pragma unroll
      for (int k = 0; k < STEPS; k++) {
        multiply_add_chunk(sums, factors[k], weight + k * 16, STRIDE<C>);
      }
#pragma unroll
      for (int part = 0; part < PARTS; part++) {
#pragma unroll
        for (int m = 0; m < M; m++) {
          const int step = chunk * PARTS + part;
          unsigned result[4];
          activate(sums[part][m], b2 + step * 16, result);
          put(tile + m * 16 * STRIDE<C> + step * 16, STRIDE<C>, result);
        }
      }
    }
    write_rows<C>(tile, y + row * C, count);
  }
  wait_for_copies();
}

extern "C" __global__ void __launch_bounds__(BLOCK, 2)
pointwise_pair_96_bf16(const bf16* x, const bf16* w1, const float* b1, const bf16* w2,
                       const float* b2, bf16* between, bf16* y, long long rows) {
  pointwise_pair<96, 2, true>(x, w1, b1, w2, b2, between, y, rows);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 1)
pointwise_pair_256_bf16(const bf16* x, const bf16* w1, const float* b1, const bf16* w2,
                        const float* b2, bf16* between, bf16* y, long long rows) {
  pointwise_pair<256, 2, false>(x, w1, b1, w2, b2, between, y, rows);
}

extern "C" __global__ void __launch_bounds__(BLOCK, 1)
pointwise_pair_384_bf16(const bf16* x, const bf16* w1, const float* b1, const bf16* w2,
                        const float* b2, bf16* between, bf16* y, long long rows) {
  pointwise_pair<384, 1, false>(x, w1, b1, w2, b2, between, y, rows);
}
