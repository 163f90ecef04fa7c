// OffsetFetch, API key 9.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Reads what groups have stored with OffsetCommit. Null topics: all.
// Source: OffsetFetchRequest.json; KIP-447 (stable offsets), KIP-709 (many groups), KIP-848,
// KIP-516 (topic ids).
struct OffsetFetchRequest {
  struct Topic {
    std::string_view name;
    std::vector<PartitionIndex> partition_indexes;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name, {.versions = "0-7"});
      row("PartitionIndexes", &M::partition_indexes, {.versions = "0-7"});
    }
  };
  struct GroupTopic {
    std::string_view name;
    TopicId topic_id;
    std::vector<PartitionIndex> partition_indexes;

    static constexpr void fields(auto row) {
      using M = GroupTopic;
      row("Name", &M::name, {.versions = "8-9", .ignorable = true});
      row("TopicId", &M::topic_id, {.versions = "10+", .ignorable = true});
      row("PartitionIndexes", &M::partition_indexes, {.versions = "8+"});
    }
  };
  struct Group {
    std::string_view group_id;
    std::optional<std::string_view> member_id;
    std::int32_t member_epoch = -1;
    std::optional<std::vector<GroupTopic>> topics = std::vector<GroupTopic>{};

    static constexpr void fields(auto row) {
      using M = Group;
      row("GroupId", &M::group_id, {.versions = "8+"});
      row("MemberId", &M::member_id, {.versions = "9+", .nullable = "9+", .ignorable = true});
      row("MemberEpoch", &M::member_epoch, {.versions = "9+", .ignorable = true});
      row("Topics", &M::topics, {.versions = "8+", .nullable = "8+"});
    }
  };

  std::string_view group_id;
  std::optional<std::vector<Topic>> topics = std::vector<Topic>{};
  std::vector<Group> groups;
  bool require_stable = false;

  static constexpr Schema schema{.api_key = 9, .versions = "1-10", .flexible = "6+"};
  static constexpr void fields(auto row) {
    using M = OffsetFetchRequest;
    row("GroupId", &M::group_id, {.versions = "0-7"});
    row("Topics", &M::topics, {.versions = "0-7", .nullable = "2-7"});
    row("Groups", &M::groups, {.versions = "8+"});
    row("RequireStable", &M::require_stable, {.versions = "7+"});
  }
};

// The stored offsets; -1 where there is none.
// Source: OffsetFetchResponse.json; KIP-447 (stable offsets), KIP-709 (many groups), KIP-848,
// KIP-516 (topic ids).
struct OffsetFetchResponse {
  struct Partition {
    PartitionIndex partition_index = 0;
    Offset committed_offset = 0;
    LeaderEpoch committed_leader_epoch = -1;
    std::optional<std::string_view> metadata = "";
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index, {.versions = "0-7"});
      row("CommittedOffset", &M::committed_offset, {.versions = "0-7"});
      row("CommittedLeaderEpoch", &M::committed_leader_epoch,
          {.versions = "5-7", .ignorable = true});
      row("Metadata", &M::metadata, {.versions = "0-7", .nullable = "0-7"});
      row("ErrorCode", &M::error_code, {.versions = "0-7"});
    }
  };
  struct Topic {
    std::string_view name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name, {.versions = "0-7"});
      row("Partitions", &M::partitions, {.versions = "0-7"});
    }
  };
  struct GroupPartition {
    PartitionIndex partition_index = 0;
    Offset committed_offset = 0;
    LeaderEpoch committed_leader_epoch = -1;
    std::optional<std::string_view> metadata = "";
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto row) {
      using M = GroupPartition;
      row("PartitionIndex", &M::partition_index, {.versions = "8+"});
      row("CommittedOffset", &M::committed_offset, {.versions = "8+"});
      row("CommittedLeaderEpoch", &M::committed_leader_epoch,
          {.versions = "8+", .ignorable = true});
      row("Metadata", &M::metadata, {.versions = "8+", .nullable = "8+"});
      row("ErrorCode", &M::error_code, {.versions = "8+"});
    }
  };
  struct GroupTopic {
    std::string_view name;
    TopicId topic_id;
    std::vector<GroupPartition> partitions;

    static constexpr void fields(auto row) {
      using M = GroupTopic;
      row("Name", &M::name, {.versions = "8-9", .ignorable = true});
      row("TopicId", &M::topic_id, {.versions = "10+", .ignorable = true});
      row("Partitions", &M::partitions, {.versions = "8+"});
    }
  };
  struct Group {
    std::string_view group_id;
    std::vector<GroupTopic> topics;
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto row) {
      using M = Group;
      row("GroupId", &M::group_id, {.versions = "8+"});
      row("Topics", &M::topics, {.versions = "8+"});
      row("ErrorCode", &M::error_code, {.versions = "8+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Group> groups;

  static constexpr Schema schema{.api_key = 9, .versions = "1-10", .flexible = "6+"};
  static constexpr void fields(auto row) {
    using M = OffsetFetchResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms, {.versions = "3+", .ignorable = true});
    row("Topics", &M::topics, {.versions = "0-7"});
    row("ErrorCode", &M::error_code, {.versions = "2-7", .ignorable = true});
    row("Groups", &M::groups, {.versions = "8+"});
  }
};

}  // namespace sluice::protocol
