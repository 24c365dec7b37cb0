// Which algorithms there are for a problem, what they need, and what a search says of them.
#pragma once
#include <cstddef>

#include "convolution.h"

namespace stand_in {

int algorithm_count(Direction direction);
// Can the algorithm do this problem with this math type? If so, the workspace it wants.
bool is_supported(Direction direction, int algorithm, const Convolution& problem, int math,
                  size_t& workspace_bytes);

}  // namespace stand_in
