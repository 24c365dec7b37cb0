// The fused first block computes what its four layers compute one after the other.
//
// All inputs are whole numbers, so sums in fp32 are exact in any order and roundings to bf16 fall
// alike: results are compared bit for bit. Equal maxima are frequent, so positions are put to test.
#include <cstring>
#include <random>
#include <string>

#include "gpu.h"

namespace {

constexpr int CHANNELS = 96;

unsigned short to_bf16(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, 4);
  return static_cast<unsigned short>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float rounded(float x) {
  const unsigned bits = static_cast<unsigned>(to_bf16(x)) << 16;
  std::memcpy(&x, &bits, 4);
  return x;
}

std::vector<float> whole_numbers(size_t count, int low, int high, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> numbers(low, high);
  std::vector<float> values(count);
  for (float& v : values) v = static_cast<float>(numbers(random));
  return values;
}

std::vector<unsigned short> bits_of(const std::vector<float>& values) {
  std::vector<unsigned short> bits(values.size());
  for (size_t i = 0; i < bits.size(); i++) bits[i] = to_bf16(values[i]);
  return bits;
}

// [images, height, width, channels] by filters [96, kernel, kernel, channels], bias, ReLU, rounded.
std::vector<float> convolve(const std::vector<float>& x, int images, int height, int width,
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

struct Case {
  int images, height, width, strips, at_once;
  unsigned blocks;
};

void check_block(const Case& k) {
  const int conv_height = (k.height - 11) / 4 + 1, conv_width = (k.width - 11) / 4 + 1;
  const int out_height = (conv_height - 3) / 2 + 1, out_width = (conv_width - 3) / 2 + 1;
  const auto x = whole_numbers(static_cast<size_t>(k.images) * k.height * k.width, 0, 7, 1);
  const auto w1 = whole_numbers(CHANNELS * 121, -1, 1, 2);
  const auto w2 = whole_numbers(CHANNELS * CHANNELS, -1, 1, 3);
  const auto w3 = whole_numbers(CHANNELS * CHANNELS, -1, 1, 4);
  const auto b1 = whole_numbers(CHANNELS, -3, 3, 5), b2 = whole_numbers(CHANNELS, -3, 3, 6);
  const auto b3 = whole_numbers(CHANNELS, -3, 3, 7);
  auto inner = convolve(x, k.images, k.height, k.width, 1, w1, b1, 11, 4);
  inner = convolve(inner, k.images, conv_height, conv_width, CHANNELS, w2, b2, 1, 1);
  inner = convolve(inner, k.images, conv_height, conv_width, CHANNELS, w3, b3, 1, 1);

  Gpu gpu;
  const std::string path = PRODUCT_KERNELS "/first_block.cu";
  const std::vector<char> cubin = compile("first_block.cu", read_text(path),
                                          {"--gpu-architecture=sm_90", "-I" PRODUCT_KERNELS});
  CUmodule module = nullptr;
  EXPECT_OK(cuModuleLoadData(&module, cubin.data()));
  CUfunction kernel = function_of(module, "first_block_forward_bf16");
  const unsigned shared = static_cast<unsigned>(
      2 * (37632 + (2 * k.at_once + 1) * conv_width * 104 + (8 * k.at_once + 11) * (k.width + 6)));
  EXPECT_OK(cuFuncSetAttribute(kernel, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                               static_cast<int>(shared)));
  DeviceArray<unsigned short> dx(bits_of(x)), dw1(bits_of(w1)), dw2(bits_of(w2)), dw3(bits_of(w3));
  DeviceArray<float> db1(b1), db2(b2), db3(b3);
  const size_t n = static_cast<size_t>(k.images) * out_height * out_width * CHANNELS;
  for (const char* order : {"forward", "shuffle"}) {
    standin_set("order", order);
    for (const bool keeps : {true, false}) {
      DeviceArray<unsigned short> y(std::vector<unsigned short>(n, 0xffff));
      DeviceArray<unsigned char> position(std::vector<unsigned char>(n, 0xff));
      EXPECT_OK(launch(kernel, {k.blocks, 256, shared}, dx.pointer(), dw1.pointer(), db1.pointer(),
                       dw2.pointer(), db2.pointer(), dw3.pointer(), db3.pointer(), y.pointer(),
                       keeps ? position.pointer() : CUdeviceptr{0}, k.images, k.height, k.width,
                       conv_width, out_height, out_width, k.strips, k.at_once));
      const auto values = y.read();
      const auto places = position.read();
      for (size_t e = 0; e < n; e++) {
        const size_t o = e % CHANNELS, pixel = e / CHANNELS;
        const size_t j = pixel % out_width, i = pixel / out_width % out_height;
        const size_t image = pixel / out_width / out_height;
        float best = -1;
        int where = -1;
        for (int window = 0; window < 9; window++) {
          const size_t row = 2 * i + window / 3, column = 2 * j + window % 3;
          const float value =
              inner[((image * conv_height + row) * conv_width + column) * CHANNELS + o];
          if (value > best) {
            best = value;
            where = window;
          }
        }
        EXPECT_EQ(values[e], to_bf16(best));
        EXPECT_EQ(static_cast<int>(places[e]), keeps ? where : 0xff);
      }
    }
  }
  EXPECT_OK(cuModuleUnload(module));
}

}  // namespace

// Odd sides; three strips of unequal height, more than there are blocks.
TEST(first_block_in_strips) { check_block({2, 67, 43, 3, 1, 4}); }
TEST(first_block_two_rows_at_once) { check_block({1, 61, 38, 1, 2, 1}); }
TEST(first_block_of_one_window) { check_block({1, 19, 19, 1, 1, 1}); }
// The published width: 54 windows.
TEST(first_block_of_full_width) { check_block({1, 39, 224, 1, 2, 1}); }
