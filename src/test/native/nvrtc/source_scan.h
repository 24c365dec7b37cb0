// What the executor must know of a .cu file that the compiler does not tell.
#pragma once
#include <string>
#include <vector>

namespace stand_in {

struct KernelName {
  std::string name;
  std::string max_threads;  // first argument of __launch_bounds__, as written; "" if absent
};

struct SourceScan {
  std::vector<KernelName> kernels;          // extern "C" __global__
  std::vector<std::string> dynamic_shared;  // names declared extern __shared__
};

// Reads preprocessed source in which the CUDA keywords still stand.
SourceScan scan_source(const std::string& preprocessed);

}  // namespace stand_in
