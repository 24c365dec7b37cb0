// Tensor core products, the loads that feed them, and copies that need no register; from sm_80 on.
//
// Layouts: PTX ISA manual, "Matrix fragments for mma.m16n8k16", "ldmatrix", "cp.async". With
// g = lane / 4 and q = lane % 4, a lane holds, each pair in one register, the lower index below:
//
//   a [16, 16]   a[0] (g, 2q..)  a[1] (g + 8, 2q..)  a[2] (g, 2q + 8..)  a[3] (g + 8, 2q + 8..)
//   b [16, 8]    b0 (2q.., g)    b1 (2q + 8.., g)
//   d [16, 8]    d[0..1] (g, 2q..)  d[2..3] (g + 8, 2q..)
//
// So two d side by side, rounded to bf16 and packed, are an a: products chain in registers.
//
// Compiled for the host, all call functions of the tests' CUDA stand-in.
#pragma once
#include "numbers.cuh"

// d += a b in fp32; all lanes of a warp together.
__device__ inline void multiply_add(float (&d)[4], const unsigned (&a)[4], unsigned b0,
                                    unsigned b1) {
#ifdef __CUDA_ARCH__
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  const unsigned b[2] = {b0, b1};
  stand_in_mma_bf16_m16n8k16(d, a, b, d);
#endif
}

#ifdef __CUDA_ARCH__
__device__ inline unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}
#endif

// A place in shared memory. Its address has 32 bits, with which the device reckons in one instruction
// where the 64 of a pointer take several.
struct SharedPlace {
#ifdef __CUDA_ARCH__
  unsigned address;
  __device__ SharedPlace(const bf16* pointer) : address(shared_address(pointer)) {}
  // `elements` further.
  __device__ SharedPlace operator+(int elements) const {
    SharedPlace place = *this;
    place.address += static_cast<unsigned>(elements) * 2u;
    return place;
  }
#else
  const bf16* pointer;
  SharedPlace(const bf16* p) : pointer(p) {}
  SharedPlace operator+(int elements) const { return pointer + elements; }
#endif
};

// Four 8×8 matrices of bf16: lane l gives the place of row l % 8 of matrix l / 8 (16 bytes in
// shared memory, aligned to 16) and receives of matrix i its elements (g, 2q..) in r[i].
__device__ inline void load_matrices(unsigned (&r)[4], SharedPlace row) {
#ifdef __CUDA_ARCH__
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row.address)
               : "memory");
#else
  stand_in_ldmatrix(r, row.pointer, false);
#endif
}

// The same with each matrix transposed: a lane receives of matrix i its elements (2q.., g) in r[i].
__device__ inline void load_matrices_transposed(unsigned (&r)[4], SharedPlace row) {
#ifdef __CUDA_ARCH__
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row.address)
               : "memory");
#else
  stand_in_ldmatrix(r, row.pointer, true);
#endif
}

// The first two matrices, with their rows from lanes 0 to 15; the others' places are not read.
__device__ inline void load_matrices_transposed(unsigned (&r)[2], SharedPlace row) {
#ifdef __CUDA_ARCH__
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(row.address)
               : "memory");
#else
  unsigned all[4];
  stand_in_ldmatrix(all, row.pointer, true);
  r[0] = all[0];
  r[1] = all[1];
#endif
}

// Starts to copy 16 bytes to shared memory; both addresses are multiples of 16.
__device__ inline void copy_async(bf16* shared, const bf16* global) {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
               :
               : "r"(shared_address(shared)), "l"(global)
               : "memory");
#else
  stand_in_cp_async(shared, global, 16);
#endif
}

// The same with 8 bytes, at multiples of 8.
__device__ inline void copy_half_async(bf16* shared, const bf16* global) {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8;"
               :
               : "r"(shared_address(shared)), "l"(global)
               : "memory");
#else
  stand_in_cp_async(shared, global, 8);
#endif
}

// Asks for the 128 bytes around an address in global memory, so that a later load finds them in L2.
__device__ inline void prefetch(const void* global) {
#ifdef __CUDA_ARCH__
  asm volatile("prefetch.global.L2 [%0];" : : "l"(global));
#else
  (void)global;
#endif
}

// Waits for all copies that this thread has started. What other threads copied is there after a
// barrier after their waits.
__device__ inline void wait_for_copies() {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.wait_all;" ::: "memory");
#else
  stand_in_cp_async_commit();
  stand_in_cp_async_wait(0);
#endif
}
