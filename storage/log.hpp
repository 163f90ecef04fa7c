// The log of one partition: append, durable, read, find, retain, compact.
//
// Shard: a Log is used only on the shard that opened it; nothing here takes a lock.
// Durable: append() only accepts. A batch is on stable storage once high_watermark() passed it;
// nobody is shown a record at or beyond it. Acknowledgements come in offset order.
// Failure: after a failed write the log is fenced: every waiter gets the error, appends are
// refused, and the file is never written again. Out of space heals by itself (maintain()); any
// other error stays until the log is opened again. Lifetime: close() before destruction; tasks of a
// Log must end before it is destroyed. Slices of a read outlive everything.
#pragma once

#include "base/bytes.hpp"
#include "base/file_range.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "protocol/ids.hpp"
#include "protocol/record_batch.hpp"
#include "storage/error.hpp"
#include "storage/options.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::storage {

class Store;
struct LogParts;

// Which partition a log is. Its directory is TOPIC-PARTITION; the id keys the saved frontier and is
// written to partition.metadata.
struct PartitionName {
  TopicId topic_id{};
  std::string topic;
  std::int32_t partition = 0;
};

struct AppendInfo {
  Offset base_offset = -1;  // of the first record; of the original, if this is a duplicate
  Offset last_offset = -1;
  bool duplicate = false;  // nothing was appended: the producer sent this batch before
  // What to pass to wait_durable() before confirming, also for a duplicate.
  Offset durable_end() const { return last_offset + 1; }
};

// Bytes kept alive by `owner`, in memory or (Handout::files) in an open file. Immutable; may be
// moved to and released on another shard.
struct Slice {
  std::shared_ptr<const void> owner;
  Bytes bytes;
  FileRange file{};  // instead of `bytes`

  std::size_t size() const { return bytes.size() + file.size; }
};

// What a read may hand out. files: also ranges of closed segments that were found intact and were
// in the page cache a moment ago, for sendfile(2).
enum class Handout : std::uint8_t { memory, files };

struct ReadResult {
  // Concatenated: whole batches back to back. A batch may continue in the next slice. The first
  // batch may begin before the offset asked for.
  std::vector<Slice> slices;
  std::size_t size = 0;    // bytes in all slices
  std::size_t cold = 0;    // of these, bytes that came from a file into memory
  Offset next_offset = 0;  // where the next read continues
  bool empty() const { return size == 0; }
};

enum class AtLeastOneBatch : std::uint8_t { no, yes };
// Bytes that one read brings in from a file at most, but for a first batch that is larger.
inline constexpr std::size_t file_read_max = 4 << 20;

// offset -1 and timestamp -1: there is none.
struct TimestampOffset {
  std::int64_t timestamp = -1;  // ms
  Offset offset = -1;
  LeaderEpoch leader_epoch = -1;
};

// epoch -1 and end_offset -1: unknown epoch (OffsetForLeaderEpoch).
struct EpochEnd {
  LeaderEpoch epoch = -1;
  Offset end_offset = -1;
};

struct ProducerInfo {
  std::int64_t producer_id = -1;
  std::int16_t epoch = -1;
  std::int32_t last_sequence = -1;
  std::int64_t last_timestamp = -1;  // ms
  std::int32_t coordinator_epoch = -1;
  Offset transaction_start = -1;  // -1: no open transaction
};

// Bytes that are not what they should be, or were cut from the end of a log.
struct Finding {
  enum class Kind : std::uint8_t {
    tail_cut,      // beyond the frontier: the log was ended here, the bytes are kept aside
    damage,        // below the frontier: acknowledged data is damaged; nothing was cut
    file_missing,  // a segment that should be there is not
    index_rebuilt,
  };
  Kind kind;
  std::string path;       // of the file
  std::int64_t position;  // in the file, bytes
  std::int64_t size;      // bytes concerned
  Offset first_offset;    // first record that is missing or damaged
  Offset last_offset;     // -1: unknown
  std::string kept_as;    // where the bytes were put aside; empty if they stay in place
};

// A segment that takes no more records.
struct ClosedSegment {
  Offset end = 0;  // of its last record, plus one
  std::int64_t bytes = 0;
  std::int64_t newest_ms = 0;  // largest timestamp; of its creation if it has none
};

// What opening a log found and did.
struct RecoveryReport {
  bool clean = false;  // the clean-shutdown mark held: nothing was scanned
  std::int64_t bytes_scanned = 0;
  std::int64_t batches_kept = 0;  // valid batches beyond the saved frontier
  std::vector<Finding> findings;
};

class Log {
  struct Key {};  // only Store::open_log() makes one

 public:
  Log(Key, std::shared_ptr<LogParts> parts);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // ---- Writing ----

