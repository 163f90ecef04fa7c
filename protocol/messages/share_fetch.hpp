// ShareFetch, API key 78.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Acquires records of a share group, and acknowledges earlier ones on the way.
// Source: ShareFetchRequest.json; KIP-932, KIP-1206 (acquire mode), KIP-1222 (renewal).
struct ShareFetchRequest {
  struct AcknowledgementBatch {
    Offset first_offset = 0;
    Offset last_offset = 0;
    std::vector<std::int8_t> acknowledge_types;
    std::int64_t delay_ms =
        -1;                   // ours: of a release, not offered before; -1: by the group's backoff
    std::string_view reason;  // ours: why, for people; of a release or a reject

    static constexpr void fields(auto row) {
      using M = AcknowledgementBatch;
      row("FirstOffset", &M::first_offset);
      row("LastOffset", &M::last_offset);
      row("AcknowledgeTypes", &M::acknowledge_types);
      row("DelayMs", &M::delay_ms, {.tag = 10'000, .ignorable = true});
      row("Reason", &M::reason, {.tag = 10'001, .ignorable = true});
    }
  };
  struct Partition {
    PartitionIndex partition_index = 0;
    std::int32_t partition_max_bytes = 0;
    std::vector<AcknowledgementBatch> acknowledgement_batches;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("PartitionMaxBytes", &M::partition_max_bytes, {.versions = "0"});
      row("AcknowledgementBatches", &M::acknowledgement_batches);
    }
  };
  struct Topic {
    TopicId topic_id;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("TopicId", &M::topic_id);
      row("Partitions", &M::partitions);
    }
  };
  struct ForgottenTopic {
    TopicId topic_id;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto row) {
      using M = ForgottenTopic;
      row("TopicId", &M::topic_id);
      row("Partitions", &M::partitions);
    }
  };

  std::optional<std::string_view> group_id;
  std::optional<std::string_view> member_id = "";
  std::int32_t share_session_epoch = 0;
  std::int32_t max_wait_ms = 0;
  std::int32_t min_bytes = 0;
  std::int32_t max_bytes = 0x7fffffff;
  std::int32_t max_records = 0;
  std::int32_t batch_size = 0;
  std::int8_t share_acquire_mode = 0;
  bool is_renew_ack = false;
  std::vector<Topic> topics;
  std::vector<ForgottenTopic> forgotten_topics_data;

  static constexpr Schema schema{.api_key = 78, .versions = "1-2", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ShareFetchRequest;
    row("GroupId", &M::group_id, {.nullable = "0+"});
    row("MemberId", &M::member_id, {.nullable = "0+"});
    row("ShareSessionEpoch", &M::share_session_epoch);
    row("MaxWaitMs", &M::max_wait_ms);
    row("MinBytes", &M::min_bytes);
    row("MaxBytes", &M::max_bytes);
    row("MaxRecords", &M::max_records);
    row("BatchSize", &M::batch_size);
    row("ShareAcquireMode", &M::share_acquire_mode, {.versions = "2+", .ignorable = true});
    row("IsRenewAck", &M::is_renew_ack, {.versions = "2+"});
    row("Topics", &M::topics);
    row("ForgottenTopicsData", &M::forgotten_topics_data);
  }
};

// Record batches by partition, and which of their records were acquired.
// Source: ShareFetchResponse.json; KIP-932, KIP-1206 (acquire mode), KIP-1222 (renewal).
struct ShareFetchResponse {
  struct LeaderIdAndEpoch {
    BrokerId leader_id = 0;
    LeaderEpoch leader_epoch = 0;

    static constexpr void fields(auto row) {
      using M = LeaderIdAndEpoch;
      row("LeaderId", &M::leader_id);
      row("LeaderEpoch", &M::leader_epoch);
    }
  };
  struct AcquiredRecords {
    Offset first_offset = 0;
    Offset last_offset = 0;
    std::int16_t delivery_count = 0;

    static constexpr void fields(auto row) {
      using M = AcquiredRecords;
      row("FirstOffset", &M::first_offset);
      row("LastOffset", &M::last_offset);
      row("DeliveryCount", &M::delivery_count);
    }
  };
  struct Partition {
    PartitionIndex partition_index = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    ErrorCode acknowledge_error_code = ErrorCode::none;
    std::optional<std::string_view> acknowledge_error_message;
    LeaderIdAndEpoch current_leader;
    std::optional<Records> records;
    std::vector<AcquiredRecords> acquired_records;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
      row("AcknowledgeErrorCode", &M::acknowledge_error_code);
      row("AcknowledgeErrorMessage", &M::acknowledge_error_message, {.nullable = "0+"});
      row("CurrentLeader", &M::current_leader);
      row("Records", &M::records, {.nullable = "0"});
      row("AcquiredRecords", &M::acquired_records);
    }
  };
  struct Topic {
    TopicId topic_id;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("TopicId", &M::topic_id);
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
      row("NodeId", &M::node_id);
      row("Host", &M::host);
      row("Port", &M::port);
      row("Rack", &M::rack, {.nullable = "0+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::int32_t acquisition_lock_timeout_ms = 0;
  std::vector<Topic> responses;
  std::vector<NodeEndpoint> node_endpoints;

  static constexpr Schema schema{.api_key = 78, .versions = "1-2", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ShareFetchResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("AcquisitionLockTimeoutMs", &M::acquisition_lock_timeout_ms);
    row("Responses", &M::responses);
    row("NodeEndpoints", &M::node_endpoints);
  }
};

}  // namespace sluice::protocol
