// DescribeTopicPartitions, API key 75.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks for topics page by page, from a cursor on.
// Source: DescribeTopicPartitionsRequest.json; KIP-966.
struct DescribeTopicPartitionsRequest {
  struct Topic {
    std::string_view name;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
    }
  };
  struct Cursor {
    std::string_view topic_name;
    PartitionIndex partition_index = 0;

    static constexpr void fields(auto row) {
      using M = Cursor;
      row("TopicName", &M::topic_name);
      row("PartitionIndex", &M::partition_index);
    }
  };

  std::vector<Topic> topics;
  std::int32_t response_partition_limit = 2000;
  std::optional<Cursor> cursor;

  static constexpr Schema schema{.api_key = 75, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeTopicPartitionsRequest;
    row("Topics", &M::topics);
    row("ResponsePartitionLimit", &M::response_partition_limit);
    row("Cursor", &M::cursor, {.nullable = "0+"});
  }
};

// A page of topics, and where the next begins.
// Source: DescribeTopicPartitionsResponse.json; KIP-966.
struct DescribeTopicPartitionsResponse {
  struct Partition {
    ErrorCode error_code = ErrorCode::none;
    PartitionIndex partition_index = 0;
    BrokerId leader_id = 0;
    LeaderEpoch leader_epoch = -1;
    std::vector<BrokerId> replica_nodes;
    std::vector<BrokerId> isr_nodes;
    std::optional<std::vector<BrokerId>> eligible_leader_replicas;
    std::optional<std::vector<BrokerId>> last_known_elr;
    std::vector<BrokerId> offline_replicas;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("ErrorCode", &M::error_code);
      row("PartitionIndex", &M::partition_index);
      row("LeaderId", &M::leader_id);
      row("LeaderEpoch", &M::leader_epoch);
      row("ReplicaNodes", &M::replica_nodes);
      row("IsrNodes", &M::isr_nodes);
      row("EligibleLeaderReplicas", &M::eligible_leader_replicas, {.nullable = "0+"});
      row("LastKnownElr", &M::last_known_elr, {.nullable = "0+"});
      row("OfflineReplicas", &M::offline_replicas);
    }
  };
  struct Topic {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> name = "";
    TopicId topic_id;
    bool is_internal = false;
    std::vector<Partition> partitions;
    std::int32_t topic_authorized_operations = std::numeric_limits<std::int32_t>::min();

    static constexpr void fields(auto row) {
      using M = Topic;
      row("ErrorCode", &M::error_code);
      row("Name", &M::name, {.nullable = "0+"});
      row("TopicId", &M::topic_id);
      row("IsInternal", &M::is_internal);
      row("Partitions", &M::partitions);
      row("TopicAuthorizedOperations", &M::topic_authorized_operations);
    }
  };
  struct Cursor {
    std::string_view topic_name;
    PartitionIndex partition_index = 0;

    static constexpr void fields(auto row) {
      using M = Cursor;
      row("TopicName", &M::topic_name);
      row("PartitionIndex", &M::partition_index);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
  std::optional<Cursor> next_cursor;

  static constexpr Schema schema{.api_key = 75, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeTopicPartitionsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Topics", &M::topics);
    row("NextCursor", &M::next_cursor, {.nullable = "0+"});
  }
};

}  // namespace sluice::protocol
