// DeleteRecords, API key 21.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Deletes the records below an offset; -1: all below the high watermark.
// Source: DeleteRecordsRequest.json; KIP-107.
struct DeleteRecordsRequest {
  struct Partition {
    PartitionIndex partition_index = 0;
    Offset offset = 0;  // -1: the high watermark

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("Offset", &M::offset);
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

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;

  static constexpr Schema schema{.api_key = 21, .versions = "0-2", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = DeleteRecordsRequest;
    row("Topics", &M::topics);
    row("TimeoutMs", &M::timeout_ms);
  }
};

// The new start of each partition.
// Source: DeleteRecordsResponse.json; KIP-107.
struct DeleteRecordsResponse {
  struct Partition {
    PartitionIndex partition_index = 0;
    Offset low_watermark = 0;  // the new log start offset
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("LowWatermark", &M::low_watermark);
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

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 21, .versions = "0-2", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = DeleteRecordsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Topics", &M::topics);
  }
};

}  // namespace sluice::protocol
