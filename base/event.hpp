// Event: tasks of one shard wait for the next notify(). The building block of every wake-up that is
// not I/O: a durable end that moved, a reply slot that is free, a group that was drained.
#pragma once

#include "base/task.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>

#include <functional>
#include <utility>
#include <vector>

namespace sluice {

// Shard-bound: wait() and notify() on one thread. Waiters are resumed through their executor, never
// inside notify(), in the order in which they began to wait. No memory of past notifications: check
// the condition, then wait, in a loop.
// Requires: nobody waits when it is destroyed.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Suspends until the next notify().
  Task<> wait() {
    auto initiate = [this](auto handler) {
      waiters_.push_back([resume = std::move(handler)]() mutable {
        const auto executor = asio::get_associated_executor(resume);
        asio::post(executor, std::move(resume));
      });
    };
    return asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(std::move(initiate),
                                                                               asio_token_);
  }

  // Resumes everybody who waits now.
  void notify() {
    std::vector<std::move_only_function<void()>> ready;
    ready.swap(waiters_);
    for (auto& resume : ready) resume();
  }

  bool has_waiters() const { return !waiters_.empty(); }

 private:
  static constexpr asio::use_awaitable_t<Executor> asio_token_{};
  std::vector<std::move_only_function<void()>> waiters_;
};

}  // namespace sluice
