// What most tests need: a context, a compiled module, memory, launches.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "driver_api.h"
#include "nvrtc_api.h"
#include "stand_in.h"

// A fresh stand-in with a current context; checks at the end that nothing is alive but what the
// test was told to leave.
class Gpu {
 public:
  Gpu();
  ~Gpu();
  void leaves_resources() { leaves_resources_ = true; }

  CUcontext context;

 private:
  bool leaves_resources_ = false;
};

std::string read_text(const std::string& path);

// Compiles with the stand-in's NVRTC; prints the log where it fails.
std::vector<char> compile(const std::string& name, const std::string& source,
                          const std::vector<std::string>& options = {"--gpu-architecture=sm_90"});
// The file in test/kernels.
CUmodule load_kernels(const std::string& file);
CUfunction function_of(CUmodule module, const char* name);

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t count) : count_(count) {
    EXPECT_OK(cuMemAlloc_v2(&pointer_, count * sizeof(T)));
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    EXPECT_OK(cuMemcpyHtoD_v2(pointer_, values.data(), count_ * sizeof(T)));
  }
  ~DeviceArray() {
    if (pointer_) cuMemFree_v2(pointer_);
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  CUdeviceptr pointer() const { return pointer_; }
  T* data() const { return reinterpret_cast<T*>(pointer_); }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    EXPECT_OK(cuMemcpyDtoH_v2(values.data(), pointer_, count_ * sizeof(T)));
    return values;
  }
  CUdeviceptr release() { return std::exchange(pointer_, 0); }

 private:
  size_t count_;
  CUdeviceptr pointer_ = 0;
};

struct Shape {
  unsigned grid = 1, block = 1, dynamic_shared = 0;
  CUstream stream = nullptr;
};

template <class... A>
CUresult launch(CUfunction function, Shape shape, A... arguments) {
  void* pointers[] = {&arguments..., nullptr};
  return cuLaunchKernel(function, shape.grid, 1, 1, shape.block, 1, 1, shape.dynamic_shared,
                        shape.stream, pointers, nullptr);
}

std::vector<float> random_floats(size_t count, unsigned seed);
