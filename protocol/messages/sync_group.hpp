// SyncGroup, API key 14.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Distributes the leader's assignments in a classic group; other members send none.
// Source: SyncGroupRequest.json; KIP-345 (static members), KIP-559 (protocol).
struct SyncGroupRequest {
  struct Assignment {
    std::string_view member_id;
    Bytes assignment;

    static constexpr void fields(auto row) {
      using M = Assignment;
      row("MemberId", &M::member_id);
      row("Assignment", &M::assignment);
    }
  };

  std::string_view group_id;
  GenerationId generation_id = 0;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  std::optional<std::string_view> protocol_type;
  std::optional<std::string_view> protocol_name;
  std::vector<Assignment> assignments;

  static constexpr Schema schema{.api_key = 14, .versions = "0-5", .flexible = "4+"};
  static constexpr void fields(auto row) {
    using M = SyncGroupRequest;
    row("GroupId", &M::group_id);
    row("GenerationId", &M::generation_id);
    row("MemberId", &M::member_id);
    row("GroupInstanceId", &M::group_instance_id, {.versions = "3+", .nullable = "3+"});
    row("ProtocolType", &M::protocol_type, {.versions = "5+", .nullable = "5+", .ignorable = true});
    row("ProtocolName", &M::protocol_name, {.versions = "5+", .nullable = "5+", .ignorable = true});
    row("Assignments", &M::assignments);
  }
};

// The member's own assignment.
// Source: SyncGroupResponse.json; KIP-345 (static members), KIP-559 (protocol).
struct SyncGroupResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> protocol_type;
  std::optional<std::string_view> protocol_name;
  Bytes assignment;

  static constexpr Schema schema{.api_key = 14, .versions = "0-5", .flexible = "4+"};
  static constexpr void fields(auto row) {
    using M = SyncGroupResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms, {.versions = "1+", .ignorable = true});
    row("ErrorCode", &M::error_code);
    row("ProtocolType", &M::protocol_type, {.versions = "5+", .nullable = "5+", .ignorable = true});
    row("ProtocolName", &M::protocol_name, {.versions = "5+", .nullable = "5+", .ignorable = true});
    row("Assignment", &M::assignment);
  }
};

}  // namespace sluice::protocol
