// The async forms on a Runtime. Nothing here needs a broker: what is asked ends without one.
#include "sluice/async.hpp"

#include "sluice/runtime.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/system_context.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <poll.h>
#include <stop_token>
#include <thread>

namespace sluice {
namespace {

namespace net = boost::asio;

class AsyncTest : public testing::Test {
 protected:
  Producer producer() {
    return std::move(*Producer::create({.client = {.host = runtime_.host()}}));
  }
  Consumer consumer() {
    return std::move(*Consumer::create({.client = {.host = runtime_.host()}}));
  }

  Runtime runtime_ = *Runtime::create();
  net::io_context io_;
};

net::awaitable<Result<>> flush(Producer& producer) {
  const Deadline deadline;
  co_return co_await async_flush(producer, deadline, net::use_awaitable);
}

TEST_F(AsyncTest, ACoroutineResumesOnItsOwnExecutor) {
  auto mine = producer();
  std::optional<std::thread::id> resumed;
  net::co_spawn(io_, flush(mine), [&](std::exception_ptr, const Result<>& flushed) {
    EXPECT_TRUE(flushed);
    resumed = std::this_thread::get_id();
  });
  io_.run();  // the operation counts as work of the executor
  EXPECT_EQ(resumed, std::this_thread::get_id());
}

TEST_F(AsyncTest, ThePollOfAConsumerWithoutPartitionsEndsAtItsDeadline) {
  auto mine = consumer();
  std::optional<Result<Consumer::Records>> polled;
  async_poll(mine, Deadline::in(std::chrono::milliseconds(1)),
             [&](Result<Consumer::Records> records) { polled = std::move(records); });
  io_.run();
  // A plain function runs on the system executor: wait for it there.
  net::system_context& system = net::query(net::system_executor(), net::execution::context);
  while (!polled) std::this_thread::yield();
  system.stop();
  system.join();
  ASSERT_TRUE(*polled);
  EXPECT_TRUE((*polled)->empty());
}

TEST_F(AsyncTest, ACancelledPollEndsAtOnceAndLaterPollsWork) {
  auto mine = consumer();
  net::cancellation_signal cancel;
  std::optional<Result<Consumer::Records>> polled;
  auto handler = [&](Result<Consumer::Records> records) { polled = std::move(records); };
  async_poll(
      mine, Deadline::in(std::chrono::hours(1)),
      net::bind_cancellation_slot(cancel.slot(), net::bind_executor(io_, std::move(handler))));
  net::post(io_, [&] { cancel.emit(net::cancellation_type::terminal); });
  io_.run();
  ASSERT_TRUE(polled);
  EXPECT_TRUE(polled->error().is(Errc::cancelled));
  EXPECT_TRUE(mine.poll(std::chrono::milliseconds(0)));
}

TEST_F(AsyncTest, ACancelledRunOfAQueueDrainsAndEndsWell) {
  auto queue = std::move(
      *QueueConsumer::create({.client = {.host = runtime_.host()}, .group_id = "workers"}));
  std::optional<Result<Acknowledged>> flushed;
  auto noted = [&](Result<Acknowledged> result) { flushed = std::move(result); };
  async_flush(queue, Deadline(), net::bind_executor(io_, std::move(noted)));
  net::cancellation_signal cancel;
  std::optional<Result<QueueTotals>> totals;
  auto handler = [&](Result<QueueTotals> result) { totals = std::move(result); };
  async_run(
      queue, [](const QueueRecord&, Settlement settle) { settle(Disposition::accept()); }, {},
      Deadline::in(std::chrono::hours(1)),
      net::bind_cancellation_slot(cancel.slot(), net::bind_executor(io_, std::move(handler))));
  net::post(io_, [&] { cancel.emit(net::cancellation_type::terminal); });
  io_.run();
  ASSERT_TRUE(flushed && totals);
  EXPECT_TRUE(*flushed && (*flushed)->empty());
  ASSERT_TRUE(*totals) << totals->error().message();
  EXPECT_EQ((*totals)->accepted, 0u);
}

TEST_F(AsyncTest, ABlockingCallIsGivenUpWhenAStopIsRequested) {
  for (const bool on_runtime : {true, false}) {
    ConsumerOptions options;
    if (on_runtime) options.client.host = runtime_.host();
    auto mine = std::move(*Consumer::create(options));
    std::stop_source stop;
    std::jthread other([&stop] { stop.request_stop(); });
    const auto polled = mine.poll(Deadline::in(std::chrono::hours(1)).with(stop.get_token()));
    ASSERT_FALSE(polled);
    EXPECT_TRUE(polled.error().is(Errc::cancelled));
  }
}

TEST(RuntimeTest, CompletionsWaitForThePollOfTheirOwner) {
  auto runtime = *Runtime::create({.deliver = Deliver::on_poll});
  auto producer = std::move(*Producer::create({.client = {.host = runtime.host()}}));
  std::optional<std::thread::id> called;
  producer.flush(Done<>{[](void* context, Result<>) {
                          *static_cast<std::optional<std::thread::id>*>(context) =
                              std::this_thread::get_id();
                        },
                        &called});
  pollfd waiting{.fd = runtime.descriptor(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&waiting, 1, 60'000), 1);
  EXPECT_FALSE(called);
  EXPECT_EQ(runtime.poll(), 1u);
  EXPECT_EQ(called, std::this_thread::get_id());
  EXPECT_EQ(::poll(&waiting, 1, 0), 0);
}

TEST(RuntimeTest, AClientMayBeDestroyedByACompletion) {
  std::binary_semaphore gone{0};
  struct Held {
    std::optional<Producer> producer;
    std::binary_semaphore* gone;
  } held{std::nullopt, &gone};
  {
    auto runtime = *Runtime::create();
    held.producer.emplace(std::move(*Producer::create({.client = {.host = runtime.host()}})));
    held.producer->flush(Done<>{[](void* context, Result<>) {
                                  auto& mine = *static_cast<Held*>(context);
                                  mine.producer.reset();
                                  mine.gone->release();
                                },
                                &held});
    gone.acquire();
  }
  EXPECT_FALSE(held.producer);
}

}  // namespace
}  // namespace sluice
