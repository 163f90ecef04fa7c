// DeleteShareGroupOffsets, API key 92.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Forgets where a share group stands in topics.
// Source: DeleteShareGroupOffsetsRequest.json; KIP-932.
struct DeleteShareGroupOffsetsRequest {
  struct Topic {
    std::string_view topic_name;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("TopicName", &M::topic_name);
    }
  };

  std::string_view group_id;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 92, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DeleteShareGroupOffsetsRequest;
    row("GroupId", &M::group_id);
    row("Topics", &M::topics);
  }
};

// The outcome for each topic.
// Source: DeleteShareGroupOffsetsResponse.json; KIP-932.
struct DeleteShareGroupOffsetsResponse {
  struct Topic {
    std::string_view topic_name;
    TopicId topic_id;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("TopicName", &M::topic_name);
      row("TopicId", &M::topic_id);
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::vector<Topic> responses;

  static constexpr Schema schema{.api_key = 92, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DeleteShareGroupOffsetsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("Responses", &M::responses);
  }
};

}  // namespace sluice::protocol
