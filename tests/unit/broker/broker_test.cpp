// The whole broker in this process, over real sockets and a real directory.
#include "broker/broker.hpp"

#include "broker/metrics/observer.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/messages/all.hpp"
#include "tests/support/must.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/wire_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace sluice::broker {
namespace {

using protocol::ErrorCode;
using testing::HasSubstr;

class BrokerTest : public testing::Test {
 protected:
  Options options() const {
    Options options;
    options.log_dir = directory_.string();
    options.listeners = {"PLAINTEXT://127.0.0.1:0"};
    options.shards = 2;
    options.group_initial_rebalance_delay_ms = 0;
    options.log_retention_ms = -1;  // the records here are of 2023
    if (const char* backend = std::getenv("SLUICE_IO_BACKEND")) options.io_backend = backend;
    return options;
  }
  std::unique_ptr<Broker> start() {
    auto broker = Broker::start(options(), clock_, logger_);
    EXPECT_TRUE(broker) << broker.error().message();
    return broker ? std::move(*broker) : nullptr;
  }

  TemporaryDirectory directory_;
  SystemClock clock_;
  NullLogger logger_;
};

std::vector<std::byte> one_record(std::string_view value) {
  protocol::BatchBuilder builder;
  protocol::NewRecord record;
  record.timestamp = 1'700'000'000'000;
  record.value = as_bytes(value);
  builder.append(record);
  return builder.finish();
}

protocol::ProduceRequest produce_request(std::string_view topic, Bytes batch,
                                         std::int16_t acks = -1) {
  protocol::ProduceRequest request;
  request.acks = acks;
  request.timeout_ms = 10'000;
  request.topic_data.push_back({topic, {}, {{0, protocol::Records{batch}}}});
  return request;
}

protocol::FetchRequest fetch_request(std::string_view topic, Offset offset, std::int32_t wait_ms) {
  protocol::FetchRequest request;
  request.max_wait_ms = wait_ms;
  request.min_bytes = 1;
  request.max_bytes = 1 << 20;
  protocol::FetchRequest::Partition partition;
  partition.fetch_offset = offset;
  partition.partition_max_bytes = 1 << 20;
  request.topics.push_back({topic, {}, {partition}});
  return request;
}

// Made by asking for it: auto.create.topics.enable.
void create_topic(WireClient& client, std::string_view topic) {
  protocol::MetadataRequest request;
  request.topics.emplace();
  request.topics->emplace_back().name = topic;
  request.allow_auto_topic_creation = true;
  const auto response = client.call<protocol::MetadataResponse>(request, 9);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->topics.front().error_code, ErrorCode::none);
}

TEST_F(BrokerTest, TellsTheRealPortAndAnswersApiVersions) {
  const auto broker = start();
  ASSERT_EQ(broker->addresses().size(), 1u);
  WireClient client{broker->addresses().front().port};
  const auto response =
      client.call<protocol::ApiVersionsResponse>(protocol::ApiVersionsRequest{}, 0);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->error_code, ErrorCode::none);
  for (const auto& api : response->api_keys) {
    EXPECT_NE(api.api_key, 24) << "transactions are not served";
    if (api.api_key == 0) {
      EXPECT_EQ(api.min_version, 0) << "librdkafka 2.0 looks for it";
      EXPECT_EQ(api.max_version, 13);
    }
  }
}

TEST_F(BrokerTest, ASecondOpenerIsToldWhoHoldsTheDirectory) {
  const auto broker = start();
  const auto second = Broker::start(options(), clock_, logger_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr(directory_.string()));
  EXPECT_THAT(second.error().message(), HasSubstr(std::to_string(::getpid())));
}

TEST_F(BrokerTest, AnAddressInUseIsOneClearError) {
  const auto broker = start();
  TemporaryDirectory other;
  Options taken = options();
  taken.log_dir = other.string();
  taken.listeners = {"PLAINTEXT://127.0.0.1:" + std::to_string(broker->addresses().front().port)};
  const auto second = Broker::start(taken, clock_, logger_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("listen on 127.0.0.1"));
}

