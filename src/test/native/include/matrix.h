// The one inner loop of the library stand-ins.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace stand_in {

// sums[j] += a[0] b[0][j] + a[1] b[1][j] + … for j < columns; rows of b are `stride` apart.
__attribute__((target_clones("arch=x86-64-v3", "default"))) inline void add_product(
    double* sums, const double* a, const double* b, size_t rows, size_t columns, size_t stride) {
  constexpr size_t kTile = 16;
  size_t j = 0;
  for (; j + kTile <= columns; j += kTile) {
    double tile[kTile];
    for (size_t t = 0; t < kTile; t++) tile[t] = sums[j + t];
    for (size_t i = 0; i < rows; i++) {
      const double factor = a[i];
      const double* row = b + i * stride + j;
      for (size_t t = 0; t < kTile; t++) tile[t] += factor * row[t];
    }
    for (size_t t = 0; t < kTile; t++) sums[j + t] = tile[t];
  }
  for (; j < columns; j++) {
    double sum = sums[j];
    for (size_t i = 0; i < rows; i++) sum += a[i] * b[i * stride + j];
    sums[j] = sum;
  }
}

// The same by tensor cores: each instruction adds a few products to a sum and cuts the result to
// fp32's 24 bits, towards zero.
inline void add_truncated_product(double* sums, const double* a, const double* b, size_t rows,
                                  size_t columns, size_t stride) {
  constexpr size_t kProducts = 8;
  constexpr uint64_t kKept = ~((uint64_t{1} << (52 - 23)) - 1);
  for (size_t first = 0; first < rows; first += kProducts) {
    const size_t count = std::min(kProducts, rows - first);
    add_product(sums, a + first, b + first * stride, count, columns, stride);
    for (size_t j = 0; j < columns; j++) {
      uint64_t bits;
      std::memcpy(&bits, &sums[j], sizeof bits);
      bits &= kKept;
      std::memcpy(&sums[j], &bits, sizeof bits);
    }
  }
}

inline void add_product(double* sums, const double* a, const double* b, size_t rows, size_t columns,
                        size_t stride, bool truncated) {
  if (truncated) {
    add_truncated_product(sums, a, b, rows, columns, stride);
  } else {
    add_product(sums, a, b, rows, columns, stride);
  }
}

}  // namespace stand_in
