// Host branches for kernels' wrappers around tensor core and asynchronous copy instructions.
// The layouts are those of the PTX manual, "Matrix fragments for mma.m16n8k16" and "ldmatrix".
#pragma once

__STAND_IN_INLINE float stand_in_bf16_to_float(unsigned short bits) {
  return __uint_as_float(static_cast<unsigned>(bits) << 16);
}

// mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32: d = a b + c with a 16×16, b 16×8.
__STAND_IN_INLINE void stand_in_mma_bf16_m16n8k16(float (&d)[4], const unsigned (&a)[4],
                                                  const unsigned (&b)[2], const float (&c)[4]) {
  struct Fragments {
    unsigned a[4], b[2];
  };
  const Fragments mine = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  const void* lanes = stand_in::exchange(~0u, mine);
  const unsigned lane = stand_in_lane();
  for (int i = 0; i < 4; i++) {
    const unsigned row = lane / 4 + 8 * (i / 2);
    const unsigned column = lane % 4 * 2 + i % 2;
    float sum = 0.0f;
    for (unsigned k = 0; k < 16; k++) {
      // Element (row, k) of a: lane (row % 8) * 4 + (k % 8) / 2, register row / 8 + 2 (k / 8).
      const Fragments left = stand_in::of_lane<Fragments>(lanes, row % 8 * 4 + k % 8 / 2);
      const unsigned x = left.a[row / 8 + k / 8 * 2] >> k % 2 * 16;
      // Element (k, column) of b: lane column * 4 + (k % 8) / 2, register k / 8.
      const Fragments right = stand_in::of_lane<Fragments>(lanes, column * 4 + k % 8 / 2);
      const unsigned y = right.b[k / 8] >> k % 2 * 16;
      sum += __uint_as_float(x << 16) * __uint_as_float(y << 16);
    }
    d[i] = c[i] + sum;
  }
}

// ldmatrix.sync.aligned.m8n8.xN(.trans).shared.b16: matrix m's row r is at the address that lane
// 8 m + r gives; each lane receives two neighbouring elements of row lane / 4 of each matrix.
template <int N>
__STAND_IN_INLINE void stand_in_ldmatrix(unsigned (&r)[N], const void* row, bool transposed) {
  static_assert(N == 1 || N == 2 || N == 4, "ldmatrix loads 1, 2 or 4 matrices");
  if (reinterpret_cast<size_t>(row) % 16 != 0) stand_in_trap("ldmatrix: row not 16-byte aligned");
  const void* rows = stand_in::exchange(~0u, row);
  const unsigned lane = stand_in_lane();
  for (int m = 0; m < N; m++) {
    unsigned short pair[2];
    for (unsigned e = 0; e < 2; e++) {
      const unsigned i = lane / 4, j = lane % 4 * 2 + e;
      const unsigned from = 8 * m + (transposed ? j : i);
      const auto* source = stand_in::of_lane<const unsigned short*>(rows, from);
      pair[e] = source[transposed ? i : j];
    }
    r[m] = pair[0] | static_cast<unsigned>(pair[1]) << 16;
  }
  // No lane may overwrite what another still reads.
  stand_in_warp_exchange(~0u, nullptr, 0);
}

// cp.async: the bytes arrive only when the thread waits, so a missing wait reads old data.
__STAND_IN_INLINE void stand_in_cp_async(void* shared, const void* global, int bytes) {
  const size_t addresses = reinterpret_cast<size_t>(shared) | reinterpret_cast<size_t>(global);
  if (addresses % bytes != 0) {
    stand_in_trap("cp.async: address not aligned to its size");
  }
  stand_in_copy_async(shared, global, bytes);
}
__STAND_IN_INLINE void stand_in_cp_async_commit() { stand_in_copy_commit(); }
__STAND_IN_INLINE void stand_in_cp_async_wait(int pending) { stand_in_copy_wait(pending); }
