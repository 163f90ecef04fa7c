// ApiVersions, API key 18.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks which requests the broker understands; a client's first request.
// Source: ApiVersionsRequest.json; KIP-35, KIP-511 (client name), KIP-584 (features).
struct ApiVersionsRequest {
  std::string_view client_software_name;
  std::string_view client_software_version;

  static constexpr Schema schema{.api_key = 18, .versions = "0-4", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = ApiVersionsRequest;
    row("ClientSoftwareName", &M::client_software_name, {.versions = "3+", .ignorable = true});
    row("ClientSoftwareVersion", &M::client_software_version,
        {.versions = "3+", .ignorable = true});
  }
};

// The broker's API keys and version ranges. Its header is always version 0, so that any client can
// read it.
// Source: ApiVersionsResponse.json; KIP-35, KIP-511 (client name), KIP-584 (features).
struct ApiVersionsResponse {
  struct ApiKey {
    std::int16_t api_key = 0;
    std::int16_t min_version = 0;
    std::int16_t max_version = 0;

    static constexpr void fields(auto row) {
      using M = ApiKey;
      row("ApiKey", &M::api_key);
      row("MinVersion", &M::min_version);
      row("MaxVersion", &M::max_version);
    }
  };
  struct SupportedFeature {
    std::string_view name;
    std::int16_t min_version = 0;
    std::int16_t max_version = 0;

    static constexpr void fields(auto row) {
      using M = SupportedFeature;
      row("Name", &M::name, {.versions = "3+"});
      row("MinVersion", &M::min_version, {.versions = "3+"});
      row("MaxVersion", &M::max_version, {.versions = "3+"});
    }
  };
  struct FinalizedFeature {
    std::string_view name;
    std::int16_t max_version_level = 0;
    std::int16_t min_version_level = 0;

    static constexpr void fields(auto row) {
      using M = FinalizedFeature;
      row("Name", &M::name, {.versions = "3+"});
      row("MaxVersionLevel", &M::max_version_level, {.versions = "3+"});
      row("MinVersionLevel", &M::min_version_level, {.versions = "3+"});
    }
  };

  ErrorCode error_code = ErrorCode::none;
  std::vector<ApiKey> api_keys;
  std::int32_t throttle_time_ms = 0;
  std::vector<SupportedFeature> supported_features;
  std::int64_t finalized_features_epoch = -1;
  std::vector<FinalizedFeature> finalized_features;
  bool zk_migration_ready = false;

  static constexpr Schema schema{.api_key = 18, .versions = "0-4", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = ApiVersionsResponse;
    row("ErrorCode", &M::error_code);
    row("ApiKeys", &M::api_keys);
    row("ThrottleTimeMs", &M::throttle_time_ms, {.versions = "1+", .ignorable = true});
    row("SupportedFeatures", &M::supported_features,
        {.versions = "3+", .tag = 0, .ignorable = true});
    row("FinalizedFeaturesEpoch", &M::finalized_features_epoch,
        {.versions = "3+", .tag = 1, .ignorable = true});
    row("FinalizedFeatures", &M::finalized_features,
        {.versions = "3+", .tag = 2, .ignorable = true});
    row("ZkMigrationReady", &M::zk_migration_ready,
        {.versions = "3+", .tag = 3, .ignorable = true});
  }
};

}  // namespace sluice::protocol
