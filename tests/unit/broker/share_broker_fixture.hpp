// For tests of share groups with a whole broker, over real sockets and a real directory.
#pragma once

#include "broker/broker.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/compression.hpp"
#include "protocol/messages/all.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/wire_client.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace sluice::broker {

using protocol::ErrorCode;
using protocol::NewRecord;

struct Got {
  Offset first = 0;
  Offset last = 0;
  std::int16_t deliveries = 0;
  bool operator==(const Got&) const = default;
};
using Gots = std::vector<Got>;

// A broker with the topic "orders" and one member of the group "group", which can be started again.
class ShareBrokerFixture : public testing::Test {
 protected:
  ShareBrokerFixture() { start(); }

  void start() {
    client_.reset();
    broker_.reset();
    Options options;
    options.log_dir = directory_.string();
    options.listeners = {"PLAINTEXT://127.0.0.1:0"};
    options.shards = 2;
    options.dead_letter_auto_create_topics = auto_create_dead_letter_topics_;
    if (const char* backend = std::getenv("SLUICE_IO_BACKEND")) options.io_backend = backend;
    auto broker = Broker::start(options, clock_, logger_);
    ASSERT_TRUE(broker) << broker.error().message();
    broker_ = std::move(*broker);
    client_ = connect();
    epoch_ = 0;
  }
  std::unique_ptr<WireClient> connect() {
    return std::make_unique<WireClient>(broker_->addresses().front().port);
  }
  void create_topic() {
    protocol::MetadataRequest request;
    request.topics.emplace();
    request.topics->emplace_back().name = "orders";
    request.allow_auto_topic_creation = true;
    const auto response = client_->call<protocol::MetadataResponse>(request, 12);
    ASSERT_TRUE(response);
    topic_ = response->topics.front().topic_id;
  }
  void produce(int count) {
    protocol::BatchBuilder builder;
    for (int i = 0; i < count; ++i) {
      protocol::NewRecord record;
      record.timestamp = clock_.wall_ms();
      record.value = as_bytes("value");
      builder.append(record);
    }
    const auto batch = builder.finish();
    protocol::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 10'000;
    request.topic_data.push_back({"orders", {}, {{0, protocol::Records{batch}}}});
    const auto response = client_->call<protocol::ProduceResponse>(request, 9);
    ASSERT_EQ(response->responses.front().partition_responses.front().error_code, ErrorCode::none);
  }
  void produce_batch(const std::vector<NewRecord>& records, protocol::Compression codec) {
    protocol::BatchBuilder builder{{.compression = codec}};
    for (const NewRecord& record : records) builder.append(record);
    protocol::Compressor compressor;
    const auto batch = builder.finish(compressor);
    protocol::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 10'000;
    request.topic_data.push_back({"orders", {}, {{0, protocol::Records{batch}}}});
    const auto response = client_->call<protocol::ProduceResponse>(request, 9);
    ASSERT_EQ(response->responses.front().partition_responses.front().error_code, ErrorCode::none);
  }
  // Of a group (32) or a topic (2). The error and what is said of it.
  std::pair<ErrorCode, std::string> alter(std::int8_t type, std::string_view resource_name,
                                          std::string_view name, std::string_view value) {
    protocol::IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = type;
    resource.resource_name = resource_name;
    auto& config = resource.configs.emplace_back();
    config.name = name;
    config.config_operation = 0;
    config.value = value;
    const auto response = client_->call<protocol::IncrementalAlterConfigsResponse>(request, 1);
    const auto& answer = response->responses.front();
    return {answer.error_code, std::string(answer.error_message.value_or(""))};
  }
  void configure(std::string_view name, std::string_view value) {
    ASSERT_EQ(alter(32, "group", name, value).first, ErrorCode::none);
  }
  protocol::ShareGroupHeartbeatResponse heartbeat(std::int32_t epoch) {
    protocol::ShareGroupHeartbeatRequest request;
    request.group_id = "group";
    request.member_id = "member";
    request.member_epoch = epoch;
    if (epoch == 0) request.subscribed_topic_names.emplace().push_back("orders");
    return *client_->call<protocol::ShareGroupHeartbeatResponse>(request, 1);
  }
  protocol::ShareFetchRequest fetch_request(std::int32_t wait_ms) {
    protocol::ShareFetchRequest request;
    request.group_id = "group";
    request.member_id = "member";
    request.share_session_epoch = epoch_++;
    request.max_wait_ms = wait_ms;
    request.max_bytes = 1 << 20;
    request.max_records = 500;
    if (request.share_session_epoch == 0) request.topics.push_back({topic_, {{0, 0, {}}}});
    return request;
  }
  Gots acquired(const protocol::ShareFetchResponse& response) {
    EXPECT_EQ(response.error_code, ErrorCode::none);
    Gots all;
    for (const auto& topic : response.responses)
      for (const auto& partition : topic.partitions) {
        EXPECT_EQ(partition.error_code, ErrorCode::none);
        EXPECT_EQ(partition.acknowledge_error_code, ErrorCode::none);
        for (const auto& range : partition.acquired_records)
          all.push_back({range.first_offset, range.last_offset, range.delivery_count});
      }
    return all;
  }
  static bool not_ready(const protocol::ShareFetchResponse& response) {
    return !response.responses.empty() &&
           response.responses.front().partitions.front().error_code ==
               ErrorCode::not_leader_or_follower;
  }
  // Again while the broker still loads the group's state, as clients do.
  Gots fetch(std::int32_t wait_ms = 5000) {
    auto response = client_->call<protocol::ShareFetchResponse>(fetch_request(wait_ms), 2);
    const TimePoint until = clock_.now() + std::chrono::seconds(10);
    while (not_ready(*response) && clock_.now() < until)
      response = client_->call<protocol::ShareFetchResponse>(fetch_request(wait_ms), 2);
    return acquired(*response);
  }
  ErrorCode acknowledge(Offset first, Offset last, std::vector<std::int8_t> types) {
    protocol::ShareAcknowledgeRequest request;
    request.group_id = "group";
    request.member_id = "member";
    request.share_session_epoch = epoch_++;
    request.topics.push_back({topic_, {{0, {{first, last, std::move(types)}}}}});
    const auto response = client_->call<protocol::ShareAcknowledgeResponse>(request, 2);
    if (response->error_code != ErrorCode::none) return response->error_code;
    return response->responses.front().partitions.front().error_code;
  }
  std::pair<Offset, std::int64_t> start_and_lag() {
    protocol::DescribeShareGroupOffsetsRequest request;
    auto& group = request.groups.emplace_back();
    group.group_id = "group";
    group.topics.reset();
    const auto response = client_->call<protocol::DescribeShareGroupOffsetsResponse>(request, 1);
    if (response->groups.front().topics.empty()) return {-1, -1};
    const auto& row = response->groups.front().topics.front().partitions.front();
    return {row.start_offset, row.lag};
  }
  void begin(int records) {
    create_topic();
    configure("share.auto.offset.reset", "earliest");
    if (records > 0) produce(records);
  }

  TemporaryDirectory directory_;
  SystemClock clock_;
  NullLogger logger_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<WireClient> client_;
  bool auto_create_dead_letter_topics_ = false;  // from the next start on
  TopicId topic_;
  std::int32_t epoch_ = 0;
};

}  // namespace sluice::broker
