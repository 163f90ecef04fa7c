// TxnOffsetCommit, API key 28.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Stores a group's offsets as part of a transaction.
// Source: TxnOffsetCommitRequest.json; KIP-98, KIP-447 (group metadata), KIP-890.
struct TxnOffsetCommitRequest {
  struct Partition {
    PartitionIndex partition_index = 0;
    Offset committed_offset = 0;
    LeaderEpoch committed_leader_epoch = -1;
    std::optional<std::string_view> committed_metadata = "";

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("CommittedOffset", &M::committed_offset);
      row("CommittedLeaderEpoch", &M::committed_leader_epoch,
          {.versions = "2+", .ignorable = true});
      row("CommittedMetadata", &M::committed_metadata, {.nullable = "0+"});
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

  std::string_view transactional_id;
  std::string_view group_id;
  ProducerId producer_id = 0;
  ProducerEpoch producer_epoch = 0;
  GenerationId generation_id = -1;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 28, .versions = "0-5", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = TxnOffsetCommitRequest;
    row("TransactionalId", &M::transactional_id);
    row("GroupId", &M::group_id);
    row("ProducerId", &M::producer_id);
    row("ProducerEpoch", &M::producer_epoch);
    row("GenerationId", &M::generation_id, {.versions = "3+"});
    row("MemberId", &M::member_id, {.versions = "3+"});
    row("GroupInstanceId", &M::group_instance_id, {.versions = "3+", .nullable = "3+"});
    row("Topics", &M::topics);
  }
};

// Says of each partition whether its offset is stored.
// Source: TxnOffsetCommitResponse.json; KIP-98, KIP-447 (group metadata), KIP-890.
struct TxnOffsetCommitResponse {
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

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 28, .versions = "0-5", .flexible = "3+"};
  static constexpr void fields(auto row) {
    using M = TxnOffsetCommitResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Topics", &M::topics);
  }
};

}  // namespace sluice::protocol
