// Runs the blocks of a grid.
#pragma once
#include <cstddef>
#include <functional>
#include <string>

#include "driver_api.h"
#include "kernel_runtime.h"

namespace stand_in {

struct Launch {
  const Kernel* kernel;
  const Module* module;
  uint3 grid;
  uint3 block;
  unsigned dynamic_shared;
};

CUresult run_kernel(const Launch& launch, void** arguments, std::string& message);

// body(i) for i in [0, count) on all workers, as device code.
void parallel_for(size_t count, const std::function<void(size_t)>& body);

}  // namespace stand_in
