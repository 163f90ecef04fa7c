// Where the coroutines of a client run. One interface, three kinds:
//
//   private   made for one producer, consumer or admin; the calling thread runs it inside blocking
//             calls and at no other time (host.cpp);
//   runtime   one thread of its own runs it; calls of other threads are posted to it and wait
//             (runtime.cpp);
//   embedded  the loop of a broker in this process: its owner's thread runs it inside blocking
//             calls, calls of other threads are posted to it and wait (broker/embed).
//
// All of a client's state belongs to its loop: it is touched by coroutines and functions that run
// there, and by nobody else. What differs between the kinds is only what a blocking call does while
// it waits, which is runs_here().
// Internal: includes Asio; public headers do not include this.
#pragma once

#include "base/clock.hpp"
#include "base/task.hpp"
#include "base/timer.hpp"
#include "sluice/error.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <semaphore>
#include <type_traits>
#include <utility>
#include <vector>

namespace sluice::client {

class Loop {
 public:
  virtual ~Loop() = default;

  virtual Executor executor() = 0;
  virtual Timers& timers() = 0;
  virtual const Clock& clock() const = 0;
  // Whether this thread runs the loop inside its blocking calls, or is running it now. If not,
  // another thread runs it.
  virtual bool runs_here() const = 0;
  // Runs some of what is ready, or else waits for it, at most until `deadline`.
  // Requires: runs_here().
  virtual void run_some(TimePoint deadline) = 0;
  // Runs what is ready, without waiting. Requires: runs_here().
  virtual void poll() = 0;

  TimePoint now() const { return clock().now(); }
  // Whether this is called by something that the loop runs, a completion for example. Nothing may
  // block there.
  bool inside() { return executor().running_in_this_thread(); }

  // Runs `task`, of a Result, on the loop and waits for it: a blocking call. From any thread.
  // Error: Errc::invalid_argument inside a completion.
  template <class T>
  T run(Task<T> task);
  // Runs f() on the loop and waits for its value. From any thread.
  template <class Function>
  std::invoke_result_t<Function&> call(Function f);
  // Runs f() on the loop, now or later, without waiting. From any thread.
  template <class Function>
  void post(Function f) {
    asio::post(executor(), std::move(f));
  }
};

// Lets coroutines of one loop wait until something changes. A notification that nobody waits for is
// kept for the next wait, so check the condition in a loop:
//   while (!ready() && loop.now() < deadline) co_await signal.wait(deadline);
class Signal {
 public:
  explicit Signal(Loop& loop) : loop_(loop) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  // Returns when notified or at the deadline, whichever is first.
  Task<> wait(TimePoint deadline);
  void notify();

 private:
  Loop& loop_;
  std::vector<Timer*> waiting_;
  std::vector<std::unique_ptr<Timer>> spare_;
  bool kept_ = false;
};

template <class T>
T Loop::run(Task<T> task) {
  if (inside()) return fail(Errc::invalid_argument, "a blocking call inside a completion");
  std::optional<T> result;
  if (runs_here()) {
    asio::co_spawn(executor(), std::move(task), [&result](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result.emplace(std::move(value));
    });
    while (!result) run_some(TimePoint::max());
  } else {
    std::binary_semaphore ended{0};
    asio::co_spawn(executor(), std::move(task), [&](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result.emplace(std::move(value));
      ended.release();
    });
    ended.acquire();
  }
  return std::move(*result);
}

template <class Function>
std::invoke_result_t<Function&> Loop::call(Function f) {
  if (runs_here()) return f();
  using Value = std::invoke_result_t<Function&>;
  std::binary_semaphore ended{0};
  if constexpr (std::is_void_v<Value>) {
    post([&] {
      f();
      ended.release();
    });
    ended.acquire();
  } else {
    std::optional<Value> value;
    post([&] {
      value.emplace(f());
      ended.release();
    });
    ended.acquire();
    return std::move(*value);
  }
}

}  // namespace sluice::client
