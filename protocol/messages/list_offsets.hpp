// ListOffsets, API key 2.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Finds offsets by time, or by a special time: -1 the end, -2 the start, -3 the greatest timestamp,
// -4 and -5 local and tiered bounds, -6 the earliest pending upload.
// Source: ListOffsetsRequest.json; KIP-79, KIP-98 (isolation), KIP-734 (max timestamp), KIP-405 and
// KIP-1005 (tiered), KIP-1075 (timeout), KIP-1023.
struct ListOffsetsRequest {
  struct Partition {
    PartitionIndex partition_index = 0;
    LeaderEpoch current_leader_epoch = -1;  // -1: not checked
    TimestampMs timestamp = 0;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("CurrentLeaderEpoch", &M::current_leader_epoch, {.versions = "4+", .ignorable = true});
      row("Timestamp", &M::timestamp);
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

  BrokerId replica_id = 0;          // -1: a consumer
  std::int8_t isolation_level = 0;  // 0 read_uncommitted, 1 read_committed
  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;

  static constexpr Schema schema{.api_key = 2, .versions = "1-11", .flexible = "6+"};
  static constexpr void fields(auto row) {
    using M = ListOffsetsRequest;
    row("ReplicaId", &M::replica_id);
    row("IsolationLevel", &M::isolation_level, {.versions = "2+"});
    row("Topics", &M::topics);
    row("TimeoutMs", &M::timeout_ms, {.versions = "10+", .ignorable = true});
  }
};

// The offset found in each partition; -1 when no record matches.
// Source: ListOffsetsResponse.json; KIP-79, KIP-98 (isolation), KIP-734 (max timestamp), KIP-405
// and KIP-1005 (tiered), KIP-1075 (timeout), KIP-1023.
struct ListOffsetsResponse {
  struct Partition {
    PartitionIndex partition_index = 0;
    ErrorCode error_code = ErrorCode::none;
    TimestampMs timestamp = -1;
    Offset offset = -1;
    LeaderEpoch leader_epoch = -1;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("ErrorCode", &M::error_code);
      row("Timestamp", &M::timestamp);
      row("Offset", &M::offset);
      row("LeaderEpoch", &M::leader_epoch, {.versions = "4+"});
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
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 2, .versions = "1-11", .flexible = "6+"};
  static constexpr void fields(auto row) {
    using M = ListOffsetsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms, {.versions = "2+", .ignorable = true});
    row("Topics", &M::topics);
  }
};

}  // namespace sluice::protocol
