// Producer, Consumer and QueueConsumer with Asio's completion tokens: coroutines, callbacks,
// futures. Admin: sluice/async_admin.hpp.
//
//   auto sent = co_await async_send(producer, record, asio::use_awaitable);
//   if (!sent) … sent.error() …                     // values, not exceptions
//
// The only public header that includes Asio (async_admin.hpp by this one), and only what your own
// code compiles: Boost.Asio, or with SLUICE_ASIO_STANDALONE defined the standalone one. Nothing of
// it reaches the library, which reports through a function and a pointer (sluice/completion.hpp);
// so its version and its flags are yours to choose.
//
// Handler signature: void(Result<T>).
// Executor: the handler runs on its associated executor, whatever thread the client runs on.
// Cancellation: through the handler's slot, every type; ends with Errc::cancelled, and what was
// asked may still happen (async_run drains instead, and ends well). From the handler's executor, as
// Asio asks.
// Lifetime: producers and consumers until the handler was called; what is passed as a reference or
// a view until the operation has started, which with co_await is at once. The client should be on a
// Runtime or an embedded Broker: a private loop makes no progress outside of blocking calls.
#pragma once

#include "sluice/completion.hpp"
#include "sluice/consumer.hpp"
#include "sluice/producer.hpp"
#include "sluice/queue_consumer.hpp"

#ifdef SLUICE_ASIO_STANDALONE
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#else
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#endif

#include <memory>
#include <stop_token>
#include <utility>

namespace sluice {

namespace detail {

#ifdef SLUICE_ASIO_STANDALONE
namespace net = ::asio;
#else
namespace net = ::boost::asio;
#endif

// A handler on its way through the library as a plain pointer.
template <class T, class Handler>
class PendingHandler {
 public:
  static Done<T> make(Handler handler, std::stop_source stop) {
    auto slot = net::get_associated_cancellation_slot(handler);
    auto pending = std::make_unique<PendingHandler>(std::move(handler));
    if (slot.is_connected())
      slot.assign([stop](net::cancellation_type) mutable { stop.request_stop(); });
    return Done<T>{&PendingHandler::finish, pending.release()};
  }

  explicit PendingHandler(Handler handler)
      : handler_(std::move(handler)), work_(net::get_associated_executor(handler_)) {}

 private:
  struct Call {
    Handler handler;
    Result<T> result;
    void operator()() {
      auto slot = net::get_associated_cancellation_slot(handler);
      if (slot.is_connected()) slot.clear();
      std::move(handler)(std::move(result));
    }
  };

  static void finish(void* context, Result<T> result) {
    std::unique_ptr<PendingHandler> self(static_cast<PendingHandler*>(context));
    auto executor = self->work_.get_executor();
    net::post(executor, Call{std::move(self->handler_), std::move(result)});
  }

  Handler handler_;
  net::executor_work_guard<net::associated_executor_t<Handler>> work_;
};

// Starts begin(Done<T>, Deadline) when the token says so.
template <class T, class Token, class Begin>
auto initiate(Token&& token, Deadline deadline, Begin begin) {
  return net::async_initiate<Token, void(Result<T>)>(
      [deadline, begin](auto handler) mutable {
        using Handler = decltype(handler);
        std::stop_source stop(std::nostopstate);
        if (net::get_associated_cancellation_slot(handler).is_connected())
          stop = std::stop_source();
        if (stop.stop_possible()) deadline = deadline.with(stop.get_token());
        begin(PendingHandler<T, Handler>::make(std::move(handler), stop), deadline);
      },
      token);
}

}  // namespace detail

// Sends one record, which is copied if need be, and completes once it is delivered or given up.
template <class Token>
auto async_send(Producer& producer, const ProducerRecord& record, Deadline deadline,
                Token&& token) {
  return detail::initiate<RecordMetadata>(
      std::forward<Token>(token), deadline,
      [&producer, &record](Done<RecordMetadata> done, const Deadline& until) {
        producer.send(record, done, until);
      });
}
template <class Token>
auto async_send(Producer& producer, const ProducerRecord& record, Token&& token) {
  return async_send(producer, record, Deadline(), std::forward<Token>(token));
}

// Completes when all records sent so far are done, well or not.
template <class Token>
auto async_flush(Producer& producer, Deadline deadline, Token&& token) {
  return detail::initiate<void>(
      std::forward<Token>(token), deadline,
      [&producer](Done<> done, const Deadline& until) { producer.flush(done, until); });
}

// Completes with records, or at the deadline with none. They are valid until the next poll begins.
template <class Token>
auto async_poll(Consumer& consumer, Deadline deadline, Token&& token) {
  return detail::initiate<Consumer::Records>(
      std::forward<Token>(token), deadline,
      [&consumer](Done<Consumer::Records> done, const Deadline& until) {
        consumer.poll(done, until);
      });
}

// Completes with records, or at the deadline with none. They are valid until the next poll begins,
// and stay held until each of them is acknowledged.
template <class Token>
auto async_poll(QueueConsumer& queue, Deadline deadline, Token&& token) {
  return detail::initiate<QueueConsumer::Records>(
      std::forward<Token>(token), deadline,
      [&queue](Done<QueueConsumer::Records> done, const Deadline& until) {
        queue.poll(done, until);
      });
}

// Completes when it is known what became of what was acknowledged.
template <class Token>
auto async_flush(QueueConsumer& queue, Deadline deadline, Token&& token) {
  return detail::initiate<Acknowledged>(
      std::forward<Token>(token), deadline,
      [&queue](Done<Acknowledged> done, const Deadline& until) { queue.flush(done, until); });
}

// Completes when the run has ended and drained: at the deadline, or some time after a cancellation.
template <class Token>
auto async_run(QueueConsumer& queue, QueueConsumer::AsyncHandler handler, QueueRunOptions options,
               Deadline deadline, Token&& token) {
  return detail::initiate<QueueTotals>(std::forward<Token>(token), deadline,
                                       [&queue, handler = std::move(handler), options](
                                           Done<QueueTotals> done, const Deadline& until) mutable {
                                         queue.run_async(done, std::move(handler), options, until);
                                       });
}

// Commits the positions.
template <class Token>
auto async_commit(Consumer& consumer, Deadline deadline, Token&& token) {
  return detail::initiate<void>(
      std::forward<Token>(token), deadline,
      [&consumer](Done<> done, const Deadline& until) { consumer.commit(done, until); });
}

}  // namespace sluice
