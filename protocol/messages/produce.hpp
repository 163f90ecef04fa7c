// Produce, API key 0.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Appends record batches to partitions. With acks 0 there is no response.
// Source: ProduceRequest.json; KIP-98 (transactions), KIP-467 (record errors), KIP-516 (topic ids),
// KIP-951 (new leader).
struct ProduceRequest {
  struct Partition {
    PartitionIndex index = 0;
    std::optional<Records> records;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("Index", &M::index);
      row("Records", &M::records, {.nullable = "0+"});
    }
  };
  struct Topic {
    std::string_view name;
    TopicId topic_id;
    std::vector<Partition> partition_data;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name, {.versions = "0-12", .ignorable = true});
      row("TopicId", &M::topic_id, {.versions = "13+", .ignorable = true});
      row("PartitionData", &M::partition_data);
    }
  };

  std::optional<std::string_view> transactional_id;  // null: not transactional
  std::int16_t acks = 0;  // -1 all in-sync replicas, 1 the leader, 0 nobody
  std::int32_t timeout_ms = 0;
  std::vector<Topic> topic_data;

  // Clients that see no version 0 compress nothing (librdkafka before 2.11), so Kafka tells it too.
  static constexpr Schema schema{
      .api_key = 0, .versions = "3-13", .flexible = "9+", .advertised = "0-13"};
  static constexpr void fields(auto row) {
    using M = ProduceRequest;
    row("TransactionalId", &M::transactional_id, {.nullable = "3+"});
    row("Acks", &M::acks);
    row("TimeoutMs", &M::timeout_ms);
    row("TopicData", &M::topic_data);
  }
};

// Answers a produce request, a row a partition: where its batch lies, or why it does not.
// Source: ProduceResponse.json; KIP-98 (transactions), KIP-467 (record errors), KIP-516 (topic
// ids), KIP-951 (new leader).
struct ProduceResponse {
  struct RecordError {
    std::int32_t batch_index = 0;
    std::optional<std::string_view> batch_index_error_message;

    static constexpr void fields(auto row) {
      using M = RecordError;
      row("BatchIndex", &M::batch_index, {.versions = "8+"});
      row("BatchIndexErrorMessage", &M::batch_index_error_message,
          {.versions = "8+", .nullable = "8+"});
    }
  };
  struct LeaderIdAndEpoch {
    BrokerId leader_id = -1;
    LeaderEpoch leader_epoch = -1;

    static constexpr void fields(auto row) {
      using M = LeaderIdAndEpoch;
      row("LeaderId", &M::leader_id, {.versions = "10+"});
      row("LeaderEpoch", &M::leader_epoch, {.versions = "10+"});
    }
  };
  struct Partition {
    PartitionIndex index = 0;
    ErrorCode error_code = ErrorCode::none;
    Offset base_offset = 0;               // of the batch's first record
    TimestampMs log_append_time_ms = -1;  // -1 unless the topic stamps on append
    Offset log_start_offset = -1;
    std::vector<RecordError> record_errors;
    std::optional<std::string_view> error_message;
    LeaderIdAndEpoch current_leader;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("Index", &M::index);
      row("ErrorCode", &M::error_code);
      row("BaseOffset", &M::base_offset);
      row("LogAppendTimeMs", &M::log_append_time_ms);
      row("LogStartOffset", &M::log_start_offset, {.versions = "5+", .ignorable = true});
      row("RecordErrors", &M::record_errors, {.versions = "8+", .ignorable = true});
      row("ErrorMessage", &M::error_message,
          {.versions = "8+", .nullable = "8+", .ignorable = true});
      row("CurrentLeader", &M::current_leader, {.versions = "10+", .tag = 0});
    }
  };
  struct Topic {
    std::string_view name;
    TopicId topic_id;
    std::vector<Partition> partition_responses;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name, {.versions = "0-12", .ignorable = true});
      row("TopicId", &M::topic_id, {.versions = "13+", .ignorable = true});
      row("PartitionResponses", &M::partition_responses);
    }
  };
  struct NodeEndpoint {
    BrokerId node_id = 0;
    std::string_view host;
    std::int32_t port = 0;
    std::optional<std::string_view> rack;

    static constexpr void fields(auto row) {
      using M = NodeEndpoint;
      row("NodeId", &M::node_id, {.versions = "10+"});
      row("Host", &M::host, {.versions = "10+"});
      row("Port", &M::port, {.versions = "10+"});
      row("Rack", &M::rack, {.versions = "10+", .nullable = "10+"});
    }
  };

  std::vector<Topic> responses;
  std::int32_t throttle_time_ms = 0;
  std::vector<NodeEndpoint> node_endpoints;

  static constexpr Schema schema{.api_key = 0, .versions = "3-13", .flexible = "9+"};
  static constexpr void fields(auto row) {
    using M = ProduceResponse;
    row("Responses", &M::responses);
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("NodeEndpoints", &M::node_endpoints, {.versions = "10+", .tag = 0});
  }
};

}  // namespace sluice::protocol
