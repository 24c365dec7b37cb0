#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "resources.h"
#include "settings.h"

namespace stand_in {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kAlignment = 256;
constexpr size_t kArenaBytes = size_t{1} << 40;
constexpr uint8_t kPattern = 0xCB;
constexpr size_t kPatternChecked = 256;  // in front of an allocation; behind it there is less

struct Allocation {
  Space space;
  uint64_t begin;
  size_t bytes;
  uint64_t first_page, end_page;
  bool live;
  unsigned number;
};

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }
uint8_t* at(uint64_t address) { return reinterpret_cast<uint8_t*>(address); }
const char* kind_of(Space space) {
  return space == Space::device ? "device memory" : "pinned memory";
}

struct Memory {
  std::mutex mutex;
  uint64_t arena[2] = {};  // by Space
  uint64_t next[2] = {};
  using Allocations = std::map<uint64_t, Allocation>;  // by first_page
  Allocations live;
  Allocations dead;  // to be described
  std::map<uint64_t, size_t> module_memory;
  size_t used = 0;
  size_t peak = 0;
  unsigned count = 0;

  // The allocation, dead or alive, whose pages or guard pages hold the address.
  Allocation* around(uint64_t address) {
    for (Allocations* allocations : {&live, &dead}) {
      auto after = allocations->upper_bound(address);
      if (after != allocations->begin()) {
        Allocation& before = std::prev(after)->second;
        if (address < before.end_page + kPage) return &before;
      }
      if (after != allocations->end() && address + kPage >= after->second.first_page) {
        return &after->second;
      }
    }
    return nullptr;
  }
};

Memory& state() {
  static auto* memory = new Memory;
  return *memory;
}

// Where the pattern around an allocation is damaged; 0 if it is not.
uint64_t damaged_byte(const Allocation& a) {
  const uint64_t low = std::max(a.first_page, a.begin - std::min(a.begin, kPatternChecked));
  for (uint64_t p = low; p < a.begin; p++) {
    if (*at(p) != kPattern) return p;
  }
  for (uint64_t p = a.begin + a.bytes; p < a.end_page; p++) {
    if (*at(p) != kPattern) return p;
  }
  return 0;
}

void write_pattern(const Allocation& a) {
  std::memset(at(a.first_page), kPattern, a.begin - a.first_page);
  std::memset(at(a.begin + a.bytes), kPattern, a.end_page - a.begin - a.bytes);
}

std::string describe(const Allocation& a, uint64_t address) {
  return "byte offset " + std::to_string(static_cast<int64_t>(address - a.begin)) + " of " +
         (a.live ? "" : "freed ") + kind_of(a.space) + " #" + std::to_string(a.number) + " (" +
         std::to_string(a.bytes) + " bytes)";
}

bool in_module_memory(const Memory& m, uint64_t pointer, size_t bytes) {
  auto after = m.module_memory.upper_bound(pointer);
  if (after == m.module_memory.begin()) return false;
  const auto& [base, size] = *std::prev(after);
  return bytes <= size && pointer - base <= size - bytes;
}

bool holds(const Allocation* a, uint64_t pointer, size_t bytes) {
  return a && a->live && pointer >= a->begin && bytes <= a->bytes &&
         pointer - a->begin <= a->bytes - bytes;
}

}  // namespace

uint64_t allocate(Space space, size_t bytes) {
  Memory& m = state();
  std::lock_guard lock(m.mutex);
  const int s = static_cast<int>(space);
  if (!m.arena[s]) {
    void* hint = reinterpret_cast<void*>(0x600000000000 + s * 2 * kArenaBytes);
    void* arena = mmap(hint, kArenaBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                       -1, 0);
    if (arena == MAP_FAILED) return 0;
    m.arena[s] = reinterpret_cast<uint64_t>(arena);
    m.next[s] = m.arena[s] + kPage;
  }
  if (bytes > settings().memory && space == Space::device) return 0;
  const size_t rounded = round_up(bytes, kAlignment);
  const size_t pages = round_up(rounded, kPage);
  if (space == Space::device && m.used + rounded > settings().memory) return 0;
  if (m.next[s] + pages + kPage > m.arena[s] + kArenaBytes) return 0;
  Allocation a{space,     m.next[s] + pages - rounded, bytes, m.next[s], m.next[s] + pages,
               true, ++m.count};
  if (mprotect(at(a.first_page), pages, PROT_READ | PROT_WRITE)) return 0;
  m.next[s] = a.end_page + kPage;
  write_pattern(a);
  if (settings().poison) std::memset(at(a.begin), 0xff, bytes);
  if (space == Space::device) {
    m.used += rounded;
    m.peak = std::max(m.peak, m.used);
  }
  m.live[a.first_page] = a;
  created(kind_of(space), at(a.begin));
  return a.begin;
}

