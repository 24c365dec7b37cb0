// What the tests of the first block's two directions share: whole numbers as inputs and its layers
// one by one.
#pragma once
#include <cstring>
#include <random>
#include <string>

#include "gpu.h"

namespace first_block {

constexpr int CHANNELS = 96;

inline unsigned short to_bf16(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, 4);
  return static_cast<unsigned short>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float rounded(float x) {
  const unsigned bits = static_cast<unsigned>(to_bf16(x)) << 16;
  std::memcpy(&x, &bits, 4);
  return x;
}

inline std::vector<float> whole_numbers(size_t count, int low, int high, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> numbers(low, high);
  std::vector<float> values(count);
  for (float& v : values) v = static_cast<float>(numbers(random));
  return values;
}

inline std::vector<unsigned short> bits_of(const std::vector<float>& values) {
  std::vector<unsigned short> bits(values.size());
  for (size_t i = 0; i < bits.size(); i++) bits[i] = to_bf16(values[i]);
  return bits;
}

// [images, height, width, channels] by filters [96, kernel, kernel, channels], bias, ReLU, rounded.
inline std::vector<float> convolve(const std::vector<float>& x, int images, int height, int width,
                                   int channels, const std::vector<float>& w,
                                   const std::vector<float>& bias, int kernel, int stride) {
  const int out_height = (height - kernel) / stride + 1, out_width = (width - kernel) / stride + 1;
  std::vector<float> y;
  for (int n = 0; n < images; n++) {
    for (int i = 0; i < out_height; i++) {
      for (int j = 0; j < out_width; j++) {
        for (int o = 0; o < CHANNELS; o++) {
          double sum = bias[o];
          for (int u = 0; u < kernel; u++) {
            for (int v = 0; v < kernel; v++) {
              const size_t pixel = (static_cast<size_t>(n) * height + i * stride + u) * width +
                                   j * stride + v;
              for (int c = 0; c < channels; c++) {
                sum += static_cast<double>(x[pixel * channels + c]) *
                       w[((o * kernel + u) * kernel + v) * channels + c];
              }
            }
          }
          y.push_back(sum > 0 ? rounded(static_cast<float>(sum)) : 0.0f);
        }
      }
    }
  }
  return y;
}

// Sides behind the convolution, and behind the pool.
struct Sides {
  int images, height, width;
  int conv_height() const { return (height - 11) / 4 + 1; }
  int conv_width() const { return (width - 11) / 4 + 1; }
  int out_height() const { return (conv_height() - 3) / 2 + 1; }
  int out_width() const { return (conv_width() - 3) / 2 + 1; }
};

struct Pooled {
  std::vector<float> values;
  std::vector<unsigned char> positions;  // of the first maximum
};

inline Pooled pool(const std::vector<float>& c, const Sides& s) {
  Pooled y;
  for (int n = 0; n < s.images; n++) {
    for (int i = 0; i < s.out_height(); i++) {
      for (int j = 0; j < s.out_width(); j++) {
        for (int o = 0; o < CHANNELS; o++) {
          float best = -1;
          int where = -1;
          for (int window = 0; window < 9; window++) {
            const size_t row = 2 * i + window / 3, column = 2 * j + window % 3;
            const float value =
                c[((n * s.conv_height() + row) * s.conv_width() + column) * CHANNELS + o];
            if (value > best) {
              best = value;
              where = window;
            }
          }
          y.values.push_back(best);
          y.positions.push_back(static_cast<unsigned char>(where));
        }
      }
    }
  }
  return y;
}

inline CUmodule load_product(const std::string& file) {
  const std::vector<char> cubin = compile(file, read_text(PRODUCT_KERNELS "/" + file),
                                          {"--gpu-architecture=sm_90", "-I" PRODUCT_KERNELS});
  CUmodule module = nullptr;
  EXPECT_OK(cuModuleLoadData(&module, cubin.data()));
  return module;
}

inline CUfunction with_shared(CUmodule module, const char* name, unsigned bytes) {
  CUfunction kernel = function_of(module, name);
  EXPECT_OK(cuFuncSetAttribute(kernel, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                               static_cast<int>(bytes)));
  return kernel;
}

}  // namespace first_block
