// A broker inside the process, used through the public headers.
#include "sluice/broker.hpp"

#include "sluice/admin.hpp"
#include "sluice/consumer.hpp"
#include "sluice/producer.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

class EmbeddedTest : public testing::TestWithParam<Drive> {
 protected:
  BrokerOptions options() const {
    BrokerOptions options;
    options.directory = directory_.string();
    options.drive = GetParam();
    options.shards = 2;
    if (const char* backend = std::getenv("SLUICE_IO_BACKEND"))
      options.settings["sluice.io.backend"] = backend;
    return options;
  }
  Broker open() { return open(options()); }
  Broker open(BrokerOptions wanted) {
    auto broker = Broker::open(std::move(wanted));
    EXPECT_TRUE(broker) << broker.error().message();
    return std::move(*broker);
  }
  void create_topic(Broker& broker, const std::string& name, std::int32_t partitions) {
    auto admin = Admin::create(broker.connect());
    ASSERT_TRUE(admin);
    const auto created = admin->create_topic({.name = name, .partitions = partitions});
    ASSERT_TRUE(created) << created.error().message();
  }
  Consumer reader(Broker& broker, std::vector<TopicPartition> partitions) {
    auto consumer =
        Consumer::create({.client = broker.connect(), .offset_reset = OffsetReset::earliest});
    EXPECT_TRUE(consumer);
    const auto assigned = consumer->assign(std::move(partitions));
    EXPECT_TRUE(assigned) << assigned.error().message();
    return std::move(*consumer);
  }

  TemporaryDirectory directory_;
};

Result<RecordMetadata> put(Producer& producer, std::string_view topic, std::string_view value) {
  auto sent = producer.send({.topic = topic, .value = as_bytes(value)});
  if (!sent) return std::unexpected(sent.error());
  return producer.wait(*sent);
}

std::vector<std::string> take(Consumer& consumer, std::size_t count) {
  std::vector<std::string> values;
  for (int polls = 0; values.size() < count && polls < 100; ++polls) {
    const auto records = consumer.poll(std::chrono::milliseconds(1000));
    EXPECT_TRUE(records) << records.error().message();
    if (!records) break;
    for (const auto& record : *records) values.emplace_back(as_text(*record.value));
  }
  return values;
}

TEST_P(EmbeddedTest, WhatIsProducedIsConsumedAndOutlivesTheBroker) {
  {
    Broker broker = open();
    create_topic(broker, "orders", 1);
    auto producer = Producer::create({.client = broker.connect()});
    ASSERT_TRUE(producer);
    const auto placed = put(*producer, "orders", "placed");
    ASSERT_TRUE(placed) << placed.error().message();
    EXPECT_EQ(placed->offset, 0);
    const auto paid = put(*producer, "orders", "paid");
    ASSERT_TRUE(paid);
    EXPECT_EQ(paid->offset, 1);
    Consumer consumer = reader(broker, {{"orders", 0}});
    EXPECT_THAT(take(consumer, 2), ElementsAre("placed", "paid"));
    EXPECT_TRUE(consumer.close());
    EXPECT_TRUE(producer->close());
    EXPECT_TRUE(broker.close());
  }
  Broker broker = open();
  Consumer consumer = reader(broker, {{"orders", 0}});
  EXPECT_THAT(take(consumer, 2), ElementsAre("placed", "paid"));
}

TEST_P(EmbeddedTest, AGroupRemembersWhereItWas) {
  Broker broker = open();
  create_topic(broker, "orders", 3);
  auto producer = Producer::create({.client = broker.connect()});
  ASSERT_TRUE(producer);
  for (int i = 0; i < 30; ++i)
    ASSERT_TRUE(producer->send({.topic = "orders", .partition = i % 3, .value = as_bytes("x")}));
  ASSERT_TRUE(producer->flush());
  const ConsumerOptions group{
      .client = broker.connect(), .group_id = "mail", .offset_reset = OffsetReset::earliest};
  {
    auto consumer = Consumer::create(group);
    ASSERT_TRUE(consumer && consumer->subscribe({"orders"}));
    EXPECT_EQ(take(*consumer, 30).size(), 30u);
    EXPECT_TRUE(consumer->close());
  }
  ASSERT_TRUE(put(*producer, "orders", "late"));
  auto consumer = Consumer::create(group);
  ASSERT_TRUE(consumer && consumer->subscribe({"orders"}));
  EXPECT_THAT(take(*consumer, 1), ElementsAre("late"));
  EXPECT_TRUE(consumer->close());
}

