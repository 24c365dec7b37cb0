#include "executor.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <numeric>
#include <random>

#include "faults.h"
#include "library_support.h"
#include "settings.h"
#include "workers.h"

namespace stand_in {
namespace {

// Blocks of a grid in the order of the settings; each index comes exactly once.
class BlockOrder {
 public:
  explicit BlockOrder(uint64_t total) : total_(total) {
    if (settings().order != Order::shuffle || total < 2) return;
    std::mt19937_64 random(settings().seed);
    offset_ = random() % total;
    do {
      step_ = random() % total;
    } while (std::gcd(step_, total) != 1);
  }
  uint64_t at(uint64_t i) const {
    if (settings().order == Order::reverse) return total_ - 1 - i;
    return static_cast<uint64_t>((static_cast<unsigned __int128>(i) * step_ + offset_) % total_);
  }

 private:
  uint64_t total_, step_ = 1, offset_ = 0;
};

// Kernels smaller than this run on the calling thread alone.
constexpr uint64_t kThreadsWorthSharing = 8192;

}  // namespace

CUresult run_kernel(const Launch& launch, void** arguments, std::string& message) {
  install_fault_handlers();
  const uint64_t total = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  const uint64_t threads = total * launch.block.x * launch.block.y * launch.block.z;
  const BlockOrder order(total);
  std::atomic<uint64_t> next{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  CUresult error = CUDA_SUCCESS;
  auto run_blocks = [&] {
    static thread_local BlockRunner* runner = nullptr;  // one per host thread, for good
    if (!runner) runner = new BlockRunner;
    SignalStack signal_stack;
    BlockRunner* before = set_runner(runner);
    runner->prepare(launch, arguments);
    for (uint64_t i; !stop && (i = next++) < total;) {
      const uint64_t block = order.at(i);
      const uint3 index = {static_cast<unsigned>(block % launch.grid.x),
                           static_cast<unsigned>(block / launch.grid.x % launch.grid.y),
                           static_cast<unsigned>(block / launch.grid.x / launch.grid.y)};
      if (!runner->run(index)) {
        std::lock_guard lock(mutex);
        stop = true;
        error = runner->code;
        message = runner->message;
      }
    }
    runner->finish();
    set_runner(before);
  };
  const uint64_t wanted = threads < kThreadsWorthSharing ? 1 : std::min<uint64_t>(total, 64);
  run_on_workers(static_cast<unsigned>(wanted), run_blocks);
  return error;
}

void parallel_for(size_t count, const std::function<void(size_t)>& body) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  CUresult error = CUDA_SUCCESS;
  std::string message;
  run_on_workers(static_cast<unsigned>(std::min<size_t>(count, 64)), [&] {
    CUresult own_error;
    std::string own_message;
    auto loop = [&] {
      for (size_t i; (i = next++) < count;) body(i);
    };
    if (!run_guarded(loop, own_error, own_message)) {
      next = count;
      std::lock_guard lock(mutex);
      error = own_error;
      message = own_message;
    }
  });
  if (error && current_escape()) fail(error, message.c_str());
}

}  // namespace stand_in
