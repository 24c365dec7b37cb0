// The fused first block computes what its four layers compute one after the other.
//
// All inputs are whole numbers, so sums in fp32 are exact in any order and roundings to bf16 fall
// alike: results are compared bit for bit. Equal maxima are frequent, so positions are put to test.
#include "first_block.h"

using namespace first_block;

namespace {

struct Case {
  Sides sides;
  int strips, at_once;
  unsigned blocks;
  unsigned shared() const {
    const int rows = 2 * at_once + 1, width = sides.conv_width();
    return static_cast<unsigned>(
        2 * (34560 + rows * width * 104 + 32 * (rows + 2) * (width + 2)));
  }
};

void check_block(const Case& k) {
  const Sides& s = k.sides;
  const auto x = whole_numbers(static_cast<size_t>(s.images) * s.height * s.width, 0, 7, 1);
  const auto w1 = whole_numbers(CHANNELS * 121, -1, 1, 2);
  const auto w2 = whole_numbers(CHANNELS * CHANNELS, -1, 1, 3);
  const auto w3 = whole_numbers(CHANNELS * CHANNELS, -1, 1, 4);
  const auto b1 = whole_numbers(CHANNELS, -3, 3, 5), b2 = whole_numbers(CHANNELS, -3, 3, 6);
  const auto b3 = whole_numbers(CHANNELS, -3, 3, 7);
  auto inner = convolve(x, s.images, s.height, s.width, 1, w1, b1, 11, 4);
  inner = convolve(inner, s.images, s.conv_height(), s.conv_width(), CHANNELS, w2, b2, 1, 1);
  inner = convolve(inner, s.images, s.conv_height(), s.conv_width(), CHANNELS, w3, b3, 1, 1);
  const Pooled expected = pool(inner, s);

  Gpu gpu;
  CUmodule module = load_product("first_block.cu");
  CUfunction kernel = with_shared(module, "first_block_forward_bf16", k.shared());
  DeviceArray<unsigned short> dx(bits_of(x)), dw1(bits_of(w1)), dw2(bits_of(w2)), dw3(bits_of(w3));
  DeviceArray<float> db1(b1), db2(b2), db3(b3);
  const size_t n = expected.values.size();
  for (const char* order : {"forward", "shuffle"}) {
    standin_set("order", order);
    for (const bool keeps : {true, false}) {
      DeviceArray<unsigned short> y(std::vector<unsigned short>(n, 0xffff));
      DeviceArray<unsigned char> position(std::vector<unsigned char>(n, 0xff));
      EXPECT_OK(launch(kernel, {k.blocks, 256, k.shared()}, dx.pointer(), dw1.pointer(),
                       db1.pointer(), dw2.pointer(), db2.pointer(), dw3.pointer(), db3.pointer(),
                       y.pointer(), keeps ? position.pointer() : CUdeviceptr{0}, s.images,
                       s.height, s.width, s.conv_width(), s.out_height(), s.out_width(), k.strips,
                       k.at_once));
      const auto values = y.read();
      const auto places = position.read();
      for (size_t e = 0; e < n; e++) {
        EXPECT_EQ(values[e], to_bf16(expected.values[e]));
        EXPECT_EQ(static_cast<int>(places[e]), keeps ? expected.positions[e] : 0xff);
      }
    }
  }
  EXPECT_OK(cuModuleUnload(module));
}

}  // namespace

// Odd sides; three strips of unequal height, more than there are blocks.
TEST(first_block_in_strips) { check_block({{2, 67, 43}, 3, 1, 4}); }
TEST(first_block_two_rows_at_once) { check_block({{1, 61, 38}, 1, 2, 1}); }
TEST(first_block_of_one_window) { check_block({{1, 19, 19}, 1, 1, 1}); }
// The published width: 54 windows.
TEST(first_block_of_full_width) { check_block({{1, 39, 224}, 1, 2, 1}); }
