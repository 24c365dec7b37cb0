// cuDNN's stand-in against sums written out from the definitions.
#include <algorithm>
#include <cstring>

#include "cudnn_api.h"
#include "gpu.h"
#include "numbers.h"

namespace {

struct Problem {
  int n, c, h, w, k, r, s;
  int pad[2], stride[2], dilation[2];
  int groups, format, mode;

  int oh() const { return 1 + (h + 2 * pad[0] - (r - 1) * dilation[0] - 1) / stride[0]; }
  int ow() const { return 1 + (w + 2 * pad[1] - (s - 1) * dilation[1] - 1) / stride[1]; }
};

const Problem kProblems[] = {
    {2, 3, 9, 7, 4, 3, 3, {1, 1}, {2, 1}, {1, 1}, 1, CUDNN_TENSOR_NCHW, CUDNN_CROSS_CORRELATION},
    {2, 3, 9, 7, 4, 3, 3, {1, 1}, {2, 1}, {1, 1}, 1, CUDNN_TENSOR_NHWC, CUDNN_CROSS_CORRELATION},
    {1, 6, 8, 8, 9, 5, 3, {2, 0}, {1, 2}, {1, 2}, 3, CUDNN_TENSOR_NHWC, CUDNN_CROSS_CORRELATION},
    {3, 1, 5, 6, 1, 1, 1, {0, 0}, {1, 1}, {1, 1}, 1, CUDNN_TENSOR_NHWC, CUDNN_CROSS_CORRELATION},
    {1, 2, 6, 5, 3, 3, 2, {1, 0}, {1, 1}, {1, 1}, 1, CUDNN_TENSOR_NCHW, CUDNN_CONVOLUTION},
    {2, 33, 4, 4, 37, 3, 3, {1, 1}, {1, 1}, {1, 1}, 1, CUDNN_TENSOR_NHWC, CUDNN_CROSS_CORRELATION},
};

// Offset of an element of a packed tensor.
size_t at(int format, int c, int h, int w, int i0, int i1, int i2, int i3) {
  const size_t image = static_cast<size_t>(i0) * c * h * w;
  return format == CUDNN_TENSOR_NCHW ? image + (static_cast<size_t>(i1) * h + i2) * w + i3
                                     : image + (static_cast<size_t>(i2) * w + i3) * c + i1;
}

// Calls visit(x offset, w offset, y offset) for every product of the convolution.
template <class Visit>
void each_product(const Problem& p, Visit visit) {
  const int inputs = p.c / p.groups, outputs = p.k / p.groups;
  for (int n = 0; n < p.n; n++)
    for (int k = 0; k < p.k; k++)
      for (int i = 0; i < p.oh(); i++)
        for (int j = 0; j < p.ow(); j++)
          for (int c = 0; c < inputs; c++)
            for (int r = 0; r < p.r; r++)
              for (int s = 0; s < p.s; s++) {
                const int ih = i * p.stride[0] - p.pad[0] + r * p.dilation[0];
                const int iw = j * p.stride[1] - p.pad[1] + s * p.dilation[1];
                if (ih < 0 || iw < 0 || ih >= p.h || iw >= p.w) continue;
                const bool turned = p.mode == CUDNN_CONVOLUTION;
                visit(at(p.format, p.c, p.h, p.w, n, k / outputs * inputs + c, ih, iw),
                      at(p.format, inputs, p.r, p.s, k, c, turned ? p.r - 1 - r : r,
                         turned ? p.s - 1 - s : s),
                      at(p.format, p.k, p.oh(), p.ow(), n, k, i, j));
              }
}

void expect_close(const std::vector<float>& actual, const std::vector<double>& expected,
                  double tolerance, const char* what) {
  for (size_t i = 0; i < expected.size(); i++) {
    if (std::fabs(actual[i] - expected[i]) <= tolerance * (1 + std::fabs(expected[i]))) continue;
    std::printf("%s, element %zu:\n", what, i);
    EXPECT_EQ(actual[i], expected[i]);
    return;
  }
}

// A handle and the descriptors of a problem.
class Cudnn {
 public:
  explicit Cudnn(const Problem& p, int type = CUDNN_DATA_FLOAT) {
    EXPECT_OK(cudnnCreate(&handle));
    EXPECT_OK(cudnnCreateTensorDescriptor(&x));
    EXPECT_OK(cudnnCreateTensorDescriptor(&y));
    EXPECT_OK(cudnnCreateFilterDescriptor(&w));
    EXPECT_OK(cudnnCreateConvolutionDescriptor(&c));
    EXPECT_OK(cudnnSetTensor4dDescriptor(x, p.format, type, p.n, p.c, p.h, p.w));
    EXPECT_OK(cudnnSetTensor4dDescriptor(y, p.format, type, p.n, p.k, p.oh(), p.ow()));
    EXPECT_OK(cudnnSetFilter4dDescriptor(w, type, p.format, p.k, p.c / p.groups, p.r, p.s));
    EXPECT_OK(cudnnSetConvolution2dDescriptor(c, p.pad[0], p.pad[1], p.stride[0], p.stride[1],
                                              p.dilation[0], p.dilation[1], p.mode,
                                              CUDNN_DATA_FLOAT));
    EXPECT_OK(cudnnSetConvolutionGroupCount(c, p.groups));
    EXPECT_OK(cudnnSetConvolutionMathType(c, CUDNN_FMA_MATH));
  }
  ~Cudnn() {
    EXPECT_OK(cudnnDestroyConvolutionDescriptor(c));
    EXPECT_OK(cudnnDestroyFilterDescriptor(w));
    EXPECT_OK(cudnnDestroyTensorDescriptor(y));
    EXPECT_OK(cudnnDestroyTensorDescriptor(x));
    EXPECT_OK(cudnnDestroy(handle));
  }
  cudnnHandle_t handle;
  cudnnTensorDescriptor_t x, y;
  cudnnFilterDescriptor_t w;
  cudnnConvolutionDescriptor_t c;
};

const float kOne = 1, kZero = 0;

}  // namespace