// Larger than the pieces in which the log keeps what was written lately.
TEST_P(EmbeddedTest, BatchesThatLieAcrossPiecesOfMemoryAreWhole) {
  Broker broker = open();
  create_topic(broker, "orders", 1);
  auto producer = Producer::create({.client = broker.connect()});
  ASSERT_TRUE(producer);
  constexpr int count = 3000;
  std::string value(3001, 'v');
  for (int i = 0; i < count; ++i) {
    value.replace(0, 4, std::to_string(1000 + i));
    ASSERT_TRUE(producer->send({.topic = "orders", .value = as_bytes(value)}));
  }
  ASSERT_TRUE(producer->flush());
  Consumer consumer = reader(broker, {{"orders", 0}});
  const auto values = take(consumer, count);
  ASSERT_EQ(values.size(), static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i)
    ASSERT_EQ(values[static_cast<std::size_t>(i)].substr(0, 4), std::to_string(1000 + i));
}

TEST_P(EmbeddedTest, RecordsStayReadableAfterTheBrokerIsGone) {
  std::optional<Broker> broker = open();
  create_topic(*broker, "orders", 1);
  auto producer = Producer::create({.client = broker->connect()});
  ASSERT_TRUE(producer && put(*producer, "orders", "placed"));
  Consumer consumer = reader(*broker, {{"orders", 0}});
  const auto records = consumer.poll(std::chrono::seconds(5));
  ASSERT_TRUE(records && records->size() == 1);
  broker.reset();
  EXPECT_EQ(as_text(*records->front().value), "placed");
}

TEST_P(EmbeddedTest, ClientsThatOutliveTheBrokerAreToldSo) {
  std::optional<Broker> broker = open();
  create_topic(*broker, "orders", 1);
  auto producer = Producer::create(
      {.client = broker->connect(), .delivery_timeout = std::chrono::milliseconds(300)});
  ASSERT_TRUE(producer && put(*producer, "orders", "placed"));
  Consumer consumer = reader(*broker, {{"orders", 0}});
  EXPECT_EQ(take(consumer, 1).size(), 1u);
  broker.reset();
  EXPECT_FALSE(put(*producer, "orders", "too late"));
  auto admin = Admin::create({});
  const auto deadline = Deadline::in(std::chrono::milliseconds(300));
  EXPECT_FALSE(consumer.beginning_offsets({{"orders", 0}}, deadline));
}

TEST_P(EmbeddedTest, ADirectoryThatIsHeldSaysByWhom) {
  Broker broker = open();
  const auto second = Broker::open(options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, std::errc::device_or_resource_busy);
  EXPECT_THAT(second.error().message(), HasSubstr("this process (pid " + std::to_string(getpid())));
}

TEST_P(EmbeddedTest, BadOptionsAreErrors) {
  const std::vector<std::pair<std::string, std::string>> bad{
      {"no.such.option", "1"}, {"num.partitions", "many"}, {"listeners", "nowhere:x"}};
  for (const auto& [name, text] : bad) {
    BrokerOptions wanted = options();
    wanted.settings[name] = text;
    const auto opened = Broker::open(wanted);
    ASSERT_FALSE(opened) << name;
    EXPECT_EQ(opened.error().code, std::errc::invalid_argument) << opened.error().message();
  }
  BrokerOptions nowhere = options();
  nowhere.directory = "";
  EXPECT_FALSE(Broker::open(nowhere));
  nowhere.directory = "/proc/none/here";
  EXPECT_FALSE(Broker::open(nowhere));
}

TEST_P(EmbeddedTest, TwoBrokersLiveInOneProcess) {
  TemporaryDirectory other;
  Broker first = open();
  BrokerOptions wanted = options();
  wanted.directory = other.string();
  Broker second = open(wanted);
  for (Broker* broker : {&first, &second}) create_topic(*broker, "orders", 1);
  auto to_first = Producer::create({.client = first.connect()});
  auto to_second = Producer::create({.client = second.connect()});
  ASSERT_TRUE(put(*to_first, "orders", "one"));
  ASSERT_TRUE(put(*to_second, "orders", "two"));
  Consumer from_first = reader(first, {{"orders", 0}});
  Consumer from_second = reader(second, {{"orders", 0}});
  EXPECT_THAT(take(from_first, 1), ElementsAre("one"));
  EXPECT_THAT(take(from_second, 1), ElementsAre("two"));
  EXPECT_NE(first.cluster_id(), second.cluster_id());
}

