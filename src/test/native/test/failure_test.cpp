// Planned failures, settings, and the run-time compiler's refusals.
#include "cublas_api.h"
#include "cudnn_api.h"
#include "gpu.h"

namespace {

// A program that uses all four libraries and frees all it got; stops at the first error.
int use_everything() {
  int error = cuInit(0);
  if (error) return error;
  CUcontext context;
  if ((error = cuDevicePrimaryCtxRetain(&context, 0))) return error;
  CUstream stream = nullptr;
  CUdeviceptr memory = 0;
  nvrtcProgram program = nullptr;
  CUmodule module = nullptr;
  cudnnHandle_t dnn = nullptr;
  cublasHandle_t blas = nullptr;
  error = [&] {
    int e;
    if ((e = cuCtxSetCurrent(context))) return e;
    if ((e = cuStreamCreate(&stream, 0))) return e;
    if ((e = cuMemAlloc_v2(&memory, 1024))) return e;
    const char source[] = "extern \"C\" __global__ void zero(float* x) { x[threadIdx.x] = 0.0f; }";
    if ((e = nvrtcCreateProgram(&program, source, "zero.cu", 0, nullptr, nullptr))) return e;
    const char* option = "--gpu-architecture=sm_90";
    if ((e = nvrtcCompileProgram(program, 1, &option))) return e;
    size_t size;
    if ((e = nvrtcGetCUBINSize(program, &size))) return e;
    std::vector<char> cubin(size);
    if ((e = nvrtcGetCUBIN(program, cubin.data()))) return e;
    if ((e = cuModuleLoadData(&module, cubin.data()))) return e;
    CUfunction zero;
    if ((e = cuModuleGetFunction(&zero, module, "zero"))) return e;
    if ((e = launch(zero, {1, 256, 0, stream}, memory))) return e;
    if ((e = cudnnCreate(&dnn))) return e;
    if ((e = cudnnSetStream(dnn, stream))) return e;
    if ((e = cublasCreate_v2(&blas))) return e;
    if ((e = cublasSetStream_v2(blas, stream))) return e;
    return cuStreamSynchronize(stream);
  }();
  int last = 0;
  auto keep = [&](int e) { last = e ? e : last; };
  if (blas) keep(cublasDestroy_v2(blas));
  if (dnn) keep(cudnnDestroy(dnn));
  if (module) keep(cuModuleUnload(module));
  if (program) keep(nvrtcDestroyProgram(&program));
  if (memory) keep(cuMemFree_v2(memory));
  if (stream) keep(cuStreamDestroy_v2(stream));
  keep(cuDevicePrimaryCtxRelease_v2(0));
  return error ? error : last;
}

}  // namespace

TEST(every_call_site_can_fail_and_all_is_freed) {
  standin_reset();
  standin_set("quiet", "1");
  EXPECT_OK(use_everything());
  const long calls = standin_calls();
  EXPECT_EQ(calls, 24);
  for (long n = 1; n <= calls; n++) {
    standin_reset();
    standin_set("quiet", "1");
    standin_fail_at(n);
    const int error = use_everything();
    if (!error) std::printf("call %ld: %s\n", n, standin_failed_function());
    EXPECT_EQ(error != 0, true);
    EXPECT_EQ(standin_failed_function()[0] != 0, true);
    EXPECT_EQ(std::string(standin_live_report()), "");
    EXPECT_EQ(std::string(standin_leak_report()), "");
  }
}

TEST(the_device_can_be_lost_at_every_call) {
  for (long n = 1; n <= 24; n++) {
    standin_reset();
    standin_set("quiet", "1");
    standin_lose_device_at(n);
    EXPECT_EQ(use_everything() != 0, true);
    EXPECT_EQ(std::string(standin_live_report()), "");
    EXPECT_EQ(std::string(standin_leak_report()), "");
  }
  Gpu gpu;
  standin_lose_device_at(0);
  EXPECT_EQ(cuCtxSynchronize(), CUDA_ERROR_DEVICE_UNAVAILABLE);
  EXPECT_EQ(cuCtxSynchronize(), CUDA_ERROR_DEVICE_UNAVAILABLE);
}

