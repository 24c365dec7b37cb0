// Runs every test, or those whose names are given.
#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "gpu.h"

namespace check {

std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}
int failures = 0;
static int failures_before_test = 0;

bool failed() { return ++failures - failures_before_test <= 5; }

}  // namespace check

Gpu::Gpu() {
  standin_reset();
  standin_set("quiet", "1");
  EXPECT_OK(cuInit(0));
  EXPECT_OK(cuDevicePrimaryCtxRetain(&context, 0));
  EXPECT_OK(cuCtxSetCurrent(context));
}

Gpu::~Gpu() {
  cuDevicePrimaryCtxRelease_v2(0);
  if (!leaves_resources_) {
    EXPECT_EQ(std::string(standin_live_report()), "");
    EXPECT_EQ(std::string(standin_leak_report()), "");
  }
}

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<char> compile(const std::string& name, const std::string& source,
                          const std::vector<std::string>& options) {
  nvrtcProgram program;
  EXPECT_OK(nvrtcCreateProgram(&program, source.c_str(), name.c_str(), 0, nullptr, nullptr));
  std::vector<const char*> words;
  for (const std::string& option : options) words.push_back(option.c_str());
  const int error = nvrtcCompileProgram(program, static_cast<int>(words.size()), words.data());
  EXPECT_OK(error);
  size_t size = 0;
  nvrtcGetProgramLogSize(program, &size);
  std::vector<char> log(size);
  nvrtcGetProgramLog(program, log.data());
  if (error) std::printf("%s\n", log.data());
  EXPECT_OK(nvrtcGetCUBINSize(program, &size));
  std::vector<char> cubin(size);
  if (!error) EXPECT_OK(nvrtcGetCUBIN(program, cubin.data()));
  EXPECT_OK(nvrtcDestroyProgram(&program));
  return cubin;
}

CUmodule load_kernels(const std::string& file) {
  const std::vector<char> cubin = compile(file, read_text(TEST_KERNELS "/" + file));
  CUmodule module = nullptr;
  EXPECT_OK(cuModuleLoadData(&module, cubin.data()));
  return module;
}

CUfunction function_of(CUmodule module, const char* name) {
  CUfunction function = nullptr;
  EXPECT_OK(cuModuleGetFunction(&function, module, name));
  return function;
}

std::vector<float> random_floats(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> values(count);
  for (float& v : values) v = uniform(random);
  return values;
}

int main(int count, char** names) {
  int run = 0, failed = 0;
  for (const check::Test& test : check::tests()) {
    const bool wanted = count < 2 || std::any_of(names + 1, names + count, [&](const char* name) {
                          return std::strcmp(name, test.name) == 0;
                        });
    if (!wanted) continue;
    const int before = check::failures_before_test = check::failures;
    test.run();
    run++;
    if (check::failures != before) {
      failed++;
      std::printf("FAILED %s\n", test.name);
    }
  }
  standin_reset();
  std::printf("%d passed, %d failed\n", run - failed, failed);
  return failed || !run;
}
