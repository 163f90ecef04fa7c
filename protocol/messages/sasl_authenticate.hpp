// SaslAuthenticate, API key 36.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::protocol {

// A step of a SASL exchange, from the client.
// Source: SaslAuthenticateRequest.json; KIP-152, KIP-368 (session lifetime).
struct SaslAuthenticateRequest {
  Bytes auth_bytes;

  static constexpr Schema schema{.api_key = 36, .versions = "0-2", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = SaslAuthenticateRequest;
    row("AuthBytes", &M::auth_bytes);
  }
};

// A step of a SASL exchange, from the broker.
// Source: SaslAuthenticateResponse.json; KIP-152, KIP-368 (session lifetime).
struct SaslAuthenticateResponse {
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  Bytes auth_bytes;
  std::int64_t session_lifetime_ms = 0;

  static constexpr Schema schema{.api_key = 36, .versions = "0-2", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = SaslAuthenticateResponse;
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("AuthBytes", &M::auth_bytes);
    row("SessionLifetimeMs", &M::session_lifetime_ms, {.versions = "1+", .ignorable = true});
  }
};

}  // namespace sluice::protocol