bool deallocate(Space space, uint64_t pointer, std::string& damage) {
  Memory& m = state();
  std::lock_guard lock(m.mutex);
  Allocation* a = m.around(pointer);
  if (!a || !a->live || a->space != space || a->begin != pointer) return false;
  if (uint64_t byte = damaged_byte(*a)) damage = "out-of-bounds write at " + describe(*a, byte);
  a->live = false;
  if (space == Space::device) m.used -= round_up(a->bytes, kAlignment);
  madvise(at(a->first_page), a->end_page - a->first_page, MADV_DONTNEED);
  mprotect(at(a->first_page), a->end_page - a->first_page, PROT_NONE);
  destroyed(kind_of(space), at(pointer));
  m.dead[a->first_page] = *a;
  m.live.erase(a->first_page);
  return true;
}

void deallocate_all() {
  std::string ignored;
  for (Space space : {Space::device, Space::pinned}) {
    for (const void* pointer : alive_of(kind_of(space))) {
      deallocate(space, reinterpret_cast<uint64_t>(pointer), ignored);
    }
  }
}

bool is_device_address(uint64_t address) {
  const uint64_t arena = state().arena[static_cast<int>(Space::device)];
  return arena && address >= arena && address < arena + kArenaBytes;
}

bool is_inside(Space space, uint64_t pointer, size_t bytes) {
  Memory& m = state();
  std::lock_guard lock(m.mutex);
  const Allocation* a = m.around(pointer);
  return (holds(a, pointer, bytes) && a->space == space) ||
         (space == Space::device && in_module_memory(m, pointer, bytes));
}

bool is_reachable(uint64_t pointer, size_t bytes) {
  Memory& m = state();
  std::lock_guard lock(m.mutex);
  return holds(m.around(pointer), pointer, bytes) || in_module_memory(m, pointer, bytes);
}

bool find_allocation(uint64_t address, Space& space, uint64_t& base, size_t& bytes) {
  Memory& m = state();
  std::lock_guard lock(m.mutex);
  const Allocation* a = m.around(address);
  if (!holds(a, address, 1)) return false;
  space = a->space;
  base = a->begin;
  bytes = a->bytes;
  return true;
}

std::string describe_address(uint64_t address) {
  Memory& m = state();
  std::lock_guard lock(m.mutex);
  if (const Allocation* a = m.around(address)) return describe(*a, address);
  char text[80];
  std::snprintf(text, sizeof text, "0x%lx, which is not device memory", address);
  return text;
}

std::string find_damage() {
  Memory& m = state();
  std::lock_guard lock(m.mutex);
  for (const auto& [page, a] : m.live) {
    if (uint64_t byte = damaged_byte(a)) {
      write_pattern(a);
      return "out-of-bounds write at " + describe(a, byte);
    }
  }
  return "";
}

void add_module_memory(uint64_t base, size_t bytes) {
  Memory& m = state();
  std::lock_guard lock(m.mutex);
  m.module_memory[base] = bytes;
}

void remove_module_memory(uint64_t base, size_t bytes) {
  Memory& m = state();
  std::lock_guard lock(m.mutex);
  m.module_memory.erase(m.module_memory.lower_bound(base),
                        m.module_memory.lower_bound(base + bytes));
}

size_t device_memory_used() { return state().used; }
size_t device_memory_peak() { return state().peak; }

void reset_memory() {
  deallocate_all();
  Memory& m = state();
  std::lock_guard lock(m.mutex);
  m.dead.clear();
  m.module_memory.clear();
  m.peak = 0;
  m.count = 0;
}

}  // namespace stand_in
