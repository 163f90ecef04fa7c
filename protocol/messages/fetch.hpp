// Fetch, API key 1.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Reads record batches, waiting up to MaxWaitMs for MinBytes of them.
// Source: FetchRequest.json; KIP-227 (sessions), KIP-320 (leader epochs), KIP-392 (read replicas),
// KIP-516 (topic ids), KIP-595 (divergence), KIP-903 (replica state), KIP-951 (new leader),
// KIP-1166 (high watermark).
struct FetchRequest {
  struct ReplicaState {
    BrokerId replica_id = -1;  // -1: a consumer
    std::int64_t replica_epoch = -1;

    static constexpr void fields(auto row) {
      using M = ReplicaState;
      row("ReplicaId", &M::replica_id, {.versions = "15+"});
      row("ReplicaEpoch", &M::replica_epoch, {.versions = "15+"});
    }
  };
  struct Partition {
    PartitionIndex partition = 0;
    LeaderEpoch current_leader_epoch = -1;  // -1: not checked
    Offset fetch_offset = 0;
    LeaderEpoch last_fetched_epoch = -1;
    Offset log_start_offset = -1;
    std::int32_t partition_max_bytes = 0;  // a first batch may exceed it
    Uuid replica_directory_id;
    Offset high_watermark = std::numeric_limits<std::int64_t>::max();

    static constexpr void fields(auto row) {
      using M = Partition;
      row("Partition", &M::partition);
      row("CurrentLeaderEpoch", &M::current_leader_epoch, {.versions = "9+", .ignorable = true});
      row("FetchOffset", &M::fetch_offset);
      row("LastFetchedEpoch", &M::last_fetched_epoch, {.versions = "12+"});
      row("LogStartOffset", &M::log_start_offset, {.versions = "5+", .ignorable = true});
      row("PartitionMaxBytes", &M::partition_max_bytes);
      row("ReplicaDirectoryId", &M::replica_directory_id,
          {.versions = "17+", .tag = 0, .ignorable = true});
      row("HighWatermark", &M::high_watermark, {.versions = "18+", .tag = 1, .ignorable = true});
    }
  };
  struct Topic {
    std::string_view topic;
    TopicId topic_id;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Topic", &M::topic, {.versions = "0-12", .ignorable = true});
      row("TopicId", &M::topic_id, {.versions = "13+", .ignorable = true});
      row("Partitions", &M::partitions);
    }
  };
  struct ForgottenTopic {
    std::string_view topic;
    TopicId topic_id;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto row) {
      using M = ForgottenTopic;
      row("Topic", &M::topic, {.versions = "7-12", .ignorable = true});
      row("TopicId", &M::topic_id, {.versions = "13+", .ignorable = true});
      row("Partitions", &M::partitions, {.versions = "7+"});
    }
  };

  std::optional<std::string_view> cluster_id;
  BrokerId replica_id = -1;  // -1: a consumer
  ReplicaState replica_state;
  std::int32_t max_wait_ms = 0;
  std::int32_t min_bytes = 0;
  std::int32_t max_bytes = 0x7fffffff;
  std::int8_t isolation_level = 0;  // 0 read_uncommitted, 1 read_committed
  std::int32_t session_id = 0;      // 0: none yet
  std::int32_t session_epoch = -1;  // -1: no session, 0: a new one
  std::vector<Topic> topics;
  std::vector<ForgottenTopic> forgotten_topics_data;
  std::string_view rack_id;

  static constexpr Schema schema{.api_key = 1, .versions = "4-18", .flexible = "12+"};
  static constexpr void fields(auto row) {
    using M = FetchRequest;
    row("ClusterId", &M::cluster_id,
        {.versions = "12+", .nullable = "12+", .tag = 0, .ignorable = true});
    row("ReplicaId", &M::replica_id, {.versions = "0-14"});
    row("ReplicaState", &M::replica_state, {.versions = "15+", .tag = 1});
    row("MaxWaitMs", &M::max_wait_ms);
    row("MinBytes", &M::min_bytes);
    row("MaxBytes", &M::max_bytes);
    row("IsolationLevel", &M::isolation_level);
    row("SessionId", &M::session_id, {.versions = "7+", .ignorable = true});
    row("SessionEpoch", &M::session_epoch, {.versions = "7+", .ignorable = true});
    row("Topics", &M::topics);
    row("ForgottenTopicsData", &M::forgotten_topics_data, {.versions = "7+"});
    row("RackId", &M::rack_id, {.versions = "11+", .ignorable = true});
  }
};

