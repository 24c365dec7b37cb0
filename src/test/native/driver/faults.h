// Signals raised by device code become errors of the device; all others go on to who had them
// before (a Java virtual machine uses SIGSEGV itself).
#pragma once
#include <functional>
#include <string>

#include "driver_api.h"

namespace stand_in {

// How the device code that runs on this thread is left when it fails. Set up by who runs it.
struct Escape {
  void (*leave)(Escape*) = nullptr;  // does not return
  char* stack_top = nullptr;         // where to run it; null: on the stack of the fault
  CUresult code = CUDA_SUCCESS;
  char message[400] = {};
};

// Device code runs on this thread while this is not null.
Escape* set_escape(Escape* escape);
Escape* current_escape();

void install_fault_handlers();
// Calls f as device code. False if it failed; then error and message say how.
bool run_guarded(const std::function<void()>& f, CUresult& error, std::string& message);

// Leaves the device code that runs on this thread.
[[noreturn]] void fail(CUresult code, const char* message);

// An alternate signal stack for this thread while it lives: a fault may come from a full stack.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  void* memory_;
  void* previous_;
};

}  // namespace stand_in
