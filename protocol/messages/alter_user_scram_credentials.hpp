// AlterUserScramCredentials, API key 51.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Sets and removes SCRAM credentials.
// Source: AlterUserScramCredentialsRequest.json; KIP-554.
struct AlterUserScramCredentialsRequest {
  struct Deletion {
    std::string_view name;
    std::int8_t mechanism = 0;

    static constexpr void fields(auto row) {
      using M = Deletion;
      row("Name", &M::name);
      row("Mechanism", &M::mechanism);
    }
  };
  struct Upsertion {
    std::string_view name;
    std::int8_t mechanism = 0;
    std::int32_t iterations = 0;
    Bytes salt;
    Bytes salted_password;

    static constexpr void fields(auto row) {
      using M = Upsertion;
      row("Name", &M::name);
      row("Mechanism", &M::mechanism);
      row("Iterations", &M::iterations);
      row("Salt", &M::salt);
      row("SaltedPassword", &M::salted_password);
    }
  };

  std::vector<Deletion> deletions;
  std::vector<Upsertion> upsertions;

  static constexpr Schema schema{.api_key = 51, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = AlterUserScramCredentialsRequest;
    row("Deletions", &M::deletions);
    row("Upsertions", &M::upsertions);
  }
};

// The outcome for each user.
// Source: AlterUserScramCredentialsResponse.json; KIP-554.
struct AlterUserScramCredentialsResponse {
  struct Result {
    std::string_view user;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;

    static constexpr void fields(auto row) {
      using M = Result;
      row("User", &M::user);
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Result> results;

  static constexpr Schema schema{.api_key = 51, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = AlterUserScramCredentialsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Results", &M::results);
  }
};

}  // namespace sluice::protocol
