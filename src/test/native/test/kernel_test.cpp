// The device language: kernels compiled by NVRTC's stand-in compute what a GPU would.
#include <cstring>

#include "gpu.h"

namespace {

struct Scale {
  float factor, offset;
};

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

void each_order(const std::function<void()>& body) {
  for (const char* order : {"forward", "reverse", "shuffle"}) {
    standin_set("order", order);
    body();
  }
}

}  // namespace

TEST(arguments_of_every_size_arrive) {
  Gpu gpu;
  CUmodule module = load_kernels("basic.cu");
  const long long n = 100001;
  const std::vector<float> x = random_floats(n, 1);
  DeviceArray<float> dx(x), dy(n);
  each_order([&] {
    EXPECT_OK(launch(function_of(module, "affine"), {(100001 + 255) / 256, 256}, dx.pointer(),
                     dy.pointer(), Scale{3.0f, -1.0f}, static_cast<unsigned char>(1), n));
    const std::vector<float> y = dy.read();
    // The host contracts 3 x - 1 into one rounding or not: one unit in the last place of 3.
    for (long long i = 0; i < n; i++) {
      if (std::fabs(y[i] - 3.0f * x[i]) > 3e-7f) EXPECT_EQ(y[i], 3.0f * x[i]);
    }
  });
  EXPECT_OK(cuModuleUnload(module));
}

TEST(warp_and_block_sums_agree_with_the_host) {
  Gpu gpu;
  CUmodule module = load_kernels("basic.cu");
  const int n = 12345;
  std::vector<float> x(n);
  for (int i = 0; i < n; i++) x[i] = static_cast<float>(i % 17);
  double expected = 0;
  for (float v : x) expected += v;
  DeviceArray<float> dx(x);
  each_order([&] {
    DeviceArray<float> total(std::vector<float>{0.0f});
    EXPECT_OK(launch(function_of(module, "block_sum"), {7, 512}, dx.pointer(), total.pointer(), n));
    EXPECT_EQ(total.read()[0], expected);  // whole numbers below 2^24: exact in any order
    DeviceArray<float> parts(25);
    EXPECT_OK(launch(function_of(module, "tree_sum"), {25, 512, 512 * 4}, dx.pointer(),
                     parts.pointer(), n));
    double sum = 0;
    for (float v : parts.read()) sum += v;
    EXPECT_EQ(sum, expected);
  });
  EXPECT_OK(cuModuleUnload(module));
}

TEST(two_dimensional_blocks_transpose) {
  Gpu gpu;
  CUmodule module = load_kernels("basic.cu");
  int width = 100, height = 77;
  const std::vector<float> x = random_floats(static_cast<size_t>(width * height), 2);
  DeviceArray<float> dx(x), dy(x.size());
  CUdeviceptr px = dx.pointer(), py = dy.pointer();
  void* arguments[] = {&px, &py, &width, &height};
  each_order([&] {
    EXPECT_OK(cuLaunchKernel(function_of(module, "transpose"), 4, 3, 1, 32, 8, 1, 0, nullptr,
                             arguments, nullptr));
    const std::vector<float> y = dy.read();
    for (int i = 0; i < height; i++) {
      for (int j = 0; j < width; j++) {
        if (y[j * height + i] != x[i * width + j]) EXPECT_EQ(y[j * height + i], x[i * width + j]);
      }
    }
  });
  EXPECT_OK(cuModuleUnload(module));
}

TEST(warp_votes_and_shuffles) {
  Gpu gpu;
  CUmodule module = load_kernels("basic.cu");
  std::vector<int> x(32);
  unsigned ballot = 0;
  for (int i = 0; i < 32; i++) {
    x[i] = i * 7 % 5 - 2;
    if (x[i] > 0) ballot |= 1u << i;
  }
  DeviceArray<int> dx(x);
  each_order([&] {
    DeviceArray<unsigned> dy(7 * 32);
    EXPECT_OK(launch(function_of(module, "votes"), {1, 32}, dx.pointer(), dy.pointer()));
    const std::vector<unsigned> y = dy.read();
    for (unsigned lane = 0; lane < 32; lane++) {
      EXPECT_EQ(y[lane], ballot);
      EXPECT_EQ(y[32 + lane], 0u);
      EXPECT_EQ(y[64 + lane], 1u);
      EXPECT_EQ(y[96 + lane], lane ^ 5);
      EXPECT_EQ(y[128 + lane], lane % 8 >= 3 ? lane - 3 : lane);
      EXPECT_EQ(y[160 + lane], 496u);
      EXPECT_EQ(y[192 + lane], static_cast<unsigned>(__builtin_popcount(ballot)));
    }
  });
  EXPECT_OK(cuModuleUnload(module));
}

