// Copies what a share partition gave up to its dead-letter topic: reads the records, makes their
// copies, writes them in batches. What became of each goes back to the caller; nothing is kept.
#pragma once

#include "base/task.hpp"
#include "broker/shard.hpp"
#include "broker/share/share_records.hpp"
#include "broker/share/share_types.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::broker {

struct CopyReport {
  struct Span {
    Offset first = 0;
    Offset last = 0;
    bool done = false;  // a durable copy, or no record is there any more
  };
  std::vector<Span> spans;  // in order; all offsets that were asked for
  std::int64_t copied = 0;  // records
  std::int64_t failed = 0;
  std::int64_t vanished = 0;  // offsets without a record: retention or compaction took it
  std::string fault;          // why the latest of the failed was not copied; empty: none
};

// On the shard of the share partition. `topic` is the dead-letter topic, "" if none is configured.
// Memory: what one read and one batch take, whatever `letters` ask for.
// Requires: `letters` in order, not empty. Lifetime of what is borrowed: until it returns.
Task<CopyReport> copy_dead_letters(Shard* shard, const ShareKey* key, std::string topic,
                                   const std::vector<DeadLetter>* letters);

}  // namespace sluice::broker
