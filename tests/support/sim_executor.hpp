// A deterministic event loop: one io_context on the calling thread, with simulated time. Whatever
// is ready runs, in order; when nothing is, the clock moves to the next deadline. A simulated day
// takes as long as its events do, and a run with the same seed repeats exactly.
//
//   SimExecutor sim;
//   const Result<Offset> end = sim.run(append_some(log));      // a Task<Result<Offset>>
#pragma once

#include "base/check.hpp"
#include "base/task.hpp"
#include "base/timer.hpp"
#include "tests/support/sim_clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace sluice {

// Callbacks by simulated time; equal times in the order they were asked for.
class SimSchedule {
 public:
  using Id = std::pair<TimePoint, std::uint64_t>;
  using Callback = std::move_only_function<void()>;

  // `callback` runs from SimExecutor::step, at `when` or, if that has passed, at once.
  Id call_at(TimePoint when, Callback callback);
  // False when it has run or was cancelled before.
  bool cancel(Id id);
  bool empty() const { return calls_.empty(); }
  TimePoint next() const { return calls_.begin()->first.first; }
  // Runs the calls that are due. True if there was one.
  bool run_due(TimePoint now);
  void clear() { calls_.clear(); }

 private:
  std::map<Id, Callback> calls_;
  std::uint64_t sequence_ = 0;
};

// Timers on simulated time.
class SimTimers final : public Timers {
 public:
  SimTimers(SimClock& clock, SimSchedule& schedule) : clock_(clock), schedule_(schedule) {}
  TimePoint now() const override { return clock_.now(); }
  std::unique_ptr<Timer> make_timer() override;

 private:
  SimClock& clock_;
  SimSchedule& schedule_;
};

class SimExecutor {
 public:
  SimExecutor() = default;
  // Destroys the coroutines that have not ended.
  ~SimExecutor() { schedule_.clear(); }

  Executor executor() { return io_.get_executor(); }
  SimClock& clock() { return clock_; }
  SimTimers& timers() { return timers_; }
  SimSchedule& schedule() { return schedule_; }

  // Runs what is ready, or else moves the clock to the next deadline and runs that. False when
  // there is neither.
  bool step();
  // Until nothing is left to do.
  void run_until_idle() {
    while (step()) {
    }
  }
  // Until the clock reaches `when`, which it does even when there is nothing to do.
  void run_until(TimePoint when);
  void run_for(Duration duration) { run_until(clock_.now() + duration); }

  // Starts a task beside others. An exception that leaves it aborts the test.
  void spawn(Task<> task);

  // Runs the loop until `task` has ended and returns its result; everything else may go on.
  // Aborts when the task can never end: all wait and no deadline is set.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    asio::co_spawn(io_, std::move(task), [&result](std::exception_ptr failed, T value) {
      if (failed) std::rethrow_exception(failed);
      result.emplace(std::move(value));
    });
    while (!result) SLUICE_CHECK(step());
    return std::move(*result);
  }
  void run(Task<> task) {
    bool ended = false;
    asio::co_spawn(io_, std::move(task), [&ended](std::exception_ptr failed) {
      if (failed) std::rethrow_exception(failed);
      ended = true;
    });
    while (!ended) SLUICE_CHECK(step());
  }

 private:
  // Coroutines die with io_ and may hold timers: what those point to must be there until then.
  SimClock clock_;
  SimSchedule schedule_;
  SimTimers timers_{clock_, schedule_};
  asio::io_context io_{1};
};

}  // namespace sluice
