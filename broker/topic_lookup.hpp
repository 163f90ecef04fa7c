// Finding the topic and the shard that a request means.
#pragma once

#include "broker/catalog.hpp"
#include "protocol/error_code.hpp"
#include "protocol/ids.hpp"

#include <string_view>

namespace sluice::broker {

struct TopicLookup {
  const Topic* topic = nullptr;  // null: see error
  protocol::ErrorCode error = protocol::ErrorCode::none;
};

// By id where one is given (versions that address topics by id), else by name. Errors:
// unknown_topic_id, unknown_topic_or_partition.
inline TopicLookup look_up(const Catalog& catalog, std::string_view name, const TopicId& id,
                           bool by_id) {
  const Topic* topic = by_id ? catalog.find(id) : catalog.find(name);
  if (topic != nullptr) return {topic, protocol::ErrorCode::none};
  return {nullptr, by_id ? protocol::ErrorCode::unknown_topic_id
                         : protocol::ErrorCode::unknown_topic_or_partition};
}

// As look_up(), and the partition must exist.
inline TopicLookup look_up(const Catalog& catalog, std::string_view name, const TopicId& id,
                           bool by_id, PartitionIndex partition) {
  TopicLookup found = look_up(catalog, name, id, by_id);
  if (found.topic == nullptr) return found;
  if (partition < 0 || partition >= found.topic->partition_count)
    return {nullptr, protocol::ErrorCode::unknown_topic_or_partition};
  return found;
}

}  // namespace sluice::broker