TEST(convolutions_are_their_definitions) {
  Gpu gpu;
  for (const Problem& p : kProblems) {
    Cudnn d(p);
    const size_t nx = static_cast<size_t>(p.n * p.c * p.h * p.w);
    const size_t ny = static_cast<size_t>(p.n * p.k * p.oh() * p.ow());
    const size_t nw = static_cast<size_t>(p.k * p.c / p.groups * p.r * p.s);
    int n, k, oh, ow;
    EXPECT_OK(cudnnGetConvolution2dForwardOutputDim(d.c, d.x, d.w, &n, &k, &oh, &ow));
    EXPECT_EQ(n, p.n);
    EXPECT_EQ(k, p.k);
    EXPECT_EQ(oh, p.oh());
    EXPECT_EQ(ow, p.ow());
    const std::vector<float> x = random_floats(nx, 5), w = random_floats(nw, 6),
                             dy = random_floats(ny, 7);
    std::vector<double> y(ny), dx(nx), dw(nw);
    each_product(p, [&](size_t ix, size_t iw, size_t iy) {
      y[iy] += static_cast<double>(x[ix]) * w[iw];
      dx[ix] += static_cast<double>(dy[iy]) * w[iw];
      dw[iw] += static_cast<double>(dy[iy]) * x[ix];
    });
    DeviceArray<float> gx(x), gw(w), gdy(dy), gy(ny), gdx(nx), gdw(nw);
    // One algorithm with a workspace, which lies in an allocation of just its size.
    const int algo = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
    size_t bytes[3];
    EXPECT_OK(
        cudnnGetConvolutionForwardWorkspaceSize(d.handle, d.x, d.w, d.c, d.y, algo, &bytes[0]));
    EXPECT_OK(
        cudnnGetConvolutionBackwardDataWorkspaceSize(d.handle, d.w, d.y, d.c, d.x, 1, &bytes[1]));
    EXPECT_OK(
        cudnnGetConvolutionBackwardFilterWorkspaceSize(d.handle, d.x, d.y, d.c, d.w, 1, &bytes[2]));
    DeviceArray<char> space(std::max({bytes[0], bytes[1], bytes[2]}));
    EXPECT_OK(cudnnConvolutionForward(d.handle, &kOne, d.x, gx.data(), d.w, gw.data(), d.c, algo,
                                      space.data(), bytes[0], &kZero, d.y, gy.data()));
    EXPECT_OK(cudnnConvolutionBackwardData(d.handle, &kOne, d.w, gw.data(), d.y, gdy.data(), d.c, 1,
                                           space.data(), bytes[1], &kZero, d.x, gdx.data()));
    EXPECT_OK(cudnnConvolutionBackwardFilter(d.handle, &kOne, d.x, gx.data(), d.y, gdy.data(), d.c,
                                             1, space.data(), bytes[2], &kZero, d.w, gdw.data()));
    // Summed in double and rounded once.
    expect_close(gy.read(), y, 1e-7, "forward");
    expect_close(gdx.read(), dx, 1e-7, "data gradient");
    expect_close(gdw.read(), dw, 1e-7, "filter gradient");
    // alpha and beta: y = 2 conv - y.
    const float two = 2, minus = -1;
    EXPECT_OK(cudnnConvolutionForward(d.handle, &two, d.x, gx.data(), d.w, gw.data(), d.c, 1,
                                      space.data(), bytes[0], &minus, d.y, gy.data()));
    expect_close(gy.read(), y, 4e-7, "alpha and beta");
    EXPECT_OK(cuCtxSynchronize());
  }
}

