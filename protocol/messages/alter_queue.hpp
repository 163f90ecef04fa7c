// AlterQueue, API key 10001: ours.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Releases or rejects records of a share group by hand, in whatever unfinished state they are and
// whoever holds them.
struct AlterQueueRequest {
  struct Change {
    Offset first_offset = 0;
    Offset last_offset = 0;
    std::int8_t action = 0;  // 2: release, available now; 3: reject, dead-lettered or archived
    std::optional<std::string_view> reason;

    static constexpr void fields(auto row) {
      using M = Change;
      row("FirstOffset", &M::first_offset);
      row("LastOffset", &M::last_offset);
      row("Action", &M::action);
      row("Reason", &M::reason, {.nullable = "0+"});
    }
  };
  struct Partition {
    PartitionIndex partition_index = 0;
    std::vector<Change> changes;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("Changes", &M::changes);
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

  static constexpr Schema schema{.api_key = 10'001, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = AlterQueueRequest;
    row("GroupId", &M::group_id);
    row("Topics", &M::topics);
  }
};

struct AlterQueueResponse {
  struct Partition {
    PartitionIndex partition_index = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    std::int64_t changed = 0;  // records

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
      row("Changed", &M::changed);
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

  static constexpr Schema schema{.api_key = 10'001, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = AlterQueueResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("Topics", &M::topics);
  }
};

}  // namespace sluice::protocol
