// What a test can turn: see standin_set in stand_in.h.
#pragma once
#include <cstddef>
#include <random>
#include <string>

namespace stand_in {

enum class Order { forward, reverse, shuffle };

struct Settings {
  std::string device_name;
  int devices;
  int compute_capability;
  int driver_version;
  int multiprocessors;
  size_t memory;
  int threads;
  Order order;
  unsigned seed;
  bool lazy;
  bool poison;
  int latency;
  bool truncate;
  bool quiet;
  std::string wrong_algorithm;
  std::string unsteady_algorithm;
  std::string declined;
};

const Settings& settings();
bool set_setting(const std::string& name, const std::string& value);
void reset_settings();
// For Order::shuffle on the calling side; starts anew when a seed is set.
std::mt19937& shuffle_random();

}  // namespace stand_in