// Record batches by partition. A batch may begin before the offset asked for.
// Source: FetchResponse.json; KIP-227 (sessions), KIP-320 (leader epochs), KIP-392 (read replicas),
// KIP-516 (topic ids), KIP-595 (divergence), KIP-903 (replica state), KIP-951 (new leader),
// KIP-1166 (high watermark).
struct FetchResponse {
  struct EpochEndOffset {
    LeaderEpoch epoch = -1;
    Offset end_offset = -1;

    static constexpr void fields(auto row) {
      using M = EpochEndOffset;
      row("Epoch", &M::epoch, {.versions = "12+"});
      row("EndOffset", &M::end_offset, {.versions = "12+"});
    }
  };
  struct LeaderIdAndEpoch {
    BrokerId leader_id = -1;
    LeaderEpoch leader_epoch = -1;

    static constexpr void fields(auto row) {
      using M = LeaderIdAndEpoch;
      row("LeaderId", &M::leader_id, {.versions = "12+"});
      row("LeaderEpoch", &M::leader_epoch, {.versions = "12+"});
    }
  };
  struct SnapshotId {
    Offset end_offset = -1;
    LeaderEpoch epoch = -1;

    static constexpr void fields(auto row) {
      using M = SnapshotId;
      row("EndOffset", &M::end_offset);
      row("Epoch", &M::epoch);
    }
  };
  struct AbortedTransaction {
    ProducerId producer_id = 0;
    Offset first_offset = 0;

    static constexpr void fields(auto row) {
      using M = AbortedTransaction;
      row("ProducerId", &M::producer_id);
      row("FirstOffset", &M::first_offset);
    }
  };
  struct Partition {
    PartitionIndex partition_index = 0;
    ErrorCode error_code = ErrorCode::none;
    Offset high_watermark = 0;
    Offset last_stable_offset = -1;
    Offset log_start_offset = -1;
    EpochEndOffset diverging_epoch;
    LeaderIdAndEpoch current_leader;
    SnapshotId snapshot_id;
    std::optional<std::vector<AbortedTransaction>> aborted_transactions =
        std::vector<AbortedTransaction>{};  // only with read_committed
    BrokerId preferred_read_replica = -1;   // -1: the leader
    std::optional<Records> records;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("ErrorCode", &M::error_code);
      row("HighWatermark", &M::high_watermark);
      row("LastStableOffset", &M::last_stable_offset);
      row("LogStartOffset", &M::log_start_offset, {.versions = "5+", .ignorable = true});
      row("DivergingEpoch", &M::diverging_epoch, {.versions = "12+", .tag = 0});
      row("CurrentLeader", &M::current_leader, {.versions = "12+", .tag = 1});
      row("SnapshotId", &M::snapshot_id, {.versions = "12+", .tag = 2});
      row("AbortedTransactions", &M::aborted_transactions, {.nullable = "4+"});
      row("PreferredReadReplica", &M::preferred_read_replica, {.versions = "11+"});
      row("Records", &M::records, {.nullable = "0+"});
    }
  };
  struct Topic {
    std::string_view topic;
    TopicId topic_id;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Topic", &M::topic, {.versions = "0-12", .ignorable = true});
      row("TopicId", &M::topic_id, {.versions = "13+", .ignorable = true});
      row("Partitions", &M::partitions);
    }
  };
  struct NodeEndpoint {
    BrokerId node_id = 0;
    std::string_view host;
    std::int32_t port = 0;
    std::optional<std::string_view> rack;

    static constexpr void fields(auto row) {
      using M = NodeEndpoint;
      row("NodeId", &M::node_id, {.versions = "16+"});
      row("Host", &M::host, {.versions = "16+"});
      row("Port", &M::port, {.versions = "16+"});
      row("Rack", &M::rack, {.versions = "16+", .nullable = "16+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::int32_t session_id = 0;  // 0: no session
  std::vector<Topic> responses;
  std::vector<NodeEndpoint> node_endpoints;

  static constexpr Schema schema{.api_key = 1, .versions = "4-18", .flexible = "12+"};
  static constexpr void fields(auto row) {
    using M = FetchResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code, {.versions = "7+", .ignorable = true});
    row("SessionId", &M::session_id, {.versions = "7+"});
    row("Responses", &M::responses);
    row("NodeEndpoints", &M::node_endpoints, {.versions = "16+", .tag = 0});
  }
};

}  // namespace sluice::protocol
