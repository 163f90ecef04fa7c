// A fetch that waits for data: registered with each of its partitions, woken by the first whose
// high watermark moves, or by its deadline.
#pragma once

#include "base/task.hpp"
#include "base/timer.hpp"

#include <boost/asio/post.hpp>

#include <memory>

namespace sluice::broker {

// Made on the connection's shard; partitions of any shard hold weak pointers and call wake().
class FetchWaiter : public std::enable_shared_from_this<FetchWaiter> {
 public:
  FetchWaiter(Executor home, std::unique_ptr<Timer> timer)
      : home_(std::move(home)), timer_(std::move(timer)) {}

  // Any shard. Wakes the fetch in a later turn of its own shard.
  void wake() {
    asio::post(home_, [self = shared_from_this()] {
      self->woken_ = true;
      self->timer_->cancel();
    });
  }
  // Home shard only. True: woken; false: the deadline came first.
  Task<bool> wait_until(TimePoint deadline) {
    const bool expired = !woken_ && co_await timer_->wait_until(deadline);
    co_return !expired;
  }

 private:
  Executor home_;
  std::unique_ptr<Timer> timer_;
  bool woken_ = false;
};

}  // namespace sluice::broker
