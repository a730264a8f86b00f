// Threads that wait for a loop and then share its items with the caller.
//
//   1. run() publishes the loop: how to call its body, and how many items it has. It wakes the
//      threads.
//   2. The caller and the threads take items, one after another, until none is left.
//   3. The last thread to finish wakes the caller.
#pragma once

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
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

  // Calls body(item, worker) for each item, with worker < threads(), and returns when all are done.
  // The caller runs the whole loop itself if the pool is busy with another caller's loop, or if
  // this process is a fork, which has none of the threads.
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
      // A forked child has this object but not its threads. There is nobody to join, and destroying
      // the condition variables would wait for threads that are still recorded as waiting on them.
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

  const pid_t owner_;  // The process that has the threads.
  std::mutex turn_;    // Held by the caller whose loop runs.
  std::unique_ptr<Signals> signals_ = std::make_unique<Signals>();
  // The body of the present loop and how to call it. A std::function might allocate memory.
  const void* body_ = nullptr;
  void (*call_)(const void*, int, int) = nullptr;
  std::atomic<int> next_{0};
  int items_ = 0;
  int working_ = 0;     // The threads that have not finished the present loop.
  uint64_t round_ = 0;  // The number of loops so far.
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace rbsf
