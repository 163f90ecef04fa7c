// DescribeTransactions, API key 65.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks for the state of transactions.
// Source: DescribeTransactionsRequest.json; KIP-664.
struct DescribeTransactionsRequest {
  std::vector<std::string_view> transactional_ids;

  static constexpr Schema schema{.api_key = 65, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeTransactionsRequest;
    row("TransactionalIds", &M::transactional_ids);
  }
};

// The state of each transaction.
// Source: DescribeTransactionsResponse.json; KIP-664.
struct DescribeTransactionsResponse {
  struct Topic {
    std::string_view topic;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Topic", &M::topic);
      row("Partitions", &M::partitions);
    }
  };
  struct TransactionState {
    ErrorCode error_code = ErrorCode::none;
    std::string_view transactional_id;
    std::string_view transaction_state;
    std::int32_t transaction_timeout_ms = 0;
    TimestampMs transaction_start_time_ms = 0;
    ProducerId producer_id = 0;
    ProducerEpoch producer_epoch = 0;
    std::vector<Topic> topics;

    static constexpr void fields(auto row) {
      using M = TransactionState;
      row("ErrorCode", &M::error_code);
      row("TransactionalId", &M::transactional_id);
      row("TransactionState", &M::transaction_state);
      row("TransactionTimeoutMs", &M::transaction_timeout_ms);
      row("TransactionStartTimeMs", &M::transaction_start_time_ms);
      row("ProducerId", &M::producer_id);
      row("ProducerEpoch", &M::producer_epoch);
      row("Topics", &M::topics);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<TransactionState> transaction_states;

  static constexpr Schema schema{.api_key = 65, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeTransactionsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("TransactionStates", &M::transaction_states);
  }
};

}  // namespace sluice::protocol
