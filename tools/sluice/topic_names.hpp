// Topics by name: messages about those that are missing, and all partitions of several.
#pragma once

#include "sluice/admin.hpp"
#include "tools/sluice/cli.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sluice::cli {

// "no topic 'x'", with what may have been meant.
Exit no_such_topic(Admin& admin, const std::string& name);
Exit no_such_topic(const Global& global, const std::string& name);

// "no partition 7 in topic 'orders', which has 0 to 1": of a topic with `count` partitions.
std::string no_partition_text(const std::string& topic, PartitionIndex partition,
                              std::size_t count);

// What Admin::offsets() takes to find `spec` of every partition that has a leader.
std::map<TopicPartition, std::int64_t> every_partition(const std::vector<TopicInfo>& topics,
                                                       OffsetSpec spec);

}  // namespace sluice::cli
