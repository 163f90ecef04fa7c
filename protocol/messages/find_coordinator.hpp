// FindCoordinator, API key 10.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks which broker coordinates groups, transactional ids or share partitions.
// Source: FindCoordinatorRequest.json; KIP-98 (transactions), KIP-699 (many keys), KIP-890, KIP-932
// (share).
struct FindCoordinatorRequest {
  std::string_view key;
  std::int8_t key_type = 0;  // 0 group, 1 transaction, 2 share
  std::vector<std::string_view> coordinator_keys;

  static constexpr Schema schema{.api_key = 10, .versions = "0-6", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = FindCoordinatorRequest;
    row("Key", &M::key, {.versions = "0-3"});
    row("KeyType", &M::key_type, {.versions = "1+"});
    row("CoordinatorKeys", &M::coordinator_keys, {.versions = "4+"});
  }
};

// The coordinator of each key.
// Source: FindCoordinatorResponse.json; KIP-98 (transactions), KIP-699 (many keys), KIP-890,
// KIP-932 (share).
struct FindCoordinatorResponse {
  struct Coordinator {
    std::string_view key;
    BrokerId node_id = 0;
    std::string_view host;
    std::int32_t port = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;

    static constexpr void fields(auto row) {
      using M = Coordinator;
      row("Key", &M::key, {.versions = "4+"});
      row("NodeId", &M::node_id, {.versions = "4+"});
      row("Host", &M::host, {.versions = "4+"});
      row("Port", &M::port, {.versions = "4+"});
      row("ErrorCode", &M::error_code, {.versions = "4+"});
      row("ErrorMessage", &M::error_message,
          {.versions = "4+", .nullable = "4+", .ignorable = true});
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  BrokerId node_id = 0;
  std::string_view host;
  std::int32_t port = 0;
  std::vector<Coordinator> coordinators;

  static constexpr Schema schema{.api_key = 10, .versions = "0-6", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = FindCoordinatorResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms, {.versions = "1+", .ignorable = true});
    row("ErrorCode", &M::error_code, {.versions = "0-3"});
    row("ErrorMessage", &M::error_message,
        {.versions = "1-3", .nullable = "1-3", .ignorable = true});
    row("NodeId", &M::node_id, {.versions = "0-3"});
    row("Host", &M::host, {.versions = "0-3"});
    row("Port", &M::port, {.versions = "0-3"});
    row("Coordinators", &M::coordinators, {.versions = "4+"});
  }
};

}  // namespace sluice::protocol
