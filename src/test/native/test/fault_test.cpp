// What a GPU would suffer silently, or answer with a bare error, the stand-in must find and name.
#include "gpu.h"

namespace {

class Faulty {
 public:
  Faulty() : module_(load_kernels("faulty.cu")) {}
  CUfunction operator[](const char* name) const { return function_of(module_, name); }

 private:
  CUmodule module_;
};

// The code of the fault that the launch before caused; the context is of no further use.
CUresult fault() {
  const CUresult error = cuCtxSynchronize();
  CUdeviceptr ignored;
  EXPECT_EQ(cuMemAlloc_v2(&ignored, 4), error);  // every later call fails alike
  return error;
}

// A context whose fault leaves resources behind.
struct DoomedGpu : Gpu {
  DoomedGpu() { leaves_resources(); }
};

}  // namespace

TEST(writes_past_either_end_are_found) {
  for (long long i : {100ll, 101ll, 300ll, 5000ll, -1ll, -64ll, -1000ll}) {
    DoomedGpu gpu;
    Faulty kernels;
    DeviceArray<float> before(100), x(100), after(100);
    EXPECT_OK(launch(kernels["write_at"], {1, 32}, x.pointer(), i));
    EXPECT_EQ(fault(), CUDA_ERROR_ILLEGAL_ADDRESS);
    if (i > -1000 && i < 1000) {
      EXPECT_CONTAINS(standin_message(), "write at byte offset " + std::to_string(4 * i) +
                                             " of device memory #2 (400 bytes)");
    } else {
      EXPECT_CONTAINS(standin_message(), "illegal write at ");
    }
  }
}

