// EndTxn, API key 26.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>

namespace sluice::protocol {

// Commits or aborts a transaction.
// Source: EndTxnRequest.json; KIP-98, KIP-890.
struct EndTxnRequest {
  std::string_view transactional_id;
  ProducerId producer_id = 0;
  ProducerEpoch producer_epoch = 0;
  bool committed = false;  // false: abort

  static constexpr Schema schema{.api_key = 26, .versions = "0-5", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = EndTxnRequest;
    row("TransactionalId", &M::transactional_id);
    row("ProducerId", &M::producer_id);
    row("ProducerEpoch", &M::producer_epoch);
    row("Committed", &M::committed);
  }
};

// The outcome; from version 5 on with the epoch of the next transaction.
// Source: EndTxnResponse.json; KIP-98, KIP-890.
struct EndTxnResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  ProducerId producer_id = -1;
  ProducerEpoch producer_epoch = -1;

  static constexpr Schema schema{.api_key = 26, .versions = "0-5", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = EndTxnResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ProducerId", &M::producer_id, {.versions = "5+", .ignorable = true});
    row("ProducerEpoch", &M::producer_epoch, {.versions = "5+", .ignorable = true});
  }
};

}  // namespace sluice::protocol
