// IncrementalAlterConfigs, API key 44.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Changes single keys of configurations. Operations: 0 set, 1 delete, 2 append, 3 subtract.
// Source: IncrementalAlterConfigsRequest.json; KIP-339.
struct IncrementalAlterConfigsRequest {
  struct Config {
    std::string_view name;
    std::int8_t config_operation = 0;
    std::optional<std::string_view> value = "";

    static constexpr void fields(auto row) {
      using M = Config;
      row("Name", &M::name);
      row("ConfigOperation", &M::config_operation);
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

  static constexpr Schema schema{.api_key = 44, .versions = "0-1", .flexible = "1+"};
  static constexpr void fields(auto row) {
    using M = IncrementalAlterConfigsRequest;
    row("Resources", &M::resources);
    row("ValidateOnly", &M::validate_only);
  }
};

// The outcome for each resource.
// Source: IncrementalAlterConfigsResponse.json; KIP-339.
struct IncrementalAlterConfigsResponse {
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

  static constexpr Schema schema{.api_key = 44, .versions = "0-1", .flexible = "1+"};
  static constexpr void fields(auto row) {
    using M = IncrementalAlterConfigsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Responses", &M::responses);
  }
};

}  // namespace sluice::protocol
