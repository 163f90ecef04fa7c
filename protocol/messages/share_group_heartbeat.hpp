// ShareGroupHeartbeat, API key 76.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Joins, keeps up with, or leaves (epoch -1) a share group.
// Source: ShareGroupHeartbeatRequest.json; KIP-932.
struct ShareGroupHeartbeatRequest {
  std::string_view group_id;
  std::string_view member_id;
  std::int32_t member_epoch = 0;
  std::optional<std::string_view> rack_id;
  std::optional<std::vector<std::string_view>> subscribed_topic_names;

  static constexpr Schema schema{.api_key = 76, .versions = "1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ShareGroupHeartbeatRequest;
    row("GroupId", &M::group_id);
    row("MemberId", &M::member_id);
    row("MemberEpoch", &M::member_epoch);
    row("RackId", &M::rack_id, {.nullable = "0+"});
    row("SubscribedTopicNames", &M::subscribed_topic_names, {.nullable = "0+"});
  }
};

// The member's epoch, and its assignment when that changed.
// Source: ShareGroupHeartbeatResponse.json; KIP-932.
struct ShareGroupHeartbeatResponse {
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

  static constexpr Schema schema{.api_key = 76, .versions = "1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ShareGroupHeartbeatResponse;
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
