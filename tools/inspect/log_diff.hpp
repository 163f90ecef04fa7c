// Two logs compared by absolute offset: which records only one has, which differ. How they are
// batched and compressed does not count, unless it is asked for.
#pragma once

#include "tools/inspect/record_stream.hpp"

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace sluice::inspect {

enum class Side : std::uint8_t { a, b };

struct LogDifference {
  enum class Kind : std::uint8_t {
    only,    // offsets first to last are in one of the two only
    record,  // both have a record at `first`, and they differ
    batch,   // both have a batch there, and they differ
  };
  Kind kind = Kind::only;
  Side side = Side::a;  // only: who has them
  Offset first = 0;
  Offset last = 0;
  std::uint64_t records = 0;  // only
  // record: "key", "value", "headers", "timestamp", "control".
  // batch: "offsets", "codec", "producer", "timestamp-type", "transactional".
  std::vector<std::string_view> fields;
  // record, batch: the streams at that record. Lifetime: during the call.
  const RecordStream* a = nullptr;
  const RecordStream* b = nullptr;
};

struct DiffCounts {
  std::uint64_t equal = 0;  // records
  std::uint64_t different = 0;
  std::uint64_t only_a = 0;
  std::uint64_t only_b = 0;
  std::uint64_t batches = 0;  // that differ
  bool stopped = false;

  bool all_equal() const { return different + only_a + only_b + batches == 0; }
  DiffCounts& operator+=(const DiffCounts& other);
};

struct DiffOptions {
  bool batches = false;  // compare batches as well
  const std::atomic<bool>* stop = nullptr;
};

// Given each difference as it is found, in the order of offsets; false ends the comparison.
using DiffSink = std::function<bool(const LogDifference&)>;

// Compares what is left of two streams, either of which may be null for a log that is not there.
// Errors: those of reading.
Result<DiffCounts> diff_logs(RecordStream* a, RecordStream* b, const DiffOptions& options,
                             const DiffSink& sink);

}  // namespace sluice::inspect
