// ConsumerGroupHeartbeat, API key 68.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Joins, keeps up with, or leaves (epoch -1, static -2) a consumer group of the new protocol. Null:
// unchanged since the last one.
// Source: ConsumerGroupHeartbeatRequest.json; KIP-848, KIP-1082 (client-made member id).
struct ConsumerGroupHeartbeatRequest {
  struct TopicPartitions {
    TopicId topic_id;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto row) {
      using M = TopicPartitions;
      row("TopicId", &M::topic_id);
      row("Partitions", &M::partitions);
    }
  };

  std::string_view group_id;
  std::string_view member_id;
  std::int32_t member_epoch = 0;
  std::optional<std::string_view> instance_id;
  std::optional<std::string_view> rack_id;
  std::int32_t rebalance_timeout_ms = -1;
  std::optional<std::vector<std::string_view>> subscribed_topic_names;
  std::optional<std::string_view> subscribed_topic_regex;
  std::optional<std::string_view> server_assignor;
  std::optional<std::vector<TopicPartitions>> topic_partitions;

  static constexpr Schema schema{.api_key = 68, .versions = "0-1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ConsumerGroupHeartbeatRequest;
    row("GroupId", &M::group_id);
    row("MemberId", &M::member_id);
    row("MemberEpoch", &M::member_epoch);
    row("InstanceId", &M::instance_id, {.nullable = "0+"});
    row("RackId", &M::rack_id, {.nullable = "0+"});
    row("RebalanceTimeoutMs", &M::rebalance_timeout_ms);
    row("SubscribedTopicNames", &M::subscribed_topic_names, {.nullable = "0+"});
    row("SubscribedTopicRegex", &M::subscribed_topic_regex, {.versions = "1+", .nullable = "1+"});
    row("ServerAssignor", &M::server_assignor, {.nullable = "0+"});
    row("TopicPartitions", &M::topic_partitions, {.nullable = "0+"});
  }
};

// The member's epoch, and its assignment when that changed.
// Source: ConsumerGroupHeartbeatResponse.json; KIP-848, KIP-1082 (client-made member id).
struct ConsumerGroupHeartbeatResponse {
  struct TopicPartitions {
    TopicId topic_id;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto row) {
      using M = TopicPartitions;
      row("TopicId", &M::topic_id);
      row("Partitions", &M::partitions);
    }
  };
  struct Assignment {
    std::vector<TopicPartitions> topic_partitions;

    static constexpr void fields(auto row) {
      using M = Assignment;
      row("TopicPartitions", &M::topic_partitions);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::optional<std::string_view> member_id;
  std::int32_t member_epoch = 0;
  std::int32_t heartbeat_interval_ms = 0;
  std::optional<Assignment> assignment;

  static constexpr Schema schema{.api_key = 68, .versions = "0-1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ConsumerGroupHeartbeatResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("MemberId", &M::member_id, {.nullable = "0+"});
    row("MemberEpoch", &M::member_epoch);
    row("HeartbeatIntervalMs", &M::heartbeat_interval_ms);
    row("Assignment", &M::assignment, {.nullable = "0+"});
  }
};

}  // namespace sluice::protocol