TEST_F(BrokerTest, PipelinedProduceIsAnsweredInOrderAndOutlivesARestart) {
  constexpr int count = 100;
  auto broker = start();
  {
    WireClient client{broker->addresses().front().port};
    create_topic(client, "orders");
    const auto batch = one_record("placed");
    for (int i = 0; i < count; ++i) client.send(produce_request("orders", batch), 7);
    std::int32_t before = 0;
    for (int i = 0; i < count; ++i) {
      const auto response = client.receive<protocol::ProduceResponse>(7);
      ASSERT_TRUE(response);
      const auto& row = response->responses.front().partition_responses.front();
      EXPECT_EQ(row.error_code, ErrorCode::none);
      EXPECT_EQ(row.base_offset, i);
      EXPECT_GT(client.correlation_id(), before);
      before = client.correlation_id();
    }
  }
  EXPECT_TRUE(broker->stop());
  broker = start();
  WireClient client{broker->addresses().front().port};
  const auto response = client.call<protocol::FetchResponse>(fetch_request("orders", 0, 1000), 11);
  ASSERT_TRUE(response);
  const auto& row = response->responses.front().partitions.front();
  EXPECT_EQ(row.error_code, ErrorCode::none);
  EXPECT_EQ(row.high_watermark, count);
  EXPECT_EQ(row.records->size(), count * one_record("placed").size());
}

TEST_F(BrokerTest, RecordsOutliveAChangeOfTheNumberOfShards) {
  const auto batch = one_record("placed");
  Offset written = 0;
  for (const int shards : {2, 1, 3, 2}) {
    Options changed = options();
    changed.shards = shards;
    auto broker = Broker::start(changed, clock_, logger_);
    ASSERT_TRUE(broker) << broker.error().message();
    WireClient client{(*broker)->addresses().front().port};
    create_topic(client, "orders");
    const auto fetched = client.call<protocol::FetchResponse>(fetch_request("orders", 0, 0), 11);
    ASSERT_TRUE(fetched);
    EXPECT_EQ(fetched->responses.front().partitions.front().high_watermark, written);
    ASSERT_TRUE(client.call<protocol::ProduceResponse>(produce_request("orders", batch), 7));
    ++written;
    EXPECT_TRUE((*broker)->stop());
  }
}

