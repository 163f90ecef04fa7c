// Share groups of a whole broker, over real sockets and a real directory.
#include "broker/broker.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/messages/all.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/wire_client.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace sluice::broker {
namespace {

using protocol::ErrorCode;

struct Got {
  Offset first = 0;
  Offset last = 0;
  std::int16_t deliveries = 0;
  bool operator==(const Got&) const = default;
};
using Gots = std::vector<Got>;

class ShareBrokerTest : public testing::Test {
 protected:
  ShareBrokerTest() { start(); }

  void start() {
    client_.reset();
    broker_.reset();
    Options options;
    options.log_dir = directory_.string();
    options.listeners = {"PLAINTEXT://127.0.0.1:0"};
    options.shards = 2;
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
  void configure(std::string_view name, std::string_view value) {
    protocol::IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = 32;
    resource.resource_name = "group";
    auto& config = resource.configs.emplace_back();
    config.name = name;
    config.config_operation = 0;
    config.value = std::string(value);
    const auto response = client_->call<protocol::IncrementalAlterConfigsResponse>(request, 1);
    ASSERT_EQ(response->responses.front().error_code, ErrorCode::none);
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
    produce(records);
  }

  TemporaryDirectory directory_;
  SystemClock clock_;
  NullLogger logger_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<WireClient> client_;
  TopicId topic_;
  std::int32_t epoch_ = 0;
};

TEST_F(ShareBrokerTest, AMemberIsAssignedItsTopicAndLeaves) {
  begin(1);
  const auto joined = heartbeat(0);
  EXPECT_EQ(joined.error_code, ErrorCode::none);
  EXPECT_EQ(joined.member_epoch, 1);
  ASSERT_TRUE(joined.assignment);
  EXPECT_EQ(joined.assignment->topic_partitions.front().topic_id, topic_);
  EXPECT_FALSE(heartbeat(1).assignment);
  EXPECT_EQ(heartbeat(7).error_code, ErrorCode::fenced_member_epoch);
  EXPECT_EQ(heartbeat(-2).error_code, ErrorCode::invalid_request);
  EXPECT_EQ(heartbeat(-1).error_code, ErrorCode::none);
  EXPECT_EQ(heartbeat(1).error_code, ErrorCode::unknown_member_id);
}

TEST_F(ShareBrokerTest, WhatWasAcceptedIsOverAlsoAfterARestart) {
  begin(10);
  EXPECT_EQ(fetch(), (Gots{{0, 9, 1}}));
  EXPECT_EQ(acknowledge(0, 3, {1, 2, 1, 3}), ErrorCode::none);
  EXPECT_EQ(start_and_lag(), (std::pair<Offset, std::int64_t>{1, 7}));
  EXPECT_EQ(fetch(), (Gots{{1, 1, 2}}));
  start();
  EXPECT_EQ(fetch(), (Gots{{1, 1, 3}, {4, 9, 2}}));  // those deliveries ended with the connection
  EXPECT_EQ(acknowledge(1, 9, {1}), ErrorCode::invalid_record_state);  // 2 and 3 are over
  EXPECT_EQ(acknowledge(1, 1, {1}), ErrorCode::none);
  EXPECT_EQ(acknowledge(4, 9, {1}), ErrorCode::none);
  EXPECT_EQ(start_and_lag(), (std::pair<Offset, std::int64_t>{10, 0}));
}

TEST_F(ShareBrokerTest, AReleasedRecordWaitsForItsBackoffAlsoAcrossARestart) {
  begin(2);
  configure("sluice.retry.backoff.ms", "400");
  configure("sluice.retry.backoff.jitter", "0");
  EXPECT_EQ(fetch(), (Gots{{0, 1, 1}}));
  const std::int64_t released_ms = clock_.wall_ms();
  EXPECT_EQ(acknowledge(0, 1, {2, 1}), ErrorCode::none);
  EXPECT_EQ(fetch(0), Gots{});
  start();
  EXPECT_EQ(fetch(20'000), (Gots{{0, 0, 2}}));  // woken by the clock, not by the wait
  EXPECT_GE(clock_.wall_ms() - released_ms, 399);
}

TEST_F(ShareBrokerTest, AWaitingFetchIsWokenByRecords) {
  begin(1);
  fetch();
  client_->send(fetch_request(20'000), 2);
  const auto other = std::exchange(client_, connect());
  produce(3);
  EXPECT_EQ(acquired(*other->receive<protocol::ShareFetchResponse>(2)), (Gots{{1, 3, 1}}));
}

TEST_F(ShareBrokerTest, AConnectionThatEndsFreesWhatItHeld) {
  begin(5);
  EXPECT_EQ(fetch(), (Gots{{0, 4, 1}}));
  client_ = connect();
  epoch_ = 0;
  EXPECT_EQ(fetch(20'000), (Gots{{0, 4, 2}}));
}

TEST_F(ShareBrokerTest, SessionsFollowTheirEpochs) {
  begin(1);
  epoch_ = 3;
  EXPECT_EQ(acknowledge(0, 0, {1}), ErrorCode::share_session_not_found);
  epoch_ = 0;
  EXPECT_EQ(acknowledge(0, 0, {1}), ErrorCode::invalid_share_session_epoch);
  epoch_ = 0;
  EXPECT_EQ(fetch(), (Gots{{0, 0, 1}}));
  epoch_ = 5;
  EXPECT_EQ(acknowledge(0, 0, {1}), ErrorCode::invalid_share_session_epoch);
  epoch_ = -1;
  EXPECT_EQ(acknowledge(0, 0, {1}), ErrorCode::none);
  EXPECT_EQ(start_and_lag(), (std::pair<Offset, std::int64_t>{1, 0}));
}

TEST_F(ShareBrokerTest, OffsetsAreAlteredAndDeletedWhileNobodyReads) {
  begin(10);
  heartbeat(0);
  protocol::AlterShareGroupOffsetsRequest alter;
  alter.group_id = "group";
  alter.topics.push_back({"orders", {{0, 4}, {9, 0}}});
  const auto alter_now = [&] {
    return *client_->call<protocol::AlterShareGroupOffsetsResponse>(alter, 0);
  };
  EXPECT_EQ(alter_now().error_code, ErrorCode::non_empty_group);
  heartbeat(-1);
  const auto altered = alter_now();
  EXPECT_EQ(altered.error_code, ErrorCode::none);
  EXPECT_EQ(altered.responses.front().partitions[0].error_code, ErrorCode::none);
  EXPECT_EQ(altered.responses.front().partitions[1].error_code,
            ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(start_and_lag(), (std::pair<Offset, std::int64_t>{4, 6}));
  EXPECT_EQ(fetch(), (Gots{{4, 9, 1}}));
  alter.topics.front().partitions = {{0, 8}};
  alter_now();
  EXPECT_EQ(fetch(), (Gots{{8, 9, 1}}));
  protocol::DeleteShareGroupOffsetsRequest remove;
  remove.group_id = "group";
  remove.topics.push_back({"orders"});
  const auto removed = client_->call<protocol::DeleteShareGroupOffsetsResponse>(remove, 0);
  EXPECT_EQ(removed->error_code, ErrorCode::none);
  EXPECT_EQ(removed->responses.front().error_code, ErrorCode::none);
  EXPECT_EQ(start_and_lag().first, -1);
}

}  // namespace
}  // namespace sluice::broker
