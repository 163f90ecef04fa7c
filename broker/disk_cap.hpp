// What sluice.disk.max.bytes asks for: which segments go when all topics together take too much,
// and when somebody is to be told. Sans-IO; DiskCapShell carries it.
#pragma once

#include "base/log.hpp"
#include "broker/shard.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sluice::broker {

// A log of a topic whose records may be deleted for the cap.
struct CappedLog {
  PartitionKey key;
  std::vector<storage::ClosedSegment> closed;  // oldest first; not all of them need be here
  std::int64_t active_bytes = 0;
};

struct CapDeletion {
  PartitionKey key;
  Offset before = 0;  // records below are deleted: whole closed segments
};

struct CapPlan {
  std::vector<CapDeletion> deletions;  // one a log
  std::int64_t bytes = 0;              // that they free
  // Whose active segment is to be closed, so that it can be deleted next: the closed ones are not
  // enough.
  std::optional<PartitionKey> close_active;
};

// The oldest closed segments of all `logs`, by their newest record, that together hold `excess`
// bytes, or all there are. A log loses no segment before its older ones.
CapPlan plan_deletions(std::span<const CappedLog> logs, std::int64_t excess);

// How many bytes all logs may take in before somebody looks at them again, when they took `used` at
// the last look (none: there was no look yet).
std::int64_t cap_look_step(std::optional<std::int64_t> used, std::int64_t max);

// Tells when the cap comes near. The logger must outlive it.
class DiskCapAlarm {
 public:
  explicit DiskCapAlarm(Logger& logger) : logger_(logger) {}

  // `used`: bytes of records in all logs; `max`: the cap, 0: none. On from 90 % of it, off below
  // 85 %.
  void look(std::int64_t used, std::int64_t max);
  bool on() const { return on_; }

 private:
  Logger& logger_;
  bool on_ = false;
};

}  // namespace sluice::broker
