// Which shard owns a partition. A function of its identity and the number of shards alone, so that
// every shard computes it and nothing is stored.
#pragma once

#include "protocol/ids.hpp"

#include <cstdint>

namespace sluice::broker {

// Consecutive partitions of a topic lie on consecutive shards; the first one depends on the topic.
inline int shard_of(const TopicId& topic, PartitionIndex partition, int shard_count) {
  const auto start = static_cast<std::uint64_t>(std::hash<Uuid>{}(topic));
  const auto place = (start ^ (start >> 32)) + static_cast<std::uint64_t>(partition);
  return static_cast<int>(place % static_cast<std::uint64_t>(shard_count));
}

}  // namespace sluice::broker
