#include "workers.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "settings.h"

namespace stand_in {
namespace {

class Pool {
 public:
  void run(unsigned count, const std::function<void()>& body) {
    {
      std::lock_guard lock(mutex_);
      for (; started_ + 1 < count; started_++) std::thread([this] { serve(); }).detach();
      body_ = &body;
      places_ = count - 1;
    }
    wake_.notify_all();
    body();
    std::unique_lock lock(mutex_);
    places_ = 0;  // whoever has not begun need not
    done_.wait(lock, [this] { return running_ == 0; });
  }

 private:
  void serve() {
    // Signals meant for the process go to other threads; faults of device code come here.
    sigset_t all;
    sigfillset(&all);
    for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigdelset(&all, fault);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return places_ > 0; });
      places_--;
      running_++;
      const std::function<void()>* body = body_;
      lock.unlock();
      (*body)();
      lock.lock();
      if (--running_ == 0) done_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void()>* body_ = nullptr;
  unsigned started_ = 0, places_ = 0, running_ = 0;
};

}  // namespace

void run_on_workers(unsigned count, const std::function<void()>& body) {
  static auto* pool = new Pool;  // its threads outlive every static destructor
  count = std::min(count, static_cast<unsigned>(settings().threads));
  if (count <= 1) {
    body();
  } else {
    pool->run(count, body);
  }
}

}  // namespace stand_in
