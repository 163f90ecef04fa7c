// AlterPartitionReassignments, API key 45.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Starts moving partitions to other replicas; null replicas: cancels.
// Source: AlterPartitionReassignmentsRequest.json; KIP-455, KIP-860 (replication factor).
struct AlterPartitionReassignmentsRequest {
  struct Partition {
    PartitionIndex partition_index = 0;
    std::optional<std::vector<BrokerId>> replicas;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("Replicas", &M::replicas, {.nullable = "0+"});
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

  std::int32_t timeout_ms = 60000;
  bool allow_replication_factor_change = true;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 45, .versions = "0-1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = AlterPartitionReassignmentsRequest;
    row("TimeoutMs", &M::timeout_ms);
    row("AllowReplicationFactorChange", &M::allow_replication_factor_change, {.versions = "1+"});
    row("Topics", &M::topics);
  }
};

// The outcome for each partition.
// Source: AlterPartitionReassignmentsResponse.json; KIP-455, KIP-860 (replication factor).
struct AlterPartitionReassignmentsResponse {
  struct Partition {
    PartitionIndex partition_index = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
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
  bool allow_replication_factor_change = true;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::vector<Topic> responses;

  static constexpr Schema schema{.api_key = 45, .versions = "0-1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = AlterPartitionReassignmentsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("AllowReplicationFactorChange", &M::allow_replication_factor_change,
        {.versions = "1+", .ignorable = true});
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("Responses", &M::responses);
  }
};

}  // namespace sluice::protocol
