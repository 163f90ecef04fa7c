// The shards and the way from one to another: work is sent as a task, values come back.
#pragma once

#include "base/task.hpp"
#include "broker/shard.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <exception>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace sluice::broker {

// Runs `task` on `to` and resumes the caller, on `from`, with its result. Tasks sent from one shard
// to another start in the order in which they were sent. On the same shard it is a plain await.
// Lifetime: what the task refers to must stay until the result is back: the caller waits for it.
template <class T>
Task<T> on(Shard& from, Shard& to, Task<T> task) {
  if (&from == &to) co_return co_await std::move(task);
  if constexpr (std::is_void_v<T>) {
    auto [exception] = co_await asio::co_spawn(to.executor(), std::move(task), use_task);
    if (exception) std::rethrow_exception(exception);
  } else {
    auto [exception, value] = co_await asio::co_spawn(to.executor(), std::move(task), use_task);
    if (exception) std::rethrow_exception(exception);
    co_return std::move(value);
  }
}

// Threads of the shards. Used by Broker from the thread that started it.
class Shards {
 public:
  Shards(int count, Broker& broker, Clock& clock, Logger& logger);
  // Requires: stop_threads() was called, or the threads never started.
  ~Shards();

  int count() const { return static_cast<int>(shards_.size()); }
  Shard& at(int id) { return *shards_[static_cast<std::size_t>(id)]; }
  const std::vector<std::unique_ptr<Shard>>& all() { return shards_; }

  void start_threads();
  // Lets each loop end once it has nothing left to do, and joins.
  void stop_threads();

  // Runs `task` on `shard` from a thread that is no shard, and waits for it.
  template <class T>
  T wait(Shard& shard, Task<T> task) {
    return asio::co_spawn(shard.executor(), std::move(task), asio::use_future).get();
  }

 private:
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::thread> threads_;
};

}  // namespace sluice::broker
