// Builds a record batch: the client's sends, internal topics, compaction, tests.
#pragma once

#include "base/bytes.hpp"
#include "protocol/compression.hpp"
#include "protocol/record.hpp"
#include "protocol/record_batch.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sluice::protocol {

enum class BatchKind : std::uint8_t { data, transactional_data, control };

struct BatchOptions {
  Compression compression = Compression::none;  // must be none for control batches
  BatchKind kind = BatchKind::data;             // a control batch is transactional too
  std::int64_t base_offset = 0;                 // producers send 0; the broker overwrites it
  std::int32_t partition_leader_epoch = -1;
  std::int64_t producer_id = no_producer_id;
  std::int16_t producer_epoch = no_producer_epoch;
  std::int32_t base_sequence = no_sequence;
  // Set: LogAppendTime, every record has this timestamp (milliseconds).
  std::optional<std::int64_t> log_append_time;
};

// Lifetime: borrowed until append() returns.
struct NewRecord {
  std::int64_t timestamp = no_timestamp;  // milliseconds
  std::optional<Bytes> key;
  std::optional<Bytes> value;
  std::span<const RecordHeader> headers;
};

// Appends one encoded record to `area`. `timestamp_delta` and `offset_delta` are relative to the
// batch; record.timestamp is not looked at.
void put_record(const NewRecord& record, std::int64_t timestamp_delta, std::int32_t offset_delta,
                std::vector<std::byte>& area);
// Bytes put_record() appends.
std::size_t record_size(const NewRecord& record, std::int64_t timestamp_delta,
                        std::int32_t offset_delta);

// One batch at a time; after finish() it is empty and starts the next one with the same options
// unless reset() gives others. Buffers are kept.
// Requires: the records of one batch take less than 2 GiB.
class BatchBuilder {
 public:
  explicit BatchBuilder(BatchOptions options = {}) { reset(options); }

  void reset(const BatchOptions& options);
  // Sequence of the next batch, when it is known only at the end.
  void set_producer(std::int64_t producer_id, std::int16_t producer_epoch,
                    std::int32_t base_sequence);

  // Appends at the next offset delta.
  void append(const NewRecord& record);
  // Leaves a gap, as compaction does. Requires: offset_delta > that of the record before.
  void append_at(std::int32_t offset_delta, const NewRecord& record);

  bool empty() const { return count_ == 0; }
  std::int32_t record_count() const { return count_; }
  // Bytes of the batch if it were finished now, uncompressed.
  std::size_t size() const { return batch_header_size + area_.size(); }
  // What size() would be with this record.
  std::size_t size_with(const NewRecord& record) const;

  // The whole batch, CRC included. With a codec the record area is one compressed blob, even if
  // that is larger. Without a record the last offset delta is -1: no broker accepts such a batch.
  std::vector<std::byte> finish(Compressor& compressor);
  // Requires: no codec is set.
  std::vector<std::byte> finish();

 private:
  BatchHeader header() const;
  void clear();

  BatchOptions options_;
  std::vector<std::byte> area_;
  std::int32_t count_ = 0;
  std::int32_t last_offset_delta_ = -1;
  std::int64_t base_timestamp_ = no_timestamp;
  std::int64_t max_timestamp_ = no_timestamp;
};

}  // namespace sluice::protocol
