// ListSchedules, API key 10002: sluice's own.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks for records that wait for their delivery: all, those of a topic, or of a topic and a key.
struct ListSchedulesRequest {
  std::optional<std::string_view> topic_name;
  std::optional<Bytes> key;
  std::int32_t limit = 100;                // schedules in the response
  std::optional<std::string_view> cursor;  // NextCursor of the response before

  static constexpr Schema schema{.api_key = 10002, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ListSchedulesRequest;
    row("TopicName", &M::topic_name, {.nullable = "0+"});
    row("Key", &M::key, {.nullable = "0+"});
    row("Limit", &M::limit);
    row("Cursor", &M::cursor, {.nullable = "0+"});
  }
};

// In the order in which they were stored.
struct ListSchedulesResponse {
  struct Schedule {
    std::string_view id;
    std::string_view topic_name;
    PartitionIndex partition_index = 0;
    std::int64_t deliver_at_ms = 0;  // wall clock
    std::optional<Bytes> key;
    std::int32_t value_size = 0;  // bytes; -1: null

    static constexpr void fields(auto row) {
      using M = Schedule;
      row("Id", &M::id);
      row("TopicName", &M::topic_name);
      row("PartitionIndex", &M::partition_index);
      row("DeliverAtMs", &M::deliver_at_ms);
      row("Key", &M::key, {.nullable = "0+"});
      row("ValueSize", &M::value_size);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::optional<std::string_view> next_cursor;  // null: that was all
  std::int64_t pending = 0;                     // of all topics
  std::vector<Schedule> schedules;

  static constexpr Schema schema{.api_key = 10002, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ListSchedulesResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("NextCursor", &M::next_cursor, {.nullable = "0+"});
    row("Pending", &M::pending);
    row("Schedules", &M::schedules);
  }
};

}  // namespace sluice::protocol
