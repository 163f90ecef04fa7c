// ListConfigResources, API key 74.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Lists resources that have configurations; version 0 knows client metrics only.
// Source: ListConfigResourcesRequest.json; KIP-1000, KIP-1142.
struct ListConfigResourcesRequest {
  std::vector<std::int8_t> resource_types;

  static constexpr Schema schema{.api_key = 74, .versions = "0-1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ListConfigResourcesRequest;
    row("ResourceTypes", &M::resource_types, {.versions = "1+"});
  }
};

// The resources.
// Source: ListConfigResourcesResponse.json; KIP-1000, KIP-1142.
struct ListConfigResourcesResponse {
  struct ConfigResource {
    std::string_view resource_name;
    std::int8_t resource_type = 16;

    static constexpr void fields(auto row) {
      using M = ConfigResource;
      row("ResourceName", &M::resource_name);
      row("ResourceType", &M::resource_type, {.versions = "1+", .ignorable = true});
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<ConfigResource> config_resources;

  static constexpr Schema schema{.api_key = 74, .versions = "0-1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ListConfigResourcesResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ConfigResources", &M::config_resources);
  }
};

}  // namespace sluice::protocol
