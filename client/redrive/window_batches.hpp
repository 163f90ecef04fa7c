// Turns the records of a window into batches, the same bytes each time.
#pragma once

#include "client/redrive/port.hpp"
#include "client/redrive/progress.hpp"
#include "protocol/batch_builder.hpp"
#include "sluice/dead_letters.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::client {

// Where a record goes: the topic that was asked for, or its source; empty when it has none.
std::string_view target_topic(const RedriveProgress& progress, const DeadLetterOrigin& origin);
// The source's partition where the target has it; else by key as producers do, or without a key the
// source's partition modulo the count. Requires: partition_count > 0.
PartitionIndex target_partition(const RecordView& record, const DeadLetterOrigin& origin,
                                std::int32_t partition_count);
// Bytes that a redriven record may take, a little more than it will.
std::size_t redriven_size_max(const RecordView& record);

class WindowBatches {
 public:
  // Lifetime: `progress` outlives this and does not change meanwhile.
  explicit WindowBatches(const RedriveProgress& progress) : progress_(progress) {}

  // The next record of the window, in order of offsets.
  // Requires: its target is one of progress.targets.
  void add(const RecordView& record);
  // In order of topics and partitions.
  std::vector<RedriveBatch> finish();

 private:
  struct Building {
    protocol::BatchBuilder builder;
    RedriveBatch batch;
  };
  const RedriveProgress& progress_;
  std::map<std::pair<std::string_view, PartitionIndex>, Building> building_;
  std::vector<Header> headers_;
};

}  // namespace sluice::client