TEST(reads_past_the_end_or_after_free_are_found) {
  {
    DoomedGpu gpu;
    Faulty kernels;
    DeviceArray<float> x(1024), y(1);
    EXPECT_OK(launch(kernels["read_at"], {1, 32}, x.pointer(), y.pointer(), 1024ll));
    EXPECT_EQ(fault(), CUDA_ERROR_ILLEGAL_ADDRESS);
    EXPECT_CONTAINS(standin_message(),
                    "illegal read at byte offset 4096 of device memory #1 (4096 bytes); kernel "
                    "read_at, block (0,0,0), thread (0,0,0)");
  }
  DoomedGpu gpu;
  Faulty kernels;
  DeviceArray<float> x(16), y(16);
  DeviceArray<CUdeviceptr> pointers(1);
  const CUdeviceptr stale = x.pointer();
  EXPECT_OK(cuMemFree_v2(x.release()));
  EXPECT_OK(launch(kernels["copy"], {1, 16}, stale, y.pointer()));
  EXPECT_EQ(fault(), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_CONTAINS(standin_message(),
                  "copy: argument 0 is no live device pointer: byte offset 0 of freed device "
                  "memory #1");
}

TEST(host_and_device_pointers_are_told_apart) {
  Gpu gpu;
  float host[16] = {};
  DeviceArray<float> x(16);
  EXPECT_EQ(cuMemcpyHtoD_v2(reinterpret_cast<CUdeviceptr>(host), host, 4),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemcpyDtoH_v2(x.data(), x.pointer(), 4), CUDA_ERROR_INVALID_VALUE);
  EXPECT_CONTAINS(standin_message(), "host argument is byte offset 0 of device memory #1");
  EXPECT_EQ(cuMemcpyHtoD_v2(x.pointer(), host, 65), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemcpyDtoH_v2(host, x.pointer() + 4, 64), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemsetD32_v2(x.pointer() + 2, 0, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemsetD8_v2(x.pointer(), 0, 65), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemFree_v2(x.pointer() + 4), CUDA_ERROR_INVALID_VALUE);
  EXPECT_OK(cuCtxSynchronize());
}

TEST(kernels_are_not_given_host_pointers) {
  DoomedGpu gpu;
  Faulty kernels;
  float host[16] = {};
  DeviceArray<float> y(16);
  EXPECT_OK(launch(kernels["copy"], {1, 16}, &host[0], y.pointer()));
  EXPECT_EQ(fault(), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_CONTAINS(standin_message(), "which is not device memory");
}

TEST(fresh_memory_reads_as_nan) {
  Gpu gpu;
  DeviceArray<float> x(1000);
  for (float v : x.read()) EXPECT_EQ(std::isnan(v), true);
  void* pinned;
  EXPECT_OK(cuMemHostAlloc(&pinned, 400, 0));
  EXPECT_EQ(std::isnan(static_cast<float*>(pinned)[99]), true);
  EXPECT_OK(cuMemFreeHost(pinned));
}

TEST(missing_barriers_and_waits_show) {
  Gpu gpu;
  {
    CUmodule module = load_kernels("faulty.cu");
    std::vector<float> x(128, 3.0f);
    DeviceArray<float> dx(x), dy(128);
    for (const char* order : {"forward", "reverse"}) {
      standin_set("order", order);
      EXPECT_OK(launch(function_of(module, "missing_barrier"), {1, 128, 512}, dx.pointer(),
                       dy.pointer()));
      bool wrong = false;
      for (float v : dy.read()) wrong |= v != 3.0f;
      EXPECT_EQ(wrong, true);
    }
    EXPECT_OK(launch(function_of(module, "missing_wait"), {1, 32}, dx.pointer(), dy.pointer()));
    EXPECT_EQ(std::isnan(dy.read()[0]), true);
    EXPECT_OK(launch(function_of(module, "unset_shared"), {1, 32}, dy.pointer()));
    const std::vector<float> y = dy.read();
    EXPECT_EQ(y[0], 1.0f);
    EXPECT_EQ(std::isnan(y[16]), true);
    EXPECT_OK(cuModuleUnload(module));
  }
}

TEST(deadlocks_and_wrong_masks_are_found) {
  {
    DoomedGpu gpu;
    Faulty kernels;
    DeviceArray<float> x(64);
    EXPECT_OK(launch(kernels["diverging_barriers"], {1, 64}, x.pointer()));
    EXPECT_EQ(fault(), CUDA_ERROR_LAUNCH_FAILED);
    EXPECT_CONTAINS(standin_message(),
                    "deadlock: 64 of 64 threads wait for others that do not come (63 of them at "
                    "__syncthreads); kernel diverging_barriers");
  }
  DoomedGpu gpu;
  Faulty kernels;
  DeviceArray<float> x(32);
  EXPECT_OK(launch(kernels["lane_not_in_mask"], {1, 32}, x.pointer()));
  EXPECT_EQ(fault(), CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_CONTAINS(standin_message(), "not in its mask");
}

TEST(shared_memory_overruns_are_found) {
  {
    DoomedGpu gpu;
    Faulty kernels;
    DeviceArray<float> y(32);
    EXPECT_OK(launch(kernels["shared_array"], {1, 32}, y.pointer(), 32));
    EXPECT_EQ(fault(), CUDA_ERROR_ILLEGAL_ADDRESS);
    EXPECT_CONTAINS(standin_message(), "index 32 is outside its array, at faulty.cu:45");
  }
  {
    DoomedGpu gpu;
    Faulty kernels;
    DeviceArray<float> y(32);
    EXPECT_OK(launch(kernels["dynamic_shared"], {1, 32, 128}, y.pointer(), 40));
    EXPECT_EQ(fault(), CUDA_ERROR_ILLEGAL_ADDRESS);
    EXPECT_CONTAINS(
        standin_message(),
        "write at byte 160 of dynamic shared memory, of which the launch gives 128 bytes");
  }
  DoomedGpu gpu;
  Faulty kernels;
  DeviceArray<float> y(32);
  EXPECT_OK(launch(kernels["dynamic_shared"], {1, 32, 164}, y.pointer(), 40));
  EXPECT_OK(cuCtxSynchronize());
  // More than 48 KiB must be asked for.
  CUfunction f = kernels["dynamic_shared"];
  EXPECT_EQ(launch(f, {1, 32, 60000}, y.pointer(), 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_OK(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 60000));
  EXPECT_OK(launch(f, {1, 32, 60000}, y.pointer(), 0));
  EXPECT_EQ(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 300000),
            CUDA_ERROR_INVALID_VALUE);
  standin_set("compute_capability", "86");
  EXPECT_EQ(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 101377),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_OK(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 101376));
}

TEST(other_faults_of_kernels) {
  {
    DoomedGpu gpu;
    Faulty kernels;
    DeviceArray<float> x(16), y(16);
    EXPECT_OK(launch(kernels["misaligned"], {}, x.pointer(), y.pointer()));
    EXPECT_EQ(fault(), CUDA_ERROR_MISALIGNED_ADDRESS);
    EXPECT_CONTAINS(standin_message(), "not aligned to 16 bytes, at faulty.cu:");
  }
  {
    DoomedGpu gpu;
    Faulty kernels;
    DeviceArray<int> x(1);
    EXPECT_OK(launch(kernels["divide"], {}, x.pointer(), 0));
    EXPECT_EQ(fault(), CUDA_ERROR_LAUNCH_FAILED);
    EXPECT_CONTAINS(standin_message(), "integer division by zero; kernel divide");
  }
  {
    DoomedGpu gpu;
    Faulty kernels;
    DeviceArray<int> x(1);
    EXPECT_OK(launch(kernels["asserting"], {}, x.pointer()));
    EXPECT_EQ(fault(), CUDA_ERROR_ASSERT);
    EXPECT_CONTAINS(standin_message(), "assertion failed: x[0] == 1");
  }
  DoomedGpu gpu;
  Faulty kernels;
  DeviceArray<float> y(1);
  EXPECT_OK(launch(kernels["deep"], {}, y.pointer(), 3));
  EXPECT_EQ(fault(), CUDA_ERROR_ILLEGAL_ADDRESS);
}

TEST(order_shows_what_depends_on_it) {
  Gpu gpu;
  CUmodule module = load_kernels("faulty.cu");
  std::vector<float> zeros(101, 0.0f);
  for (const char* order : {"forward", "reverse", "shuffle"}) {
    standin_set("order", order);
    DeviceArray<float> x(zeros);
    EXPECT_OK(launch(function_of(module, "ordered_blocks"), {100, 1}, x.pointer()));
    EXPECT_EQ(x.read()[100] == 100.0f, std::string(order) == "forward");
  }
  EXPECT_OK(cuModuleUnload(module));
}

TEST(launches_that_a_gpu_refuses) {
  Gpu gpu;
  CUmodule module = load_kernels("faulty.cu");
  CUmodule basic = load_kernels("basic.cu");
  CUfunction copy = function_of(module, "copy");
  DeviceArray<float> x(2048);
  EXPECT_EQ(launch(copy, {0, 1}, x.pointer(), x.pointer()), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(launch(copy, {1, 1025}, x.pointer(), x.pointer()), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(launch(function_of(basic, "affine"), {1, 257}, x.pointer(), x.pointer()),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_CONTAINS(standin_message(), "affine: a block of 257 threads; it takes at most 256");
  EXPECT_EQ(cuLaunchKernel(copy, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, nullptr),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(launch(reinterpret_cast<CUfunction>(&gpu), {}), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_OK(cuModuleUnload(basic));
  EXPECT_OK(cuModuleUnload(module));
  EXPECT_EQ(launch(copy, {1, 1}, x.pointer(), x.pointer()), CUDA_ERROR_INVALID_HANDLE);
}

TEST(leaks_are_counted_exactly_by_kind) {
  Gpu gpu;
  gpu.leaves_resources();
  CUdeviceptr p;
  CUstream stream;
  CUevent event;
  EXPECT_OK(cuMemAlloc_v2(&p, 10));
  EXPECT_OK(cuMemAlloc_v2(&p, 10));
  EXPECT_OK(cuStreamCreate(&stream, 0));
  EXPECT_OK(cuEventCreate(&event, 0));
  load_kernels("basic.cu");
  EXPECT_EQ(standin_live("device memory"), 2);
  EXPECT_EQ(standin_memory_used(), 512);
  EXPECT_EQ(std::string(standin_live_report()),
            "1 context, 2 device memory, 1 event, 1 module, 1 stream");
  EXPECT_OK(cuEventDestroy_v2(event));
  EXPECT_EQ(cuEventDestroy_v2(event), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_OK(cuMemFree_v2(p));
  EXPECT_EQ(cuMemFree_v2(p), CUDA_ERROR_INVALID_VALUE);
  EXPECT_OK(cuDevicePrimaryCtxRelease_v2(0));
  EXPECT_EQ(std::string(standin_live_report()), "");
  EXPECT_EQ(std::string(standin_leak_report()), "1 device memory, 1 module, 1 stream");
}

TEST(overwritten_surroundings_of_pinned_memory_are_found) {
  DoomedGpu gpu;
  void* pinned;
  EXPECT_OK(cuMemHostAlloc(&pinned, 100, 0));
  static_cast<char*>(pinned)[100] = 1;
  EXPECT_EQ(cuMemFreeHost(pinned), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_CONTAINS(standin_message(),
                  "out-of-bounds write at byte offset 100 of pinned memory #1 (100 bytes)");
}
