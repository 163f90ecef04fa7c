// Queue consumers on a broker inside the process, used through the public headers.
#include "sluice/admin.hpp"
#include "sluice/broker.hpp"
#include "sluice/consumer.hpp"
#include "sluice/producer.hpp"
#include "sluice/queue_consumer.hpp"
#include "sluice/runtime.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class QueueTest : public testing::TestWithParam<Drive> {
 protected:
  void SetUp() override {
    BrokerOptions options;
    options.directory = directory_.string();
    options.drive = GetParam();
    options.shards = 2;
    if (const char* backend = std::getenv("SLUICE_IO_BACKEND"))
      options.settings["sluice.io.backend"] = backend;
    auto broker = Broker::open(std::move(options));
    ASSERT_TRUE(broker) << broker.error().message();
    broker_.emplace(std::move(*broker));
    auto admin = Admin::create(broker_->connect());
    ASSERT_TRUE(admin && admin->create_topic({.name = "jobs", .partitions = 2}));
    configure("share.auto.offset.reset", "earliest");
    producer_.emplace(std::move(*Producer::create({.client = broker_->connect()})));
  }
  void configure(const std::string& name, const std::string& value) {
    auto admin = Admin::create(broker_->connect());
    const auto set = admin->alter_configs({ResourceType::group, "workers"}, {{name, value}});
    ASSERT_TRUE(set) << set.error().message();
  }
  void put(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string value = "job " + std::to_string(made_++);
      ASSERT_TRUE(producer_->send({.topic = "jobs", .value = as_bytes(value)}));
    }
    ASSERT_TRUE(producer_->flush());
  }
  QueueConsumer worker(QueueConsumerOptions options = {}) {
    options.client = broker_->connect();
    options.group_id = "workers";
    return join(std::move(options));
  }
  QueueConsumer join(QueueConsumerOptions options) {
    auto queue = QueueConsumer::create(std::move(options));
    EXPECT_TRUE(queue);
    EXPECT_TRUE(queue->subscribe({"jobs"}));
    return std::move(*queue);
  }
  // The next records that come, none after a while.
  static std::vector<OwnedRecord> take(QueueConsumer& queue, std::chrono::milliseconds wait = 10s) {
    const auto records = queue.poll(wait);
    EXPECT_TRUE(records) << records.error().message();
    std::vector<OwnedRecord> owned;
    if (records)
      for (const auto& record : *records) {
        owned.push_back(copy(record));
        deliveries_ = record.delivery_count;
      }
    return owned;
  }

  TemporaryDirectory directory_;
  std::optional<Broker> broker_;
  std::optional<Producer> producer_;
  int made_ = 0;
  inline static std::int16_t deliveries_ = 0;
};

TEST_P(QueueTest, ItsGroupIsListedAsAShareGroup) {
  put(1);
  auto queue = worker();
  ASSERT_FALSE(take(queue).empty());
  auto admin = Admin::create(broker_->connect());
  const auto groups = admin->groups();
  ASSERT_TRUE(groups && groups->size() == 1);
  EXPECT_EQ(groups->front().id, "workers");
  EXPECT_EQ(groups->front().type, "share");
}

TEST_P(QueueTest, WhatIsAcceptedIsNotGivenAgain) {
  put(10);
  {
    auto queue = worker();
    std::set<std::string> values;
    while (values.size() < 10) {
      const auto records = queue.poll(10s);
      ASSERT_TRUE(records && !records->empty());
      for (const auto& record : *records) {
        EXPECT_EQ(record.delivery_count, 1);
        values.emplace(as_text(*record.value));
      }
      EXPECT_TRUE(queue.accept(*records));
      EXPECT_FALSE(queue.accept(*records));  // a second time
    }
    const auto flushed = queue.flush();
    ASSERT_TRUE(flushed) << flushed.error().message();
    for (const auto& [where, outcome] : *flushed) EXPECT_TRUE(outcome) << where.to_string();
    EXPECT_FALSE(flushed->empty());
    EXPECT_TRUE(queue.close());
  }
  put(1);
  auto next = worker();
  const auto late = take(next);
  ASSERT_EQ(late.size(), 1u);
  EXPECT_EQ(late.front().value, "job 10");
}

TEST_P(QueueTest, AReleasedRecordComesBackAndARejectedOneDoesNot) {
  put(1);
  auto queue = worker();
  auto got = take(queue);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_TRUE(queue.release(got.front()));
  got = take(queue);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(deliveries_, 2);
  EXPECT_TRUE(queue.reject(got.front()));
  EXPECT_TRUE(take(queue, 300ms).empty());
  const auto flushed = queue.flush();
  ASSERT_TRUE(flushed);
  EXPECT_EQ(flushed->size(), 1u);
}

