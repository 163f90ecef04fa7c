// DescribeQuorum, API key 55.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks for the state of the metadata quorum.
// Source: DescribeQuorumRequest.json; KIP-595, KIP-836 (lag), KIP-853 (directory ids).
struct DescribeQuorumRequest {
  struct Partition {
    PartitionIndex partition_index = 0;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
    }
  };
  struct Topic {
    std::string_view topic_name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("TopicName", &M::topic_name);
      row("Partitions", &M::partitions);
    }
  };

  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 55, .versions = "0-2", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeQuorumRequest;
    row("Topics", &M::topics);
  }
};

// The state of the metadata quorum.
// Source: DescribeQuorumResponse.json; KIP-595, KIP-836 (lag), KIP-853 (directory ids).
struct DescribeQuorumResponse {
  struct Replica {
    BrokerId replica_id = 0;
    Uuid replica_directory_id;
    Offset log_end_offset = 0;
    TimestampMs last_fetch_timestamp = -1;
    TimestampMs last_caught_up_timestamp = -1;

    static constexpr void fields(auto row) {
      using M = Replica;
      row("ReplicaId", &M::replica_id);
      row("ReplicaDirectoryId", &M::replica_directory_id, {.versions = "2+"});
      row("LogEndOffset", &M::log_end_offset);
      row("LastFetchTimestamp", &M::last_fetch_timestamp, {.versions = "1+", .ignorable = true});
      row("LastCaughtUpTimestamp", &M::last_caught_up_timestamp,
          {.versions = "1+", .ignorable = true});
    }
  };
  struct Partition {
    PartitionIndex partition_index = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    BrokerId leader_id = 0;
    LeaderEpoch leader_epoch = 0;
    Offset high_watermark = 0;
    std::vector<Replica> current_voters;
    std::vector<Replica> observers;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message,
          {.versions = "2+", .nullable = "2+", .ignorable = true});
      row("LeaderId", &M::leader_id);
      row("LeaderEpoch", &M::leader_epoch);
      row("HighWatermark", &M::high_watermark);
      row("CurrentVoters", &M::current_voters);
      row("Observers", &M::observers);
    }
  };
  struct Topic {
    std::string_view topic_name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("TopicName", &M::topic_name);
      row("Partitions", &M::partitions);
    }
  };
  struct Listener {
    std::string_view name;
    std::string_view host;
    std::uint16_t port = 0;

    static constexpr void fields(auto row) {
      using M = Listener;
      row("Name", &M::name, {.versions = "2+"});
      row("Host", &M::host, {.versions = "2+"});
      row("Port", &M::port, {.versions = "2+"});
    }
  };
  struct Node {
    BrokerId node_id = 0;
    std::vector<Listener> listeners;

    static constexpr void fields(auto row) {
      using M = Node;
      row("NodeId", &M::node_id, {.versions = "2+"});
      row("Listeners", &M::listeners, {.versions = "2+"});
    }
  };

  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::vector<Topic> topics;
  std::vector<Node> nodes;

  static constexpr Schema schema{.api_key = 55, .versions = "0-2", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeQuorumResponse;
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.versions = "2+", .nullable = "2+", .ignorable = true});
    row("Topics", &M::topics);
    row("Nodes", &M::nodes, {.versions = "2+"});
  }
};

}  // namespace sluice::protocol
