// ElectLeaders, API key 43.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Elects leaders: 0 preferred, 1 unclean. Null partitions: all.
// Source: ElectLeadersRequest.json; KIP-183, KIP-460.
struct ElectLeadersRequest {
  struct TopicPartitions {
    std::string_view topic;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto row) {
      using M = TopicPartitions;
      row("Topic", &M::topic);
      row("Partitions", &M::partitions);
    }
  };

  std::int8_t election_type = 0;
  std::optional<std::vector<TopicPartitions>> topic_partitions = std::vector<TopicPartitions>{};
  std::int32_t timeout_ms = 60000;

  static constexpr Schema schema{.api_key = 43, .versions = "0-2", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = ElectLeadersRequest;
    row("ElectionType", &M::election_type, {.versions = "1+"});
    row("TopicPartitions", &M::topic_partitions, {.nullable = "0+"});
    row("TimeoutMs", &M::timeout_ms);
  }
};

// The outcome for each partition.
// Source: ElectLeadersResponse.json; KIP-183, KIP-460.
struct ElectLeadersResponse {
  struct Partition {
    PartitionIndex partition_id = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionId", &M::partition_id);
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    }
  };
  struct Topic {
    std::string_view topic;
    std::vector<Partition> partition_result;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Topic", &M::topic);
      row("PartitionResult", &M::partition_result);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Topic> replica_election_results;

  static constexpr Schema schema{.api_key = 43, .versions = "0-2", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = ElectLeadersResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code, {.versions = "1+"});
    row("ReplicaElectionResults", &M::replica_election_results);
  }
};

}  // namespace sluice::protocol
