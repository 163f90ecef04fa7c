#include "broker/group_offsets.hpp"

#include "base/check.hpp"
#include "base/long_time.hpp"

#include <utility>

namespace sluice::broker {
namespace {

// Rough cost of an offset beside its metadata: a map node.
constexpr std::size_t entry_overhead = 144;
constexpr std::size_t topic_overhead = 112;

// Characters as Java counts them, UTF-16 units: that is what offset.metadata.max.bytes bounds in
// Kafka. Never more than the octets.
std::size_t utf16_length(std::string_view text) {
  std::size_t units = 0;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if ((octet & 0xc0) != 0x80) units += octet >= 0xf0 ? 2 : 1;
  }
  return units;
}

bool other_topic(const TopicId& stored, const TopicId& asked) {
  return !stored.is_zero() && !asked.is_zero() && stored != asked;
}

// The time from which an offset's retention counts; nullopt: it does not expire now.
std::optional<std::int64_t> retention_start(const GroupCore& group, const OffsetValue& value) {
  if (group.protocol_type().empty()) return value.commit_ms;
  if (group.state() == GroupState::empty) {
    return group.state_ms() < 0 ? value.commit_ms : group.state_ms();
  }
  const bool stable = group.state() == GroupState::stable;
  if (stable && group.uses_consumer_protocol() && group.knows_subscriptions()) {
    return value.commit_ms;
  }
  return std::nullopt;
}

bool expired(const GroupCore& group, const OffsetValue& value, std::int64_t retention_ms,
             std::int64_t now_ms) {
  const auto start = retention_start(group, value);
  if (!start) return false;
  if (value.expire_ms) return now_ms >= *value.expire_ms;
  return now_ms - *start >= retention_ms;
}

}  // namespace

CommitReply GroupOffsets::begin_commit(const CommitRequest& request, const GroupOptions& options,
                                       std::int64_t wall_ms, std::vector<OffsetChange>& changes) {
  CommitReply reply;
  reply.topics.reserve(request.topics.size());
  for (const CommitTopic& topic : request.topics) {
    TopicReply& answered = reply.topics.emplace_back();
    answered.name = topic.name;
    answered.id = topic.id;
    answered.partitions.reserve(topic.partitions.size());
    for (const CommitPartition& p : topic.partitions) {
      PartitionReply& result = answered.partitions.emplace_back();
      result.index = p.index;
      result.error = p.error;
      if (result.error != ErrorCode::none) continue;
      if (p.metadata && utf16_length(*p.metadata) > options.offset_metadata_max) {
        result.error = ErrorCode::offset_metadata_too_large;
        continue;
      }
      OffsetValue value;
      value.offset = p.offset;
      value.leader_epoch = p.leader_epoch;
      value.metadata = p.metadata.value_or("");
      value.commit_ms = wall_ms;
      if (request.retention_ms >= 0)
        value.expire_ms = wall_ms + long_time(request.retention_ms).count();
      value.topic_id = topic.id;
      begin(topic.name, p.index, std::move(value), changes);
    }
  }
  return reply;
}

DeleteOffsetsReply GroupOffsets::begin_delete(const DeleteOffsetsRequest& request,
                                              const GroupCore& group,
                                              std::vector<OffsetChange>& changes) {
  DeleteOffsetsReply reply;
  for (const DeleteOffsetsTopic& topic : request.topics) {
    TopicReply& answered = reply.topics.emplace_back();
    answered.name = topic.name;
    const bool subscribed = group.is_subscribed_to(topic.name);
    const auto known = topics_.find(topic.name);
    for (const DeleteOffsetsPartition& p : topic.partitions) {
      PartitionReply& result = answered.partitions.emplace_back();
      result.index = p.index;
      result.error = p.error;
      if (result.error != ErrorCode::none) continue;
      if (subscribed) {
        result.error = ErrorCode::group_subscribed_to_topic;
      } else if (known != topics_.end() && known->second.contains(p.index)) {
        begin(topic.name, p.index, std::nullopt, changes);
      }
    }
  }
  return reply;
}

void GroupOffsets::begin_delete_all(std::vector<OffsetChange>& changes) {
  for (auto& [topic, partitions] : topics_) {
    for (auto& [partition, entry] : partitions) begin(topic, partition, std::nullopt, changes);
  }
}

void GroupOffsets::begin_delete_topic(std::string_view topic, const TopicId& id,
                                      std::vector<OffsetChange>& changes) {
  const auto known = topics_.find(topic);
  if (known == topics_.end()) return;
  for (auto& [partition, entry] : known->second) {
    if (entry.value && other_topic(entry.value->topic_id, id)) continue;
    begin(topic, partition, std::nullopt, changes);
  }
}

