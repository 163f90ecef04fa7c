// OffsetForLeaderEpoch, API key 23.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks where leader epochs end, to find where logs diverged.
// Source: OffsetForLeaderEpochRequest.json; KIP-101, KIP-279, KIP-320.
struct OffsetForLeaderEpochRequest {
  struct Partition {
    PartitionIndex partition = 0;
    LeaderEpoch current_leader_epoch = -1;
    LeaderEpoch leader_epoch = 0;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("Partition", &M::partition);
      row("CurrentLeaderEpoch", &M::current_leader_epoch);
      row("LeaderEpoch", &M::leader_epoch);
    }
  };
  struct Topic {
    std::string_view topic;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Topic", &M::topic);
      row("Partitions", &M::partitions);
    }
  };

  BrokerId replica_id = -2;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 23, .versions = "2-4", .flexible = "4+"};
  static constexpr void fields(auto row) {
    using M = OffsetForLeaderEpochRequest;
    row("ReplicaId", &M::replica_id, {.versions = "3+", .ignorable = true});
    row("Topics", &M::topics);
  }
};

// The end offset of the largest epoch not above the one asked for.
// Source: OffsetForLeaderEpochResponse.json; KIP-101, KIP-279, KIP-320.
struct OffsetForLeaderEpochResponse {
  struct Partition {
    ErrorCode error_code = ErrorCode::none;
    PartitionIndex partition = 0;
    LeaderEpoch leader_epoch = -1;
    Offset end_offset = -1;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("ErrorCode", &M::error_code);
      row("Partition", &M::partition);
      row("LeaderEpoch", &M::leader_epoch);
      row("EndOffset", &M::end_offset);
    }
  };
  struct Topic {
    std::string_view topic;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Topic", &M::topic);
      row("Partitions", &M::partitions);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 23, .versions = "2-4", .flexible = "4+"};
  static constexpr void fields(auto row) {
    using M = OffsetForLeaderEpochResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Topics", &M::topics);
  }
};

}  // namespace sluice::protocol
