// Metadata, API key 3.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks for brokers, and for topics by name or id. Null topics: all; in version 0 an empty list
// means that.
// Source: MetadataRequest.json; KIP-430 (authorized operations), KIP-516 (topic ids), KIP-700
// (cluster), KIP-1102 (top-level error).
struct MetadataRequest {
  struct Topic {
    TopicId topic_id;
    std::optional<std::string_view> name = "";

    static constexpr void fields(auto row) {
      using M = Topic;
      row("TopicId", &M::topic_id, {.versions = "10+", .ignorable = true});
      row("Name", &M::name, {.nullable = "10+"});
    }
  };

  std::optional<std::vector<Topic>> topics = std::vector<Topic>{};
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;

  static constexpr Schema schema{.api_key = 3, .versions = "0-13", .flexible = "9+"};
  static constexpr void fields(auto row) {
    using M = MetadataRequest;
    row("Topics", &M::topics, {.nullable = "1+"});
    row("AllowAutoTopicCreation", &M::allow_auto_topic_creation, {.versions = "4+"});
    row("IncludeClusterAuthorizedOperations", &M::include_cluster_authorized_operations,
        {.versions = "8-10"});
    row("IncludeTopicAuthorizedOperations", &M::include_topic_authorized_operations,
        {.versions = "8+"});
  }
};

// The brokers, and of each topic its partitions and their leaders.
// Source: MetadataResponse.json; KIP-430 (authorized operations), KIP-516 (topic ids), KIP-700
// (cluster), KIP-1102 (top-level error).
struct MetadataResponse {
  struct Broker {
    BrokerId node_id = 0;
    std::string_view host;
    std::int32_t port = 0;
    std::optional<std::string_view> rack;

    static constexpr void fields(auto row) {
      using M = Broker;
      row("NodeId", &M::node_id);
      row("Host", &M::host);
      row("Port", &M::port);
      row("Rack", &M::rack, {.versions = "1+", .nullable = "1+", .ignorable = true});
    }
  };
  struct Partition {
    ErrorCode error_code = ErrorCode::none;
    PartitionIndex partition_index = 0;
    BrokerId leader_id = 0;
    LeaderEpoch leader_epoch = -1;
    std::vector<BrokerId> replica_nodes;
    std::vector<BrokerId> isr_nodes;
    std::vector<BrokerId> offline_replicas;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("ErrorCode", &M::error_code);
      row("PartitionIndex", &M::partition_index);
      row("LeaderId", &M::leader_id);
      row("LeaderEpoch", &M::leader_epoch, {.versions = "7+", .ignorable = true});
      row("ReplicaNodes", &M::replica_nodes);
      row("IsrNodes", &M::isr_nodes);
      row("OfflineReplicas", &M::offline_replicas, {.versions = "5+", .ignorable = true});
    }
  };
  struct Topic {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> name = "";
    TopicId topic_id;
    bool is_internal = false;
    std::vector<Partition> partitions;
    std::int32_t topic_authorized_operations =
        std::numeric_limits<std::int32_t>::min();  // bits; the least integer: not asked for

    static constexpr void fields(auto row) {
      using M = Topic;
      row("ErrorCode", &M::error_code);
      row("Name", &M::name, {.nullable = "12+"});
      row("TopicId", &M::topic_id, {.versions = "10+", .ignorable = true});
      row("IsInternal", &M::is_internal, {.versions = "1+", .ignorable = true});
      row("Partitions", &M::partitions);
      row("TopicAuthorizedOperations", &M::topic_authorized_operations, {.versions = "8+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Broker> brokers;
  std::optional<std::string_view> cluster_id;
  BrokerId controller_id = -1;
  std::vector<Topic> topics;
  std::int32_t cluster_authorized_operations = std::numeric_limits<std::int32_t>::min();
  ErrorCode error_code = ErrorCode::none;

  static constexpr Schema schema{.api_key = 3, .versions = "0-13", .flexible = "9+"};
  static constexpr void fields(auto row) {
    using M = MetadataResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms, {.versions = "3+", .ignorable = true});
    row("Brokers", &M::brokers);
    row("ClusterId", &M::cluster_id, {.versions = "2+", .nullable = "2+", .ignorable = true});
    row("ControllerId", &M::controller_id, {.versions = "1+", .ignorable = true});
    row("Topics", &M::topics);
    row("ClusterAuthorizedOperations", &M::cluster_authorized_operations, {.versions = "8-10"});
    row("ErrorCode", &M::error_code, {.versions = "13+", .ignorable = true});
  }
};

}  // namespace sluice::protocol