// Under AddressSanitizer the end of the test tells of memory.
TEST_P(EmbeddedTest, AThousandOpeningsLeaveNothingBehind) {
  {
    Broker broker = open();
  }
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 1000; ++i) {
    Broker broker = open();
    if (i % 100 != 0) continue;
    auto producer = Producer::create({.client = broker.connect()});
    ASSERT_TRUE(producer && put(*producer, "orders", "placed"));
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_P(EmbeddedTest, OtherClientsLookInWhereItListens) {
  BrokerOptions wanted = options();
  wanted.listeners = {"127.0.0.1:0"};
  Broker broker = open(wanted);
  ASSERT_EQ(broker.addresses().size(), 1u);
  create_topic(broker, "orders", 1);
  std::atomic<bool> done{false};
  std::thread outside([&] {
    auto producer = Producer::create({.client = {.brokers = broker.addresses()}});
    EXPECT_TRUE(producer);
    const auto placed = put(*producer, "orders", "placed");
    EXPECT_TRUE(placed) << placed.error().message();
    done = true;
  });
  while (!done) broker.run_for(std::chrono::milliseconds(1));
  outside.join();
  Consumer consumer = reader(broker, {{"orders", 0}});
  EXPECT_THAT(take(consumer, 1), ElementsAre("placed"));
}

TEST_P(EmbeddedTest, CallsOfOtherThreadsReachIt) {
  Broker broker = open();
  create_topic(broker, "orders", 1);
  std::atomic<bool> done{false};
  std::thread other([&, client = broker.connect()] {
    auto producer = Producer::create({.client = client});
    EXPECT_TRUE(producer);
    for (int i = 0; i < 10; ++i) {
      const auto placed = put(*producer, "orders", "placed");
      EXPECT_TRUE(placed) << placed.error().message();
    }
    EXPECT_TRUE(producer->close());
    done = true;
  });
  while (!done) broker.run_for(std::chrono::milliseconds(1));
  other.join();
  Consumer consumer = reader(broker, {{"orders", 0}});
  EXPECT_EQ(take(consumer, 10).size(), 10u);
}

class MemoryLogger final : public Logger {
 public:
  bool enabled(LogLevel) const override { return true; }
  void write(LogLevel, std::string_view message, Fields) override {
    const std::lock_guard lock{mutex_};
    lines_.emplace_back(message);
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock{mutex_};
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

class WallClock final : public Clock {
 public:
  TimePoint now() const override { return {}; }
  std::int64_t wall_ms() const override { return 1'700'000'000'000; }
};

TEST_P(EmbeddedTest, LoggerAndClockAreTheHosts) {
  const auto logger = std::make_shared<MemoryLogger>();
  BrokerOptions wanted = options();
  wanted.logger = logger;
  wanted.clock = std::make_shared<WallClock>();
  wanted.settings["log.message.timestamp.type"] = "LogAppendTime";
  Broker broker = open(wanted);
  EXPECT_THAT(logger->lines(), testing::Contains("broker started"));
  create_topic(broker, "orders", 1);
  auto producer = Producer::create({.client = broker.connect()});
  const auto placed = put(*producer, "orders", "placed");
  ASSERT_TRUE(placed);
  EXPECT_EQ(placed->timestamp_ms, 1'700'000'000'000);
}

TEST_P(EmbeddedTest, SignalsAreTheHosts) {
  struct sigaction before{};
  ASSERT_EQ(sigaction(SIGPIPE, nullptr, &before), 0);
  sigset_t mask_before;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask_before);
  Broker broker = open();
  struct sigaction after{};
  ASSERT_EQ(sigaction(SIGPIPE, nullptr, &after), 0);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
  sigset_t mask_after;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask_after);
  for (int number = 1; number < 32; ++number)
    EXPECT_EQ(sigismember(&mask_before, number), sigismember(&mask_after, number)) << number;
}

INSTANTIATE_TEST_SUITE_P(Drive, EmbeddedTest, testing::Values(Drive::caller, Drive::threads),
                         [](const auto& info) {
                           return info.param == Drive::caller ? "Caller" : "Threads";
                         });

}  // namespace
}  // namespace sluice
