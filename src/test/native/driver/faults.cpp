#include "faults.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "kernel_runtime.h"
#include "memory.h"

namespace stand_in {
namespace {

__thread __attribute__((tls_model("initial-exec"))) Escape* escape_of_thread;

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
struct sigaction previous_actions[4];
constexpr size_t kSignalStackBytes = 64 << 10;

struct GuardedEscape : Escape {
  sigjmp_buf back;
};

void leave_guarded(Escape* escape) { siglongjmp(static_cast<GuardedEscape*>(escape)->back, 1); }

// The interrupted device code goes on here when the handler has returned.
void leave_interrupted() { escape_of_thread->leave(escape_of_thread); }

void describe(int signal, const siginfo_t* info, const ucontext_t* context, Escape* escape) {
  const uint64_t address = reinterpret_cast<uint64_t>(info->si_addr);
  if (signal == SIGFPE) {
    escape->code = CUDA_ERROR_LAUNCH_FAILED;
    std::snprintf(escape->message, sizeof escape->message, "integer division by zero");
  } else if (signal == SIGILL) {
    escape->code = CUDA_ERROR_ILLEGAL_INSTRUCTION;
    std::snprintf(escape->message, sizeof escape->message, "illegal instruction");
  } else if (info->si_code == SI_KERNEL) {
    // The processor gives no address for a vector access that is not aligned.
    escape->code = CUDA_ERROR_MISALIGNED_ADDRESS;
    std::snprintf(escape->message, sizeof escape->message, "misaligned or impossible address");
  } else {
    const bool write = context->uc_mcontext.gregs[REG_ERR] & 2;
    escape->code = CUDA_ERROR_ILLEGAL_ADDRESS;
    std::snprintf(escape->message, sizeof escape->message, "illegal %s at %s",
                  write ? "write" : "read", describe_address(address).c_str());
  }
}

void pass_on(int signal, siginfo_t* info, void* context) {
  int i = 0;
  while (kSignals[i] != signal) i++;
  const struct sigaction& previous = previous_actions[i];
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
    ::signal(signal, SIG_DFL);  // the instruction is run again and ends the process
  } else {
    previous.sa_handler(signal);
  }
}

void handle(int signal, siginfo_t* info, void* opaque) {
  Escape* escape = escape_of_thread;
  if (!escape) {
    pass_on(signal, info, opaque);
    return;
  }
  auto* context = static_cast<ucontext_t*>(opaque);
  describe(signal, info, context, escape);
  auto& registers = context->uc_mcontext.gregs;
  const auto stack = escape->stack_top ? reinterpret_cast<uintptr_t>(escape->stack_top)
                                       : static_cast<uintptr_t>(registers[REG_RSP]) - 256;
  registers[REG_RSP] = static_cast<greg_t>((stack & ~uintptr_t{15}) - 8);  // as after a call
  registers[REG_RIP] = reinterpret_cast<greg_t>(leave_interrupted);
}

}  // namespace

Escape* set_escape(Escape* escape) {
  Escape* before = escape_of_thread;
  escape_of_thread = escape;
  return before;
}

Escape* current_escape() { return escape_of_thread; }

void install_fault_handlers() {
  struct sigaction now;
  sigaction(SIGSEGV, nullptr, &now);
  if (now.sa_sigaction == handle) return;
  struct sigaction ours {};
  ours.sa_sigaction = handle;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER;
  sigemptyset(&ours.sa_mask);
  for (int i = 0; i < 4; i++) sigaction(kSignals[i], &ours, &previous_actions[i]);
}

bool run_guarded(const std::function<void()>& f, CUresult& error, std::string& message) {
  install_fault_handlers();
  GuardedEscape escape;
  escape.leave = leave_guarded;
  Escape* before = set_escape(&escape);
  bool done = false;
  if (sigsetjmp(escape.back, 0) == 0) {
    f();
    done = true;
  }
  set_escape(before);
  if (!done) {
    error = escape.code;
    message = escape.message;
  }
  return done;
}

void fail(CUresult code, const char* message) {
  Escape* escape = escape_of_thread;
  escape->code = code;
  std::snprintf(escape->message, sizeof escape->message, "%s", message);
  escape->leave(escape);
  __builtin_unreachable();
}

SignalStack::SignalStack() {
  memory_ = mmap(nullptr, kSignalStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                 -1, 0);
  auto* previous = new stack_t;
  stack_t stack{};
  stack.ss_sp = memory_;
  stack.ss_size = kSignalStackBytes;
  sigaltstack(&stack, previous);
  previous_ = previous;
}

SignalStack::~SignalStack() {
  auto* previous = static_cast<stack_t*>(previous_);
  sigaltstack(previous, nullptr);
  delete previous;
  munmap(memory_, kSignalStackBytes);
}

}  // namespace stand_in

void stand_in_trap(const char* message) {
  stand_in::fail(std::strncmp(message, "assert", 6) == 0 ? CUDA_ERROR_ASSERT
                                                         : CUDA_ERROR_LAUNCH_FAILED,
                 message);
}

// Kernels are compiled with g++'s checks of array bounds and alignment; these are the functions
// that the checks call.
namespace {

struct SourceLocation {
  const char* file;
  uint32_t line, column;
};

// Without the folder, in which the file lay only while it was compiled.
const char* file_name(const SourceLocation& at) {
  const char* slash = std::strrchr(at.file, '/');
  return slash ? slash + 1 : at.file;
}

struct TypeMismatch {
  SourceLocation location;
  const void* type;
  unsigned char log_alignment;
  unsigned char kind;
};

}  // namespace

extern "C" {

__attribute__((visibility("default"))) void __ubsan_handle_out_of_bounds_abort(
    const SourceLocation* at, uintptr_t index) {
  char text[300];
  std::snprintf(text, sizeof text, "index %ld is outside its array, at %s:%u",
                static_cast<long>(index), file_name(*at), at->line);
  stand_in::fail(CUDA_ERROR_ILLEGAL_ADDRESS, text);
}

__attribute__((visibility("default"))) void __ubsan_handle_type_mismatch_v1_abort(
    const TypeMismatch* mismatch, uintptr_t address) {
  char text[400];
  const SourceLocation& at = mismatch->location;
  std::snprintf(text, sizeof text, "address %s is not aligned to %u bytes, at %s:%u",
                stand_in::describe_address(address).c_str(), 1u << mismatch->log_alignment,
                file_name(at), at.line);
  stand_in::fail(CUDA_ERROR_MISALIGNED_ADDRESS, text);
}

}  // extern "C"
