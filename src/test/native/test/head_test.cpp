// The fused head of Network in Network, forward and backward, gives what its layers give one after
// the other.
//
// All inputs are whole numbers, small enough that each sum over channels or pixels is below 2^24
// even of magnitudes, which the test checks: so sums in fp32 are exact in any order, roundings to
// bf16 fall alike, and results are compared bit for bit. Activations and gradients grow beyond 256,
// so roundings matter. The mean is summed in the order of the separate step.
#include <algorithm>
#include <cmath>

#include "first_block.h"

using namespace first_block;

namespace {

struct Sizes {
  size_t images, pixels, channels;
  size_t rows() const { return images * pixels; }
  size_t elements() const { return rows() * channels; }
  size_t square() const { return channels * channels; }
};

// A sum whose order does not matter.
struct Sum {
  double value = 0, magnitude = 0;
  void add(double product) {
    value += product;
    magnitude += std::fabs(product);
  }
  float exact() const {
    EXPECT_EQ(magnitude < 1 << 24, true);
    return static_cast<float>(value);
  }
};

struct Inputs {
  std::vector<float> x, w1, w2, b1, b2, dlogits;
  explicit Inputs(const Sizes& s)
      : x(whole_numbers(s.elements(), -3, 7, 1)),
        w1(whole_numbers(s.square(), -3, 3, 2)),
        w2(whole_numbers(s.square(), -3, 3, 3)),
        b1(whole_numbers(s.channels, -300, 300, 4)),
        b2(whole_numbers(s.channels, -300, 300, 5)),
        dlogits(whole_numbers(s.images * s.channels, -200, 200, 6)) {
    for (float& value : x) value = std::max(value, 0.0f);
    for (float& value : dlogits) value *= static_cast<float>(s.pixels);
  }
};

std::vector<float> layer(const std::vector<float>& x, const std::vector<float>& w,
                         const std::vector<float>& b, const Sizes& s) {
  std::vector<float> y(s.elements());
  for (size_t e = 0; e < y.size(); e++) {
    const size_t row = e / s.channels * s.channels, o = e % s.channels;
    Sum sum;
    sum.add(b[o]);
    for (size_t k = 0; k < s.channels; k++) sum.add(x[row + k] * w[o * s.channels + k]);
    y[e] = rounded(std::max(sum.exact(), 0.0f));
  }
  return y;
}

std::vector<float> mean(const std::vector<float>& y, const Sizes& s) {
  std::vector<float> logits;
  for (size_t n = 0; n < s.images; n++) {
    for (size_t c = 0; c < s.channels; c++) {
      float total = 0;
      for (size_t lane = 0; lane < 8; lane++) {
        float sum = 0;
        for (size_t p = lane; p < s.pixels; p += 8) {
          sum += y[(n * s.pixels + p) * s.channels + c];
        }
        total += sum;
      }
      logits.push_back(total / static_cast<float>(s.pixels));
    }
  }
  return logits;
}

// The gradient by a layer's input, where that is above 0.
std::vector<float> back(const std::vector<float>& dy, const std::vector<float>& w,
                        const std::vector<float>& x, const Sizes& s) {
  std::vector<float> dx(s.elements());
  for (size_t e = 0; e < dx.size(); e++) {
    const size_t row = e / s.channels * s.channels, k = e % s.channels;
    Sum sum;
    for (size_t o = 0; o < s.channels; o++) sum.add(dy[row + o] * w[o * s.channels + k]);
    dx[e] = x[e] > 0 ? rounded(sum.exact()) : 0.0f;
  }
  return dx;
}

std::vector<float> filter_gradient(const std::vector<float>& dy, const std::vector<float>& x,
                                   const Sizes& s) {
  std::vector<float> dw;
  for (size_t o = 0; o < s.channels; o++) {
    for (size_t k = 0; k < s.channels; k++) {
      Sum sum;
      for (size_t row = 0; row < s.elements(); row += s.channels) sum.add(dy[row + o] * x[row + k]);
      dw.push_back(sum.exact());
    }
  }
  return dw;
}

std::vector<float> bias_gradient(const std::vector<float>& dy, const Sizes& s) {
  std::vector<float> db;
  for (size_t o = 0; o < s.channels; o++) {
    Sum sum;
    for (size_t row = 0; row < s.elements(); row += s.channels) sum.add(dy[row + o]);
    db.push_back(sum.exact());
  }
  return db;
}

template <class T>
void expect_equal(const DeviceArray<T>& actual, const std::vector<T>& expected) {
  const std::vector<T> values = actual.read();
  EXPECT_EQ(values.size(), expected.size());
  for (size_t e = 0; e < values.size(); e++) EXPECT_EQ(values[e], expected[e]);
}

DeviceArray<float> blank(size_t n) { return DeviceArray<float>(std::vector<float>(n, NAN)); }

DeviceArray<unsigned short> blank_narrow(size_t n) {
  return DeviceArray<unsigned short>(std::vector<unsigned short>(n, 0x7fff));
}

struct Head {
  CUmodule module = load_product("head.cu");
  std::string width;
  explicit Head(size_t channels) : width(channels <= 16 ? "16" : "32") {}
  CUfunction kernel(const std::string& direction) {
    return function_of(module, ("head_" + direction + "_" + width + "_bf16").c_str());
  }
};

void check_head(const Sizes& s, unsigned blocks, unsigned finishers) {
  const Inputs in(s);
  const std::vector<float> between = layer(in.x, in.w1, in.b1, s);
  const std::vector<float> y = layer(between, in.w2, in.b2, s);
  std::vector<float> dy(s.elements());
  for (size_t e = 0; e < dy.size(); e++) {
    const size_t image = e / s.channels / s.pixels;
    const float gradient = in.dlogits[image * s.channels + e % s.channels];
    dy[e] = y[e] > 0 ? rounded(gradient / static_cast<float>(s.pixels)) : 0.0f;
  }
  const std::vector<float> di = back(dy, in.w2, between, s);
  const std::vector<float> dx = back(di, in.w1, in.x, s);

  Gpu gpu;
  Head head(s.channels);
  const CUfunction forward = head.kernel("forward");
  const CUfunction backward = head.kernel("backward");
  const CUfunction finish = function_of(head.module, "head_gradient_finish");
  const long long images = static_cast<long long>(s.images);
  const int pixels = static_cast<int>(s.pixels), channels = static_cast<int>(s.channels);
  DeviceArray<unsigned short> x(bits_of(in.x)), w1(bits_of(in.w1)), w2(bits_of(in.w2));
  DeviceArray<float> b1(in.b1), b2(in.b2), dlogits(in.dlogits);
  for (const char* order : {"forward", "shuffle"}) {
    standin_set("order", order[0] == 's' ? "shuffle" : "forward");
    DeviceArray<unsigned short> stored(blank_narrow(s.elements())), out(blank_narrow(s.elements()));
    DeviceArray<float> logits(blank(s.images * s.channels)), alone(blank(s.images * s.channels));
    const CUdeviceptr none = 0;
    EXPECT_OK(launch(forward, {blocks, 256, 0}, x.pointer(), w1.pointer(), b1.pointer(),
                     w2.pointer(), b2.pointer(), stored.pointer(), out.pointer(), logits.pointer(),
                     images, pixels, channels));
    EXPECT_OK(launch(forward, {blocks, 256, 0}, x.pointer(), w1.pointer(), b1.pointer(),
                     w2.pointer(), b2.pointer(), none, none, alone.pointer(), images, pixels,
                     channels));
    expect_equal(stored, bits_of(between));
    expect_equal(out, bits_of(y));
    expect_equal(logits, mean(y, s));
    expect_equal(alone, mean(y, s));

    DeviceArray<unsigned short> gradient(blank_narrow(s.elements()));
    DeviceArray<float> partial(blank(blocks * (2 * s.square() + 3 * s.channels)));
    DeviceArray<float> dw1(blank(s.square())), dw2(blank(s.square()));
    DeviceArray<float> db0(blank(s.channels)), db1(blank(s.channels)), db2(blank(s.channels));
    EXPECT_OK(launch(backward, {blocks, 256, 0}, x.pointer(), stored.pointer(), out.pointer(),
                     dlogits.pointer(), w1.pointer(), w2.pointer(), gradient.pointer(),
                     partial.pointer(), images, pixels, channels));
    EXPECT_OK(launch(finish, {finishers, 256, 0}, partial.pointer(), dw1.pointer(), dw2.pointer(),
                     db0.pointer(), db1.pointer(), db2.pointer(), static_cast<int>(blocks),
                     channels));
    expect_equal(gradient, bits_of(dx));
    expect_equal(dw1, filter_gradient(di, in.x, s));
    expect_equal(dw2, filter_gradient(dy, between, s));
    expect_equal(db0, bias_gradient(dx, s));
    expect_equal(db1, bias_gradient(di, s));
    expect_equal(db2, bias_gradient(dy, s));
  }
  EXPECT_OK(cuModuleUnload(head.module));
}

}  // namespace

// The published head, in fewer images.
TEST(head_of_ten_channels) { check_head({5, 25, 10}, 5, 29); }
// Blocks with several images; more parts than the finish has threads for a sum.
TEST(head_of_sixteen_channels) { check_head({35, 7, 16}, 33, 5); }
// Several tiles with a rest; blocks without an image.
TEST(head_of_seventeen_channels) { check_head({2, 71, 17}, 4, 100); }
// Whole tiles, of several images.
TEST(head_of_all_channels) { check_head({2, 64, 32}, 1, 1); }
TEST(head_of_one_channel_and_pixel) { check_head({1, 1, 1}, 1, 1); }