TEST_P(QueueTest, ARecordThatIsReleasedWithADelayDoesNotComeBefore) {
  put(1);
  auto queue = worker();
  const auto got = take(queue);
  ASSERT_EQ(got.size(), 1u);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(queue.release(got.front(), 400ms));
  EXPECT_EQ(take(queue).size(), 1u);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 400ms);
  EXPECT_EQ(deliveries_, 2);
}

TEST_P(QueueTest, ARejectedRecordIsADeadLetterWithWhatTheHandlerSaid) {
  auto admin = Admin::create(broker_->connect());
  ASSERT_TRUE(admin &&
              admin->create_topic({.name = "dlq.jobs",
                                   .partitions = 1,
                                   .configs = {{"errors.deadletterqueue.group.enable", "true"}}}));
  configure("errors.deadletterqueue.topic.name", "dlq.jobs");
  put(1);
  auto queue = worker();
  const auto got = take(queue);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_TRUE(queue.reject(got.front(), "card declined"));
  EXPECT_TRUE(queue.flush());
  auto reader =
      Consumer::create({.client = broker_->connect(), .offset_reset = OffsetReset::earliest});
  ASSERT_TRUE(reader && reader->assign({{"dlq.jobs", 0}}));
  std::map<std::string, std::string> headers;
  for (int polls = 0; headers.empty() && polls < 10; ++polls) {
    const auto letters = reader->poll(1s);
    ASSERT_TRUE(letters);
    for (const auto& letter : *letters) {
      EXPECT_EQ(as_text(*letter.value), "job 0");
      for (const Header& header : letter.headers)
        headers.emplace(header.key, as_text(*header.value));
    }
  }
  EXPECT_EQ(headers["__dlq.errors.message"], "card declined");
  EXPECT_EQ(headers["__dlq.errors.reason"], "rejected");
  EXPECT_EQ(headers["__dlq.errors.group"], "workers");
}

TEST_P(QueueTest, WhatIsHeldGoesToOthersWhenItsHolderEnds) {
  put(3);
  {
    auto lazy = worker();
    ASSERT_FALSE(take(lazy).empty());
    EXPECT_TRUE(lazy.close());
  }
  {
    auto gone = worker();
    ASSERT_FALSE(take(gone).empty());
  }
  auto queue = worker();
  std::size_t count = 0;
  while (count < 3) {
    const auto got = take(queue);
    ASSERT_FALSE(got.empty());
    count += got.size();
  }
  EXPECT_EQ(deliveries_, 3);
}

TEST_P(QueueTest, ARunHandlesEachRecordOnceWithSoManyAtATime) {
  put(200);
  auto queue = worker({.fetch_records = 20});
  std::mutex mutex;
  std::multiset<std::string> seen;
  int running = 0;
  int most = 0;
  std::stop_source stop;
  const auto handler = [&](const QueueRecord& record) {
    {
      const std::lock_guard lock(mutex);
      most = std::max(most, ++running);
    }
    std::this_thread::sleep_for(1ms);
    const std::lock_guard lock(mutex);
    --running;
    seen.emplace(as_text(*record.value));
    if (seen.size() == 200) stop.request_stop();
    return Disposition::accept();
  };
  const auto totals =
      queue.run(handler, {.concurrency = 4}, Deadline::in(30s).with(stop.get_token()));
  ASSERT_TRUE(totals) << totals.error().message();
  EXPECT_EQ(totals->accepted, 200u);
  EXPECT_EQ(totals->unconfirmed, 0u);
  EXPECT_LE(most, 4);
  EXPECT_GT(most, 1);
  EXPECT_EQ((std::set<std::string>(seen.begin(), seen.end()).size()), 200u);
  EXPECT_TRUE(queue.close());
  auto rest = worker();
  EXPECT_TRUE(take(rest, 300ms).empty());
}

TEST_P(QueueTest, ARunDrains) {
  put(4);
  auto queue = worker();
  std::atomic<int> begun = 0;
  std::stop_source stop;
  const auto handler = [&](const QueueRecord& record) {
    EXPECT_EQ(record.delivery_count, 1);
    if (++begun == 2) stop.request_stop();
    std::this_thread::sleep_for(200ms);
    return Disposition::accept();
  };
  const auto totals =
      queue.run(handler, {.concurrency = 2}, Deadline::in(30s).with(stop.get_token()));
  ASSERT_TRUE(totals) << totals.error().message();
  EXPECT_EQ(begun, 2);
  EXPECT_EQ(totals->accepted, 2u);
  EXPECT_EQ(totals->unconfirmed, 0u);
  std::size_t left = 0;  // those that it did not begin come at once
  while (left < 2) {
    const auto got = take(queue, 500ms);
    ASSERT_FALSE(got.empty());
    left += got.size();
  }
}

