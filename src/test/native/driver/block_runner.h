// Runs the threads of a block on one host thread.
#pragma once
#include <cstddef>
#include <memory>
#include <random>
#include <vector>

#include "faults.h"
#include "kernel_runtime.h"

namespace stand_in {

struct Launch {
  const Kernel* kernel;
  const Module* module;
  uint3 grid;
  uint3 block;
  unsigned dynamic_shared;
};

inline constexpr unsigned kWarp = 32;
inline constexpr unsigned kSlotBytes = 32;  // what a lane can publish at once

// A stack on which threads of a block run, and where it was left.
struct Fiber {
  char* memory;
  void* stack_pointer;
  uint3 thread;

  Fiber();
  char* top() const;
};

// Lanes that wait for each other, by mask. Values are kept for two rounds, since a lane may publish
// the next before another has read the last.
struct WarpBarrier {
  unsigned mask = 0;
  unsigned arrived = 0;
  unsigned round = 0;
  std::vector<Fiber*> waiting;
  alignas(kSlotBytes) char values[2][kWarp][kSlotBytes];
};

// A copy that was begun by cp.async.
struct AsyncCopy {
  void* target;
  const void* source;
  int bytes;
};

// All threads of a block start as a plain loop on one fiber; another fiber starts, with the threads
// that have not run yet, only when a thread suspends at a barrier or a warp operation.
class BlockRunner : public Escape {
 public:
  BlockRunner();

  void prepare(const Launch& launch, void** arguments);
  // False if the block failed; then code and message say how.
  bool run(uint3 index);
  void finish();

  // What kernels call.
  void sync_threads();
  int sync_threads_count(int predicate);
  void thread_exit();
  unsigned thread() const;
  void* warp_exchange(unsigned mask, const void* value, size_t bytes);
  void copy_async(void* target, const void* source, int bytes);
  void copy_commit();
  void copy_wait(int pending);

 private:
  static void fiber_main();
  Fiber* new_fiber();
  Fiber* pick(bool may_start);
  void switch_to(Fiber* from, Fiber* to);
  void suspend();
  void wake(std::vector<Fiber*>& waiting);
  void open_barrier();
  WarpBarrier& warp_barrier(unsigned warp, unsigned mask);
  [[noreturn]] void abandon();
  template <class... A>
  void fail_with(CUresult why, const char* format, A... a);
  void forget_suspended();
  void order_threads();
  void find_shared_memory();
  void poison_shared_memory();
  void check_shared_guard();

  struct Span {
    char* begin = nullptr;
    size_t bytes = 0;
  };

  Block block_{};
  const Launch* launch_ = nullptr;
  void** arguments_ = nullptr;
  bool failed_ = false;
  char thread_text_[64] = {};
  Fiber* current_ = nullptr;
  void* host_stack_ = nullptr;
  std::vector<std::unique_ptr<Fiber>> all_;
  std::vector<Fiber*> free_, ready_, barrier_;
  size_t next_ready_ = 0;
  unsigned at_barrier_ = 0;
  int votes_ = 0;
  std::vector<std::vector<std::unique_ptr<WarpBarrier>>> warps_;
  std::vector<std::vector<std::vector<AsyncCopy>>> copies_;  // by thread, in groups
  std::vector<unsigned> order_;
  std::mt19937 random_;
  char* dynamic_ = nullptr;
  Span shared_;
};

// Who runs a block on this host thread; null outside kernels.
BlockRunner* set_runner(BlockRunner* runner);

}  // namespace stand_in
