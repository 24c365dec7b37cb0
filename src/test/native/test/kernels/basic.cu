// Kernels that show that the device language works.
constexpr int BLOCK = 256;

struct Scale {
  float factor, offset;
};

extern __shared__ float staged[];
__constant__ float table[4] = {1.0f, 2.0f, 3.0f, 4.0f};

template <typename T>
__device__ T warp_sum(T value) {
#pragma unroll
  for (int by = 16; by > 0; by >>= 1) value += __shfl_down_sync(0xffffffffu, value, by);
  return value;
}

// Parameters of odd sizes between pointers.
extern "C" __global__ void __launch_bounds__(BLOCK)
affine(const float* __restrict__ x, float* __restrict__ y, Scale scale, unsigned char flag,
       long long n) {
  const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) y[i] = scale.factor * x[i] + scale.offset + (flag ? 1.0f : 0.0f);
}

extern "C" __global__ void block_sum(const float* x, float* total, int n) {
  __shared__ float part[32];
  float sum = 0.0f;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    sum += x[i];
  }
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    sum = threadIdx.x < blockDim.x / 32 ? part[threadIdx.x] : 0.0f;
    sum = warp_sum(sum);
    if (threadIdx.x == 0) atomicAdd(total, sum);
  }
}

extern "C" __global__ void tree_sum(const float* x, float* y, int n) {
  const int t = threadIdx.x;
  const int i = blockIdx.x * blockDim.x + t;
  staged[t] = i < n ? x[i] : 0.0f;
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half >>= 1) {
    if (t < half) staged[t] += staged[t + half];
    __syncthreads();
  }
  if (t == 0) y[blockIdx.x] = staged[0];
}

extern "C" __global__ void transpose(const float* __restrict__ x, float* __restrict__ y, int width,
                                     int height) {
  __shared__ float tile[32][33];
  int column = blockIdx.x * 32 + threadIdx.x;
  int row = blockIdx.y * 32 + threadIdx.y;
  for (int j = 0; j < 32; j += 8) {
    if (column < width && row + j < height) {
      tile[threadIdx.y + j][threadIdx.x] = x[static_cast<size_t>(row + j) * width + column];
    }
  }
  __syncthreads();
  column = blockIdx.y * 32 + threadIdx.x;
  row = blockIdx.x * 32 + threadIdx.y;
  for (int j = 0; j < 32; j += 8) {
    if (column < height && row + j < width) {
      y[static_cast<size_t>(row + j) * height + column] = tile[threadIdx.x][threadIdx.y + j];
    }
  }
}

extern "C" __global__ void from_table(float* y) { y[threadIdx.x] = table[threadIdx.x]; }

extern "C" __global__ void votes(const int* x, unsigned* y) {
  const int lane = threadIdx.x;
  y[lane] = __ballot_sync(~0u, x[lane] > 0);
  y[32 + lane] = __any_sync(~0u, x[lane] > 100);
  y[64 + lane] = __all_sync(~0u, x[lane] > -100);
  y[96 + lane] = __shfl_xor_sync(~0u, lane, 5);
  y[128 + lane] = __shfl_up_sync(~0u, lane, 3, 8);
  y[160 + lane] = __reduce_add_sync(~0u, lane);
  y[192 + lane] = __syncthreads_count(x[lane] > 0);
}

// A 16×16 by 16×8 product of bf16 on one warp, through the tensor core's host branch.
extern "C" __global__ void mma_tile(const unsigned short* a, const unsigned short* b, float* c) {
  __shared__ __align__(16) unsigned short sa[16 * 16], sb[16 * 8];
  const int lane = threadIdx.x;
  stand_in_cp_async(sa + lane * 8, a + lane * 8, 16);
  if (lane < 16) stand_in_cp_async(sb + lane * 8, b + lane * 8, 16);
  stand_in_cp_async_commit();
  stand_in_cp_async_wait(0);
  __syncwarp();
  unsigned fa[4], fb[2];
  stand_in_ldmatrix(fa, sa + lane % 16 * 16 + lane / 16 * 8, false);
  stand_in_ldmatrix(fb, sb + lane % 16 * 8, true);
  float fc[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  stand_in_mma_bf16_m16n8k16(fc, fa, fb, fc);
  const int row = lane / 4, column = lane % 4 * 2;
  c[row * 8 + column] = fc[0];
  c[row * 8 + column + 1] = fc[1];
  c[(row + 8) * 8 + column] = fc[2];
  c[(row + 8) * 8 + column + 1] = fc[3];
}

extern "C" __global__ void arithmetic(float* y, int* z) {
  y[0] = fmaxf(__int_as_float(0x7fc00000), 2.0f);
  y[1] = fminf(3.0f, __int_as_float(0x7fc00000));
  y[2] = rsqrtf(4.0f);
  y[3] = __saturatef(-3.0f) + __saturatef(7.0f);
  y[4] = exp(1.0f) + max(2.0f, 1.0f) + float(min(3, 4));
  y[5] = __fmul_rn(3.0f, 4.0f);
  z[0] = __float2int_rn(2.5f);
  z[1] = __float2int_rz(-3e10f);
  z[2] = static_cast<int>(__umulhi(0x80000000u, 6u));
  z[3] = __popc(0xf0f0u) + __clz(1) + __ffs(8);
  z[4] = static_cast<int>(__byte_perm(0x33221100u, 0x77665544u, 0x7531u));
  z[5] = static_cast<int>(__funnelshift_l(0x80000001u, 0x1u, 1u));
}