TEST(tf32_rounds_unless_it_is_forbidden) {
  Gpu gpu;
  const Problem p = kProblems[3];
  Cudnn d(p);
  const float fine = 1 + 1.0f / 4096;  // 12 bits of mantissa: TF32 keeps 10
  std::vector<float> x(90, fine), w(1, 1.0f);
  DeviceArray<float> gx(x), gw(w), gy(90);
  auto forward = [&](int math) {
    EXPECT_OK(cudnnSetConvolutionMathType(d.c, math));
    EXPECT_OK(cudnnConvolutionForward(d.handle, &kOne, d.x, gx.data(), d.w, gw.data(), d.c, 0,
                                      nullptr, 0, &kZero, d.y, gy.data()));
    return gy.read()[0];
  };
  EXPECT_EQ(forward(CUDNN_FMA_MATH), fine);
  EXPECT_EQ(forward(CUDNN_DEFAULT_MATH), 1.0f);
  standin_set("compute_capability", "75");
  EXPECT_EQ(forward(CUDNN_DEFAULT_MATH), fine);
}

TEST(bf16_is_rounded_once_at_the_end) {
  Gpu gpu;
  const Problem p = kProblems[1];
  Cudnn d(p, CUDNN_DATA_BFLOAT16);
  std::vector<uint16_t> x, w;
  for (float v : random_floats(static_cast<size_t>(p.n * p.c * p.h * p.w), 8)) {
    x.push_back(stand_in::float_to_bf16(v));
  }
  for (float v : random_floats(static_cast<size_t>(p.k * p.c * 9), 9)) {
    w.push_back(stand_in::float_to_bf16(v));
  }
  std::vector<double> y(static_cast<size_t>(p.n * p.k * p.oh() * p.ow()));
  each_product(p, [&](size_t ix, size_t iw, size_t iy) {
    y[iy] += static_cast<double>(stand_in::bf16_to_float(x[ix])) * stand_in::bf16_to_float(w[iw]);
  });
  DeviceArray<uint16_t> gx(x), gw(w), gy(y.size());
  DeviceArray<char> space(65536);
  EXPECT_OK(cudnnSetConvolutionMathType(d.c, CUDNN_TENSOR_OP_MATH));
  EXPECT_OK(cudnnConvolutionForward(d.handle, &kOne, d.x, gx.data(), d.w, gw.data(), d.c, 1,
                                    space.data(), 65536, &kZero, d.y, gy.data()));
  std::vector<float> actual;
  for (uint16_t bits : gy.read()) actual.push_back(stand_in::bf16_to_float(bits));
  expect_close(actual, y, 1.0 / 256, "bf16");
}

