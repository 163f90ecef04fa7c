// LeaveGroup, API key 13.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Removes members from a classic group; several from version 3 on.
// Source: LeaveGroupRequest.json; KIP-345 (batch removal), KIP-800 (reason).
struct LeaveGroupRequest {
  struct Member {
    std::string_view member_id;
    std::optional<std::string_view> group_instance_id;
    std::optional<std::string_view> reason;

    static constexpr void fields(auto row) {
      using M = Member;
      row("MemberId", &M::member_id, {.versions = "3+"});
      row("GroupInstanceId", &M::group_instance_id, {.versions = "3+", .nullable = "3+"});
      row("Reason", &M::reason, {.versions = "5+", .nullable = "5+", .ignorable = true});
    }
  };

  std::string_view group_id;
  std::string_view member_id;
  std::vector<Member> members;

  static constexpr Schema schema{.api_key = 13, .versions = "0-5", .flexible = "4+"};
  static constexpr void fields(auto row) {
    using M = LeaveGroupRequest;
    row("GroupId", &M::group_id);
    row("MemberId", &M::member_id, {.versions = "0-2"});
    row("Members", &M::members, {.versions = "3+"});
  }
};

// Says of each member whether it was removed.
// Source: LeaveGroupResponse.json; KIP-345 (batch removal), KIP-800 (reason).
struct LeaveGroupResponse {
  struct Member {
    std::string_view member_id;
    std::optional<std::string_view> group_instance_id = "";
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto row) {
      using M = Member;
      row("MemberId", &M::member_id, {.versions = "3+"});
      row("GroupInstanceId", &M::group_instance_id, {.versions = "3+", .nullable = "3+"});
      row("ErrorCode", &M::error_code, {.versions = "3+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Member> members;

  static constexpr Schema schema{.api_key = 13, .versions = "0-5", .flexible = "4+"};
  static constexpr void fields(auto row) {
    using M = LeaveGroupResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms, {.versions = "1+", .ignorable = true});
    row("ErrorCode", &M::error_code);
    row("Members", &M::members, {.versions = "3+"});
  }
};

}  // namespace sluice::protocol
