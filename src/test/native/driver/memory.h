// Device and pinned memory. Every allocation lies on pages of its own with an inaccessible page on
// either side and a known pattern in the slack; addresses are never used again.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace stand_in {

enum class Space { device, pinned };

uint64_t allocate(Space space, size_t bytes);  // 0 if it does not fit
// False if nothing alive starts there. A damaged pattern around it is put into `damage`.
bool deallocate(Space space, uint64_t pointer, std::string& damage);
void deallocate_all();

bool is_device_address(uint64_t address);
// Is all of [pointer, pointer + bytes) inside one live allocation that a kernel can reach?
bool is_reachable(uint64_t pointer, size_t bytes);
bool is_inside(Space space, uint64_t pointer, size_t bytes);
// The live allocation around an address; false if there is none.
bool find_allocation(uint64_t address, Space& space, uint64_t& base, size_t& bytes);
// "byte offset 400 of allocation #3 (400 bytes)"
std::string describe_address(uint64_t address);
// The first damaged pattern of any live allocation, mended once told; "" if there is none.
std::string find_damage();

// Memory that belongs to a loaded module, which kernels and copies may use.
void add_module_memory(uint64_t base, size_t bytes);
void remove_module_memory(uint64_t base, size_t bytes);

size_t device_memory_used();
size_t device_memory_peak();
// Frees all, forgets what was freed before, and numbers allocations from 1 again.
void reset_memory();

}  // namespace stand_in
