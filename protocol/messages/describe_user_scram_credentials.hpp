// DescribeUserScramCredentials, API key 50.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Lists users with SCRAM credentials. Null or no users: all.
// Source: DescribeUserScramCredentialsRequest.json; KIP-554.
struct DescribeUserScramCredentialsRequest {
  struct User {
    std::string_view name;

    static constexpr void fields(auto row) {
      using M = User;
      row("Name", &M::name);
    }
  };

  std::optional<std::vector<User>> users = std::vector<User>{};

  static constexpr Schema schema{.api_key = 50, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeUserScramCredentialsRequest;
    row("Users", &M::users, {.nullable = "0+"});
  }
};

// Mechanisms and iterations of each user; never the credentials.
// Source: DescribeUserScramCredentialsResponse.json; KIP-554.
struct DescribeUserScramCredentialsResponse {
  struct CredentialInfo {
    std::int8_t mechanism = 0;
    std::int32_t iterations = 0;

    static constexpr void fields(auto row) {
      using M = CredentialInfo;
      row("Mechanism", &M::mechanism);
      row("Iterations", &M::iterations);
    }
  };
  struct Result {
    std::string_view user;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    std::vector<CredentialInfo> credential_infos;

    static constexpr void fields(auto row) {
      using M = Result;
      row("User", &M::user);
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
      row("CredentialInfos", &M::credential_infos);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::vector<Result> results;

  static constexpr Schema schema{.api_key = 50, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeUserScramCredentialsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("Results", &M::results);
  }
};

}  // namespace sluice::protocol
