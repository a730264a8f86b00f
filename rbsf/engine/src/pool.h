// Threads that wait for loops to share.
#pragma once

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace rbsf {

class Pool {
 public:
  explicit Pool(int threads) : owner_(getpid()) {
    try {
      for (int worker = 1; worker < threads; ++worker)
        threads_.emplace_back([this, worker] { serve(worker); });
    } catch (...) {
      end();
      throw;
    }
  }

  ~Pool() { end(); }

  int threads() const { return static_cast<int>(threads_.size()) + 1; }

  // Calls body(item, worker) for each item, worker < threads(); returns when all are done. A pool
  // that is busy with another caller's loop, or was forked away from its threads, leaves the whole
  // loop to the caller.
  template <typename Body>
  void run(int items, const Body& body) {
    std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
    if (threads_.empty() || items < 2 || !turn.owns_lock() || owner_ != getpid()) {
      for (int item = 0; item < items; ++item) body(item, 0);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(signals_->mutex);
      body_ = &body, items_ = items, next_ = 0;
      call_ = [](const void* self, int item, int worker) {
        (*static_cast<const Body*>(self))(item, worker);
      };
      working_ = static_cast<int>(threads_.size());
      ++round_;
    }
    signals_->wake.notify_all();
    work(0);
    std::unique_lock<std::mutex> lock(signals_->mutex);
    signals_->done.wait(lock, [this] { return working_ == 0; });
  }

 private:
  struct Signals {
    std::mutex mutex;
    std::condition_variable wake, done;
  };

  void end() {
    if (owner_ != getpid()) {
      // A forked child has the object and not its threads: nobody can be joined, and to destroy
      // what they wait on would wait for them.
      for (std::thread& thread : threads_) thread.detach();
      static_cast<void>(signals_.release());
      return;
    }
    {
      std::lock_guard<std::mutex> lock(signals_->mutex);
      ending_ = true;
    }
    signals_->wake.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void work(int worker) {
    for (int item = next_++; item < items_; item = next_++) call_(body_, item, worker);
  }

  void serve(int worker) {
    for (uint64_t seen = 0;;) {
      {
        std::unique_lock<std::mutex> lock(signals_->mutex);
        signals_->wake.wait(lock, [&] { return ending_ || round_ != seen; });
        if (ending_) return;
        seen = round_;
      }
      work(worker);
      std::lock_guard<std::mutex> lock(signals_->mutex);
      if (--working_ == 0) signals_->done.notify_one();
    }
  }

  const pid_t owner_;
  std::mutex turn_;
  std::unique_ptr<Signals> signals_ = std::make_unique<Signals>();
  const void* body_ = nullptr;  // of the present loop, and how to call it: nothing is allocated
  void (*call_)(const void*, int, int) = nullptr;
  std::atomic<int> next_{0};
  int items_ = 0, working_ = 0;
  uint64_t round_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace rbsf