  // Accepts one batch: sequence check, offset and leader epoch assigned, bytes copied into the
  // tail, writer woken. Does not wait. `batch` is exactly one whole batch that passed the broker's
  // checks and `header` is its parsed header; neither is changed, and `batch` may be reused at
  // once. Errors: no_room (await room_for() and call again), batch_too_large, fenced, closed,
  // disk_full, out_of_order_sequence, invalid_producer_epoch. On an error nothing was appended.
  Result<AppendInfo> append(Bytes batch, const protocol::BatchHeader& header);

  // The earlier append that `header`'s batch repeats; none: append() would take it for new. Errors:
  // fenced, closed, out_of_order_sequence, invalid_producer_epoch.
  Result<std::optional<AppendInfo>> find_duplicate(const protocol::BatchHeader& header) const;

  // Ends when append() of `size` bytes is likely to be accepted: space is prepared, the segment was
  // rolled, unwritten bytes fell below the bound. Another append may come first, so append in a
  // loop. Errors: fenced, closed, disk_full, batch_too_large.
  Task<Result<>> room_for(std::size_t size);

  // append(), waiting for room as often as needed. Keeps `batch` borrowed until it ends.
  Task<Result<AppendInfo>> append_when_room(Bytes batch, const protocol::BatchHeader& header);

  // Ends when every record below `end` is durable, in the order of `end`. Errors: what fenced the
  // log before that, or closed. Requires: end <= log_end_offset().
  Task<Result<>> wait_durable(Offset end);

  // ---- Where things stand ----

  Offset log_start_offset() const;
  Offset high_watermark() const;  // end of what is durable and may be read
  Offset log_end_offset() const;  // end of what was accepted
  LeaderEpoch leader_epoch() const;
  EpochEnd end_of_epoch(LeaderEpoch epoch) const;
  std::int64_t size_on_disk() const;  // bytes of records in all segments
  std::int64_t active_bytes() const;  // … in the one that is written
  std::size_t segment_count() const;
  std::vector<ProducerInfo> producers() const;
  bool fenced() const;
  // What fenced it, or why space could not be reserved; null: it takes records.
  const Error* fault() const;
  const PartitionName& name() const;
  const RecoveryReport& recovery() const;
  // Called with the new value after each advance, and after the log start moved.
  void on_high_watermark(std::move_only_function<void(Offset)> callback);

  // ---- Reading ----

  // Whole batches from the one that holds `from`, up to `max_bytes` and none that begins at or
  // beyond min(limit, high_watermark()). Empty at the end. With AtLeastOneBatch::yes the first
  // batch comes whole even if larger. Errors: offset_out_of_range, damaged, closed, any errno of a
  // read.
  Task<Result<ReadResult>> read(Offset from, std::size_t max_bytes,
                                Offset limit = std::numeric_limits<Offset>::max(),
                                AtLeastOneBatch least = AtLeastOneBatch::yes,
                                Handout handout = Handout::memory);

  // First record whose timestamp is at least `timestamp_ms`, below the high watermark.
  Task<Result<TimestampOffset>> find_by_time(std::int64_t timestamp_ms);
  // The record with the largest timestamp; the first of equals.
  Task<Result<TimestampOffset>> max_timestamp();

  // ---- Upkeep ----

  void set_options(const LogOptions& options);
  const LogOptions& options() const;
  // Moves the log start to `offset` (durable when it returns) and deletes segments below it.
  // Returns the log start. Errors: offset_out_of_range beyond the high watermark.
  Task<Result<Offset>> delete_records(Offset offset);
  // Deletes what retention.ms and retention.bytes no longer keep; rolls by segment.ms. Returns the
  // number of segments deleted.
  Task<Result<std::size_t>> apply_retention();
  // The oldest closed segments, as many as hold `bytes`, or all. Errors: closed, those of reading
  // an index.
  Task<Result<std::vector<ClosedSegment>>> closed_segments(std::int64_t bytes);
  // Begins a new segment if the active one holds records and nothing is being written. Errors:
  // closed.
  Task<Result<>> close_active_segment();
  // Whether a run of compact() would do something worthwhile now.
  bool needs_compaction() const;
  // One run of the cleaner over the dirty part, in slices. No-op if cleanup.policy has no compact.
  Task<Result<>> compact();
  // Call about once a second: gives back prepared space and buffers of an idle log, expires
  // producers, reopens after a full disk, seals closed segments.
  Task<Result<>> maintain();
  // Whether maintain() could find something to do. Cheap: for owners of thousands of idle logs.
  bool needs_maintain() const;
  // Everything durable, files cut to their records, indexes and snapshot written. Waiters that are
  // not yet durable are served first. Errors: the log is closed all the same.
  Task<Result<>> close();

 private:
  friend class Store;
  std::shared_ptr<LogParts> parts_;
};

// Joins the slices of a read (of Handout::memory): for readers that decode batches (groups, tools).
// A read of one slice is returned without a copy.
Slice contiguous(ReadResult read);

}  // namespace sluice::storage