TEST_P(QueueTest, AHandlerThatThrowsOrForgetsReleases) {
  put(1);
  auto queue = worker();
  std::atomic<int> calls = 0;
  std::stop_source stop;
  const auto handler = [&](const QueueRecord& record) {
    EXPECT_EQ(record.delivery_count, ++calls);
    if (calls == 1) throw std::runtime_error("no");
    stop.request_stop();
    return Disposition::reject();
  };
  const auto deadline = Deadline::in(30s).with(stop.get_token());
  auto totals = queue.run(handler, {}, deadline);
  ASSERT_TRUE(totals) << totals.error().message();
  EXPECT_EQ(totals->released, 1u);
  EXPECT_EQ(totals->rejected, 1u);

  put(1);
  int times = 0;
  std::stop_source enough;
  const auto careless = [&](const QueueRecord&, Settlement settle) {
    if (++times == 1) return;  // without a word
    settle(Disposition::accept());
    enough.request_stop();
  };
  totals = queue.run_async(careless, {}, Deadline::in(30s).with(enough.get_token()));
  ASSERT_TRUE(totals);
  EXPECT_EQ(totals->released, 1u);
  EXPECT_EQ(totals->accepted, 1u);
}

// A broker without threads would be run by nobody meanwhile.
class ThreadedQueueTest : public QueueTest {};
TEST_P(ThreadedQueueTest, OnARuntimeAnyThreadMayCall) {
  put(20);
  auto runtime = Runtime::create();
  ASSERT_TRUE(runtime);
  QueueConsumerOptions options;
  options.client = broker_->connect({.host = runtime->host()});
  options.group_id = "workers";
  auto queue = join(std::move(options));
  std::size_t count = 0;
  while (count < 20) {
    const auto records = queue.poll(10s);
    ASSERT_TRUE(records && !records->empty());
    count += records->size();
    std::jthread other([&] { EXPECT_TRUE(queue.accept(*records)); });
  }
  const auto flushed = queue.flush();
  ASSERT_TRUE(flushed);
  for (const auto& [where, outcome] : *flushed) EXPECT_TRUE(outcome);
  EXPECT_TRUE(queue.close());
  EXPECT_FALSE(queue.poll(1s));
}

TEST_P(QueueTest, ARecordWithAnIdIsStoredOnce) {
  auto admin = Admin::create(broker_->connect());
  const NewTopic topic{
      .name = "once", .partitions = 1, .configs = {{"sluice.dedup.window.ms", "60000"}}};
  ASSERT_TRUE(admin && admin->create_topic(topic));
  const auto send = [&](std::string_view id) -> Offset {
    const auto sent = producer_->send({.topic = "once", .message_id = id});
    EXPECT_TRUE(sent);
    const auto done = producer_->wait(*sent);
    EXPECT_TRUE(done) << done.error().message();
    return done ? done->offset : -1;
  };
  const Offset first = send("a");
  const Offset second = send("b");
  EXPECT_EQ(send("a"), first);
  EXPECT_EQ(send("b"), second);
  EXPECT_GT(send("c"), second);
}

TEST_P(QueueTest, BadArgumentsAreErrors) {
  EXPECT_FALSE(QueueConsumer::create({}));
  EXPECT_FALSE(QueueConsumer::create({.group_id = "g", .fetch_records = 0}));
  auto queue = worker();
  EXPECT_TRUE(queue.subscribe({}).error().is(Errc::invalid_argument));
  EXPECT_TRUE(queue.accept({"jobs", 0, 7}).error().is(ErrorCode::invalid_record_state));
  EXPECT_TRUE(queue.release({"jobs", 0, 7}, -1ms).error().is(Errc::invalid_argument));
  EXPECT_FALSE(queue.run({}, {}, Deadline::in(1s)));
  EXPECT_FALSE(queue.run([](const QueueRecord&) { return Disposition::accept(); },
                         {.concurrency = 0}, Deadline::in(1s)));
}

INSTANTIATE_TEST_SUITE_P(Drives, QueueTest, testing::Values(Drive::caller, Drive::threads),
                         [](const auto& info) {
                           return info.param == Drive::caller ? "caller" : "threads";
                         });
INSTANTIATE_TEST_SUITE_P(Drives, ThreadedQueueTest, testing::Values(Drive::threads));

}  // namespace
}  // namespace sluice
