// Runs the blocks of a grid.
#pragma once
#include <string>

#include "block_runner.h"
#include "driver_api.h"

namespace stand_in {

CUresult run_kernel(const Launch& launch, void** arguments, std::string& message);

}  // namespace stand_in
