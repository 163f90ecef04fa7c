// What the broker changes in batches: timestamps, the codec, and the records compaction drops.
// Functions over bytes; those that decompress belong on a worker or on batches known to be small.
#pragma once

#include "base/bytes.hpp"
#include "protocol/compression.hpp"
#include "protocol/record.hpp"
#include "protocol/record_batch.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

namespace sluice::protocol {

// ---- In place, with a new CRC ----
// Requires, for both: `batch` is exactly the whole batch `header` was parsed from. `header` is kept
// in step.

// LogAppendTime: every record's timestamp becomes `now_ms`.
void set_log_append_time(MutableBytes batch, BatchHeader& header, std::int64_t now_ms);
// CreateTime: replaces a max timestamp that the records contradict.
void correct_max_timestamp(MutableBytes batch, BatchHeader& header, std::int64_t max_timestamp);

// ---- New bytes ----

// What the functions below work with. Lifetime: borrowed.
struct Recoding {
  Compressor& compressor;
  Decompressor& decompressor;
  std::size_t decompressed_size_max = decompressed_size_max_default;
};

// The same batch under another codec. Records are not parsed. A control batch stays uncompressed.
// Errors: unknown_compression, bad_compression, output_too_large.
std::expected<std::vector<std::byte>, BatchError> recompress(const BatchView& batch,
                                                             Compression codec, Recoding recoding);

// Decides which records survive.
class RecordFilter {
 public:
  virtual ~RecordFilter() = default;
  virtual bool keep(const BatchHeader& batch, const Record& record) = 0;
};

struct FilterOptions {
  // Set: the batch holds tombstones (or a marker) that may go at this time, in milliseconds; stored
  // in the base timestamp, unless the batch already has such a horizon. Source: KIP-534.
  std::optional<std::int64_t> delete_horizon_ms;
};

struct FilteredBatch {
  enum class Change : std::uint8_t {
    none,       // `bytes` is empty: the batch stays as it is
    rewritten,  // `bytes` is the new batch
    emptied,    // no record is left; `bytes` is the bare header, to be kept or dropped
  };
  Change change = Change::none;
  std::vector<std::byte> bytes;
  std::int32_t kept = 0;
  std::int32_t dropped = 0;
};

// Drops the records that `filter` does not keep. Base and last offset, leader epoch, producer,
// epoch and sequence stay, so that offsets and producer state can be rebuilt; codec and attributes
// stay too. With CreateTime the max timestamp becomes that of the records kept.
// Errors: as recompress; bad_record, bad_record_count.
std::expected<FilteredBatch, BatchError> filter_batch(const BatchView& batch, RecordFilter& filter,
                                                      const FilterOptions& options,
                                                      Recoding recoding);

// The bare header that stands for a batch without records: its offsets, producer and sequence.
std::vector<std::byte> empty_batch(const BatchHeader& header);

}  // namespace sluice::protocol
