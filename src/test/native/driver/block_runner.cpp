#include "block_runner.h"

#include <link.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

#include "settings.h"

extern "C" {
#define STAND_IN_INDEX(NAME) __thread uint3 NAME
STAND_IN_INDEX(threadIdx);
STAND_IN_INDEX(blockIdx);
STAND_IN_INDEX(blockDim);
STAND_IN_INDEX(gridDim);
#undef STAND_IN_INDEX

// Saves the callee-saved registers on this stack, its pointer in *from, and goes on with stack to.
void stand_in_switch(void** from, void* to);
}
asm(R"(
.text
.globl stand_in_switch
.hidden stand_in_switch
.type stand_in_switch,@function
stand_in_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp,(%rdi)
  movq %rsi,%rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");

namespace stand_in {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kStackBytes = 256 << 10;
constexpr unsigned kSharedGuardBytes = 256;  // behind dynamic shared memory, with a known pattern
constexpr uint8_t kGuardPattern = 0xCB;

__thread __attribute__((tls_model("initial-exec"))) BlockRunner* runner_of_thread;

}  // namespace

BlockRunner* set_runner(BlockRunner* runner) { return std::exchange(runner_of_thread, runner); }

Fiber::Fiber()
    : memory(static_cast<char*>(mmap(nullptr, kPage + kStackBytes, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
  mprotect(memory, kPage, PROT_NONE);
}

char* Fiber::top() const { return memory + kPage + kStackBytes; }

BlockRunner::BlockRunner() {
  leave = [](Escape* escape) { static_cast<BlockRunner*>(escape)->abandon(); };
}

void BlockRunner::prepare(const Launch& launch, void** arguments) {
  launch_ = &launch;
  arguments_ = arguments;
  block_.width = launch.block.x;
  block_.height = launch.block.y;
  block_.depth = launch.block.z;
  block_.threads = block_.width * block_.height * block_.depth;
  blockDim = launch.block;
  gridDim = launch.grid;
  warps_.resize((block_.threads + kWarp - 1) / kWarp);
  copies_.resize(block_.threads);
  order_threads();
  dynamic_ = launch.module->dynamic_shared ? launch.module->dynamic_shared() : nullptr;
  find_shared_memory();
  failed_ = false;
  thread_text_[0] = 0;
}

bool BlockRunner::run(uint3 index) {
  blockIdx = index;
  block_.next = block_.finished = block_.suspended = 0;
  at_barrier_ = 0;
  votes_ = 0;
  poison_shared_memory();
  if (settings().order == Order::shuffle) std::shuffle(order_.begin(), order_.end(), random_);
  Escape* before = set_escape(this);
  switch_to(nullptr, new_fiber());
  set_escape(before);
  if (!failed_ && block_.finished != block_.threads) {
    fail_with(CUDA_ERROR_LAUNCH_FAILED,
              "deadlock: %u of %u threads wait for others that do not come (%u of them at "
              "__syncthreads)",
              block_.suspended, block_.threads, at_barrier_);
  }
  if (!failed_) check_shared_guard();
  if (failed_) {
    const std::string what = message;
    std::snprintf(message, sizeof message, "%s; kernel %s, block (%u,%u,%u)%s", what.c_str(),
                  launch_->kernel->name, index.x, index.y, index.z, thread_text_);
    forget_suspended();
  }
  return !failed_;
}

void BlockRunner::finish() {
  for (auto& groups : copies_) groups.clear();
  for (auto& barriers : warps_) barriers.clear();
}

void BlockRunner::sync_threads() {
  at_barrier_++;
  if (at_barrier_ == block_.threads - block_.finished) {
    open_barrier();
  } else {
    barrier_.push_back(current_);
    suspend();
  }
}

int BlockRunner::sync_threads_count(int predicate) {
  votes_ += predicate;
  sync_threads();
  const int result = votes_;
  sync_threads();
  votes_ = 0;  // every thread has read it, and none votes again before all are here
  sync_threads();
  return result;
}

void BlockRunner::thread_exit() {  // threads that returned no longer count for a barrier
  if (at_barrier_ && at_barrier_ == block_.threads - block_.finished) open_barrier();
}

unsigned BlockRunner::thread() const {
  return threadIdx.x + block_.width * (threadIdx.y + block_.height * threadIdx.z);
}

void* BlockRunner::warp_exchange(unsigned mask, const void* value, size_t bytes) {
  const unsigned warp = thread() / kWarp;
  const unsigned lane = thread() % kWarp;
  const unsigned lanes = block_.threads - warp * kWarp;
  if (lanes < kWarp) mask &= (1u << lanes) - 1;
  if (!(mask >> lane & 1)) {
    fail(CUDA_ERROR_LAUNCH_FAILED, "warp operation by a lane that is not in its mask");
  }
  WarpBarrier& barrier = warp_barrier(warp, mask);
  char(&values)[kWarp][kSlotBytes] = barrier.values[barrier.round & 1];
  if (bytes) std::memcpy(values[lane], value, bytes);
  barrier.arrived |= 1u << lane;
  if (barrier.arrived == mask) {
    barrier.arrived = 0;
    barrier.round++;
    wake(barrier.waiting);
  } else {
    barrier.waiting.push_back(current_);
    suspend();
  }
  return values;
}

void BlockRunner::copy_async(void* target, const void* source, int bytes) {
  auto& groups = copies_[thread()];
  if (groups.empty()) groups.emplace_back();
  groups.back().push_back({target, source, bytes});
}

void BlockRunner::copy_commit() { copies_[thread()].emplace_back(); }

void BlockRunner::copy_wait(int pending) {
  auto& groups = copies_[thread()];
  while (groups.size() > static_cast<size_t>(pending) + 1) {
    for (const AsyncCopy& copy : groups.front()) {
      std::memcpy(copy.target, copy.source, static_cast<size_t>(copy.bytes));
    }
    groups.erase(groups.begin());
  }
}

void BlockRunner::fiber_main() {
  BlockRunner* r = runner_of_thread;
  const Kernel& kernel = *r->launch_->kernel;
  (r->block_.order ? kernel.suspending : kernel.in_order)(r->arguments_, &r->block_);
  Fiber* finished = r->current_;
  r->free_.push_back(finished);
  r->switch_to(finished, r->pick(false));
  __builtin_unreachable();
}

Fiber* BlockRunner::new_fiber() {
  Fiber* fiber;
  if (free_.empty()) {
    all_.push_back(std::make_unique<Fiber>());
    fiber = all_.back().get();
  } else {
    fiber = free_.back();
    free_.pop_back();
  }
  void** stack = reinterpret_cast<void**>(fiber->top());
  *--stack = nullptr;  // so that fiber_main finds its stack aligned as after a call
  *--stack = reinterpret_cast<void*>(fiber_main);
  for (int i = 0; i < 6; i++) *--stack = nullptr;
  fiber->stack_pointer = stack;
  return fiber;
}

// The next fiber that can go on; null for the host's own stack.
Fiber* BlockRunner::pick(bool may_start) {
  if (next_ready_ < ready_.size()) {
    Fiber* fiber = ready_[next_ready_++];
    if (next_ready_ == ready_.size()) {
      ready_.clear();
      next_ready_ = 0;
    }
    return fiber;
  }
  return may_start && block_.next < block_.threads ? new_fiber() : nullptr;
}

void BlockRunner::switch_to(Fiber* from, Fiber* to) {
  current_ = to;
  stack_top = to ? to->top() : nullptr;
  stand_in_switch(from ? &from->stack_pointer : &host_stack_,
                  to ? to->stack_pointer : host_stack_);
}

void BlockRunner::suspend() {
  Fiber* me = current_;
  me->thread = threadIdx;
  block_.suspended++;
  switch_to(me, pick(true));
  block_.suspended--;
  threadIdx = me->thread;
}

void BlockRunner::wake(std::vector<Fiber*>& waiting) {
  if (settings().order == Order::reverse) std::reverse(waiting.begin(), waiting.end());
  if (settings().order == Order::shuffle) std::shuffle(waiting.begin(), waiting.end(), random_);
  ready_.insert(ready_.end(), waiting.begin(), waiting.end());
  waiting.clear();
}

void BlockRunner::open_barrier() {
  at_barrier_ = 0;
  wake(barrier_);
}

WarpBarrier& BlockRunner::warp_barrier(unsigned warp, unsigned mask) {
  for (auto& barrier : warps_[warp]) {
    if (barrier->mask == mask) return *barrier;
  }
  warps_[warp].push_back(std::make_unique<WarpBarrier>());
  warps_[warp].back()->mask = mask;
  return *warps_[warp].back();
}

// Called on the failing thread's fiber: back to the host, which forgets the block.
void BlockRunner::abandon() {
  failed_ = true;
  std::snprintf(thread_text_, sizeof thread_text_, ", thread (%u,%u,%u)", threadIdx.x, threadIdx.y,
                threadIdx.z);
  Fiber lost_position = *current_;
  switch_to(&lost_position, nullptr);
  __builtin_unreachable();
}

template <class... A>
void BlockRunner::fail_with(CUresult why, const char* format, A... a) {
  failed_ = true;
  code = why;
  std::snprintf(message, sizeof message, format, a...);
}

void BlockRunner::forget_suspended() {
  free_.clear();
  for (auto& fiber : all_) free_.push_back(fiber.get());
  ready_.clear();
  next_ready_ = 0;
  barrier_.clear();
  finish();
}

void BlockRunner::order_threads() {
  block_.order = nullptr;
  if (settings().order == Order::forward) return;
  order_.resize(block_.threads);
  std::iota(order_.begin(), order_.end(), 0u);
  if (settings().order == Order::reverse) std::reverse(order_.begin(), order_.end());
  random_.seed(settings().seed);
  block_.order = order_.data();
}

// The module's thread-local storage, which holds its __shared__ variables.
void BlockRunner::find_shared_memory() {
  shared_ = {};
  if (!launch_->module->touch_shared || !settings().poison) return;
  launch_->module->touch_shared();
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* opaque) {
        auto* self = static_cast<BlockRunner*>(opaque);
        const auto* module = reinterpret_cast<const char*>(self->launch_->module);
        bool ours = false;
        const ElfW(Phdr)* storage = nullptr;
        for (int i = 0; i < info->dlpi_phnum; i++) {
          const auto& header = info->dlpi_phdr[i];
          const char* begin = reinterpret_cast<const char*>(info->dlpi_addr + header.p_vaddr);
          if (header.p_type == PT_LOAD && module >= begin && module < begin + header.p_memsz) {
            ours = true;
          }
          if (header.p_type == PT_TLS) storage = &header;
        }
        if (!ours) return 0;
        if (storage && info->dlpi_tls_data) {
          self->shared_ = {static_cast<char*>(info->dlpi_tls_data), storage->p_memsz};
        }
        return 1;
      },
      this);
}

void BlockRunner::poison_shared_memory() {
  if (settings().poison && dynamic_) std::memset(dynamic_, 0xff, launch_->dynamic_shared);
  if (shared_.bytes) {
    // The dynamic part can be large: only what the launch asked for is written.
    char* const end = shared_.begin + shared_.bytes;
    const unsigned capacity = launch_->module->dynamic_shared_capacity;
    if (dynamic_ >= shared_.begin && dynamic_ < end) {
      std::memset(shared_.begin, 0xff, static_cast<size_t>(dynamic_ - shared_.begin));
      std::memset(dynamic_ + capacity, 0xff, static_cast<size_t>(end - dynamic_ - capacity));
    } else {
      std::memset(shared_.begin, 0xff, shared_.bytes);
    }
  }
  if (dynamic_) std::memset(dynamic_ + launch_->dynamic_shared, kGuardPattern, kSharedGuardBytes);
}

void BlockRunner::check_shared_guard() {
  if (!dynamic_) return;
  for (unsigned i = 0; i < kSharedGuardBytes; i++) {
    if (static_cast<uint8_t>(dynamic_[launch_->dynamic_shared + i]) == kGuardPattern) continue;
    fail_with(CUDA_ERROR_ILLEGAL_ADDRESS,
              "write at byte %u of dynamic shared memory, of which the launch gives %u bytes",
              launch_->dynamic_shared + i, launch_->dynamic_shared);
    return;
  }
}

}  // namespace stand_in

using stand_in::runner_of_thread;

extern "C" {
void stand_in_sync_threads() { runner_of_thread->sync_threads(); }
int stand_in_sync_threads_count(int predicate) {
  return runner_of_thread->sync_threads_count(predicate);
}
void* stand_in_warp_exchange(unsigned mask, const void* value, unsigned long bytes) {
  return runner_of_thread->warp_exchange(mask, value, bytes);
}
unsigned stand_in_lane() { return runner_of_thread->thread() % stand_in::kWarp; }
void stand_in_thread_exit(stand_in::Block*) { runner_of_thread->thread_exit(); }
void stand_in_copy_async(void* target, const void* source, int bytes) {
  runner_of_thread->copy_async(target, source, bytes);
}
void stand_in_copy_commit() { runner_of_thread->copy_commit(); }
void stand_in_copy_wait(int pending) { runner_of_thread->copy_wait(pending); }
}
