// The worker: one thread for work that would hold up a shard (recompression). Started on first use;
// a broker that is to have no threads gives it the shard's own loop instead.
#pragma once

#include "base/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace sluice::broker {

// Thread-safe. Send tasks with on_worker(); they run one after the other.
class Worker {
 public:
  enum class Priority : std::uint8_t {
    normal,
    gentle,  // takes a twentieth of a processor at most, and only while nobody else wants it
             // (sched(7))
  };
  explicit Worker(Priority priority = Priority::normal)
      : work_(io_.get_executor()), priority_(priority) {}
  // Waits for what is running; tasks not begun are dropped.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Work runs there from now on, and no thread is ever started. Before the first executor().
  void run_on(Executor elsewhere) { elsewhere_ = std::move(elsewhere); }

  // Starts the thread if it is not running.
  Executor executor();

 private:
  void run_gently();
  asio::io_context io_{1};
  asio::executor_work_guard<Executor> work_;
  Priority priority_;
  std::optional<Executor> elsewhere_;
  std::mutex starting_;
  std::condition_variable stopped_;  // with starting_
  std::thread thread_;
};

// The result of `task`, which runs there; what it throws is thrown here, on the caller's loop.
template <class T>
Task<T> on_worker(Worker& worker, Task<T> task) {
  auto [exception, value] = co_await asio::co_spawn(worker.executor(), std::move(task), use_task);
  if (exception) std::rethrow_exception(exception);
  co_return std::move(value);
}

}  // namespace sluice::broker
