// TaskGroup: every spawned task belongs to one, so that nothing runs after its owner is gone.
#pragma once

#include "base/check.hpp"
#include "base/event.hpp"
#include "base/task.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <functional>
#include <utility>

namespace sluice {

// Shard-bound. Tasks must end by themselves once their owner has cancelled what they wait for;
// drain() then waits for the last one.
// Requires: empty when destroyed (checked).
class TaskGroup {
 public:
  // `on_exception` is told of what escapes a task (a bug, or bad_alloc); by default it is rethrown
  // out of the event loop.
  explicit TaskGroup(Executor executor, std::function<void(std::exception_ptr)> on_exception = {})
      : executor_(std::move(executor)), on_exception_(std::move(on_exception)) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() { SLUICE_CHECK(running_ == 0); }

  // Starts `task` at once when called on the executor's thread, up to its first suspension.
  void spawn(Task<> task) {
    ++running_;
    asio::co_spawn(executor_, std::move(task), [this](std::exception_ptr e) {
      --running_;
      if (running_ == 0) idle_.notify();
      if (!e) return;
      if (!on_exception_) std::rethrow_exception(e);
      on_exception_(e);
    });
  }

  // Returns once no task is running. More may be spawned meanwhile; it waits for those too.
  Task<> drain() {
    while (running_ != 0) co_await idle_.wait();
  }

  std::size_t running() const { return running_; }

 private:
  Executor executor_;
  std::function<void(std::exception_ptr)> on_exception_;
  std::size_t running_ = 0;
  Event idle_;
};

}  // namespace sluice
