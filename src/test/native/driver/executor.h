// Runs the blocks of a grid.
#pragma once
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

}  // namespace stand_in