TEST(searches_list_good_and_failing_algorithms) {
  Gpu gpu;
  Problem p = kProblems[5];
  Cudnn d(p);
  EXPECT_OK(cudnnSetConvolutionMathType(d.c, CUDNN_DEFAULT_MATH));
  DeviceArray<float> x(p.n * p.c * 16), w(p.k * p.c * 9), y(p.n * p.k * 16);
  DeviceArray<char> space(1 << 20);
  int found = 0, good = 0, refused = 0, starved = 0;
  AlgoPerf list[10];
  EXPECT_OK(cudnnFindConvolutionForwardAlgorithmEx(d.handle, d.x, x.data(), d.w, w.data(), d.c, d.y,
                                                   y.data(), 10, &found, list, space.data(),
                                                   1 << 20));
  EXPECT_EQ(found, 10);
  for (int i = 0; i < found; i++) {
    good += list[i].status == CUDNN_STATUS_SUCCESS;
    refused += list[i].status == CUDNN_STATUS_NOT_SUPPORTED;
    starved += list[i].status == CUDNN_STATUS_ALLOC_FAILED;
    EXPECT_EQ(list[i].status == 0, list[i].time > 0);
    if (list[i].status) continue;
    EXPECT_EQ(list[i].memory <= 1 << 20, true);
    size_t bytes;
    EXPECT_OK(cudnnSetConvolutionMathType(d.c, list[i].mathType));
    EXPECT_OK(cudnnGetConvolutionForwardWorkspaceSize(d.handle, d.x, d.w, d.c, d.y, list[i].algo,
                                                      &bytes));
    EXPECT_EQ(bytes, list[i].memory);
    if (i) EXPECT_EQ(list[i - 1].time <= list[i].time, true);
  }
  EXPECT_EQ(good >= 2, true);
  EXPECT_EQ(starved >= 1, true);
  EXPECT_EQ(refused >= 1, true);
  EXPECT_EQ(std::isnan(y.read()[0]), true);  // the search wrote over the output
  EXPECT_OK(cudnnGetConvolutionForwardAlgorithm_v7(d.handle, d.x, d.w, d.c, d.y, 3, &found, list));
  EXPECT_EQ(found, 3);
  EXPECT_EQ(list[0].memory > size_t{256} << 20, true);  // the fastest wants the most
}

