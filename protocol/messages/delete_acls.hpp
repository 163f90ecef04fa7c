// DeleteAcls, API key 31.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Removes the access rules that match filters.
// Source: DeleteAclsRequest.json; KIP-140, KIP-290 (prefixed patterns).
struct DeleteAclsRequest {
  struct Filter {
    std::int8_t resource_type_filter = 0;
    std::optional<std::string_view> resource_name_filter = "";
    std::int8_t pattern_type_filter = 3;
    std::optional<std::string_view> principal_filter = "";
    std::optional<std::string_view> host_filter = "";
    std::int8_t operation = 0;
    std::int8_t permission_type = 0;

    static constexpr void fields(auto row) {
      using M = Filter;
      row("ResourceTypeFilter", &M::resource_type_filter);
      row("ResourceNameFilter", &M::resource_name_filter, {.nullable = "0+"});
      row("PatternTypeFilter", &M::pattern_type_filter);
      row("PrincipalFilter", &M::principal_filter, {.nullable = "0+"});
      row("HostFilter", &M::host_filter, {.nullable = "0+"});
      row("Operation", &M::operation);
      row("PermissionType", &M::permission_type);
    }
  };

  std::vector<Filter> filters;

  static constexpr Schema schema{.api_key = 31, .versions = "1-3", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = DeleteAclsRequest;
    row("Filters", &M::filters);
  }
};

// The rules removed by each filter.
// Source: DeleteAclsResponse.json; KIP-140, KIP-290 (prefixed patterns).
struct DeleteAclsResponse {
  struct MatchingAcl {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    std::int8_t resource_type = 0;
    std::string_view resource_name;
    std::int8_t pattern_type = 3;
    std::string_view principal;
    std::string_view host;
    std::int8_t operation = 0;
    std::int8_t permission_type = 0;

    static constexpr void fields(auto row) {
      using M = MatchingAcl;
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
      row("ResourceType", &M::resource_type);
      row("ResourceName", &M::resource_name);
      row("PatternType", &M::pattern_type);
      row("Principal", &M::principal);
      row("Host", &M::host);
      row("Operation", &M::operation);
      row("PermissionType", &M::permission_type);
    }
  };
  struct FilterResult {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    std::vector<MatchingAcl> matching_acls;

    static constexpr void fields(auto row) {
      using M = FilterResult;
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
      row("MatchingAcls", &M::matching_acls);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<FilterResult> filter_results;

  static constexpr Schema schema{.api_key = 31, .versions = "1-3", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = DeleteAclsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("FilterResults", &M::filter_results);
  }
};

}  // namespace sluice::protocol