TEST(one_function_can_fail_at_its_nth_call) {
  Gpu gpu;
  standin_fail("cuMemAlloc", 2, 0);
  standin_fail("cuStreamCreate", 1, 801);
  CUdeviceptr p = 0, q = 0;
  CUstream stream;
  EXPECT_OK(cuMemAlloc_v2(&p, 4));
  EXPECT_EQ(cuMemAlloc_v2(&q, 4), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_OK(cuMemAlloc_v2(&q, 4));
  EXPECT_EQ(cuStreamCreate(&stream, 0), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(std::string(standin_failed_function()), "cuStreamCreate");
  EXPECT_EQ(standin_calls_of("cuMemAlloc"), 3);
  standin_fail("cuMemFree", 1, 0);
  EXPECT_EQ(cuMemFree_v2(p), CUDA_ERROR_UNKNOWN);  // freed all the same
  EXPECT_OK(cuMemFree_v2(q));
}

TEST(memory_runs_out) {
  Gpu gpu;
  EXPECT_EQ(standin_set("memory", "1000000"), 0);
  size_t free, total;
  EXPECT_OK(cuMemGetInfo_v2(&free, &total));
  EXPECT_EQ(total, 1000000u);
  CUdeviceptr p, q;
  EXPECT_OK(cuMemAlloc_v2(&p, 600000));
  EXPECT_EQ(cuMemAlloc_v2(&q, 600000), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_OK(cuMemGetInfo_v2(&free, &total));
  EXPECT_EQ(free, 1000000u - 600064u);
  EXPECT_OK(cuMemFree_v2(p));
  EXPECT_OK(cuMemAlloc_v2(&q, 600000));
  EXPECT_OK(cuMemFree_v2(q));
  EXPECT_EQ(standin_memory_peak(), 600064);
}

TEST(the_device_is_what_a_test_says) {
  standin_reset();
  EXPECT_EQ(standin_set("compute_capability", "70"), 0);
  EXPECT_EQ(standin_set("driver_version", "11040"), 0);
  EXPECT_EQ(standin_set("device_name", "Old GPU"), 0);
  EXPECT_EQ(standin_set("colour", "red"), -1);
  EXPECT_EQ(standin_set("lazy", "maybe"), -1);
  int count;
  EXPECT_EQ(cuDeviceGetCount(&count), CUDA_ERROR_NOT_INITIALIZED);
  EXPECT_OK(cuInit(0));
  int major = 0, version;
  char name[64];
  EXPECT_OK(cuDriverGetVersion(&version));
  EXPECT_OK(cuDeviceGetAttribute(&major, 75, 0));
  EXPECT_OK(cuDeviceGetName(name, sizeof name, 0));
  EXPECT_EQ(version, 11040);
  EXPECT_EQ(major, 7);
  EXPECT_EQ(std::string(name), "Old GPU");
  EXPECT_EQ(cuDeviceGetName(name, sizeof name, 1), CUDA_ERROR_INVALID_DEVICE);
  standin_reset();
  standin_set("devices", "0");
  EXPECT_EQ(cuInit(0), CUDA_ERROR_NO_DEVICE);
}

TEST(modules_for_another_gpu_or_none_are_refused) {
  Gpu gpu;
  const std::string source = "extern \"C\" __global__ void f() {}";
  CUmodule module;
  const std::vector<char> new_one = compile("f.cu", source, {"-arch=sm_90"});
  const std::vector<char> old_one = compile("f.cu", source, {"-arch", "sm_80"});
  standin_set("compute_capability", "86");
  EXPECT_EQ(cuModuleLoadData(&module, new_one.data()), CUDA_ERROR_NO_BINARY_FOR_GPU);
  EXPECT_OK(cuModuleLoadData(&module, old_one.data()));
  CUfunction f;
  EXPECT_EQ(cuModuleGetFunction(&f, module, "g"), CUDA_ERROR_NOT_FOUND);
  EXPECT_OK(cuModuleUnload(module));
  EXPECT_EQ(cuModuleLoadData(&module, "no module at all"), CUDA_ERROR_INVALID_IMAGE);
  for (size_t i = 4; i < old_one.size(); i += 97) {
    std::vector<char> damaged = old_one;
    damaged[i] ^= 4;
    EXPECT_EQ(cuModuleLoadData(&module, damaged.data()), CUDA_ERROR_INVALID_IMAGE);
  }
  for (size_t size : {size_t{4}, size_t{64}, old_one.size() / 2, old_one.size() - 1}) {
    std::vector<char> cut(old_one.begin(), old_one.begin() + static_cast<long>(size));
    cut.resize(old_one.size());
    EXPECT_EQ(cuModuleLoadData(&module, cut.data()), CUDA_ERROR_INVALID_IMAGE);
  }
}

TEST(the_compiler_says_what_is_wrong) {
  Gpu gpu;
  auto compile_log = [](const char* source, const char* option, int expected) {
    nvrtcProgram program;
    EXPECT_OK(nvrtcCreateProgram(&program, source, "wrong.cu", 0, nullptr, nullptr));
    EXPECT_EQ(nvrtcCompileProgram(program, 1, &option), expected);
    size_t size;
    EXPECT_OK(nvrtcGetProgramLogSize(program, &size));
    std::string log(size, 0);
    EXPECT_OK(nvrtcGetProgramLog(program, log.data()));
    EXPECT_OK(nvrtcGetPTXSize(program, &size));
    if (expected == 0) {
      std::string ptx(size, 0);
      CUmodule module;
      EXPECT_OK(nvrtcGetPTX(program, ptx.data()));
      EXPECT_OK(cuModuleLoadDataEx(&module, ptx.data(), 0, nullptr, nullptr));
      EXPECT_OK(cuModuleUnload(module));
      EXPECT_OK(nvrtcGetCUBINSize(program, &size));
      EXPECT_EQ(size, 0u);  // compute_90 gives PTX alone
    }
    EXPECT_OK(nvrtcDestroyProgram(&program));
    return log;
  };
  const int wrong = NVRTC_ERROR_COMPILATION, no_option = NVRTC_ERROR_INVALID_OPTION;
  const char calls_nothing[] = "extern \"C\" __global__ void f() { nothing(); }";
  EXPECT_CONTAINS(compile_log(calls_nothing, "-arch=sm_90", wrong), "wrong.cu:1");
  EXPECT_CONTAINS(compile_log("#include <vector>\n", "-arch=sm_90", wrong), "vector");
  EXPECT_CONTAINS(compile_log("", "--no-such-option", no_option), "--no-such-option");
  EXPECT_CONTAINS(compile_log("", "-arch=sm_17", no_option), "sm_17");
  EXPECT_EQ(compile_log("extern \"C\" __global__ void f() {}", "-arch=compute_90", 0)[0], 0);
  EXPECT_EQ(std::string(nvrtcGetErrorString(wrong)), "NVRTC_ERROR_COMPILATION");
}

TEST(headers_and_macros_reach_the_compiler) {
  Gpu gpu;
  const char* header =
      "#pragma once\n"
      "__device__ inline float twice(float x) { return 2.0f * x; }\n";
  const char* name = "lib/twice.cuh";
  const char* source =
      "#include \"lib/twice.cuh\"\n"
      "extern \"C\" {\n"
      "__global__ void __launch_bounds__(N) f(float* x) { x[0] = twice(N); }\n"
      "}\n"
      "__global__ void hidden() {}\n";
  nvrtcProgram program;
  EXPECT_OK(nvrtcCreateProgram(&program, source, "f.cu", 1, &header, &name));
  const char* options[] = {"-arch=sm_90", "-D", "N=21", "--std=c++17"};
  EXPECT_OK(nvrtcCompileProgram(program, 4, options));
  size_t size;
  nvrtcGetProgramLogSize(program, &size);
  std::string log(size, 0);
  EXPECT_OK(nvrtcGetProgramLog(program, log.data()));
  EXPECT_EQ(std::string(log.c_str()), "");
  EXPECT_OK(nvrtcGetCUBINSize(program, &size));
  std::vector<char> cubin(size);
  EXPECT_OK(nvrtcGetCUBIN(program, cubin.data()));
  EXPECT_OK(nvrtcDestroyProgram(&program));
  EXPECT_EQ(nvrtcDestroyProgram(&program), NVRTC_ERROR_INVALID_PROGRAM);
  CUmodule module;
  EXPECT_OK(cuModuleLoadData(&module, cubin.data()));
  DeviceArray<float> x(1);
  CUfunction f = function_of(module, "f"), hidden;
  EXPECT_OK(launch(f, {}, x.pointer()));
  EXPECT_EQ(x.read()[0], 42.0f);
  int threads;
  EXPECT_OK(cuFuncGetAttribute(&threads, 0, f));
  EXPECT_EQ(threads, 21);
  EXPECT_EQ(cuModuleGetFunction(&hidden, module, "hidden"), CUDA_ERROR_NOT_FOUND);
  EXPECT_OK(cuModuleUnload(module));
}
