// CreatePartitions, API key 37.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Grows the partition count of topics.
// Source: CreatePartitionsRequest.json; KIP-195, KIP-599 (quota).
struct CreatePartitionsRequest {
  struct Assignment {
    std::vector<BrokerId> broker_ids;

    static constexpr void fields(auto row) {
      using M = Assignment;
      row("BrokerIds", &M::broker_ids);
    }
  };
  struct Topic {
    std::string_view name;
    std::int32_t count = 0;  // the new total
    std::optional<std::vector<Assignment>> assignments = std::vector<Assignment>{};

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
      row("Count", &M::count);
      row("Assignments", &M::assignments, {.nullable = "0+"});
    }
  };

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;
  bool validate_only = false;

  static constexpr Schema schema{.api_key = 37, .versions = "0-3", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = CreatePartitionsRequest;
    row("Topics", &M::topics);
    row("TimeoutMs", &M::timeout_ms);
    row("ValidateOnly", &M::validate_only);
  }
};

// The outcome for each topic.
// Source: CreatePartitionsResponse.json; KIP-195, KIP-599 (quota).
struct CreatePartitionsResponse {
  struct Result {
    std::string_view name;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;

    static constexpr void fields(auto row) {
      using M = Result;
      row("Name", &M::name);
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Result> results;

  static constexpr Schema schema{.api_key = 37, .versions = "0-3", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = CreatePartitionsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Results", &M::results);
  }
};

}  // namespace sluice::protocol
