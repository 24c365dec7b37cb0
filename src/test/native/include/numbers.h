// Element types in memory and the arithmetic of tensor cores, for the library stand-ins.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace stand_in {

inline uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float float_of(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

inline float bf16_to_float(uint16_t bits) { return float_of(static_cast<uint32_t>(bits) << 16); }

// Round to nearest, ties to even; NaN stays NaN.
inline uint16_t float_to_bf16(float x) {
  const uint32_t bits = bits_of(x);
  if (x != x) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// TF32 keeps 10 of fp32's 23 mantissa bits.
inline float round_to_tf32(float x) {
  if (x != x) return x;
  const uint32_t bits = bits_of(x);
  return float_of((bits + 0xfff + (bits >> 13 & 1)) & ~0x1fffu);
}

// An array of fp32 or bf16.
class Elements {
 public:
  Elements(const void* data, bool bf16) : data_(const_cast<void*>(data)), bf16_(bf16) {}
  float operator[](size_t i) const {
    return bf16_ ? bf16_to_float(static_cast<const uint16_t*>(data_)[i])
                 : static_cast<const float*>(data_)[i];
  }
  void store(size_t i, float value) const {
    if (bf16_) {
      static_cast<uint16_t*>(data_)[i] = float_to_bf16(value);
    } else {
      static_cast<float*>(data_)[i] = value;
    }
  }
  // alpha value + beta old; with beta 0 what was there is not read.
  void blend(size_t i, float alpha, double value, float beta) const {
    double result = alpha * value;
    if (beta != 0) result += static_cast<double>(beta) * (*this)[i];
    store(i, static_cast<float>(result));
  }

 private:
  void* data_;
  bool bf16_;
};

}  // namespace stand_in
