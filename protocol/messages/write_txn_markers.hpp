// WriteTxnMarkers, API key 27.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Writes the markers that end transactions into partitions.
// Source: WriteTxnMarkersRequest.json; KIP-98, KIP-1228 (transaction version).
struct WriteTxnMarkersRequest {
  struct Topic {
    std::string_view name;
    std::vector<PartitionIndex> partition_indexes;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
      row("PartitionIndexes", &M::partition_indexes);
    }
  };
  struct Marker {
    ProducerId producer_id = 0;
    ProducerEpoch producer_epoch = 0;
    bool transaction_result = false;
    std::vector<Topic> topics;
    std::int32_t coordinator_epoch = 0;
    std::int8_t transaction_version = 0;

    static constexpr void fields(auto row) {
      using M = Marker;
      row("ProducerId", &M::producer_id);
      row("ProducerEpoch", &M::producer_epoch);
      row("TransactionResult", &M::transaction_result);
      row("Topics", &M::topics);
      row("CoordinatorEpoch", &M::coordinator_epoch);
      row("TransactionVersion", &M::transaction_version, {.versions = "2+", .ignorable = true});
    }
  };

  std::vector<Marker> markers;

  static constexpr Schema schema{.api_key = 27, .versions = "1-2", .flexible = "1+"};
  static constexpr void fields(auto row) {
    using M = WriteTxnMarkersRequest;
    row("Markers", &M::markers);
  }
};

// The outcome for each partition of each marker.
// Source: WriteTxnMarkersResponse.json; KIP-98, KIP-1228 (transaction version).
struct WriteTxnMarkersResponse {
  struct Partition {
    PartitionIndex partition_index = 0;
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("ErrorCode", &M::error_code);
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
  struct Marker {
    ProducerId producer_id = 0;
    std::vector<Topic> topics;

    static constexpr void fields(auto row) {
      using M = Marker;
      row("ProducerId", &M::producer_id);
      row("Topics", &M::topics);
    }
  };

  std::vector<Marker> markers;

  static constexpr Schema schema{.api_key = 27, .versions = "1-2", .flexible = "1+"};
  static constexpr void fields(auto row) {
    using M = WriteTxnMarkersResponse;
    row("Markers", &M::markers);
  }
};

}  // namespace sluice::protocol
