// AddOffsetsToTxn, API key 25.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>

namespace sluice::protocol {

// Registers a group's offsets with a transaction.
// Source: AddOffsetsToTxnRequest.json; KIP-98, KIP-890.
struct AddOffsetsToTxnRequest {
  std::string_view transactional_id;
  ProducerId producer_id = 0;
  ProducerEpoch producer_epoch = 0;
  std::string_view group_id;

  static constexpr Schema schema{.api_key = 25, .versions = "0-4", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = AddOffsetsToTxnRequest;
    row("TransactionalId", &M::transactional_id);
    row("ProducerId", &M::producer_id);
    row("ProducerEpoch", &M::producer_epoch);
    row("GroupId", &M::group_id);
  }
};

// Says whether the group was registered.
// Source: AddOffsetsToTxnResponse.json; KIP-98, KIP-890.
struct AddOffsetsToTxnResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;

  static constexpr Schema schema{.api_key = 25, .versions = "0-4", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = AddOffsetsToTxnResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
  }
};

}  // namespace sluice::protocol
