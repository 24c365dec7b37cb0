// Turns a .cu file into a shared object for this host.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace stand_in {

struct Compilation {
  std::string source;
  std::string name;                            // for messages
  std::map<std::string, std::string> headers;  // by the name they are included as
  std::vector<std::string> macros;             // "N=21" or "N"; "-N" for one that is not defined
  std::vector<std::string> flags;              // -I, -std and such, for g++
  unsigned architecture;                       // 90 for sm_90
};

struct Compiled {
  bool good;
  std::string log;     // for people
  std::string object;  // the shared object's bytes
  std::string path;    // where they are kept
};

Compiled compile(const Compilation& compilation);

}  // namespace stand_in
