// The records of one partition as consumers see them: in the order of offsets, from the log start
// on, one batch in memory at a time.
#pragma once

#include "tools/inspect/batch_records.hpp"
#include "tools/inspect/partition_walk.hpp"

#include <atomic>
#include <cstdint>
#include <optional>

namespace sluice::inspect {

class RecordStream {
 public:
  // Both must outlive the stream. `progress`, if not null, counts bytes read.
  RecordStream(const DataDirectory& directory, const PartitionLog& log,
               std::atomic<std::int64_t>* progress = nullptr)
      : log_(&log), walk_(directory, log, progress) {}

  // Goes to the next record. False at the end. Errors: those of reading.
  Result<bool> next();
  // Requires, for these: next() gave true. Lifetime: until next() or at_new_batch() is called.
  const protocol::Record& record() const { return record_; }
  const protocol::BatchHeader& header() const { return batch_.header; }
  Offset offset() const { return protocol::offset_of(record_, batch_.header); }
  TimestampMs timestamp() const { return protocol::timestamp_of(record_, batch_.header); }
  bool is_first_of_batch() const { return read_ == 1; }

  // When all records of a batch were read, goes on to the batch behind it. Whether the stream is
  // before the first record of a batch now, none of which lies before the log start.
  Result<bool> at_new_batch();
  // Requires: at_new_batch() gave true.
  const protocol::BatchView& batch() const { return batch_; }
  void skip_batch() { left_ = 0; }

  // Bytes that are no intact batch, and batches whose records cannot be read, passed over so far.
  std::int64_t damaged_bytes() const { return walk_.damaged_bytes(); }
  std::uint64_t damaged_batches() const { return damaged_batches_; }

 private:
  Result<bool> load();

  const PartitionLog* log_;
  PartitionWalk walk_;
  BatchRecords records_;
  protocol::BatchView batch_{};
  std::optional<protocol::RecordIterator> iterator_;  // over batch_; made when it is first needed
  protocol::Record record_;
  std::int32_t left_ = 0;  // records of batch_ that were not read
  std::int32_t read_ = 0;
  std::uint64_t damaged_batches_ = 0;
};

}  // namespace sluice::inspect
