// Admin's two forms, given up and ended, against a broker that takes connections and never answers.
#include "sluice/async_admin.hpp"
#include "sluice/runtime.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <semaphore>
#include <stop_token>
#include <thread>

namespace sluice {
namespace {

namespace net = boost::asio;

class AdminTest : public testing::Test {
 protected:
  enum class On : std::uint8_t { runtime, private_loop };

  Admin admin(On where) {
    ClientOptions options;
    options.brokers = {"127.0.0.1:" + std::to_string(silent_.local_endpoint().port())};
    if (where == On::runtime) options.host = runtime_.host();
    return std::move(*Admin::create(options));
  }

  Runtime runtime_ = *Runtime::create();
  net::io_context io_;
  // The kernel connects; nobody accepts.
  net::ip::tcp::acceptor silent_{io_, {net::ip::make_address("127.0.0.1"), 0}};
};

TEST_F(AdminTest, ABlockingCallIsGivenUpWhenAStopIsRequested) {
  for (const On where : {On::runtime, On::private_loop}) {
    auto mine = admin(where);
    std::stop_source stop;
    std::jthread other([&stop] { stop.request_stop(); });
    const auto deadline = Deadline::in(std::chrono::hours(1)).with(stop.get_token());
    const auto made = mine.create_topic({.name = "orders"}, Commit::yes, deadline);
    ASSERT_FALSE(made);
    EXPECT_TRUE(made.error().is(Errc::cancelled)) << made.error().message();
    // And at once when it was requested before.
    EXPECT_TRUE(mine.groups(deadline).error().is(Errc::cancelled));
  }
}

TEST_F(AdminTest, ACallEndsAtItsDeadline) {
  for (const On where : {On::runtime, On::private_loop}) {
    auto mine = admin(where);
    const auto listed = mine.topics(Deadline::in(std::chrono::milliseconds(1)));
    ASSERT_FALSE(listed);
    EXPECT_TRUE(listed.error().is(Errc::unreachable)) << listed.error().message();
  }
}

TEST_F(AdminTest, ACancelledOperationEndsAtOnce) {
  auto mine = admin(On::runtime);
  net::cancellation_signal cancel;
  std::optional<Result<ClusterInfo>> told;
  auto handler = [&](Result<ClusterInfo> cluster) { told = std::move(cluster); };
  async_cluster(
      mine, Deadline::in(std::chrono::hours(1)),
      net::bind_cancellation_slot(cancel.slot(), net::bind_executor(io_, std::move(handler))));
  net::post(io_, [&] { cancel.emit(net::cancellation_type::terminal); });
  io_.run();
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->error().is(Errc::cancelled));
}

TEST_F(AdminTest, AnOperationIsReportedOnceWhenItsAdminEnds) {
  for (const On where : {On::runtime, On::private_loop}) {
    struct Told {
      int times = 0;
      std::optional<Error> error;
      std::binary_semaphore came{0};
    } told;
    const Done<> done{[](void* context, Result<> result) {
                        auto& mine = *static_cast<Told*>(context);
                        ++mine.times;
                        if (!result) mine.error = result.error();
                        mine.came.release();
                      },
                      &told};
    {
      auto mine = admin(where);
      mine.delete_topic("orders", done, Deadline::in(std::chrono::hours(1)));
    }
    told.came.acquire();
    EXPECT_EQ(told.times, 1);
    EXPECT_TRUE(told.error);
  }
}

}  // namespace
}  // namespace sluice
