// UnregisterBroker, API key 64.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::protocol {

// Forgets a broker that is gone.
// Source: UnregisterBrokerRequest.json; KIP-500.
struct UnregisterBrokerRequest {
  BrokerId broker_id = 0;

  static constexpr Schema schema{.api_key = 64, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = UnregisterBrokerRequest;
    row("BrokerId", &M::broker_id);
  }
};

// Says whether the broker was forgotten.
// Source: UnregisterBrokerResponse.json; KIP-500.
struct UnregisterBrokerResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;

  static constexpr Schema schema{.api_key = 64, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = UnregisterBrokerResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
  }
};

}  // namespace sluice::protocol
