// The fused first block's gradients are those of its four layers one after the other.
//
// All inputs are whole numbers, small enough that each sum is below 2^24 even of magnitudes, which
// the test checks: so sums in fp32 are exact in any order, roundings to bf16 fall alike, and
// results are compared bit for bit. Gradients grow beyond 256 on their way, so roundings matter.
#include <algorithm>
#include <cmath>

#include "first_block.h"

using namespace first_block;

namespace {

constexpr size_t SQUARE = CHANNELS * CHANNELS;
constexpr unsigned MORE = 16384;
constexpr size_t SUMS = 132 * 256;

// What was summed, and the sum of magnitudes.
struct Sums {
  std::vector<double> values, magnitudes;
  explicit Sums(size_t n) : values(n), magnitudes(n) {}
  void add(size_t place, double product) {
    values[place] += product;
    magnitudes[place] += std::fabs(product);
  }
};

struct Inputs {
  std::vector<float> x, w1, w2, w3, b1, b2, b3;
  explicit Inputs(const Sides& s)
      : x(whole_numbers(static_cast<size_t>(s.images) * s.height * s.width, 0, 7, 1)),
        w1(whole_numbers(CHANNELS * 121, -1, 1, 2)),
        w2(whole_numbers(SQUARE, -1, 1, 3)),
        w3(whole_numbers(SQUARE, -1, 1, 4)),
        b1(whole_numbers(CHANNELS, -3, 3, 5)),
        b2(whole_numbers(CHANNELS, -3, 3, 6)),
        b3(whole_numbers(CHANNELS, -3, 3, 7)) {}
};

// One in four; the others are 0.
std::vector<float> sparse_gradient(size_t n) {
  std::vector<float> dy = whole_numbers(n, -200, 200, 8);
  const std::vector<float> kept = whole_numbers(n, 0, 3, 9);
  for (size_t e = 0; e < n; e++) dy[e] *= kept[e] == 0 ? 1.0f : 0.0f;
  return dy;
}

struct Gradients {
  Sums w1{CHANNELS * 121}, b1{CHANNELS}, w2{SQUARE}, b2{CHANNELS}, w3{SQUARE}, b3{CHANNELS};
};

// Rounded, and 0 where the activation is.
std::vector<float> back(const std::vector<float>& gradient, const std::vector<float>& w,
                        const std::vector<float>& activation) {
  std::vector<float> result(gradient.size());
  for (size_t e = 0; e < result.size(); e++) {
    const size_t pixel = e / CHANNELS, k = e % CHANNELS;
    double sum = 0;
    for (size_t o = 0; o < CHANNELS; o++) {
      sum += static_cast<double>(gradient[pixel * CHANNELS + o]) * w[o * CHANNELS + k];
    }
    result[e] = activation[e] > 0 ? rounded(static_cast<float>(sum)) : 0.0f;
  }
  return result;
}

void add_filter_gradient(const std::vector<float>& gradient, const std::vector<float>& input,
                         Sums& w, Sums& bias) {
  for (size_t e = 0; e < gradient.size(); e++) {
    const size_t pixel = e / CHANNELS, o = e % CHANNELS;
    bias.add(o, gradient[e]);
    for (size_t k = 0; k < CHANNELS; k++) {
      w.add(o * CHANNELS + k, static_cast<double>(gradient[e]) * input[pixel * CHANNELS + k]);
    }
  }
}

Gradients gradients(const Inputs& in, const Sides& s, const std::vector<float>& a,
                    const std::vector<float>& b, const Pooled& y, const std::vector<float>& dy) {
  std::vector<double> unpooled(a.size());
  for (size_t e = 0; e < dy.size(); e++) {
    const size_t o = e % CHANNELS, pixel = e / CHANNELS;
    const size_t j = pixel % s.out_width(), i = pixel / s.out_width() % s.out_height();
    const size_t image = pixel / s.out_width() / s.out_height();
    const size_t row = 2 * i + y.positions[e] / 3, column = 2 * j + y.positions[e] % 3;
    const size_t winner = (image * s.conv_height() + row) * s.conv_width() + column;
    if (y.values[e] > 0) unpooled[winner * CHANNELS + o] += dy[e];
  }
  std::vector<float> dc(unpooled.size());
  for (size_t e = 0; e < dc.size(); e++) dc[e] = rounded(static_cast<float>(unpooled[e]));
  const auto db = back(dc, in.w3, b);
  const auto da = back(db, in.w2, a);

  Gradients sums;
  add_filter_gradient(dc, b, sums.w3, sums.b3);
  add_filter_gradient(db, a, sums.w2, sums.b2);
  for (size_t e = 0; e < da.size(); e++) {
    const size_t o = e % CHANNELS, pixel = e / CHANNELS;
    const size_t j = pixel % s.conv_width(), i = pixel / s.conv_width() % s.conv_height();
    const size_t image = pixel / s.conv_width() / s.conv_height();
    sums.b1.add(o, da[e]);
    for (size_t u = 0; u < 11; u++) {
      for (size_t v = 0; v < 11; v++) {
        const size_t place = (image * s.height + 4 * i + u) * s.width + 4 * j + v;
        sums.w1.add((o * 11 + u) * 11 + v, static_cast<double>(da[e]) * in.x[place]);
      }
    }
  }
  return sums;
}

void expect_equal(const DeviceArray<float>& actual, const Sums& expected) {
  const std::vector<float> values = actual.read();
  for (size_t e = 0; e < values.size(); e++) {
    EXPECT_EQ(expected.magnitudes[e] < 1 << 24, true);
    EXPECT_EQ(values[e], static_cast<float>(expected.values[e]));
  }
}

unsigned shared_bytes(const Sides& s, int pixels) {
  const int rows = std::min(s.out_height() + 1, (pixels / 4 - 2) / (s.out_width() + 1) + 2);
  const int squares = (2 * rows + 2) * (2 * s.out_width() + 4);
  return static_cast<unsigned>(2 * (34560 + 524 * pixels + 32 * squares));
}

// finishers: blocks of the second kernel.
void check_gradients(const Sides& s, unsigned blocks, unsigned finishers) {
  const Inputs in(s);
  const auto a = convolve(in.x, s.images, s.height, s.width, 1, in.w1, in.b1, 11, 4);
  const auto b =
      convolve(a, s.images, s.conv_height(), s.conv_width(), CHANNELS, in.w2, in.b2, 1, 1);
  const Pooled y = pool(
      convolve(b, s.images, s.conv_height(), s.conv_width(), CHANNELS, in.w3, in.b3, 1, 1), s);
  const auto dy = sparse_gradient(y.values.size());
  const Gradients expected = gradients(in, s, a, b, y, dy);

  Gpu gpu;
  CUmodule module = load_product("first_block_backward.cu");
  CUfunction finish = function_of(module, "first_block_gradient_finish");
  DeviceArray<unsigned short> x(bits_of(in.x)), w1(bits_of(in.w1)), w2(bits_of(in.w2)),
      w3(bits_of(in.w3)), output(bits_of(y.values)), gradient(bits_of(dy));
  DeviceArray<float> b1(in.b1), b2(in.b2);
  DeviceArray<unsigned char> position(y.positions);
  for (const int pixels : {128, 64}) {
    const bool exact = pixels == 128;
    standin_set("order", exact ? "forward" : "shuffle");
    // What is given beyond the need is NaN, so that reads of it show.
    const unsigned shared = shared_bytes(s, pixels);
    const unsigned given = exact ? shared : shared + MORE;
    const std::string name = "first_block_backward_" + std::to_string(pixels) + "_bf16";
    CUfunction backward = with_shared(module, name.c_str(), given);
    const auto blank = [](size_t n) { return std::vector<float>(n, NAN); };
    DeviceArray<float> partial(blank(blocks * SUMS));
    DeviceArray<float> dw1(blank(CHANNELS * 121)), dw2(blank(SQUARE)), dw3(blank(SQUARE));
    DeviceArray<float> db1(blank(CHANNELS)), db2(blank(CHANNELS)), db3(blank(CHANNELS));
    EXPECT_OK(launch(backward, {blocks, 384, given}, x.pointer(), w1.pointer(), b1.pointer(),
                     w2.pointer(), b2.pointer(), w3.pointer(), output.pointer(),
                     position.pointer(), gradient.pointer(), partial.pointer(), s.images,
                     s.height, s.width, s.out_height(), s.out_width()));
    EXPECT_OK(launch(finish, {finishers, 256, 0}, partial.pointer(), dw1.pointer(), db1.pointer(),
                     dw2.pointer(), db2.pointer(), dw3.pointer(), db3.pointer(),
                     static_cast<int>(blocks)));
    expect_equal(dw1, expected.w1);
    expect_equal(db1, expected.b1);
    expect_equal(dw2, expected.w2);
    expect_equal(db2, expected.b2);
    expect_equal(dw3, expected.w3);
    expect_equal(db3, expected.b3);
  }
  EXPECT_OK(cuModuleUnload(module));
}

}  // namespace

// Odd sides; three tiles an image, of which the second reaches over five rows of cells, as many as
// there can be, and the third has part of its cells; more tiles than blocks.
TEST(first_block_backward_over_tiles) { check_gradients({2, 75, 77}, 4, 948); }
// The convolution's last row and column lie in no window; a block without a tile, and more parts
// than the finish has threads for a sum.
TEST(first_block_backward_with_an_idle_block) { check_gradients({10, 34, 26}, 11, 7); }
TEST(first_block_backward_of_one_window) { check_gradients({1, 19, 19}, 1, 100); }
// A single column of windows: as many rows in a tile as there can be.
TEST(first_block_backward_of_a_column) { check_gradients({1, 303, 22}, 2, 948); }
// The published width: 26 windows.
TEST(first_block_backward_of_full_width) { check_gradients({2, 39, 224}, 2, 948); }
