// Checks whole logs, segments side by side on all cores.
#pragma once

#include "tools/inspect/segment_check.hpp"

#include <atomic>
#include <vector>

namespace sluice::inspect {

struct VerifyOptions {
  unsigned threads = 0;  // 0: one a core
  std::atomic<std::int64_t>* progress = nullptr;
  const std::atomic<bool>* stop = nullptr;
};

struct VerifyReport {
  std::int64_t partitions = 0;
  std::int64_t segments = 0;
  std::int64_t sealed = 0;  // segments whose seal holds
  std::int64_t bytes = 0;
  std::int64_t batches = 0;
  std::int64_t records = 0;
  std::int64_t tail = 0;
  std::vector<Finding> findings;  // by partition, file, position

  bool damaged() const;
};

// Errors: those of reading a segment. One that vanishes meanwhile is left out.
Result<VerifyReport> verify(const DataDirectory& directory, const VerifyOptions& options);

// The part of it that looks at files beside the logs: producer snapshots, epochs and offsets in
// text, frontiers and the catalog in meta/.
std::vector<Finding> check_small_files(const DataDirectory& directory);

}  // namespace sluice::inspect
