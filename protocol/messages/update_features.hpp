// UpdateFeatures, API key 57.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Changes finalized feature levels.
// Source: UpdateFeaturesRequest.json; KIP-584, KIP-778 (upgrade type), KIP-1022.
struct UpdateFeaturesRequest {
  struct FeatureUpdate {
    std::string_view feature;
    std::int16_t max_version_level = 0;
    bool allow_downgrade = false;
    std::int8_t upgrade_type = 1;

    static constexpr void fields(auto row) {
      using M = FeatureUpdate;
      row("Feature", &M::feature);
      row("MaxVersionLevel", &M::max_version_level);
      row("AllowDowngrade", &M::allow_downgrade, {.versions = "0"});
      row("UpgradeType", &M::upgrade_type, {.versions = "1+"});
    }
  };

  std::int32_t timeout_ms = 60000;
  std::vector<FeatureUpdate> feature_updates;
  bool validate_only = false;

  static constexpr Schema schema{.api_key = 57, .versions = "0-2", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = UpdateFeaturesRequest;
    row("timeoutMs", &M::timeout_ms);
    row("FeatureUpdates", &M::feature_updates);
    row("ValidateOnly", &M::validate_only, {.versions = "1+"});
  }
};

// The outcome; by feature before version 2.
// Source: UpdateFeaturesResponse.json; KIP-584, KIP-778 (upgrade type), KIP-1022.
struct UpdateFeaturesResponse {
  struct Result {
    std::string_view feature;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;

    static constexpr void fields(auto row) {
      using M = Result;
      row("Feature", &M::feature);
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::vector<Result> results;

  static constexpr Schema schema{.api_key = 57, .versions = "0-2", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = UpdateFeaturesResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("Results", &M::results, {.versions = "0-1", .ignorable = true});
  }
};

}  // namespace sluice::protocol
