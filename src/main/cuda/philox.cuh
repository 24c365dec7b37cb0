// Philox 4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011. The Java side computes the same numbers bit for bit.
//
//   key     = (seed bits 0..31, seed bits 32..63)
//   counter = (block bits 0..31, block bits 32..63, step bits 0..31, stream)
//
// One call gives four 32-bit numbers. `stream` keeps the layers of one step apart.
#pragma once

__device__ inline void philox(unsigned long long seed, unsigned long long block, unsigned step,
                              unsigned stream, unsigned (&out)[4]) {
  unsigned k0 = static_cast<unsigned>(seed);
  unsigned k1 = static_cast<unsigned>(seed >> 32);
  unsigned c0 = static_cast<unsigned>(block);
  unsigned c1 = static_cast<unsigned>(block >> 32);
  unsigned c2 = step;
  unsigned c3 = stream;
#pragma unroll
  for (int round = 0; round < 10; round++) {
    const unsigned long long a = 0xD2511F53ull * c0;
    const unsigned long long b = 0xCD9E8D57ull * c2;
    c0 = static_cast<unsigned>(b >> 32) ^ c1 ^ k0;
    c1 = static_cast<unsigned>(b);
    c2 = static_cast<unsigned>(a >> 32) ^ c3 ^ k1;
    c3 = static_cast<unsigned>(a);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

// Uniform in [0, 1), a multiple of 2^-24, exact in fp32.
__device__ inline float uniform(unsigned bits) {
  return static_cast<float>(bits >> 8) * 5.9604644775390625e-8f;
}
