// ListPartitionReassignments, API key 46.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Lists ongoing reassignments. Null topics: all.
// Source: ListPartitionReassignmentsRequest.json; KIP-455.
struct ListPartitionReassignmentsRequest {
  struct Topic {
    std::string_view name;
    std::vector<PartitionIndex> partition_indexes;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
      row("PartitionIndexes", &M::partition_indexes);
    }
  };

  std::int32_t timeout_ms = 60000;
  std::optional<std::vector<Topic>> topics;

  static constexpr Schema schema{.api_key = 46, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ListPartitionReassignmentsRequest;
    row("TimeoutMs", &M::timeout_ms);
    row("Topics", &M::topics, {.nullable = "0+"});
  }
};

// The ongoing reassignments.
// Source: ListPartitionReassignmentsResponse.json; KIP-455.
struct ListPartitionReassignmentsResponse {
  struct Partition {
    PartitionIndex partition_index = 0;
    std::vector<BrokerId> replicas;
    std::vector<BrokerId> adding_replicas;
    std::vector<BrokerId> removing_replicas;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("Replicas", &M::replicas);
      row("AddingReplicas", &M::adding_replicas);
      row("RemovingReplicas", &M::removing_replicas);
    }
  };
  struct Topic {
    std::string_view name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
      row("Partitions", &M::partitions);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 46, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ListPartitionReassignmentsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("Topics", &M::topics);
  }
};

}  // namespace sluice::protocol
