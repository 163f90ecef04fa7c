#include "tests/support/sim_executor.hpp"

#include "base/completion.hpp"

#include <algorithm>

namespace sluice {

SimSchedule::Id SimSchedule::call_at(TimePoint when, Callback callback) {
  const Id id{when, sequence_++};
  calls_.emplace(id, std::move(callback));
  return id;
}

bool SimSchedule::cancel(Id id) { return calls_.erase(id) > 0; }

bool SimSchedule::run_due(TimePoint now) {
  bool any = false;
  // Not those that a callback adds for now: they come in the next round.
  const Id end{now, sequence_};
  while (!calls_.empty() && calls_.begin()->first < end) {
    Callback callback = std::move(calls_.begin()->second);
    calls_.erase(calls_.begin());
    callback();
    any = true;
  }
  return any;
}

namespace {

class SimTimer final : public Timer {
 public:
  SimTimer(SimClock& clock, SimSchedule& schedule) : clock_(clock), schedule_(schedule) {}
  ~SimTimer() override { cancel(); }

  Task<bool> wait_until(TimePoint deadline) override {
    return suspend<bool>([](Completion<bool> done, SimTimer* self,
                            TimePoint when) { self->begin(std::move(done), when); },
                         this, deadline);
  }

  void cancel() override {
    const auto wait = wait_.lock();
    if (!wait || !wait->done) return;
    wait->done.post(false);
    schedule_.cancel(wait->id);
  }

 private:
  // Owned by the schedule, not by the timer: a timer lies in the frame of the coroutine that waits,
  // and clearing the schedule must set that free.
  struct Wait {
    Completion<bool> done;
    SimSchedule::Id id;
  };

  void begin(Completion<bool> done, TimePoint deadline) {
    const auto old = wait_.lock();
    SLUICE_CHECK(!old || !old->done);
    auto slot = done.cancellation_slot();
    auto wait = std::make_shared<Wait>();
    wait->done = std::move(done);
    wait->id = schedule_.call_at(std::max(deadline, clock_.now()), [wait] { wait->done(true); });
    wait_ = wait;
    if (slot.is_connected()) {
      slot.assign([this](asio::cancellation_type) { cancel(); });
    }
  }

  SimClock& clock_;
  SimSchedule& schedule_;
  std::weak_ptr<Wait> wait_;
};

}  // namespace

std::unique_ptr<Timer> SimTimers::make_timer() {
  return std::make_unique<SimTimer>(clock_, schedule_);
}

bool SimExecutor::step() {
  io_.restart();
  if (io_.poll() > 0) return true;
  if (schedule_.run_due(clock_.now())) return true;
  if (schedule_.empty()) return false;
  clock_.advance_to(schedule_.next());
  schedule_.run_due(clock_.now());
  return true;
}

void SimExecutor::run_until(TimePoint when) {
  bool reached = false;
  schedule_.call_at(when, [&reached] { reached = true; });
  while (!reached) step();
}

void SimExecutor::spawn(Task<> task) {
  asio::co_spawn(io_, std::move(task), [](std::exception_ptr failed) {
    if (failed) std::rethrow_exception(failed);
  });
}

}  // namespace sluice
