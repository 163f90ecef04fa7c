// A broker inside the process that listens, and peers that go away while it answers them:
// sendfile(2) raises SIGPIPE then, which ends a program that does not ignore it.
#include "protocol/messages/fetch.hpp"
#include "sluice/admin.hpp"
#include "sluice/broker.hpp"
#include "sluice/consumer.hpp"
#include "sluice/producer.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/wire_client.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <string>
#include <thread>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr int records = 64;
constexpr std::size_t record_size = 100'000;

class ListenerTest : public testing::TestWithParam<Drive> {
 protected:
  Broker open() {
    BrokerOptions options;
    options.directory = directory_.string();
    options.drive = GetParam();
    options.listeners = {"127.0.0.1:0"};
    options.settings["log.segment.bytes"] = "1048576";
    return std::move(*Broker::open(options));
  }
  // Closed segments, which are sent by sendfile.
  void fill() {
    Broker broker = open();
    auto admin = *Admin::create(broker.connect());
    ASSERT_TRUE(admin.create_topic({.name = "orders", .partitions = 1}));
    auto producer = *Producer::create({.client = broker.connect()});
    const std::vector<std::byte> value(record_size);
    for (int i = 0; i < records; ++i)
      ASSERT_TRUE(producer.send({.topic = "orders", .value = Bytes(value)}));
    ASSERT_TRUE(producer.flush());
  }
  // All records, through a socket.
  void read_all(Broker& broker) {
    std::atomic<bool> done{false};
    std::jthread outside([&, client = ClientOptions{.brokers = broker.addresses()}] {
      auto consumer = *Consumer::create({.client = client, .offset_reset = OffsetReset::earliest});
      EXPECT_TRUE(consumer.assign({{"orders", 0}}));
      std::size_t count = 0;
      for (int polls = 0; count < records && polls < 500; ++polls) {
        const auto polled = consumer.poll(100ms);
        EXPECT_TRUE(polled) << polled.error().message();
        if (polled) count += polled->size();
      }
      EXPECT_EQ(count, std::size_t{records});
      done = true;
    });
    while (!done) broker.run_for(1ms);
  }

  TemporaryDirectory directory_;
};

protocol::FetchRequest everything() {
  protocol::FetchRequest request;
  request.max_bytes = 1 << 30;
  auto& topic = request.topics.emplace_back();
  topic.topic = "orders";
  auto& partition = topic.partitions.emplace_back();
  partition.fetch_offset = 0;
  partition.partition_max_bytes = 1 << 30;
  return request;
}

TEST_P(ListenerTest, APeerThatGoesAwayDoesNotEndTheProgram) {
  struct sigaction before{};
  struct sigaction fatal{};
  fatal.sa_handler = SIG_DFL;
  ASSERT_EQ(sigaction(SIGPIPE, &fatal, &before), 0);
  fill();
  Broker broker = open();
  read_all(broker);  // what was found intact once goes by sendfile
  const std::string& address = broker.addresses().front();
  const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  for (int peer = 0; peer < 50; ++peer) {
    {
      WireClient gone(port);
      gone.send(everything(), 11);
    }
    broker.run_for(1ms);
  }
  read_all(broker);
  sigaction(SIGPIPE, &before, nullptr);
}

INSTANTIATE_TEST_SUITE_P(Drive, ListenerTest, testing::Values(Drive::caller, Drive::threads),
                         [](const auto& info) {
                           return info.param == Drive::caller ? "Caller" : "Threads";
                         });

}  // namespace
}  // namespace sluice
