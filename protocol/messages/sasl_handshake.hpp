// SaslHandshake, API key 17.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <string_view>
#include <vector>

namespace sluice::protocol {

// Chooses the SASL mechanism of a connection.
// Source: SaslHandshakeRequest.json; KIP-43, KIP-152.
struct SaslHandshakeRequest {
  std::string_view mechanism;

  static constexpr Schema schema{.api_key = 17, .versions = "0-1"};
  static constexpr void fields(auto row) {
    using M = SaslHandshakeRequest;
    row("Mechanism", &M::mechanism);
  }
};

// The mechanisms that the broker has.
// Source: SaslHandshakeResponse.json; KIP-43, KIP-152.
struct SaslHandshakeResponse {
  ErrorCode error_code = ErrorCode::none;
  std::vector<std::string_view> mechanisms;

  static constexpr Schema schema{.api_key = 17, .versions = "0-1"};
  static constexpr void fields(auto row) {
    using M = SaslHandshakeResponse;
    row("ErrorCode", &M::error_code);
    row("Mechanisms", &M::mechanisms);
  }
};

}  // namespace sluice::protocol
