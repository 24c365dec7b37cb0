// What NVRTC's stand-in puts behind an object, so that one that was damaged or cut off is refused,
// as a driver refuses it, and not run.
#pragma once
#include <cstddef>
#include <cstdint>

namespace stand_in {

struct ObjectSeal {
  char mark[8];
  uint64_t hash;
};

inline constexpr char kSealMark[8] = {'S', 'T', 'A', 'N', 'D', '-', 'I', 'N'};

// FNV-1a.
inline uint64_t seal_hash(const char* bytes, size_t size) {
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < size; i++) {
    hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3;
  }
  return hash;
}

}  // namespace stand_in