bool GroupOffsets::begin_expiry(const GroupCore& group, const GroupOptions& options,
                                std::int64_t wall_ms, std::vector<OffsetChange>& changes) {
  bool none_left = true;
  for (auto& [topic, partitions] : topics_) {
    const bool in_use = group.is_subscribed_to(topic);
    for (auto& [partition, entry] : partitions) {
      // What is being written is fresh, or on its way out.
      const bool settled = entry.being_written == 0 && entry.value;
      if (!in_use && settled &&
          expired(group, *entry.value, options.offsets_retention.count(), wall_ms)) {
        begin(topic, partition, std::nullopt, changes);
      } else {
        none_left = false;
      }
    }
  }
  return none_left;
}

void GroupOffsets::apply(const std::vector<OffsetChange>& changes) {
  for (const OffsetChange& change : changes) finish(change, true);
}

void GroupOffsets::forget(const std::vector<OffsetChange>& changes) {
  for (const OffsetChange& change : changes) finish(change, false);
}

void GroupOffsets::load(const std::string& topic, std::int32_t partition,
                        std::optional<OffsetValue> value) {
  std::vector<OffsetChange> changes;
  begin(topic, partition, std::move(value), changes);
  apply(changes);
}

FetchOffsetsReply GroupOffsets::fetch(const FetchOffsetsRequest& request) const {
  FetchOffsetsReply reply;
  if (!request.topics) {
    for (const auto& [topic, partitions] : topics_) {
      FetchedTopic fetched_topic{.name = topic, .id = {}, .partitions = {}};
      for (const auto& [partition, entry] : partitions) {
        if (entry.value) fetched_topic.partitions.push_back(fetched(partition, &*entry.value));
      }
      if (!fetched_topic.partitions.empty()) reply.topics.push_back(std::move(fetched_topic));
    }
    return reply;
  }
  reply.topics.reserve(request.topics->size());
  for (const FetchOffsetsTopic& topic : *request.topics) {
    FetchedTopic& answered = reply.topics.emplace_back();
    answered.name = topic.name;
    answered.id = topic.id;
    answered.partitions.reserve(topic.partitions.size());
    for (const std::int32_t partition : topic.partitions) {
      const OffsetValue* value = find(topic.name, partition);
      if (value != nullptr && other_topic(value->topic_id, topic.id)) value = nullptr;
      answered.partitions.push_back(fetched(partition, value));
    }
  }
  return reply;
}

const OffsetValue* GroupOffsets::find(std::string_view topic, std::int32_t partition) const {
  const auto known = topics_.find(topic);
  if (known == topics_.end()) return nullptr;
  const auto entry = known->second.find(partition);
  if (entry == known->second.end() || !entry->second.value) return nullptr;
  return &*entry->second.value;
}

FetchedPartition GroupOffsets::fetched(std::int32_t partition, const OffsetValue* value) {
  FetchedPartition result;
  result.index = partition;
  if (value == nullptr) return result;
  result.offset = value->offset;
  result.leader_epoch = value->leader_epoch;
  result.metadata = value->metadata;
  return result;
}

void GroupOffsets::begin(std::string_view topic, std::int32_t partition,
                         std::optional<OffsetValue> value, std::vector<OffsetChange>& changes) {
  auto known = topics_.find(topic);
  if (known == topics_.end()) {
    known = topics_.emplace(std::string(topic), Partitions{}).first;
    bytes_ += topic_overhead + topic.size();
  }
  const auto [entry, added] = known->second.try_emplace(partition);
  if (added) bytes_ += entry_overhead;
  ++entry->second.being_written;
  changes.push_back({known->first, partition, std::move(value)});
}

void GroupOffsets::finish(const OffsetChange& change, bool durable) {
  const auto known = topics_.find(change.topic);
  SLUICE_CHECK(known != topics_.end());
  const auto entry = known->second.find(change.partition);
  SLUICE_CHECK(entry != known->second.end());
  SLUICE_CHECK(entry->second.being_written > 0);
  --entry->second.being_written;
  if (durable) set(entry->second, change.value);
  drop_if_unused(change.topic, change.partition);
}

void GroupOffsets::set(Entry& entry, std::optional<OffsetValue> value) {
  if (entry.value) bytes_ -= entry.value->metadata.size();
  entry.value = std::move(value);
  if (entry.value) bytes_ += entry.value->metadata.size();
}

void GroupOffsets::drop_if_unused(std::string_view topic, std::int32_t partition) {
  const auto known = topics_.find(topic);
  const auto entry = known->second.find(partition);
  if (entry->second.value || entry->second.being_written > 0) return;
  known->second.erase(entry);
  bytes_ -= entry_overhead;
  if (!known->second.empty()) return;
  bytes_ -= topic_overhead + known->first.size();
  topics_.erase(known);
}

}  // namespace sluice::broker
