// Every API function starts here: counting, planned failures, the state of the device.
#pragma once
#include <mutex>
#include <string>

#include "driver_api.h"

namespace stand_in {

// One lock for all state but what the executor's threads share among themselves.
std::recursive_mutex& state_mutex();

enum class Needs { nothing, initialised, context };

// The state that Needs asks for, or the error that the driver would return.
CUresult check(Needs needs);

// A fault on the device ends every later call with its code, as on a GPU. `message` is for people.
void set_device_fault(CUresult code, const char* where, const std::string& message);
CUresult device_fault();
// A new context starts without the fault of the old one; a lost device stays lost.
void clear_device_fault();

void diagnose(const std::string& where, const std::string& message);
std::string last_message();

long calls();
long calls_of(const std::string& function);
void plan_failure(const std::string& function, long n, int code);
void plan_failure_at(long n);
void plan_loss_at(long n);
std::string failed_function();
void reset_calls();

int enter(const char* function, int planned_default, int lost_code);

// The frame of a driver function.
template <class Body>
CUresult call(const char* function, Needs needs, Body body,
              CUresult planned_default = CUDA_ERROR_UNKNOWN) {
  std::lock_guard lock(state_mutex());
  if (CUresult planned = enter(function, planned_default, CUDA_ERROR_DEVICE_UNAVAILABLE)) {
    return planned;
  }
  if (CUresult error = check(needs)) return error;
  return body();
}

// The same for a function that frees something: it does so whatever else is wrong.
template <class Body>
CUresult release(const char* function, Body body) {
  std::lock_guard lock(state_mutex());
  const CUresult planned = enter(function, CUDA_ERROR_UNKNOWN, CUDA_ERROR_DEVICE_UNAVAILABLE);
  const CUresult state = check(Needs::context);
  const CUresult fault = device_fault();
  if (state && state != fault) return planned ? planned : state;
  const CUresult result = body();
  return planned ? planned : fault ? fault : result;
}

}  // namespace stand_in
