// The shards and the way from one to another: work is sent as a task, values come back.
#pragma once

#include "base/result.hpp"
#include "base/task.hpp"
#include "broker/shard.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <future>
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

// Who runs the loops of the shards.
enum class Driving : std::uint8_t {
  threads,  // a thread for each
  caller,   // the thread that started the broker, while it waits for something; one shard only
};

// The shards and what runs them. Used by Broker from the thread that started it.
class Shards {
 public:
  // Requires: count is 1 where the caller drives.
  Shards(int count, Driving driving, Broker& broker, Clock& clock, Logger& logger);
  // Requires: stop_loops() was called, or the loops never started.
  ~Shards();

  int count() const { return static_cast<int>(shards_.size()); }
  Shard& at(int id) { return *shards_[static_cast<std::size_t>(id)]; }
  const std::vector<std::unique_ptr<Shard>>& all() { return shards_; }

  Driving driving() const { return driving_; }

  // Starts the threads; where the caller drives, this thread becomes the shard's.
  // Signals are blocked on the shards' threads: they are the host's business.
  // Errors: the system refuses a thread; then none runs.
  Result<> start_loops();
  // No loop runs any more when it returns.
  void stop_loops();

  // Runs `task` on `shard` and waits for it. Not from a shard's thread, unless it drives.
  template <class T>
  T wait(Shard& shard, Task<T> task) {
    return get(start(shard, std::move(task)));
  }
  // The same in two steps, for several at a time.
  template <class T>
  std::future<T> start(Shard& shard, Task<T> task) {
    return asio::co_spawn(shard.executor(), std::move(task), asio::use_future);
  }
  template <class T>
  T get(std::future<T> result) {
    if (driving_ == Driving::caller)
      while (result.wait_for(std::chrono::seconds(0)) != std::future_status::ready) run_some();
    return result.get();
  }

 private:
  void run_some();

  Driving driving_;
  bool running_ = false;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::thread> threads_;
};

}  // namespace sluice::broker
