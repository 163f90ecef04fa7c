#include "client/consumer_protocol.hpp"

#include "protocol/codec_instances.hpp"
#include "sluice/error.hpp"

#include <algorithm>

template struct sluice::protocol::Codec<sluice::client::ProtocolSubscription>;
template struct sluice::protocol::Codec<sluice::client::ProtocolAssignment>;

namespace sluice::client {
namespace {

// The newest version that members of older clients decode as well.
constexpr protocol::Version written_version = 1;
constexpr protocol::Version newest_version = 3;

std::vector<ProtocolTopic> group_by_topic(const std::vector<TopicPartition>& partitions) {
  std::map<std::string_view, std::vector<std::int32_t>> topics;
  for (const auto& p : partitions) topics[p.topic].push_back(p.partition);
  std::vector<ProtocolTopic> grouped;
  grouped.reserve(topics.size());
  for (auto& [name, ids] : topics) grouped.push_back({name, std::move(ids)});
  return grouped;
}

std::vector<TopicPartition> flatten(const std::vector<ProtocolTopic>& topics) {
  std::vector<TopicPartition> flat;
  for (const auto& topic : topics)
    for (const auto id : topic.partitions) flat.push_back({std::string(topic.topic), id});
  return flat;
}

template <class M>
std::vector<std::byte> encode_versioned(const M& message, protocol::Version version) {
  std::vector<std::byte> out(sizeof version);
  store_big_endian(out.data(), version);
  // Only our own values come here: names and counts that fit.
  static_cast<void>(protocol::encode(message, version, out));
  return out;
}

template <class M>
Result<M> decode_versioned(Bytes bytes, const char* what) {
  M message;
  if (bytes.size() < sizeof(protocol::Version)) return fail(Errc::malformed_response, what);
  const auto version = load_big_endian<protocol::Version>(bytes.data());
  if (version < 0) return fail(Errc::malformed_response, what);
  const auto error =
      protocol::decode(bytes.subspan(sizeof version), std::min(version, newest_version), message);
  const bool newer_tail = version > newest_version && error == protocol::WireError::trailing_bytes;
  if (error != protocol::WireError::none && !newer_tail)
    return fail(Errc::malformed_response, what);
  return message;
}

}  // namespace

std::vector<std::byte> encode_subscription(const Subscription& subscription) {
  ProtocolSubscription message;
  message.topics.assign(subscription.topics.begin(), subscription.topics.end());
  message.owned_partitions = group_by_topic(subscription.owned);
  message.generation_id = subscription.generation;
  // Version 2 carries the generation; version 1 is enough without one.
  return encode_versioned(message,
                          subscription.generation >= 0 ? protocol::Version{2} : written_version);
}

Result<Subscription> decode_subscription(Bytes metadata) {
  const auto message = decode_versioned<ProtocolSubscription>(metadata, "subscription of a member");
  if (!message) return std::unexpected(message.error());
  Subscription subscription;
  subscription.topics.assign(message->topics.begin(), message->topics.end());
  subscription.owned = flatten(message->owned_partitions);
  subscription.generation = message->generation_id;
  return subscription;
}

std::vector<std::byte> encode_assignment(const std::vector<TopicPartition>& partitions) {
  ProtocolAssignment message;
  message.assigned_partitions = group_by_topic(partitions);
  return encode_versioned(message, written_version);
}

Result<std::vector<TopicPartition>> decode_assignment(Bytes assignment) {
  if (assignment.empty()) return std::vector<TopicPartition>{};
  const auto message = decode_versioned<ProtocolAssignment>(assignment, "assignment of a group");
  if (!message) return std::unexpected(message.error());
  return flatten(message->assigned_partitions);
}

}  // namespace sluice::client
