// Loaded modules and their kernels.
#pragma once

namespace stand_in {

void unload_all_modules();

}  // namespace stand_in
