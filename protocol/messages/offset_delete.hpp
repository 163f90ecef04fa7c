// OffsetDelete, API key 47.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Deletes the offsets that a group has stored for partitions.
// Source: OffsetDeleteRequest.json; KIP-496.
struct OffsetDeleteRequest {
  struct Partition {
    PartitionIndex partition_index = 0;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
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

  std::string_view group_id;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 47, .versions = "0"};
  static constexpr void fields(auto row) {
    using M = OffsetDeleteRequest;
    row("GroupId", &M::group_id);
    row("Topics", &M::topics);
  }
};

// The outcome for each partition.
// Source: OffsetDeleteResponse.json; KIP-496.
struct OffsetDeleteResponse {
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
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
      row("Partitions", &M::partitions);
    }
  };

  ErrorCode error_code = ErrorCode::none;
  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 47, .versions = "0"};
  static constexpr void fields(auto row) {
    using M = OffsetDeleteResponse;
    row("ErrorCode", &M::error_code);
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Topics", &M::topics);
  }
};

}  // namespace sluice::protocol
