// Clients on a thread of their own (sluice::Runtime) and a broker inside the process: groups, calls
// of several threads, members that go in the middle of a round.
#include "sluice/runtime.hpp"

#include "sluice/admin.hpp"
#include "sluice/broker.hpp"
#include "sluice/consumer.hpp"
#include "sluice/producer.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class RuntimeTest : public testing::TestWithParam<Drive> {
 protected:
  RuntimeTest() {
    BrokerOptions options;
    options.directory = directory_.string();
    options.drive = GetParam();
    options.shards = 2;
    broker_.emplace(std::move(*Broker::open(options)));
  }

  ClientOptions on_runtime() { return broker_->connect({.host = runtime_.host()}); }
  // The threads call in; whoever owns the broker runs it meanwhile.
  void run(std::vector<std::jthread> threads, const std::atomic<int>& running) {
    while (running > 0) broker_->run_for(1ms);
    threads.clear();
  }
  template <class Function>
  std::jthread thread(std::atomic<int>& running, Function work) {
    ++running;
    return std::jthread([&running, work = std::move(work)] {
      work();
      --running;
    });
  }

  TemporaryDirectory directory_;
  std::optional<Broker> broker_;
  Runtime runtime_ = *Runtime::create();
};

TEST_P(RuntimeTest, AGroupReadsEveryRecordThoughAMemberLeaves) {
  constexpr std::size_t records = 600;
  std::mutex mutex;
  std::set<std::string> seen;
  std::atomic<std::size_t> count{0};
  std::atomic<int> running{0};
  std::vector<std::jthread> threads;
  {
    auto admin = *Admin::create(broker_->connect());
    ASSERT_TRUE(admin.create_topic({.name = "orders", .partitions = 6}));
  }
  for (int number = 0; number < 3; ++number) {
    threads.push_back(thread(running, [&, number] {
      auto consumer = *Consumer::create({.client = on_runtime(),
                                         .group_id = "mail",
                                         .assignors = {Assignor::cooperative_sticky},
                                         .offset_reset = OffsetReset::earliest});
      EXPECT_TRUE(consumer.subscribe({"orders"}));
      while (count < records) {
        const auto polled = consumer.poll(20ms);
        EXPECT_TRUE(polled) << polled.error().message();
        const std::lock_guard lock(mutex);
        for (const auto& record : *polled) seen.emplace(as_text(*record.value));
        count = seen.size();
        if (number == 0 && count > records / 3) break;  // and leaves the rest to the others
      }
      EXPECT_TRUE(consumer.close());
    }));
  }
  auto producer = *Producer::create({.client = on_runtime()});
  for (const std::string who : {"a", "b"}) {
    threads.push_back(thread(running, [&, who] {
      for (std::size_t i = 0; i < records / 2; ++i) {
        const std::string value = who + std::to_string(i);
        const auto sent =
            producer.send({.topic = "orders", .key = as_bytes(value), .value = as_bytes(value)});
        EXPECT_TRUE(sent) << sent.error().message();
      }
      EXPECT_TRUE(producer.flush());
    }));
  }
  run(std::move(threads), running);
  EXPECT_EQ(seen.size(), records);
}

TEST_P(RuntimeTest, OneAdminServesSeveralThreads) {
  auto admin = *Admin::create(on_runtime());
  std::atomic<int> running{0};
  std::vector<std::jthread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.push_back(thread(running, [&, number] {
      const std::string name = "topic-" + std::to_string(number);
      const auto made = admin.create_topic({.name = name, .partitions = 2});
      EXPECT_TRUE(made) << made.error().message();
      const auto topics = admin.topics({name});
      EXPECT_TRUE(topics && topics->front().partitions.size() == 2);
      for (int i = 0; i < 20; ++i) {
        const auto cluster = admin.cluster();
        EXPECT_TRUE(cluster && cluster->brokers.size() == 1);
        const auto ends = admin.offsets({{{name, 1}, -1}});
        EXPECT_TRUE(ends && ends->size() == 1);
        EXPECT_TRUE(admin.sizes());
      }
    }));
  }
  run(std::move(threads), running);
}

