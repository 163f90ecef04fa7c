// DescribeProducers, API key 61.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks for the active producers of partitions.
// Source: DescribeProducersRequest.json; KIP-664.
struct DescribeProducersRequest {
  struct Topic {
    std::string_view name;
    std::vector<PartitionIndex> partition_indexes;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
      row("PartitionIndexes", &M::partition_indexes);
    }
  };

  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 61, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeProducersRequest;
    row("Topics", &M::topics);
  }
};

// The producers that each partition remembers.
// Source: DescribeProducersResponse.json; KIP-664.
struct DescribeProducersResponse {
  struct ActiveProducer {
    ProducerId producer_id = 0;
    std::int32_t producer_epoch = 0;
    Sequence last_sequence = -1;
    TimestampMs last_timestamp = -1;
    std::int32_t coordinator_epoch = 0;
    Offset current_txn_start_offset = -1;

    static constexpr void fields(auto row) {
      using M = ActiveProducer;
      row("ProducerId", &M::producer_id);
      row("ProducerEpoch", &M::producer_epoch);
      row("LastSequence", &M::last_sequence);
      row("LastTimestamp", &M::last_timestamp);
      row("CoordinatorEpoch", &M::coordinator_epoch);
      row("CurrentTxnStartOffset", &M::current_txn_start_offset);
    }
  };
  struct Partition {
    PartitionIndex partition_index = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    std::vector<ActiveProducer> active_producers;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
      row("ActiveProducers", &M::active_producers);
    }
  };
  struct Topic {
    std::string_view name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
      row("Partitions", &M::partitions);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 61, .versions = "0", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeProducersResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Topics", &M::topics);
  }
};

}  // namespace sluice::protocol
