// Heartbeat, API key 12.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::protocol {

// Keeps a member of a classic group alive.
// Source: HeartbeatRequest.json; KIP-345 (static members).
struct HeartbeatRequest {
  std::string_view group_id;
  GenerationId generation_id = 0;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;

  static constexpr Schema schema{.api_key = 12, .versions = "0-4", .flexible = "4+"};
  static constexpr void fields(auto row) {
    using M = HeartbeatRequest;
    row("GroupId", &M::group_id);
    row("GenerationId", &M::generation_id);
    row("MemberId", &M::member_id);
    row("GroupInstanceId", &M::group_instance_id, {.versions = "3+", .nullable = "3+"});
  }
};

// Says whether the member is still in its generation.
// Source: HeartbeatResponse.json; KIP-345 (static members).
struct HeartbeatResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;

  static constexpr Schema schema{.api_key = 12, .versions = "0-4", .flexible = "4+"};
  static constexpr void fields(auto row) {
    using M = HeartbeatResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms, {.versions = "1+", .ignorable = true});
    row("ErrorCode", &M::error_code);
  }
};

}  // namespace sluice::protocol
