// Waiting for time to pass, as the project sees it. Tests replace it by simulated time
// (tests/support/sim_executor.hpp), so that a day passes in a millisecond and a run repeats.
#pragma once

#include "base/clock.hpp"
#include "base/task.hpp"

#include <memory>

namespace sluice {

// One deadline that can be waited for, moved and cancelled. Belongs to one executor.
class Timer {
 public:
  // Wakes a waiter, if there is one, as cancel() does; the waiter may resume after *this is gone.
  virtual ~Timer() = default;

  // Waits until the clock reaches `deadline`: true. False when cancel() was called, or the
  // coroutine was cancelled (`||`). A deadline in the past still yields once.
  // Requires: no other waiter.
  virtual Task<bool> wait_until(TimePoint deadline) = 0;

  // Makes the waiter, if any, return false in a later turn. Does nothing when there is none: a
  // wait that starts afterwards is not affected. A waiter whose deadline has passed but that has
  // not run yet still returns true.
  virtual void cancel() = 0;
};

// Makes timers for one executor (one shard), by that shard's monotonic clock.
class Timers {
 public:
  virtual ~Timers() = default;
  virtual TimePoint now() const = 0;
  // The timer must not outlive *this.
  virtual std::unique_ptr<Timer> make_timer() = 0;

  // True when the deadline was reached, false when the coroutine was cancelled. *this outlives it.
  Task<bool> wait_until(TimePoint deadline);
  Task<bool> wait_for(Duration duration);
};

// Real time: asio::steady_timer on `executor`.
std::unique_ptr<Timers> make_timers(Executor executor);

}  // namespace sluice
