// DescribeQueue, API key 10000: ours.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// What a share group does with the records of partitions. `topics` null: all that it has state of;
// `partitions` null: all of the topic. `max_ranges` bounds the ranges of the whole answer.
struct DescribeQueueRequest {
  struct Topic {
    std::string_view name;
    std::optional<std::vector<PartitionIndex>> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
      row("Partitions", &M::partitions, {.nullable = "0+"});
    }
  };

  std::string_view group_id;
  std::optional<std::vector<Topic>> topics;
  std::int32_t max_ranges = 0;

  static constexpr Schema schema{.api_key = 10'000, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeQueueRequest;
    row("GroupId", &M::group_id);
    row("Topics", &M::topics, {.nullable = "0+"});
    row("MaxRanges", &M::max_ranges);
  }
};

struct DescribeQueueResponse {
  // Offsets that are in one state alike. Finished ones that the start has passed are not told.
  struct Range {
    Offset first_offset = 0;
    Offset last_offset = 0;
    // available, waiting, acquired, settling, dead-lettering or finished
    std::string_view state;
    std::int16_t delivery_count = 0;
    std::optional<std::string_view> member_id;  // of an acquired one
    std::int64_t until_ms = -1;          // wall clock: end of the lock or of the wait; -1: none
    std::int64_t first_failure_ms = -1;  // wall clock; -1: no delivery has failed
    std::int64_t last_failure_ms = -1;
    std::optional<std::string_view> reason;

    static constexpr void fields(auto row) {
      using M = Range;
      row("FirstOffset", &M::first_offset);
      row("LastOffset", &M::last_offset);
      row("State", &M::state);
      row("DeliveryCount", &M::delivery_count);
      row("MemberId", &M::member_id, {.nullable = "0+"});
      row("UntilMs", &M::until_ms);
      row("FirstFailureMs", &M::first_failure_ms);
      row("LastFailureMs", &M::last_failure_ms);
      row("Reason", &M::reason, {.nullable = "0+"});
    }
  };
  // Counts are records; those from `end_offset` up to `high_watermark` were never offered.
  struct Partition {
    PartitionIndex partition_index = 0;
    ErrorCode error_code = ErrorCode::none;
    Offset start_offset = -1;
    Offset end_offset = -1;
    Offset high_watermark = -1;
    std::int64_t acquired = 0;
    std::int64_t waiting = 0;
    std::int64_t settling = 0;
    std::int64_t dead_lettering = 0;
    std::int64_t finished = 0;
    bool more_ranges = false;  // MaxRanges cut them off
    std::vector<Range> ranges;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("ErrorCode", &M::error_code);
      row("StartOffset", &M::start_offset);
      row("EndOffset", &M::end_offset);
      row("HighWatermark", &M::high_watermark);
      row("Acquired", &M::acquired);
      row("Waiting", &M::waiting);
      row("Settling", &M::settling);
      row("DeadLettering", &M::dead_lettering);
      row("Finished", &M::finished);
      row("MoreRanges", &M::more_ranges);
      row("Ranges", &M::ranges);
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

  static constexpr Schema schema{.api_key = 10'000, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeQueueResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("Topics", &M::topics);
  }
};

}  // namespace sluice::protocol
