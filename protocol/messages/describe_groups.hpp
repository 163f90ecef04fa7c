// DescribeGroups, API key 15.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks for the state and members of classic groups.
// Source: DescribeGroupsRequest.json; KIP-345, KIP-430 (authorized operations), KIP-1043 (error
// message).
struct DescribeGroupsRequest {
  std::vector<std::string_view> groups;
  bool include_authorized_operations = false;

  static constexpr Schema schema{.api_key = 15, .versions = "0-6", .flexible = "5+"};
  static constexpr void fields(auto row) {
    using M = DescribeGroupsRequest;
    row("Groups", &M::groups);
    row("IncludeAuthorizedOperations", &M::include_authorized_operations, {.versions = "3+"});
  }
};

// State and members of classic groups.
// Source: DescribeGroupsResponse.json; KIP-345, KIP-430 (authorized operations), KIP-1043 (error
// message).
struct DescribeGroupsResponse {
  struct Member {
    std::string_view member_id;
    std::optional<std::string_view> group_instance_id;
    std::string_view client_id;
    std::string_view client_host;
    Bytes member_metadata;
    Bytes member_assignment;

    static constexpr void fields(auto row) {
      using M = Member;
      row("MemberId", &M::member_id);
      row("GroupInstanceId", &M::group_instance_id,
          {.versions = "4+", .nullable = "4+", .ignorable = true});
      row("ClientId", &M::client_id);
      row("ClientHost", &M::client_host);
      row("MemberMetadata", &M::member_metadata);
      row("MemberAssignment", &M::member_assignment);
    }
  };
  struct Group {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    std::string_view group_id;
    std::string_view group_state;
    std::string_view protocol_type;
    std::string_view protocol_data;
    std::vector<Member> members;
    std::int32_t authorized_operations = std::numeric_limits<std::int32_t>::min();

    static constexpr void fields(auto row) {
      using M = Group;
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.versions = "6+", .nullable = "6+"});
      row("GroupId", &M::group_id);
      row("GroupState", &M::group_state);
      row("ProtocolType", &M::protocol_type);
      row("ProtocolData", &M::protocol_data);
      row("Members", &M::members);
      row("AuthorizedOperations", &M::authorized_operations, {.versions = "3+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Group> groups;

  static constexpr Schema schema{.api_key = 15, .versions = "0-6", .flexible = "5+"};
  static constexpr void fields(auto row) {
    using M = DescribeGroupsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms, {.versions = "1+", .ignorable = true});
    row("Groups", &M::groups);
  }
};

}  // namespace sluice::protocol
