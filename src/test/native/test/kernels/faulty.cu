// Kernels with a fault each; the tests say how it must be found.
extern __shared__ float staged[];

extern "C" __global__ void write_at(float* x, long long i) {
  if (blockIdx.x * blockDim.x + threadIdx.x == 0) x[i] = 1.0f;
}
extern "C" __global__ void read_at(const float* x, float* y, long long i) {
  if (threadIdx.x == 0) y[0] = x[i];
}
extern "C" __global__ void copy(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }

extern "C" __global__ void missing_barrier(const float* x, float* y) {
  const int t = threadIdx.x;
  staged[t] = x[t];
  y[t] = staged[blockDim.x - 1 - t];
}
extern "C" __global__ void missing_wait(const float4* x, float* y) {
  __shared__ __align__(16) float s[128];
  const int t = threadIdx.x;
  stand_in_cp_async(&s[t * 4], x + t, 16);
  stand_in_cp_async_commit();
  __syncthreads();
  for (int i = 0; i < 4; i++) y[t * 4 + i] = s[t * 4 + i];
}
extern "C" __global__ void unset_shared(float* y) {
  __shared__ float s[32];
  if (threadIdx.x < 16) s[threadIdx.x] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x];
}
extern "C" __global__ void diverging_barriers(float* x) {
  if (threadIdx.x == 3) {
    x[0] = __shfl_sync(0xffffffffu, x[0], 0);
  } else {
    __syncthreads();
  }
}
extern "C" __global__ void lane_not_in_mask(float* x) {
  x[threadIdx.x] = __shfl_sync(0xfffffffeu, x[threadIdx.x], 1);
}
extern "C" __global__ void shared_array(float* y, int i) {
  __shared__ float part[32];
  part[threadIdx.x & 31] = 1.0f;
  __syncthreads();
  part[i] = 2.0f;
  __syncthreads();
  y[threadIdx.x] = part[threadIdx.x & 31];
}
extern "C" __global__ void dynamic_shared(float* y, int i) {
  staged[threadIdx.x] = 1.0f;
  __syncthreads();
  if (threadIdx.x == 0) staged[i] = 2.0f;
  __syncthreads();
  y[threadIdx.x] = staged[threadIdx.x];
}
extern "C" __global__ void misaligned(const float* x, float4* y) {
  *y = *reinterpret_cast<const float4*>(x + 1);
}
extern "C" __global__ void divide(int* x, int by) { x[0] = 7 / by; }
extern "C" __global__ void asserting(int* x) { assert(x[0] == 1); }
extern "C" __global__ void deep(float* y, int n) {
  volatile char big[1 << 20];
  for (int i = 0; i < 1 << 20; i += 4096) big[i] = static_cast<char>(n);
  y[0] = big[n];
}
// Right only if its threads, or its blocks, come in order.
extern "C" __global__ void ordered_blocks(float* x) {
  x[blockIdx.x + 1] = x[blockIdx.x] + 1.0f;
}
