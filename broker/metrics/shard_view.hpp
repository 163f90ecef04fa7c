// One shard's part of a BrokerView. Both run on the shard.
#pragma once

#include "base/task.hpp"
#include "broker/group_types.hpp"
#include "broker/metrics/view.hpp"
#include "broker/share/share_shell.hpp"

#include <utility>
#include <vector>

namespace sluice::broker {

struct ShardView : ShardTotals {
  std::vector<std::pair<PartitionKey, PartitionView>> partitions;
  std::vector<GroupOverview> groups;
  std::vector<std::pair<std::string, std::size_t>> share_groups;  // with members: name, how many
  std::vector<ShareShell::Overview> shares;
};

struct ShardWanted {
  bool partitions = true;
  bool groups = true;
};
Task<ShardView> shard_view(Shard* shard, ShardWanted wanted);

struct RecordTime {
  PartitionKey key;
  Offset offset = 0;
  std::int64_t timestamp_ms = -1;  // -1: not known
};
// Reads the timestamps of the records at these offsets, or of the next ones where there is none,
// from the batches that hold them. In a compressed batch, and where they lie close together, they
// are taken to be spread evenly.
Task<std::vector<RecordTime>> read_times(Shard* shard, std::vector<RecordTime> wanted);

}  // namespace sluice::broker
