// CancelSchedules, API key 10003: sluice's own.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Records that wait are not to be delivered: those with these ids, or all of a topic, or those of a
// topic with that key.
struct CancelSchedulesRequest {
  std::vector<std::string_view> ids;
  std::optional<std::string_view> topic_name;
  std::optional<Bytes> key;

  static constexpr Schema schema{.api_key = 10003, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = CancelSchedulesRequest;
    row("Ids", &M::ids);
    row("TopicName", &M::topic_name, {.nullable = "0+"});
    row("Key", &M::key, {.nullable = "0+"});
  }
};

struct CancelSchedulesResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::int64_t cancelled = 0;  // those that waited no more are not counted

  static constexpr Schema schema{.api_key = 10003, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = CancelSchedulesResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("Cancelled", &M::cancelled);
  }
};

}  // namespace sluice::protocol
