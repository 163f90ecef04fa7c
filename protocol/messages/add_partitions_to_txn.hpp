// AddPartitionsToTxn, API key 24.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Registers partitions with a transaction. Version 4 on is sent by brokers, to verify.
// Source: AddPartitionsToTxnRequest.json; KIP-98, KIP-890.
struct AddPartitionsToTxnRequest {
  struct Topic {
    std::string_view name;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
      row("Partitions", &M::partitions);
    }
  };
  struct Transaction {
    std::string_view transactional_id;
    ProducerId producer_id = 0;
    ProducerEpoch producer_epoch = 0;
    bool verify_only = false;
    std::vector<Topic> topics;

    static constexpr void fields(auto row) {
      using M = Transaction;
      row("TransactionalId", &M::transactional_id, {.versions = "4+"});
      row("ProducerId", &M::producer_id, {.versions = "4+"});
      row("ProducerEpoch", &M::producer_epoch, {.versions = "4+"});
      row("VerifyOnly", &M::verify_only, {.versions = "4+"});
      row("Topics", &M::topics, {.versions = "4+"});
    }
  };

  std::vector<Transaction> transactions;
  std::string_view v3_and_below_transactional_id;
  ProducerId v3_and_below_producer_id = 0;
  ProducerEpoch v3_and_below_producer_epoch = 0;
  std::vector<Topic> v3_and_below_topics;

  static constexpr Schema schema{.api_key = 24, .versions = "0-5", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = AddPartitionsToTxnRequest;
    row("Transactions", &M::transactions, {.versions = "4+"});
    row("V3AndBelowTransactionalId", &M::v3_and_below_transactional_id, {.versions = "0-3"});
    row("V3AndBelowProducerId", &M::v3_and_below_producer_id, {.versions = "0-3"});
    row("V3AndBelowProducerEpoch", &M::v3_and_below_producer_epoch, {.versions = "0-3"});
    row("V3AndBelowTopics", &M::v3_and_below_topics, {.versions = "0-3"});
  }
};

// The outcome for each partition.
// Source: AddPartitionsToTxnResponse.json; KIP-98, KIP-890.
struct AddPartitionsToTxnResponse {
  struct PartitionResult {
    PartitionIndex partition_index = 0;
    ErrorCode partition_error_code = ErrorCode::none;

    static constexpr void fields(auto row) {
      using M = PartitionResult;
      row("PartitionIndex", &M::partition_index);
      row("PartitionErrorCode", &M::partition_error_code);
    }
  };
  struct TopicResult {
    std::string_view name;
    std::vector<PartitionResult> results_by_partition;

    static constexpr void fields(auto row) {
      using M = TopicResult;
      row("Name", &M::name);
      row("ResultsByPartition", &M::results_by_partition);
    }
  };
  struct TransactionResult {
    std::string_view transactional_id;
    std::vector<TopicResult> topic_results;

    static constexpr void fields(auto row) {
      using M = TransactionResult;
      row("TransactionalId", &M::transactional_id, {.versions = "4+"});
      row("TopicResults", &M::topic_results, {.versions = "4+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<TransactionResult> results_by_transaction;
  std::vector<TopicResult> results_by_topic_v3_and_below;

  static constexpr Schema schema{.api_key = 24, .versions = "0-5", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = AddPartitionsToTxnResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code, {.versions = "4+", .ignorable = true});
    row("ResultsByTransaction", &M::results_by_transaction, {.versions = "4+"});
    row("ResultsByTopicV3AndBelow", &M::results_by_topic_v3_and_below, {.versions = "0-3"});
  }
};

}  // namespace sluice::protocol