TEST(constant_memory_can_be_written_by_the_host) {
  Gpu gpu;
  CUmodule module = load_kernels("basic.cu");
  CUmodule other = load_kernels("basic.cu");  // a second load has constants of its own
  CUdeviceptr table;
  size_t bytes;
  EXPECT_OK(cuModuleGetGlobal_v2(&table, &bytes, module, "table"));
  EXPECT_EQ(bytes, 16u);
  const float values[4] = {5, 6, 7, 8};
  EXPECT_OK(cuMemcpyHtoD_v2(table, values, 16));
  EXPECT_EQ(cuMemcpyHtoD_v2(table, values, 17), CUDA_ERROR_INVALID_VALUE);
  DeviceArray<float> y(4);
  EXPECT_OK(launch(function_of(module, "from_table"), {1, 4}, y.pointer()));
  EXPECT_EQ(y.read()[3], 8.0f);
  EXPECT_OK(launch(function_of(other, "from_table"), {1, 4}, y.pointer()));
  EXPECT_EQ(y.read()[3], 4.0f);
  EXPECT_EQ(cuModuleGetGlobal_v2(&table, &bytes, module, "chair"), CUDA_ERROR_NOT_FOUND);
  EXPECT_OK(cuModuleUnload(module));
  EXPECT_OK(cuModuleUnload(other));
}

TEST(tensor_core_tile_is_a_matrix_product) {
  Gpu gpu;
  CUmodule module = load_kernels("basic.cu");
  std::vector<unsigned short> a(256), b(128);
  for (size_t i = 0; i < a.size(); i++) a[i] = to_bf16(random_floats(256, 3)[i]);
  for (size_t i = 0; i < b.size(); i++) b[i] = to_bf16(random_floats(128, 4)[i]);
  DeviceArray<unsigned short> da(a), db(b);
  each_order([&] {
    DeviceArray<float> dc(128);
    EXPECT_OK(launch(function_of(module, "mma_tile"), {1, 32}, da.pointer(), db.pointer(),
                     dc.pointer()));
    const std::vector<float> c = dc.read();
    for (int i = 0; i < 16; i++) {
      for (int j = 0; j < 8; j++) {
        double sum = 0;
        for (int k = 0; k < 16; k++) sum += from_bf16(a[i * 16 + k]) * from_bf16(b[k * 8 + j]);
        // 16 products of magnitude below 1 summed in fp32: 16 roundings of at most 2^-21.
        if (!(std::fabs(c[i * 8 + j] - sum) < 1e-5)) EXPECT_EQ(c[i * 8 + j], sum);
      }
    }
  });
  EXPECT_OK(cuModuleUnload(module));
}

TEST(intrinsics) {
  Gpu gpu;
  CUmodule module = load_kernels("basic.cu");
  DeviceArray<float> dy(6);
  DeviceArray<int> dz(6);
  EXPECT_OK(launch(function_of(module, "arithmetic"), {}, dy.pointer(), dz.pointer()));
  const std::vector<float> y = dy.read();
  const std::vector<int> z = dz.read();
  EXPECT_EQ(y[0], 2.0f);
  EXPECT_EQ(y[1], 3.0f);
  EXPECT_EQ(y[2], 0.5f);
  EXPECT_EQ(y[3], 1.0f);
  EXPECT_EQ(std::fabs(y[4] - 7.7182818f) < 1e-6f, true);
  EXPECT_EQ(y[5], 12.0f);
  EXPECT_EQ(z[0], 2);
  EXPECT_EQ(z[1], -2147483647 - 1);
  EXPECT_EQ(z[2], 3);
  EXPECT_EQ(z[3], 8 + 31 + 4);
  EXPECT_EQ(z[4], 0x77553311);
  EXPECT_EQ(z[5], 3);
  EXPECT_OK(cuModuleUnload(module));
}
