// InitProducerId, API key 22.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::protocol {

// Obtains a producer id, or a new epoch for one; fences older incarnations.
// Source: InitProducerIdRequest.json; KIP-98, KIP-360 (epoch bump), KIP-890, KIP-939 (two-phase
// commit).
struct InitProducerIdRequest {
  std::optional<std::string_view> transactional_id = "";
  std::int32_t transaction_timeout_ms = 0;
  ProducerId producer_id = -1;
  ProducerEpoch producer_epoch = -1;
  bool enable_2pc = false;
  bool keep_prepared_txn = false;

  // Version 6 (KIP-939) is not stable yet in Kafka 4.3.
  static constexpr Schema schema{
      .api_key = 22, .versions = "0-6", .flexible = "2+", .advertised = "0-5"};
  static constexpr void fields(auto row) {
    using M = InitProducerIdRequest;
    row("TransactionalId", &M::transactional_id, {.nullable = "0+"});
    row("TransactionTimeoutMs", &M::transaction_timeout_ms);
    row("ProducerId", &M::producer_id, {.versions = "3+"});
    row("ProducerEpoch", &M::producer_epoch, {.versions = "3+"});
    row("Enable2Pc", &M::enable_2pc, {.versions = "6+"});
    row("KeepPreparedTxn", &M::keep_prepared_txn, {.versions = "6+"});
  }
};

// The producer id and epoch to use.
// Source: InitProducerIdResponse.json; KIP-98, KIP-360 (epoch bump), KIP-890, KIP-939 (two-phase
// commit).
struct InitProducerIdResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  ProducerId producer_id = -1;
  ProducerEpoch producer_epoch = 0;
  ProducerId ongoing_txn_producer_id = -1;
  ProducerEpoch ongoing_txn_producer_epoch = -1;

  static constexpr Schema schema{.api_key = 22, .versions = "0-6", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = InitProducerIdResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ProducerId", &M::producer_id);
    row("ProducerEpoch", &M::producer_epoch);
    row("OngoingTxnProducerId", &M::ongoing_txn_producer_id, {.versions = "6+"});
    row("OngoingTxnProducerEpoch", &M::ongoing_txn_producer_epoch, {.versions = "6+"});
  }
};

}  // namespace sluice::protocol