TEST(convolution_misuse_is_refused) {
  Gpu gpu;
  const Problem p = kProblems[0];
  Cudnn d(p);
  const size_t nx = static_cast<size_t>(p.n * p.c * p.h * p.w);
  const size_t ny = static_cast<size_t>(p.n * p.k * p.oh() * p.ow());
  DeviceArray<float> x(random_floats(nx, 1)), w(random_floats(108, 2)), y(ny);
  DeviceArray<char> space(4096);
  auto forward = [&](const float* px, void* workspace, size_t bytes, int algo, float* py) {
    return cudnnConvolutionForward(d.handle, &kOne, d.x, px, d.w, w.data(), d.c, algo, workspace,
                                   bytes, &kZero, d.y, py);
  };
  EXPECT_EQ(forward(x.data() + 1, space.data(), 4096, 1, y.data()), CUDNN_STATUS_BAD_PARAM);
  EXPECT_CONTAINS(standin_message(), "cudnnConvolutionForward: 1512 bytes from byte offset 4 of");
  EXPECT_EQ(forward(x.data(), space.data(), 100, 1, y.data()), CUDNN_STATUS_BAD_PARAM);
  EXPECT_CONTAINS(standin_message(), "workspace too small");
  EXPECT_EQ(forward(x.data(), space.data(), 5000, 1, y.data()), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(forward(x.data(), y.data(), 700, 1, y.data()), CUDNN_STATUS_BAD_PARAM);
  EXPECT_CONTAINS(standin_message(), "overlaps the workspace");
  EXPECT_EQ(forward(x.data(), nullptr, 0, 3, y.data()), CUDNN_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(forward(x.data(), nullptr, 0, 99, y.data()), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(forward(x.data(), nullptr, 0, 0, x.data()), CUDNN_STATUS_BAD_PARAM);
  EXPECT_OK(forward(x.data(), nullptr, 0, 0, y.data()));
  const std::vector<float> right = y.read();
  standin_set("wrong_algorithm", "data:1,forward:0");
  EXPECT_OK(forward(x.data(), nullptr, 0, 0, y.data()));
  EXPECT_EQ(y.read()[0] != right[0], true);
  EXPECT_OK(forward(x.data(), space.data(), 4096, 1, y.data()));
  EXPECT_EQ(y.read()[0], right[0]);
  EXPECT_EQ(cudnnDestroyTensorDescriptor(reinterpret_cast<TensorDesc>(d.w)),
            CUDNN_STATUS_BAD_PARAM);
}

TEST(bias_activation_and_bias_gradient) {
  Gpu gpu;
  const Problem p = kProblems[1];
  Cudnn d(p);
  const size_t nx = static_cast<size_t>(p.n * p.c * p.h * p.w);
  const size_t ny = static_cast<size_t>(p.n * p.k * p.oh() * p.ow());
  const std::vector<float> x = random_floats(nx, 1), w = random_floats(108, 2),
                           bias = random_floats(4, 3);
  std::vector<double> y(ny), db(4);
  for (size_t i = 0; i < ny; i++) y[i] = bias[i % 4];
  each_product(p, [&](size_t ix, size_t iw, size_t iy) {
    y[iy] += static_cast<double>(x[ix]) * w[iw];
  });
  for (double& v : y) v = std::max(v, 0.0);
  DeviceArray<float> gx(x), gw(w), gb(bias), gy(ny), gdb(4);
  TensorDesc b;
  ActDesc relu;
  EXPECT_OK(cudnnCreateTensorDescriptor(&b));
  EXPECT_OK(cudnnSetTensor4dDescriptor(b, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, 1, 4, 1, 1));
  EXPECT_OK(cudnnCreateActivationDescriptor(&relu));
  EXPECT_OK(cudnnSetActivationDescriptor(relu, CUDNN_ACTIVATION_RELU, 0, 0));
  EXPECT_OK(cudnnConvolutionBiasActivationForward(
      d.handle, &kOne, d.x, gx.data(), d.w, gw.data(), d.c, 0, nullptr, 0, &kZero, d.y, gy.data(),
      b, gb.data(), relu, d.y, gy.data()));
  const std::vector<float> actual = gy.read();
  expect_close(actual, y, 1e-7, "bias and ReLU");
  for (size_t i = 0; i < ny; i++) db[i % 4] += actual[i];
  EXPECT_OK(cudnnConvolutionBackwardBias(d.handle, &kOne, d.y, gy.data(), &kZero, b, gdb.data()));
  expect_close(gdb.read(), db, 1e-7, "bias gradient");
  // The same, added by cudnnAddTensor to a tensor that it repeats along.
  EXPECT_OK(cudnnAddTensor(d.handle, &kOne, b, gb.data(), &kOne, d.y, gy.data()));
  for (size_t i = 0; i < ny; i++) y[i] = static_cast<double>(actual[i]) + bias[i % 4];
  expect_close(gy.read(), y, 1e-7, "add tensor");
  EXPECT_OK(cudnnDestroyActivationDescriptor(relu));
  EXPECT_OK(cudnnDestroyTensorDescriptor(b));
}

TEST(pooling_is_its_definition) {
  Gpu gpu;
  const Problem p = {2, 3, 7, 6, 3, 3, 2, {1, 1}, {2, 2}, {1, 1}, 1, CUDNN_TENSOR_NHWC, 1};
  Cudnn d(p);  // window and output shape of a filter of 3×2
  const size_t nx = 2 * 3 * 7 * 6, ny = static_cast<size_t>(2 * 3 * p.oh() * p.ow());
  PoolDesc pool;
  EXPECT_OK(cudnnCreatePoolingDescriptor(&pool));
  for (int mode : {CUDNN_POOLING_MAX, CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING,
                   CUDNN_POOLING_AVERAGE_COUNT_EXCLUDE_PADDING}) {
    EXPECT_OK(cudnnSetPooling2dDescriptor(pool, mode, 0, 3, 2, 1, 1, 2, 2));
    int n, c, h, w;
    EXPECT_OK(cudnnGetPooling2dForwardOutputDim(pool, d.x, &n, &c, &h, &w));
    EXPECT_EQ(h, p.oh());
    EXPECT_EQ(w, p.ow());
    const std::vector<float> x = random_floats(nx, 4), dy = random_floats(ny, 5);
    std::vector<double> y(ny), dx(nx);
    for (size_t i = 0; i < ny; i++) {
      const int channel = static_cast<int>(i % 3), ow = static_cast<int>(i / 3) % p.ow();
      const int oh = static_cast<int>(i / 3) / p.ow() % p.oh();
      const int image = static_cast<int>(i / 3) / p.ow() / p.oh();
      std::vector<size_t> cells;
      for (int r = 0; r < 3; r++) {
        for (int s = 0; s < 2; s++) {
          const int ih = oh * 2 - 1 + r, iw = ow * 2 - 1 + s;
          if (ih < 0 || iw < 0 || ih >= 7 || iw >= 6) continue;
          cells.push_back(at(p.format, 3, 7, 6, image, channel, ih, iw));
        }
      }
      if (mode == CUDNN_POOLING_MAX) {
        size_t best = cells[0];
        for (size_t cell : cells) best = x[cell] > x[best] ? cell : best;
        y[i] = x[best];
        dx[best] += dy[i];
      } else {
        const bool all = mode == CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING;
        const double count = all ? 6.0 : static_cast<double>(cells.size());
        for (size_t cell : cells) {
          y[i] += x[cell] / count;
          dx[cell] += dy[i] / count;
        }
      }
    }
    DeviceArray<float> gx(x), gdy(dy), gy(ny), gdx(nx);
    EXPECT_OK(cudnnPoolingForward(d.handle, pool, &kOne, d.x, gx.data(), &kZero, d.y, gy.data()));
    EXPECT_OK(cudnnPoolingBackward(d.handle, pool, &kOne, d.y, gy.data(), d.y, gdy.data(), d.x,
                                   gx.data(), &kZero, d.x, gdx.data()));
    expect_close(gy.read(), y, 2e-7, "pooling");
    expect_close(gdx.read(), dx, 2e-7, "pooling gradient");
  }
  EXPECT_OK(cudnnDestroyPoolingDescriptor(pool));
}

TEST(softmax_sums_to_one_and_its_gradient_fits) {
  Gpu gpu;
  const Problem p = {3, 5, 1, 1, 5, 1, 1, {0, 0}, {1, 1}, {1, 1}, 1, CUDNN_TENSOR_NCHW, 1};
  Cudnn d(p);
  const std::vector<float> x = random_floats(15, 1), dy = random_floats(15, 2);
  DeviceArray<float> gx(x), gy(15), gdy(dy), gdx(15);
  EXPECT_OK(cudnnSoftmaxForward(d.handle, 1, CUDNN_SOFTMAX_MODE_CHANNEL, &kOne, d.x, gx.data(),
                                &kZero, d.y, gy.data()));
  EXPECT_OK(cudnnSoftmaxBackward(d.handle, 1, CUDNN_SOFTMAX_MODE_CHANNEL, &kOne, d.y, gy.data(),
                                 d.y, gdy.data(), &kZero, d.x, gdx.data()));
  std::vector<double> y(15), dx(15);
  for (int n = 0; n < 3; n++) {
    double sum = 0, dot = 0;
    for (int c = 0; c < 5; c++) sum += std::exp(x[n * 5 + c]);
    for (int c = 0; c < 5; c++) y[n * 5 + c] = std::exp(x[n * 5 + c]) / sum;
    for (int c = 0; c < 5; c++) dot += y[n * 5 + c] * dy[n * 5 + c];
    for (int c = 0; c < 5; c++) dx[n * 5 + c] = y[n * 5 + c] * (dy[n * 5 + c] - dot);
  }
  expect_close(gy.read(), y, 2e-7, "softmax");
  expect_close(gdx.read(), dx, 2e-7, "softmax gradient");
}
