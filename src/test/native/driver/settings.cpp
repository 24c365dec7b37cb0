#include "settings.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

namespace stand_in {
namespace {

constexpr std::pair<const char*, const char*> kDefaults[] = {
    {"device_name", "NiN4J stand-in GPU"},
    {"devices", "1"},
    {"compute_capability", "90"},
    {"driver_version", "13000"},
    {"multiprocessors", "4"},
    {"memory", "4294967296"},
    {"threads", "0"},
    {"order", "forward"},
    {"seed", "1"},
    {"lazy", "0"},
    {"poison", "1"},
    {"latency", "0"},
    {"truncate", "0"},
    {"quiet", "0"},
    {"wrong_algorithm", ""},
    {"unsteady_algorithm", ""},
    {"declined", ""},
};

bool parse(const std::string& text, long low, long high, long& value) {
  char* end = nullptr;
  value = std::strtol(text.c_str(), &end, 10);
  return !text.empty() && *end == 0 && value >= low && value <= high;
}

template <class T>
bool assign(T& target, const std::string& text, long low, long high) {
  long value;
  if (!parse(text, low, high, value)) return false;
  target = static_cast<T>(value);
  return true;
}

bool apply(Settings& s, const std::string& name, const std::string& value) {
  constexpr long kMany = 1l << 50;
  if (name == "device_name") {
    s.device_name = value;
    return true;
  }
  if (name == "wrong_algorithm") {
    s.wrong_algorithm = value;
    return true;
  }
  if (name == "unsteady_algorithm") {
    s.unsteady_algorithm = value;
    return true;
  }
  if (name == "declined") {
    s.declined = value;
    return value.empty() || value == "graph" || value == "heuristics" || value == "plan";
  }
  if (name == "order") {
    if (value == "forward") s.order = Order::forward;
    else if (value == "reverse") s.order = Order::reverse;
    else if (value == "shuffle") s.order = Order::shuffle;
    else return false;
    return true;
  }
  if (name == "devices") return assign(s.devices, value, 0, 64);
  if (name == "compute_capability") return assign(s.compute_capability, value, 10, 999);
  if (name == "driver_version") return assign(s.driver_version, value, 1000, 99999);
  if (name == "multiprocessors") return assign(s.multiprocessors, value, 1, 1024);
  if (name == "memory") return assign(s.memory, value, 0, kMany);
  if (name == "seed") return assign(s.seed, value, 0, 0x7fffffff);
  if (name == "lazy") return assign(s.lazy, value, 0, 1);
  if (name == "poison") return assign(s.poison, value, 0, 1);
  if (name == "latency") return assign(s.latency, value, 0, 1000000);
  if (name == "truncate") return assign(s.truncate, value, 0, 1);
  if (name == "quiet") return assign(s.quiet, value, 0, 1);
  if (name == "threads") {
    if (!assign(s.threads, value, 0, 256)) return false;
    if (s.threads == 0) s.threads = std::max(1u, std::thread::hardware_concurrency());
    return true;
  }
  return false;
}

Settings from_environment() {
  Settings s{};
  for (const auto& [name, value] : kDefaults) {
    apply(s, name, value);
    std::string variable = std::string("STAND_IN_") + name;
    for (char& c : variable) c = static_cast<char>(std::toupper(c));
    if (const char* given = std::getenv(variable.c_str())) {
      if (!apply(s, name, given)) {
        std::fprintf(stderr, "stand-in: %s=%s is not a value of it\n", variable.c_str(), given);
      }
    }
  }
  return s;
}

Settings& current() {
  static Settings s = from_environment();
  return s;
}

}  // namespace

const Settings& settings() { return current(); }
std::mt19937& shuffle_random() {
  static std::mt19937 random(current().seed);
  return random;
}
bool set_setting(const std::string& name, const std::string& value) {
  const bool known = apply(current(), name, value);
  shuffle_random().seed(current().seed);
  return known;
}
void reset_settings() {
  current() = from_environment();
  shuffle_random().seed(current().seed);
}

}  // namespace stand_in
