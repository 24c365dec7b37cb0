// The host threads that stand for multiprocessors.
#pragma once
#include <functional>

namespace stand_in {

// Calls body() on this thread and on up to count - 1 others at the same time, and waits for all.
void run_on_workers(unsigned count, const std::function<void()>& body);

}  // namespace stand_in
