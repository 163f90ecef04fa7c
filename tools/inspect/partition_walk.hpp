// The intact batches of one partition, segment after segment, over damage and over segments that
// retention or compaction removes meanwhile.
#pragma once

#include "tools/inspect/segment_range.hpp"

#include <atomic>
#include <optional>

namespace sluice::inspect {

class PartitionWalk {
 public:
  struct Step {
    const SegmentFile* segment = nullptr;
    std::int64_t position = 0;  // of the batch in the segment's file
    // Lifetime: until the next call of next().
    protocol::BatchView batch;
  };

  // Both must outlive the walk. `progress`, if not null, counts bytes read.
  PartitionWalk(const DataDirectory& directory, const PartitionLog& log,
                std::atomic<std::int64_t>* progress = nullptr);
  PartitionWalk(const PartitionWalk&) = delete;
  PartitionWalk& operator=(const PartitionWalk&) = delete;

  // The next batch; nothing at the end. Errors: those of reading.
  Result<std::optional<Step>> next();
  // Bytes passed over so far that are no intact batch, but for the unfinished end of a log.
  std::int64_t damaged_bytes() const { return damaged_bytes_; }

 private:
  Result<bool> open_next();

  const DataDirectory* directory_;
  const PartitionLog* log_;
  std::atomic<std::int64_t>* progress_;
  std::size_t next_segment_ = 0;
  std::optional<ReadFile> file_;
  std::optional<SegmentWalk> walk_;
  std::int64_t damaged_bytes_ = 0;
};

}  // namespace sluice::inspect
