// Initialisation, devices and contexts.
#pragma once

namespace stand_in {

bool is_initialised();
bool has_current_context();
void reset_device();
// Shared memory of each block that the system takes.
constexpr int kReservedShared = 1024;
// Shared memory that a block may ask for, by compute capability.
int shared_memory_most();

}  // namespace stand_in
