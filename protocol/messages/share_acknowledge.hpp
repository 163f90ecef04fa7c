// ShareAcknowledge, API key 79.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Acknowledges acquired records: 0 gap, 1 accept, 2 release, 3 reject, 4 renew.
// Source: ShareAcknowledgeRequest.json; KIP-932, KIP-1222 (renewal).
struct ShareAcknowledgeRequest {
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
    std::vector<AcknowledgementBatch> acknowledgement_batches;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
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

  std::optional<std::string_view> group_id;
  std::optional<std::string_view> member_id = "";
  std::int32_t share_session_epoch = 0;
  bool is_renew_ack = false;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 79, .versions = "1-2", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ShareAcknowledgeRequest;
    row("GroupId", &M::group_id, {.nullable = "0+"});
    row("MemberId", &M::member_id, {.nullable = "0+"});
    row("ShareSessionEpoch", &M::share_session_epoch);
    row("IsRenewAck", &M::is_renew_ack, {.versions = "2+"});
    row("Topics", &M::topics);
  }
};

// The outcome for each partition.
// Source: ShareAcknowledgeResponse.json; KIP-932, KIP-1222 (renewal).
struct ShareAcknowledgeResponse {
  struct LeaderIdAndEpoch {
    BrokerId leader_id = 0;
    LeaderEpoch leader_epoch = 0;

    static constexpr void fields(auto row) {
      using M = LeaderIdAndEpoch;
      row("LeaderId", &M::leader_id);
      row("LeaderEpoch", &M::leader_epoch);
    }
  };
  struct Partition {
    PartitionIndex partition_index = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    LeaderIdAndEpoch current_leader;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
      row("CurrentLeader", &M::current_leader);
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

  static constexpr Schema schema{.api_key = 79, .versions = "1-2", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ShareAcknowledgeResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("AcquisitionLockTimeoutMs", &M::acquisition_lock_timeout_ms,
        {.versions = "2+", .ignorable = true});
    row("Responses", &M::responses);
    row("NodeEndpoints", &M::node_endpoints);
  }
};

}  // namespace sluice::protocol
