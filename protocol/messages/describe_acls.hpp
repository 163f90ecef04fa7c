// DescribeAcls, API key 29.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Lists the access rules that match a filter.
// Source: DescribeAclsRequest.json; KIP-140, KIP-290 (prefixed patterns).
struct DescribeAclsRequest {
  std::int8_t resource_type_filter = 0;
  std::optional<std::string_view> resource_name_filter = "";
  std::int8_t pattern_type_filter = 3;
  std::optional<std::string_view> principal_filter = "";
  std::optional<std::string_view> host_filter = "";
  std::int8_t operation = 0;
  std::int8_t permission_type = 0;

  static constexpr Schema schema{.api_key = 29, .versions = "1-3", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = DescribeAclsRequest;
    row("ResourceTypeFilter", &M::resource_type_filter);
    row("ResourceNameFilter", &M::resource_name_filter, {.nullable = "0+"});
    row("PatternTypeFilter", &M::pattern_type_filter);
    row("PrincipalFilter", &M::principal_filter, {.nullable = "0+"});
    row("HostFilter", &M::host_filter, {.nullable = "0+"});
    row("Operation", &M::operation);
    row("PermissionType", &M::permission_type);
  }
};

// The access rules that match, by resource.
// Source: DescribeAclsResponse.json; KIP-140, KIP-290 (prefixed patterns).
struct DescribeAclsResponse {
  struct Acl {
    std::string_view principal;
    std::string_view host;
    std::int8_t operation = 0;
    std::int8_t permission_type = 0;

    static constexpr void fields(auto row) {
      using M = Acl;
      row("Principal", &M::principal);
      row("Host", &M::host);
      row("Operation", &M::operation);
      row("PermissionType", &M::permission_type);
    }
  };
  struct Resource {
    std::int8_t resource_type = 0;
    std::string_view resource_name;
    std::int8_t pattern_type = 3;
    std::vector<Acl> acls;

    static constexpr void fields(auto row) {
      using M = Resource;
      row("ResourceType", &M::resource_type);
      row("ResourceName", &M::resource_name);
      row("PatternType", &M::pattern_type);
      row("Acls", &M::acls);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::vector<Resource> resources;

  static constexpr Schema schema{.api_key = 29, .versions = "1-3", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = DescribeAclsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("Resources", &M::resources);
  }
};

}  // namespace sluice::protocol
