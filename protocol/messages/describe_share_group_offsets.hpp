// DescribeShareGroupOffsets, API key 90.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks where share groups stand. Null topics: all.
// Source: DescribeShareGroupOffsetsRequest.json; KIP-932, KIP-1226 (lag).
struct DescribeShareGroupOffsetsRequest {
  struct Topic {
    std::string_view topic_name;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("TopicName", &M::topic_name);
      row("Partitions", &M::partitions);
    }
  };
  struct Group {
    std::string_view group_id;
    std::optional<std::vector<Topic>> topics = std::vector<Topic>{};

    static constexpr void fields(auto row) {
      using M = Group;
      row("GroupId", &M::group_id);
      row("Topics", &M::topics, {.nullable = "0+"});
    }
  };

  std::vector<Group> groups;

  static constexpr Schema schema{.api_key = 90, .versions = "0-1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeShareGroupOffsetsRequest;
    row("Groups", &M::groups);
  }
};

// Start offset and lag of each partition.
// Source: DescribeShareGroupOffsetsResponse.json; KIP-932, KIP-1226 (lag).
struct DescribeShareGroupOffsetsResponse {
  struct Partition {
    PartitionIndex partition_index = 0;
    Offset start_offset = 0;
    LeaderEpoch leader_epoch = 0;
    std::int64_t lag = -1;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("StartOffset", &M::start_offset);
      row("LeaderEpoch", &M::leader_epoch);
      row("Lag", &M::lag, {.versions = "1+", .ignorable = true});
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    }
  };
  struct Topic {
    std::string_view topic_name;
    TopicId topic_id;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("TopicName", &M::topic_name);
      row("TopicId", &M::topic_id);
      row("Partitions", &M::partitions);
    }
  };
  struct Group {
    std::string_view group_id;
    std::vector<Topic> topics;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;

    static constexpr void fields(auto row) {
      using M = Group;
      row("GroupId", &M::group_id);
      row("Topics", &M::topics);
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Group> groups;

  static constexpr Schema schema{.api_key = 90, .versions = "0-1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeShareGroupOffsetsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Groups", &M::groups);
  }
};

}  // namespace sluice::protocol
