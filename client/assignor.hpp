// How the leader of a consumer group shares partitions out. Pure functions, equal to the assignors
// of Kafka's Java client where members of both may meet in one group (range, roundrobin).
#pragma once

#include "client/consumer_protocol.hpp"
#include "sluice/consumer.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::client {

struct GroupMemberInfo {
  std::string member_id;
  std::optional<std::string> instance_id;
  Subscription subscription;
};

using PartitionCounts = std::map<std::string, std::int32_t, std::less<>>;  // known topics only
using GroupAssignment =
    std::map<std::string, std::vector<TopicPartition>, std::less<>>;  // by member id

// Contiguous ranges, topic by topic.
GroupAssignment assign_range(const std::vector<GroupMemberInfo>& members,
                             const PartitionCounts& counts);
// All partitions in turn over the members that subscribe to them.
GroupAssignment assign_round_robin(const std::vector<GroupMemberInfo>& members,
                                   const PartitionCounts& counts);
// Balanced within one where subscriptions allow, moving as few partitions as that takes.
GroupAssignment assign_sticky(const std::vector<GroupMemberInfo>& members,
                              const PartitionCounts& counts);
// Sticky, and a partition that changes hands is given to nobody in this round: its owner must first
// let go of it (KIP-429).
GroupAssignment assign_cooperatively(const std::vector<GroupMemberInfo>& members,
                                     const PartitionCounts& counts);

GroupAssignment assign(Assignor assignor, const std::vector<GroupMemberInfo>& members,
                       const PartitionCounts& counts);

}  // namespace sluice::client