TEST_F(BrokerTest, AParkedFetchIsWokenByAnAppend) {
  const auto broker = start();
  const std::uint16_t port = broker->addresses().front().port;
  WireClient producer{port};
  create_topic(producer, "orders");
  WireClient consumer{port};
  consumer.send(fetch_request("orders", 0, 15'000), 11);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(
      producer.call<protocol::ProduceResponse>(produce_request("orders", one_record("placed")), 7));
  const auto response = consumer.receive<protocol::FetchResponse>(11);
  ASSERT_TRUE(response);
  EXPECT_FALSE(response->responses.front().partitions.front().records->empty());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(BrokerTest, StopAnswersAParkedFetchInsteadOfWaitingForIt) {
  const auto broker = start();
  WireClient client{broker->addresses().front().port};
  create_topic(client, "orders");
  client.send(fetch_request("orders", 0, 60'000), 11);
  protocol::MetadataRequest none;
  none.topics.emplace();
  WireClient other{broker->addresses().front().port};
  ASSERT_TRUE(other.call<protocol::MetadataResponse>(none, 9));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(broker->stop());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(9));
}

TEST_F(BrokerTest, StopAnswersAParkedJoinInsteadOfWaitingForIt) {
  Options slow = options();
  slow.group_initial_rebalance_delay_ms = 60'000;
  auto broker = Broker::start(slow, clock_, logger_);
  ASSERT_TRUE(broker) << broker.error().message();
  const std::uint16_t port = (*broker)->addresses().front().port;
  protocol::JoinGroupRequest join;
  join.session_timeout_ms = 30'000;
  join.rebalance_timeout_ms = 60'000;
  join.protocol_type = "consumer";
  join.protocols.push_back({"range", {}});
  std::vector<std::unique_ptr<WireClient>> members;
  for (const std::string_view group : {"a", "b", "c", "d", "e", "f"}) {
    join.group_id = group;
    members.push_back(std::make_unique<WireClient>(port));
    members.back()->send(join, 3);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // until they are parked
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE((*broker)->stop());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(9));
}

TEST_F(BrokerTest, ARequestLargerThanTheFramePoolIsReceived) {
  Options small = options();
  small.queued_max_request_bytes = 1 << 20;
  small.socket_request_max_bytes = 32 << 20;
  small.first_request_max_bytes = 32 << 20;
  auto broker = Broker::start(small, clock_, logger_);
  ASSERT_TRUE(broker) << broker.error().message();
  WireClient client{(*broker)->addresses().front().port};
  create_topic(client, "orders");
  const std::vector<std::byte> large(9 << 20);
  const auto response = client.call<protocol::ProduceResponse>(produce_request("orders", large), 7);
  ASSERT_TRUE(response);
  EXPECT_NE(response->responses.front().partition_responses.front().error_code, ErrorCode::none);
}

TEST_F(BrokerTest, TransactionalBatchesAreRefusedWithoutTransactions) {
  const auto broker = start();
  WireClient client{broker->addresses().front().port};
  create_topic(client, "orders");
  protocol::BatchBuilder builder{{.kind = protocol::BatchKind::transactional_data,
                                  .producer_id = 5,
                                  .producer_epoch = 0,
                                  .base_sequence = 0}};
  protocol::NewRecord record;
  record.value = as_bytes("placed");
  builder.append(record);
  const auto batch = builder.finish();
  const auto response = client.call<protocol::ProduceResponse>(produce_request("orders", batch), 8);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->responses.front().partition_responses.front().error_code,
            ErrorCode::transactional_id_authorization_failed);
}

// A kill between the catalog's record of a deletion and the removal of the files.
TEST_F(BrokerTest, RecordsOfADeletedTopicDoNotComeBackUnderANewOneOfItsName) {
  const auto partition = directory_.path() / "orders-0";
  const auto kept = directory_.path() / "kept";
  auto broker = start();
  {
    WireClient client{broker->addresses().front().port};
    create_topic(client, "orders");
    ASSERT_TRUE(
        client.call<protocol::ProduceResponse>(produce_request("orders", one_record("secret")), 7));
    std::filesystem::copy(partition, kept, std::filesystem::copy_options::recursive);
    protocol::DeleteTopicsRequest gone;
    gone.topic_names = {"orders"};
    gone.timeout_ms = 5000;
    const auto deleted = client.call<protocol::DeleteTopicsResponse>(gone, 4);
    ASSERT_TRUE(deleted);
    EXPECT_EQ(deleted->responses.front().error_code, ErrorCode::none);
  }
  EXPECT_TRUE(broker->stop());
  std::filesystem::rename(kept, partition);

  broker = start();
  WireClient client{broker->addresses().front().port};
  create_topic(client, "orders");
  const auto response = client.call<protocol::FetchResponse>(fetch_request("orders", 0, 0), 11);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->responses.front().partitions.front().high_watermark, 0);
  bool set_aside = false;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
    set_aside |= entry.path().string().ends_with("-stray");
  EXPECT_TRUE(set_aside);
}

TEST_F(BrokerTest, FailedProduceWithoutAcksClosesTheConnection) {
  const auto broker = start();
  WireClient client{broker->addresses().front().port};
  create_topic(client, "orders");
  auto batch = one_record("placed");
  batch.back() ^= std::byte{1};  // the CRC no longer holds
  client.send(produce_request("orders", batch, 0), 7);
  EXPECT_FALSE(client.receive<protocol::ProduceResponse>(7));
}

TEST_F(BrokerTest, ABadBatchIsRefusedWithItsError) {
  const auto broker = start();
  WireClient client{broker->addresses().front().port};
  create_topic(client, "orders");
  auto batch = one_record("placed");
  batch.back() ^= std::byte{1};
  const auto response = client.call<protocol::ProduceResponse>(produce_request("orders", batch), 8);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->responses.front().partition_responses.front().error_code,
            ErrorCode::corrupt_message);
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

TEST_F(BrokerTest, StartingAndStoppingLeavesNoDescriptorBehind) {
  start()->stop().value();
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 10; ++i) {
    const auto broker = start();
    WireClient client{broker->addresses().front().port};
    create_topic(client, "orders");
    EXPECT_TRUE(broker->stop());
  }
  EXPECT_EQ(open_descriptors(), before);
}

// As between a start that failed and the end of its HTTP port.
TEST_F(BrokerTest, CanBeLookedAtWhileItStopsWithoutAnOpenShard) {
  Options one = options();
  one.shards = 1;
  auto broker = must(Broker::start(one, clock_, logger_, Driving::caller));
  must(broker->stop());
  asio::io_context& loop = broker->shard(0).io();
  Observer observer(*broker);
  auto view = asio::co_spawn(loop, observer.look({}), asio::use_future);
  loop.restart();
  loop.poll();
  ASSERT_EQ(view.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  EXPECT_EQ(view.get()->state, BrokerState::stopping);
}

TEST_F(BrokerTest, TwoBrokersLiveInOneProcess) {
  const auto first = start();
  TemporaryDirectory other;
  Options second_options = options();
  second_options.log_dir = other.string();
  const auto second = Broker::start(second_options, clock_, logger_);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_NE(first->cluster_id(), (*second)->cluster_id());
}

}  // namespace
}  // namespace sluice::broker
