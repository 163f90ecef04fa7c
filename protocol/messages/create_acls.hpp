// CreateAcls, API key 30.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Adds access rules.
// Source: CreateAclsRequest.json; KIP-140, KIP-290 (prefixed patterns).
struct CreateAclsRequest {
  struct Creation {
    std::int8_t resource_type = 0;
    std::string_view resource_name;
    std::int8_t resource_pattern_type = 3;
    std::string_view principal;
    std::string_view host;
    std::int8_t operation = 0;
    std::int8_t permission_type = 0;

    static constexpr void fields(auto row) {
      using M = Creation;
      row("ResourceType", &M::resource_type);
      row("ResourceName", &M::resource_name);
      row("ResourcePatternType", &M::resource_pattern_type);
      row("Principal", &M::principal);
      row("Host", &M::host);
      row("Operation", &M::operation);
      row("PermissionType", &M::permission_type);
    }
  };

  std::vector<Creation> creations;

  static constexpr Schema schema{.api_key = 30, .versions = "1-3", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = CreateAclsRequest;
    row("Creations", &M::creations);
  }
};

// The outcome for each rule.
// Source: CreateAclsResponse.json; KIP-140, KIP-290 (prefixed patterns).
struct CreateAclsResponse {
  struct Result {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;

    static constexpr void fields(auto row) {
      using M = Result;
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Result> results;

  static constexpr Schema schema{.api_key = 30, .versions = "1-3", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = CreateAclsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Results", &M::results);
  }
};

}  // namespace sluice::protocol
