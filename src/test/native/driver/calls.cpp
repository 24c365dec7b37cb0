#include "calls.h"

#include <cstdio>
#include <map>
#include <vector>

#include "device.h"
#include "library_support.h"
#include "settings.h"
#include "streams.h"

namespace stand_in {
namespace {

struct PlannedFailure {
  std::string function;  // empty: any
  long remaining;
  int code;  // 0: the function's own
};

struct Calls {
  long total = 0;
  std::map<std::string, long> by_function;
  std::vector<PlannedFailure> planned;
  long loss_in = -1;  // calls until the device is lost; -1: never
  bool lost = false;
  std::string failed;
  std::string message;
  CUresult fault = CUDA_SUCCESS;
};

Calls& state() {
  static Calls* calls = new Calls;  // outlives every static destructor
  return *calls;
}

}  // namespace

std::recursive_mutex& state_mutex() {
  static auto* mutex = new std::recursive_mutex;
  return *mutex;
}

int enter(const char* function, int planned_default, int lost_code) {
  std::lock_guard lock(state_mutex());
  Calls& c = state();
  c.total++;
  c.by_function[function]++;
  spend_host_time(settings().latency * 1e-6);
  if (c.loss_in == 0) {
    c.lost = true;
    c.loss_in = -1;
    c.failed = function;
  } else if (c.loss_in > 0) {
    c.loss_in--;
  }
  int code = 0;
  for (auto plan = c.planned.begin(); plan != c.planned.end();) {
    if ((plan->function.empty() || plan->function == function) && --plan->remaining == 0) {
      code = plan->code ? plan->code : planned_default;
      c.failed = function;
      plan = c.planned.erase(plan);
    } else {
      ++plan;
    }
  }
  return code ? code : c.lost ? lost_code : 0;
}

CUresult check(Needs needs) {
  if (needs == Needs::nothing) return CUDA_SUCCESS;
  if (!is_initialised()) return CUDA_ERROR_NOT_INITIALIZED;
  if (needs == Needs::initialised) return CUDA_SUCCESS;
  if (!has_current_context()) return CUDA_ERROR_INVALID_CONTEXT;
  return device_fault();
}

void set_device_fault(CUresult code, const char* where, const std::string& message) {
  diagnose(where, message);
  if (!state().fault) state().fault = code;
}

void clear_device_fault() { state().fault = CUDA_SUCCESS; }

CUresult device_fault() {
  const Calls& c = state();
  return c.fault ? c.fault : c.lost ? CUDA_ERROR_DEVICE_UNAVAILABLE : CUDA_SUCCESS;
}

void diagnose(const std::string& where, const std::string& message) {
  std::lock_guard lock(state_mutex());
  state().message = where + ": " + message;
  if (!settings().quiet) std::fprintf(stderr, "stand-in: %s\n", state().message.c_str());
}

void diagnose(const char* where, const char* message) {
  diagnose(std::string(where), std::string(message));
}

std::string last_message() { return state().message; }
long calls() { return state().total; }
long calls_of(const std::string& function) { return state().by_function[function]; }
void plan_failure(const std::string& function, long n, int code) {
  state().planned.push_back({function, n, code});
}
void plan_failure_at(long n) { state().planned.push_back({"", n, 0}); }
void plan_loss_at(long n) { state().loss_in = n > 0 ? n - 1 : 0; }
std::string failed_function() { return state().failed; }
void reset_calls() { state() = Calls{}; }

bool context_is_usable() {
  std::lock_guard lock(state_mutex());
  return check(Needs::context) == CUDA_SUCCESS;
}

namespace {

bool names(const std::string& list, const char* direction, int algorithm) {
  const std::string asked = std::string(direction) + ":" + std::to_string(algorithm) + ",";
  return (list + ",").find(asked) != std::string::npos;
}

}  // namespace

bool is_wrong_algorithm(const char* direction, int algorithm) {
  return names(settings().wrong_algorithm, direction, algorithm);
}

bool is_unsteady_algorithm(const char* direction, int algorithm) {
  return names(settings().unsteady_algorithm, direction, algorithm);
}

bool is_declined(const char* what) { return settings().declined == what; }

bool truncates() { return settings().truncate; }

int compute_capability() { return settings().compute_capability; }

}  // namespace stand_in
