#include "base/timer.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

namespace sluice {
namespace {

using SteadyTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, Executor>;

class RealTimer final : public Timer {
 public:
  explicit RealTimer(Executor executor) : timer_(executor) {}

  Task<bool> wait_until(TimePoint deadline) override {
    timer_.expires_at(deadline);
    auto [ec] = co_await timer_.async_wait(use_task);
    co_return !ec;
  }

  void cancel() override { timer_.cancel(); }

 private:
  SteadyTimer timer_;
};

class RealTimers final : public Timers {
 public:
  explicit RealTimers(Executor executor) : executor_(executor) {}

  TimePoint now() const override { return SystemClock().now(); }
  std::unique_ptr<Timer> make_timer() override { return std::make_unique<RealTimer>(executor_); }

 private:
  Executor executor_;
};

}  // namespace

Task<bool> Timers::wait_until(TimePoint deadline) {
  const auto timer = make_timer();
  co_return co_await timer->wait_until(deadline);
}

Task<bool> Timers::wait_for(Duration duration) { return wait_until(now() + duration); }

std::unique_ptr<Timers> make_timers(Executor executor) {
  return std::make_unique<RealTimers>(executor);
}

}  // namespace sluice
