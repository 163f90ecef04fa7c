// An operation that was started and not waited for, or that may be given up: what stands between
// the coroutine that carries it out and whoever waits for its end.
//
// Giving up (std::stop_token in the Deadline) ends the waiting at once with Errc::cancelled. The
// coroutine goes on to its own end, and its outcome is dropped: half a request cannot be taken
// back, and no state is left in the middle. So whatever such a coroutine uses it owns. Internal:
// includes Asio; public headers do not include this.
#pragma once

#include "client/cluster.hpp"
#include "client/host.hpp"
#include "sluice/completion.hpp"
#include "sluice/error.hpp"
#include "sluice/types.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

namespace sluice::client {

template <class T>
class Operation : public std::enable_shared_from_this<Operation<T>> {
 public:
  Operation(std::shared_ptr<Host> host, Done<T> done) : host_(std::move(host)), done_(done) {}

  // Reports; only the first call counts. On the loop.
  void finish(Result<T> result) {
    if (!done_) return;
    stop_.reset();
    host_->complete([done = std::exchange(done_, {}), result = std::move(result)]() mutable {
      done(std::move(result));
    });
  }
  // Reports Errc::cancelled as soon as a stop is requested, from whatever thread.
  void stop_with(const std::stop_token& token) {
    stop_.emplace(token, [host = host_, self = this->weak_from_this()] {
      host->loop().post([self] {
        if (const auto operation = self.lock()) operation->finish(fail(Errc::cancelled));
      });
    });
  }

  static Task<> carry_out(std::shared_ptr<Operation> self, Task<Result<T>> task) {
    auto result = co_await std::move(task);
    self->finish(std::move(result));
  }

 private:
  std::shared_ptr<Host> host_;
  Done<T> done_;
  std::optional<std::stop_callback<std::move_only_function<void()>>> stop_;
};

// Starts `task` as one of the cluster's and reports its end. From any thread.
template <class T>
void start(Cluster& cluster, Task<Result<T>> task, std::stop_token stop, Done<T> done) {
  auto operation = std::make_shared<Operation<T>>(cluster.shared_host(), done);
  auto begin = [&cluster, operation, work = std::move(task), stop = std::move(stop)]() mutable {
    if (stop.stop_possible()) operation->stop_with(stop);
    cluster.spawn(Operation<T>::carry_out(std::move(operation), std::move(work)));
  };
  if (cluster.loop().runs_here())
    begin();
  else
    cluster.loop().post(std::move(begin));
}

// Runs `task` and waits for it, or until a stop is requested. From any thread. A task with a token
// that can be used must own what it uses.
template <class T>
Result<T> run(Cluster& cluster, Task<Result<T>> task, const Deadline& deadline) {
  if (!deadline.stop_token().stop_possible()) return cluster.loop().run(std::move(task));
  if (cluster.loop().inside())
    return fail(Errc::invalid_argument, "a blocking call inside a completion");
  struct Waiting {
    std::optional<Result<T>> result;
    std::binary_semaphore ended{0};
  } waiting;
  const Done<T> done{[](void* context, Result<T> result) {
                       auto& mine = *static_cast<Waiting*>(context);
                       mine.result.emplace(std::move(result));
                       mine.ended.release();
                     },
                     &waiting};
  Loop& loop = cluster.loop();
  const bool here = loop.runs_here();
  start(cluster, std::move(task), deadline.stop_token(), done);
  if (here)
    while (!waiting.result) loop.run_some(TimePoint::max());
  else
    waiting.ended.acquire();
  return std::move(*waiting.result);
}

template <class Core>
Task<> stop_and_destroy(std::unique_ptr<Core> core) {
  const auto stopped = co_await core->stop();
  static_cast<void>(stopped);
  // In a later turn: this frame still runs on the core's loop.
  Loop& loop = core->loop();
  auto destroy = [gone = std::move(core)] {};
  loop.post(std::move(destroy));
}

// Ends a client: waits for it, or inside a completion lets it end by itself.
template <class Core>
void retire(std::unique_ptr<Core> core) {
  Loop& loop = core->loop();
  if (loop.inside())
    asio::co_spawn(loop.executor(), stop_and_destroy(std::move(core)),
                   [](std::exception_ptr failure) {
                     if (failure) std::rethrow_exception(failure);
                   });
}

}  // namespace sluice::client
