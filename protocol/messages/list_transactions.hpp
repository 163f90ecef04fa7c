// ListTransactions, API key 66.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Lists transactions that match all filters; an empty filter matches any.
// Source: ListTransactionsRequest.json; KIP-664, KIP-994 (duration), KIP-1152 (pattern).
struct ListTransactionsRequest {
  std::vector<std::string_view> state_filters;
  std::vector<ProducerId> producer_id_filters;
  std::int64_t duration_filter = -1;
  std::optional<std::string_view> transactional_id_pattern;

  static constexpr Schema schema{.api_key = 66, .versions = "0-2", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ListTransactionsRequest;
    row("StateFilters", &M::state_filters);
    row("ProducerIdFilters", &M::producer_id_filters);
    row("DurationFilter", &M::duration_filter, {.versions = "1+"});
    row("TransactionalIdPattern", &M::transactional_id_pattern,
        {.versions = "2+", .nullable = "2+"});
  }
};

// The transactions that match.
// Source: ListTransactionsResponse.json; KIP-664, KIP-994 (duration), KIP-1152 (pattern).
struct ListTransactionsResponse {
  struct TransactionState {
    std::string_view transactional_id;
    ProducerId producer_id = 0;
    std::string_view transaction_state;

    static constexpr void fields(auto row) {
      using M = TransactionState;
      row("TransactionalId", &M::transactional_id);
      row("ProducerId", &M::producer_id);
      row("TransactionState", &M::transaction_state);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<std::string_view> unknown_state_filters;
  std::vector<TransactionState> transaction_states;

  static constexpr Schema schema{.api_key = 66, .versions = "0-2", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ListTransactionsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("UnknownStateFilters", &M::unknown_state_filters);
    row("TransactionStates", &M::transaction_states);
  }
};

}  // namespace sluice::protocol
