// Everything that can be checked of one segment: its batches, their records, its indexes, its seal.
#pragma once

#include "tools/inspect/directory.hpp"
#include "tools/inspect/finding.hpp"

#include <atomic>
#include <vector>

namespace sluice::inspect {

struct SegmentReport {
  Offset base = 0;
  std::int64_t size = 0;     // bytes read of the .log
  std::int64_t batches = 0;  // intact ones
  std::int64_t records = 0;
  // Bytes behind the last batch of the active segment: space made ready, or a write that the broker
  // is at or that a crash cut short. Not damage.
  std::int64_t tail = 0;
  Offset end = 0;       // after the last intact batch
  bool sealed = false;  // and the seal's hash holds
  std::vector<Finding> findings;
};

struct CheckContext {
  const DataDirectory* directory = nullptr;
  const PartitionLog* log = nullptr;
  // Counts bytes read; may be null.
  std::atomic<std::int64_t>* progress = nullptr;
  // Set from outside to end early; may be null.
  const std::atomic<bool>* stop = nullptr;
};

// Errors: those of reading the .log. Other files that cannot be read are findings.
Result<SegmentReport> check_segment(const CheckContext& context, const SegmentFile& segment);

// Whether the file was removed since it was listed, as retention and compaction do.
bool is_gone(const Error& error);

}  // namespace sluice::inspect
