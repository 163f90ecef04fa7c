// Where a redrive stands: all that is needed to go on after a kill, and its bytes in the progress
// topic.
//
// A record is durable before the window it names goes out. Whoever reads it builds the same batches
// again from the dead-letter topic: same records, same producer id, epoch and sequences.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sluice/dead_letters.hpp"
#include "sluice/types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::client {

// One partition of a target as our producer id sees it.
struct RedriveLane {
  Sequence next_sequence = 0;
  Offset from = -1;  // our next batch will not lie before this offset
};

struct RedriveTarget {
  // As of the first record for it: where records go must not change while the redrive lives.
  std::int32_t partition_count = 0;
  std::int64_t redriven = 0;
  std::map<PartitionIndex, RedriveLane> lanes;
};

// One partition of the dead-letter topic.
struct RedrivePlace {
  Offset next = 0;  // of the next record to look at
  Offset end = 0;   // where the partition ended when the redrive began
};

// Records of one partition of the dead-letter topic that go out together: at most one batch for
// each partition of a target. No offsets: no window.
struct RedriveWindow {
  PartitionIndex partition = -1;
  std::vector<OffsetRange> offsets;  // ascending
  bool empty() const { return offsets.empty(); }
};

struct RedriveProgress {
  std::string id;
  RedriveState state = RedriveState::running;
  DeadLetterSelection selection;
  TopicId topic_id;  // of the dead-letter topic; zero where the broker has none
  std::optional<std::string> to;
  std::int32_t max_redrives = 0;
  std::int32_t records_per_second = 0;
  std::int64_t started_ms = 0;

  ProducerId producer_id = no_producer_id;
  ProducerEpoch producer_epoch = no_producer_epoch;
  // Of the next batch to the progress topic, under the same producer id. Whoever resumes takes the
  // next epoch, which shuts an earlier process out before it begins another window.
  ProducerEpoch save_epoch = 0;
  Sequence save_sequence = 0;
  std::map<PartitionIndex, RedrivePlace> places;
  std::map<std::string, RedriveTarget> targets;
  RedriveWindow window;
  // Windows to come before anything new: a target refused a batch that they were part of.
  std::vector<RedriveWindow> retries;
  std::int32_t window_records = 0;  // of the next window, at most
  RedriveCounts counts;             // of all windows before `window`, and of what was left out
  bool uncertain = false;
};

// The value of a progress record. Format 1, then the rows of progress.cpp.
std::vector<std::byte> encode_progress(const RedriveProgress& progress);
// Errors: Errc::malformed_response for bytes that are none, or of a later format.
Result<RedriveProgress> decode_progress(Bytes value);

// Adds an offset behind all others.
void append_offset(std::vector<OffsetRange>& ranges, Offset offset);
// How many offsets the ranges hold.
std::int64_t count_offsets(const std::vector<OffsetRange>& ranges);
// Cuts the offsets behind the first `count` off and returns them.
std::vector<OffsetRange> split_offsets(std::vector<OffsetRange>& ranges, std::int64_t count);

}  // namespace sluice::client