TEST_P(RuntimeTest, APatternPicksUpATopicThatIsMadeLater) {
  auto admin = *Admin::create(broker_->connect());
  ASSERT_TRUE(admin.create_topic({.name = "orders-eu", .partitions = 1}));
  ASSERT_TRUE(admin.create_topic({.name = "reorders-eu", .partitions = 1}));
  ClientOptions client = on_runtime();
  client.metadata_max_age = 10ms;
  std::atomic<bool> first_seen{false};
  std::atomic<int> running{0};
  std::vector<std::jthread> threads;
  std::vector<std::string> topics;
  threads.push_back(thread(running, [&] {
    auto consumer = *Consumer::create(
        {.client = client, .group_id = "all", .offset_reset = OffsetReset::earliest});
    EXPECT_TRUE(consumer.subscribe_pattern("orders-.*"));
    while (topics.size() < 2) {
      const auto polled = consumer.poll(20ms);
      EXPECT_TRUE(polled) << polled.error().message();
      for (const auto& record : *polled) topics.emplace_back(record.topic);
      first_seen = !topics.empty();
    }
  }));
  auto producer = *Producer::create({.client = broker_->connect()});
  const auto put = [&](std::string_view topic) {
    ASSERT_TRUE(producer.send({.topic = topic, .value = as_bytes("placed")}));
    ASSERT_TRUE(producer.flush());
  };
  put("orders-eu");
  while (!first_seen) broker_->run_for(1ms);
  ASSERT_TRUE(admin.create_topic({.name = "orders-us", .partitions = 1}));
  put("reorders-eu");
  put("orders-us");
  run(std::move(threads), running);
  EXPECT_THAT(topics, ElementsAre("orders-eu", "orders-us"));
}

INSTANTIATE_TEST_SUITE_P(Drive, RuntimeTest, testing::Values(Drive::caller, Drive::threads),
                         [](const auto& info) {
                           return info.param == Drive::caller ? "Caller" : "Threads";
                         });

// A round ends when the last member has joined, so an answer may be minutes away. What else a
// member tells its coordinator does not wait behind it, as it would on the same connection.
TEST(RebalanceTest, AMemberThatGoesInTheMiddleOfARoundSaysSo) {
  const TemporaryDirectory directory;
  auto broker = std::move(*Broker::open(
      {.directory = directory.string(), .drive = Drive::threads, .listeners = {"127.0.0.1:0"}}));
  auto admin = *Admin::create(broker.connect());
  ASSERT_TRUE(admin.create_topic({.name = "orders", .partitions = 2}));
  ConsumerOptions options{.client = broker.connect(),
                          .group_id = "mail",
                          .assignors = {Assignor::cooperative_sticky},
                          .session_timeout = 60s,
                          .rebalance_timeout = 60s};
  // This one joins and then does nothing, so that the next round cannot end.
  auto idle = *Consumer::create(options);
  ASSERT_TRUE(idle.subscribe({"orders"}));
  while (idle.assignment().size() < 2) ASSERT_TRUE(idle.poll(1ms));

  auto runtime = *Runtime::create();
  options.client = {.brokers = broker.addresses(), .host = runtime.host()};
  auto joining = *Consumer::create(options);
  ASSERT_TRUE(joining.subscribe({"orders"}));
  const auto members = [&] {
    const auto group = admin.describe_group("mail");
    return group && group->state == "PreparingRebalance" ? group->members.size() : 0;
  };
  while (members() < 2) std::this_thread::yield();
  EXPECT_TRUE(joining.close());
  const auto group = admin.describe_group("mail");
  ASSERT_TRUE(group);
  EXPECT_EQ(group->members.size(), 1u);
}

}  // namespace
}  // namespace sluice
