// The private event loop of a producer, consumer or admin: coroutines make progress while one of
// their calls runs, on the caller's thread, and at no other time. No hidden threads.
// Internal: includes Asio; public headers do not include this.
#pragma once

#include "base/clock.hpp"
#include "base/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include <exception>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::client {

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

class Loop {
 public:
  Loop() : io_(1) {}
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Executor executor() { return io_.get_executor(); }

  // Runs `task` and whatever else is due until it ends.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    asio::co_spawn(io_, std::move(task), [&result](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result = std::move(value);
    });
    while (!result) step();
    return std::move(*result);
  }

  // Runs what is due until done() or the deadline. Returns done().
  template <class Done>
  bool run_until(Done done, TimePoint deadline) {
    while (!done()) {
      if (io_.stopped()) io_.restart();
      if (io_.run_one_until(deadline) == 0 && SystemClock{}.now() >= deadline) return done();
    }
    return true;
  }

  // Runs what is due now, without waiting.
  void poll() {
    if (io_.stopped()) io_.restart();
    io_.poll();
  }

  // Starts a task that ends by itself or when the owner stops; drain() waits for all of them.
  void spawn(Task<> task) {
    ++running_;
    asio::co_spawn(io_, std::move(task), [this](std::exception_ptr failure) {
      --running_;
      if (failure) std::rethrow_exception(failure);
    });
  }
  void drain() {
    while (running_ > 0) step();
  }

 private:
  void step() {
    if (io_.stopped()) io_.restart();
    io_.run_one();
  }

  asio::io_context io_;
  std::size_t running_ = 0;
};

// Lets coroutines of one loop wait until something changes.
class Signal {
 public:
  explicit Signal(Loop& loop) : loop_(loop) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  // Returns when notified or at the deadline, whichever is first.
  Task<> wait(TimePoint deadline) {
    Timer timer(loop_.executor(), deadline);
    waiting_.push_back(&timer);
    co_await timer.async_wait(use_task);
    std::erase(waiting_, &timer);
  }
  void notify() {
    for (Timer* timer : waiting_) timer->cancel();
  }

 private:
  Loop& loop_;
  std::vector<Timer*> waiting_;
};

}  // namespace sluice::client
