// DeleteGroups, API key 42.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Deletes empty groups.
// Source: DeleteGroupsRequest.json; KIP-229.
struct DeleteGroupsRequest {
  std::vector<std::string_view> groups_names;

  static constexpr Schema schema{.api_key = 42, .versions = "0-2", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = DeleteGroupsRequest;
    row("GroupsNames", &M::groups_names);
  }
};

// The outcome for each group.
// Source: DeleteGroupsResponse.json; KIP-229.
struct DeleteGroupsResponse {
  struct Result {
    std::string_view group_id;
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto row) {
      using M = Result;
      row("GroupId", &M::group_id);
      row("ErrorCode", &M::error_code);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Result> results;

  static constexpr Schema schema{.api_key = 42, .versions = "0-2", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = DeleteGroupsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Results", &M::results);
  }
};

}  // namespace sluice::protocol
