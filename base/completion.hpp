// Completion<T>: one suspended coroutine that waits for one T. The bridge from callbacks (an
// io_uring completion, a finished worker, a simulated disk, a waiter woken by the high watermark)
// to `co_await`.
//
//   Task<Result<std::size_t>> Engine::run(Request request) {
//     return suspend<Result<std::size_t>>(
//         [](Completion<Result<std::size_t>> done, Engine* self, Request r) { … }, this, request);
//   }
#pragma once

#include "base/check.hpp"
#include "base/task.hpp"

#include <optional>
#include <type_traits>
#include <utility>

namespace sluice {

// Move-only. Destroying one that was not called destroys the coroutine that waits (its destructors
// run later, from the executor). Not thread-safe: may be moved to another thread, but is called and
// destroyed only on the executor's own.
template <class T>
class Completion {
  static_assert(std::is_object_v<T>);

 public:
  // Asio's own handler for a coroutine: one pointer.
  using Handler =
      typename asio::async_result<asio::use_awaitable_t<Executor>, void(T)>::handler_type;

  Completion() = default;
  explicit Completion(Handler handler) : handler_(std::move(handler)) {}
  Completion(Completion&& other) noexcept : handler_(std::move(other.handler_)) {
    other.handler_.reset();
  }
  Completion& operator=(Completion&& other) noexcept {
    if (this == &other) return *this;
    handler_.reset();
    if (other.handler_) handler_.emplace(std::move(*other.handler_));
    other.handler_.reset();
    return *this;
  }

  explicit operator bool() const { return handler_.has_value(); }

  // The executor of the coroutine. Requires: *this.
  Executor executor() const { return handler_->get_executor(); }

  // Resumes the coroutine here and now. Requires: *this; running on the executor; not called from
  // inside the function given to suspend().
  void operator()(T value) {
    SLUICE_CHECK(handler_.has_value());
    Handler handler = std::move(*handler_);
    handler_.reset();
    std::move(handler)(std::move(value));
  }

  // Resumes the coroutine in a later turn of its executor. May be called from any thread, and from
  // inside the function given to suspend().
  void post(T value) {
    SLUICE_CHECK(handler_.has_value());
    const Executor where = executor();
    Handler handler = std::move(*handler_);
    handler_.reset();
    asio::post(where, [h = std::move(handler), v = std::move(value)]() mutable {
      std::move(h)(std::move(v));
    });
  }

  // Where an Asio cancellation of the coroutine arrives (`||`, cancellation_signal). A function put
  // there must be removed (slot.clear()) before the completion is called; Asio's handler does so.
  asio::cancellation_slot cancellation_slot() const { return handler_->get_cancellation_slot(); }

 private:
  std::optional<Handler> handler_;
};

// Suspends the awaiting coroutine and calls start(Completion<T>, args...), which keeps the
// completion and calls it once, later. `start` captures nothing; arguments are kept by value.
template <class T, class Start, class... Args>
Task<T> suspend(Start start, Args... args) {
  static_assert(std::is_empty_v<Start> || std::is_pointer_v<Start>);
  asio::use_awaitable_t<Executor> token;
  return asio::async_initiate<asio::use_awaitable_t<Executor>, void(T)>(
      [](auto handler, Start begin, auto... rest) {
        begin(Completion<T>(std::move(handler)), std::move(rest)...);
      },
      token, start, std::move(args)...);
}

}  // namespace sluice
