// AlterConfigs, API key 33.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Replaces the whole configuration of resources; superseded by IncrementalAlterConfigs.
// Source: AlterConfigsRequest.json; KIP-133.
struct AlterConfigsRequest {
  struct Config {
    std::string_view name;
    std::optional<std::string_view> value = "";

    static constexpr void fields(auto row) {
      using M = Config;
      row("Name", &M::name);
      row("Value", &M::value, {.nullable = "0+"});
    }
  };
  struct Resource {
    std::int8_t resource_type = 0;
    std::string_view resource_name;
    std::vector<Config> configs;

    static constexpr void fields(auto row) {
      using M = Resource;
      row("ResourceType", &M::resource_type);
      row("ResourceName", &M::resource_name);
      row("Configs", &M::configs);
    }
  };

  std::vector<Resource> resources;
  bool validate_only = false;

  static constexpr Schema schema{.api_key = 33, .versions = "0-2", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = AlterConfigsRequest;
    row("Resources", &M::resources);
    row("ValidateOnly", &M::validate_only);
  }
};

// The outcome for each resource.
// Source: AlterConfigsResponse.json; KIP-133.
struct AlterConfigsResponse {
  struct Resource {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    std::int8_t resource_type = 0;
    std::string_view resource_name;

    static constexpr void fields(auto row) {
      using M = Resource;
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
      row("ResourceType", &M::resource_type);
      row("ResourceName", &M::resource_name);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Resource> responses;

  static constexpr Schema schema{.api_key = 33, .versions = "0-2", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = AlterConfigsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Responses", &M::responses);
  }
};

}  // namespace sluice::protocol
