// The fused pair of 1×1 convolutions computes what two plain ones compute.
#include <cstring>
#include <string>

#include "gpu.h"

namespace {

unsigned short to_bf16(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, 4);
  return static_cast<unsigned short>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float from_bf16(unsigned short bits) {
  const unsigned wide = static_cast<unsigned>(bits) << 16;
  float x;
  std::memcpy(&x, &wide, 4);
  return x;
}

std::vector<unsigned short> rounded(const std::vector<float>& values, float by) {
  std::vector<unsigned short> bits(values.size());
  for (size_t i = 0; i < values.size(); i++) bits[i] = to_bf16(values[i] * by);
  return bits;
}

constexpr unsigned short NOT_WRITTEN = 0xffff;  // a NaN

struct Case {
  int channels, filters_held, warp_rows, warps;
  long long rows;
  unsigned blocks;
  unsigned shared() const {
    return static_cast<unsigned>(2 * (channels + 8) * (filters_held + warps * warp_rows));
  }
};

// y against max(w x + bias, 0), each sum in double. fp32 sums of n products err by less than
// n 2^-24 of the sum of their magnitudes; rounding to bf16 by half of the
// last of 8 bits.
void expect_convolution(const std::vector<unsigned short>& x, const std::vector<unsigned short>& w,
                        const std::vector<float>& bias, const std::vector<unsigned short>& y,
                        int channels) {
  const size_t rows = x.size() / channels;
  for (size_t r = 0; r < rows; r++) {
    for (int o = 0; o < channels; o++) {
      double sum = bias[o], magnitude = std::fabs(sum);
      for (int c = 0; c < channels; c++) {
        const double product = static_cast<double>(from_bf16(x[r * channels + c])) *
                               from_bf16(w[o * channels + c]);
        sum += product;
        magnitude += std::fabs(product);
      }
      const double expected = sum > 0 ? sum : 0;
      const double actual = from_bf16(y[r * channels + o]);
      const double error = (expected > 0 ? std::ldexp(1.0, std::ilogb(expected) - 8) : 0) +
                           (channels + 1) * std::ldexp(magnitude, -24);
      if (!(std::fabs(actual - expected) <= error)) EXPECT_EQ(actual, expected);
    }
  }
}

void check_pair(const Case& c) {
  Gpu gpu;
  const std::string path = PRODUCT_KERNELS "/pointwise_pair.cu";
  const std::vector<char> cubin = compile("pointwise_pair.cu", read_text(path),
                                          {"--gpu-architecture=sm_90", "-I" PRODUCT_KERNELS});
  CUmodule module = nullptr;
  EXPECT_OK(cuModuleLoadData(&module, cubin.data()));
  CUfunction kernel =
      function_of(module, ("pointwise_pair_" + std::to_string(c.channels) + "_bf16").c_str());
  EXPECT_OK(cuFuncSetAttribute(kernel, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                               static_cast<int>(c.shared())));
  const size_t n = static_cast<size_t>(c.rows) * c.channels;
  const size_t weights = static_cast<size_t>(c.channels) * c.channels;
  const auto x = rounded(random_floats(n, 1), 1.0f);
  // So that values keep their size from layer to layer.
  const float scale = std::sqrt(6.0f / static_cast<float>(c.channels));
  const auto w1 = rounded(random_floats(weights, 2), scale);
  const auto w2 = rounded(random_floats(weights, 3), scale);
  const auto b1 = random_floats(c.channels, 4), b2 = random_floats(c.channels, 5);
  DeviceArray<unsigned short> dx(x), dw1(w1), dw2(w2);
  DeviceArray<float> db1(b1), db2(b2);
  for (const char* order : {"forward", "shuffle"}) {
    standin_set("order", order);
    std::vector<unsigned short> results[2];
    for (const bool keeps : {true, false}) {
      // One row more, which must stay as it is.
      const std::vector<unsigned short> blank(n + c.channels, NOT_WRITTEN);
      DeviceArray<unsigned short> between(blank), y(blank);
      EXPECT_OK(launch(kernel, {c.blocks, static_cast<unsigned>(32 * c.warps), c.shared()},
                       dx.pointer(), dw1.pointer(), db1.pointer(), dw2.pointer(), db2.pointer(),
                       keeps ? between.pointer() : CUdeviceptr{0}, y.pointer(), c.rows));
      std::vector<unsigned short> inner = between.read(), outer = y.read();
      for (int i = 0; i < c.channels; i++) {
        EXPECT_EQ(inner[n + i], NOT_WRITTEN);
        EXPECT_EQ(outer[n + i], NOT_WRITTEN);
      }
      inner.resize(n);
      outer.resize(n);
      if (keeps) {
        expect_convolution(x, w1, b1, inner, c.channels);
        expect_convolution(inner, w2, b2, outer, c.channels);
      } else {
        EXPECT_EQ(inner == std::vector<unsigned short>(n, NOT_WRITTEN), true);
      }
      results[keeps] = outer;
    }
    EXPECT_EQ(results[0] == results[1], true);
  }
  EXPECT_OK(cuModuleUnload(module));
}

}  // namespace

// More tiles than blocks, the last one with part of one warp's rows.
TEST(pair_of_96_channels_with_weights_in_shared_memory) {
  check_pair({96, 192, 32, 8, 2 * 256 + 32 + 5, 2});
}
// A single row: all warps but one have nothing to do.
TEST(pair_of_96_channels_on_one_row) { check_pair({96, 192, 32, 4, 1, 1}); }
TEST(pair_of_256_channels_with_streamed_weights) {
  check_pair({256, 64, 32, 4, 128 + 32 + 7, 1});
}
TEST(pair_of_256_channels_with_eight_warps) { check_pair({256, 64, 32, 8, 19, 1}); }
TEST(pair_of_384_channels_with_streamed_weights) { check_pair({384, 64, 16, 4, 64 + 16 + 3, 1}); }
TEST(pair_of_384_channels_with_eight_warps) { check_pair({384, 64, 16, 8, 33, 2}); }
