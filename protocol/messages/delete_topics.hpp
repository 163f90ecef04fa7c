// DeleteTopics, API key 20.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Deletes topics by name, from version 6 on by name or id.
// Source: DeleteTopicsRequest.json; KIP-516 (topic ids), KIP-599 (quota).
struct DeleteTopicsRequest {
  struct Topic {
    std::optional<std::string_view> name;
    TopicId topic_id;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name, {.versions = "6+", .nullable = "6+"});
      row("TopicId", &M::topic_id, {.versions = "6+"});
    }
  };

  std::vector<Topic> topics;
  std::vector<std::string_view> topic_names;
  std::int32_t timeout_ms = 0;

  static constexpr Schema schema{.api_key = 20, .versions = "1-6", .flexible = "4+"};
  static constexpr void fields(auto row) {
    using M = DeleteTopicsRequest;
    row("Topics", &M::topics, {.versions = "6+"});
    row("TopicNames", &M::topic_names, {.versions = "0-5", .ignorable = true});
    row("TimeoutMs", &M::timeout_ms);
  }
};

// The outcome of deleting each topic.
// Source: DeleteTopicsResponse.json; KIP-516 (topic ids), KIP-599 (quota).
struct DeleteTopicsResponse {
  struct Topic {
    std::optional<std::string_view> name = "";
    TopicId topic_id;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name, {.nullable = "6+"});
      row("TopicId", &M::topic_id, {.versions = "6+", .ignorable = true});
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message,
          {.versions = "5+", .nullable = "5+", .ignorable = true});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> responses;

  static constexpr Schema schema{.api_key = 20, .versions = "1-6", .flexible = "4+"};
  static constexpr void fields(auto row) {
    using M = DeleteTopicsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Responses", &M::responses);
  }
};

}  // namespace sluice::protocol
