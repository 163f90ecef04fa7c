// OffsetCommit, API key 8.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Stores how far a group has read.
// Source: OffsetCommitRequest.json; KIP-345 (static members), KIP-211 (retention), KIP-320 (leader
// epochs), KIP-848, KIP-516 (topic ids).
struct OffsetCommitRequest {
  struct Partition {
    PartitionIndex partition_index = 0;
    Offset committed_offset = 0;
    LeaderEpoch committed_leader_epoch = -1;
    std::optional<std::string_view> committed_metadata = "";

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("CommittedOffset", &M::committed_offset);
      row("CommittedLeaderEpoch", &M::committed_leader_epoch,
          {.versions = "6+", .ignorable = true});
      row("CommittedMetadata", &M::committed_metadata, {.nullable = "0+"});
    }
  };
  struct Topic {
    std::string_view name;
    TopicId topic_id;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name, {.versions = "0-9", .ignorable = true});
      row("TopicId", &M::topic_id, {.versions = "10+", .ignorable = true});
      row("Partitions", &M::partitions);
    }
  };

  std::string_view group_id;
  std::int32_t generation_id_or_member_epoch = -1;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  std::int64_t retention_time_ms = -1;  // -1: the broker's default
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 8, .versions = "2-10", .flexible = "8+"};
  static constexpr void fields(auto row) {
    using M = OffsetCommitRequest;
    row("GroupId", &M::group_id);
    row("GenerationIdOrMemberEpoch", &M::generation_id_or_member_epoch);
    row("MemberId", &M::member_id);
    row("GroupInstanceId", &M::group_instance_id, {.versions = "7+", .nullable = "7+"});
    row("RetentionTimeMs", &M::retention_time_ms, {.versions = "2-4", .ignorable = true});
    row("Topics", &M::topics);
  }
};

// Says of each partition whether its offset is stored.
// Source: OffsetCommitResponse.json; KIP-345 (static members), KIP-211 (retention), KIP-320 (leader
// epochs), KIP-848, KIP-516 (topic ids).
struct OffsetCommitResponse {
  struct Partition {
    PartitionIndex partition_index = 0;
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("ErrorCode", &M::error_code);
    }
  };
  struct Topic {
    std::string_view name;
    TopicId topic_id;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name, {.versions = "0-9", .ignorable = true});
      row("TopicId", &M::topic_id, {.versions = "10+", .ignorable = true});
      row("Partitions", &M::partitions);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 8, .versions = "2-10", .flexible = "8+"};
  static constexpr void fields(auto row) {
    using M = OffsetCommitResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms, {.versions = "3+", .ignorable = true});
    row("Topics", &M::topics);
  }
};

}  // namespace sluice::protocol
