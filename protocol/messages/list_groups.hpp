// ListGroups, API key 16.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Lists the groups that a broker coordinates.
// Source: ListGroupsRequest.json; KIP-518 (states), KIP-848 (types).
struct ListGroupsRequest {
  std::vector<std::string_view> states_filter;
  std::vector<std::string_view> types_filter;

  static constexpr Schema schema{.api_key = 16, .versions = "0-5", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = ListGroupsRequest;
    row("StatesFilter", &M::states_filter, {.versions = "4+"});
    row("TypesFilter", &M::types_filter, {.versions = "5+"});
  }
};

// The groups that the broker coordinates.
// Source: ListGroupsResponse.json; KIP-518 (states), KIP-848 (types).
struct ListGroupsResponse {
  struct Group {
    std::string_view group_id;
    std::string_view protocol_type;
    std::string_view group_state;
    std::string_view group_type;

    static constexpr void fields(auto row) {
      using M = Group;
      row("GroupId", &M::group_id);
      row("ProtocolType", &M::protocol_type);
      row("GroupState", &M::group_state, {.versions = "4+", .ignorable = true});
      row("GroupType", &M::group_type, {.versions = "5+", .ignorable = true});
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Group> groups;

  static constexpr Schema schema{.api_key = 16, .versions = "0-5", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = ListGroupsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms, {.versions = "1+", .ignorable = true});
    row("ErrorCode", &M::error_code);
    row("Groups", &M::groups);
  }
};

}  // namespace sluice::protocol
