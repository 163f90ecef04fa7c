// AlterShareGroupOffsets, API key 91.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Moves a share group.
// Source: AlterShareGroupOffsetsRequest.json; KIP-932.
struct AlterShareGroupOffsetsRequest {
  struct Partition {
    PartitionIndex partition_index = 0;
    Offset start_offset = 0;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("StartOffset", &M::start_offset);
    }
  };
  struct Topic {
    std::string_view topic_name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("TopicName", &M::topic_name);
      row("Partitions", &M::partitions);
    }
  };

  std::string_view group_id;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 91, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = AlterShareGroupOffsetsRequest;
    row("GroupId", &M::group_id);
    row("Topics", &M::topics);
  }
};

// The outcome for each partition.
// Source: AlterShareGroupOffsetsResponse.json; KIP-932.
struct AlterShareGroupOffsetsResponse {
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

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::vector<Topic> responses;

  static constexpr Schema schema{.api_key = 91, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = AlterShareGroupOffsetsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("Responses", &M::responses);
  }
};

}  // namespace sluice::protocol
