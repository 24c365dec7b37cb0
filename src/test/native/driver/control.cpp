// The controls of stand_in.h, and what the libraries beside the driver use of it.
#include <cstdio>
#include <string>

#include "calls.h"
#include "device.h"
#include "executor.h"
#include "faults.h"
#include "graphs.h"
#include "library_support.h"
#include "memory.h"
#include "modules.h"
#include "resources.h"
#include "settings.h"
#include "stand_in.h"
#include "streams.h"

using namespace stand_in;

namespace {

const char* keep(const std::string& text) {
  static thread_local std::string* kept = nullptr;
  if (!kept) kept = new std::string;
  *kept = text;
  return kept->c_str();
}

}  // namespace

#define CONTROL extern "C" __attribute__((visibility("default")))

CONTROL void standin_reset() {
  std::lock_guard lock(state_mutex());
  destroy_all_graphs();
  destroy_all_streams_and_events();
  unload_all_modules();
  reset_memory();
  reset_resources();
  reset_device();
  reset_calls();
  reset_settings();
}

CONTROL int standin_set(const char* name, const char* value) {
  std::lock_guard lock(state_mutex());
  return set_setting(name, value) ? 0 : -1;
}

CONTROL long standin_calls() {
  std::lock_guard lock(state_mutex());
  return calls();
}
CONTROL long standin_calls_of(const char* function) {
  std::lock_guard lock(state_mutex());
  return calls_of(function);
}
CONTROL void standin_fail(const char* function, long n, int code) {
  std::lock_guard lock(state_mutex());
  plan_failure(function, n, code);
}
CONTROL void standin_fail_at(long n) {
  std::lock_guard lock(state_mutex());
  plan_failure_at(n);
}
CONTROL void standin_lose_device_at(long n) {
  std::lock_guard lock(state_mutex());
  plan_loss_at(n);
}
CONTROL const char* standin_failed_function() {
  std::lock_guard lock(state_mutex());
  return keep(failed_function());
}

CONTROL long standin_live(const char* kind) {
  std::lock_guard lock(state_mutex());
  return live_count(kind);
}
CONTROL long standin_leaked(const char* kind) {
  std::lock_guard lock(state_mutex());
  return leaked_count(kind);
}
CONTROL const char* standin_live_report() {
  std::lock_guard lock(state_mutex());
  return keep(live_report());
}
CONTROL const char* standin_leak_report() {
  std::lock_guard lock(state_mutex());
  return keep(leak_report());
}
CONTROL long standin_memory_used() { return static_cast<long>(device_memory_used()); }
CONTROL long standin_memory_peak() { return static_cast<long>(device_memory_peak()); }
CONTROL const char* standin_message() {
  std::lock_guard lock(state_mutex());
  return keep(last_message());
}

namespace stand_in {

bool is_device_range(const char* what, const void* pointer, size_t bytes) {
  const auto address = reinterpret_cast<uint64_t>(pointer);
  if (bytes == 0 || is_reachable(address, bytes)) return true;
  diagnose(std::string(what), std::to_string(bytes) + " bytes from " + describe_address(address) +
                                  " are not inside one live device allocation");
  return false;
}

int submit(CUstream_st* stream, const char* what, std::function<void()> work) {
  std::lock_guard lock(state_mutex());
  if (CUresult error = check(Needs::context)) return error;
  if (!is_valid_stream(stream)) return CUDA_ERROR_INVALID_HANDLE;
  return submit(stream,
                Work{what, CU_GRAPH_NODE_TYPE_KERNEL,
                     [work = std::move(work)](std::string& message) {
                       CUresult error = CUDA_SUCCESS;
                       run_guarded(work, error, message);
                       return error;
                     }},
                Timing::asynchronous);
}

}  // namespace stand_in

namespace {

// What nobody freed by the end of the process.
__attribute__((destructor)) void report_leaks() {
  const std::string live = live_report();
  if (!live.empty() && !settings().quiet) {
    std::fprintf(stderr, "stand-in: alive at the end of the process: %s\n", live.c_str());
  }
  const std::string leaked = leak_report();
  if (!leaked.empty() && !settings().quiet) {
    std::fprintf(stderr, "stand-in: alive when their context ended: %s\n", leaked.c_str());
  }
}

}  // namespace

// Functions that JCuda imports and the stand-in does not have end here, through generated stubs.
extern "C" __attribute__((visibility("default"))) int stand_in_missing(const char* function,
                                                                      int code) {
  diagnose(std::string(function), "the stand-in does not have this function");
  enter(function, code, code);
  return code;
}
