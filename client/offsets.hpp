// Offsets of partitions and of groups: the requests that consumers and admins share.
// Internal: includes Asio; public headers do not include this.
#pragma once

#include "client/cluster.hpp"
#include "protocol/error_code.hpp"
#include "sluice/types.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::client {

// Looks up an offset for each partition: by OffsetSpec or by time. Waits for leaders and retries
// what may pass until the deadline. Errors: the first that does not pass.
Task<Result<std::map<TopicPartition, TimestampOffset>>> list_offsets(
    Cluster& cluster, std::map<TopicPartition, std::int64_t> at, Isolation isolation,
    TimePoint deadline);

// Who commits. The defaults are for offsets of a group without members.
struct Committer {
  std::string group_id;
  std::int32_t generation = -1;
  std::string member_id;
  std::optional<std::string> instance_id;
};

// Commits through `link`, a connection to the coordinator. The outcome has a row a partition.
Task<Result<std::map<TopicPartition, protocol::ErrorCode>>> commit_offsets(
    Cluster::Link link, Committer committer, std::map<TopicPartition, CommittedOffset> offsets,
    TimePoint deadline);

// Reads a group's offsets through `link`; without `partitions`, all that it has. Partitions that
// have none are left out. Errors: the broker's, for the group or a partition.
Task<Result<std::map<TopicPartition, CommittedOffset>>> fetch_committed(
    Cluster::Link link, std::string group_id, std::optional<std::vector<TopicPartition>> partitions,
    Isolation isolation, TimePoint deadline);

}  // namespace sluice::client
