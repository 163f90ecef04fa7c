// What members of a consumer group tell each other inside JoinGroup and SyncGroup: opaque bytes for
// the broker. An int16 version, then the message in Kafka's non-flexible encoding.
// Source: ConsumerProtocolSubscription.json, ConsumerProtocolAssignment.json (KIP-429, KIP-792).
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "protocol/schema.hpp"
#include "sluice/types.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace sluice::client {

struct ProtocolTopic {
  std::string_view topic;
  std::vector<std::int32_t> partitions;

  static constexpr void fields(auto row) {
    using M = ProtocolTopic;
    row("Topic", &M::topic);
    row("Partitions", &M::partitions);
  }
};

struct ProtocolSubscription {
  std::vector<std::string_view> topics;
  std::optional<Bytes> user_data;
  std::vector<ProtocolTopic> owned_partitions;
  std::int32_t generation_id = -1;
  std::optional<std::string_view> rack_id;

  static constexpr protocol::Schema schema{.api_key = -1, .versions = "0-3"};
  static constexpr void fields(auto row) {
    using M = ProtocolSubscription;
    row("Topics", &M::topics);
    row("UserData", &M::user_data, {.nullable = "0+"});
    row("OwnedPartitions", &M::owned_partitions, {.versions = "1+", .ignorable = true});
    row("GenerationId", &M::generation_id, {.versions = "2+", .ignorable = true});
    row("RackId", &M::rack_id, {.versions = "3+", .nullable = "3+", .ignorable = true});
  }
};

struct ProtocolAssignment {
  std::vector<ProtocolTopic> assigned_partitions;
  std::optional<Bytes> user_data;

  static constexpr protocol::Schema schema{.api_key = -1, .versions = "0-3"};
  static constexpr void fields(auto row) {
    using M = ProtocolAssignment;
    row("AssignedPartitions", &M::assigned_partitions);
    row("UserData", &M::user_data, {.nullable = "0+"});
  }
};

// What one member asks for.
struct Subscription {
  std::vector<std::string> topics;
  std::vector<TopicPartition> owned;  // held from the generation before; for cooperative assignors
  std::int32_t generation = -1;       // of `owned`
};

std::vector<std::byte> encode_subscription(const Subscription& subscription);
// Errors: Errc::malformed_response. Versions newer than ours are read as ours, as KIP-429 asks.
Result<Subscription> decode_subscription(Bytes metadata);

std::vector<std::byte> encode_assignment(const std::vector<TopicPartition>& partitions);
// Empty bytes mean an empty assignment. Errors: Errc::malformed_response.
Result<std::vector<TopicPartition>> decode_assignment(Bytes assignment);

}  // namespace sluice::client
