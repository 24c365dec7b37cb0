// Every kernel file of the product compiles for the host and loads.
#include <filesystem>

#include "gpu.h"

TEST(the_product_s_kernels_compile_and_load) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(PRODUCT_KERNELS)) {
    std::printf("no kernels in " PRODUCT_KERNELS " to compile\n");
    return;
  }
  Gpu gpu;
  std::vector<std::string> options = {"--gpu-architecture=sm_90", "-I" PRODUCT_KERNELS};
  for (const auto& entry : fs::directory_iterator(PRODUCT_KERNELS)) {
    if (entry.path().extension() != ".cu") continue;
    const std::string file = entry.path().filename();
    const std::vector<char> cubin = compile(file, read_text(entry.path()), options);
    CUmodule module = nullptr;
    EXPECT_OK(cuModuleLoadData(&module, cubin.data()));
    EXPECT_OK(cuModuleUnload(module));
  }
}
