// Finding records by timestamp: segment by its maximum, batch by the time index and a scan, record
// by its own timestamp, also inside a compressed batch.
#include "protocol/compression.hpp"
#include "protocol/record.hpp"
#include "storage/format.hpp"
#include "storage/log_parts.hpp"

namespace sluice::storage {
namespace {

constexpr std::size_t decompressed_max = 256 << 20;

// Of the records at or after `from` with timestamp >= `timestamp` the first, or the newest (the
// first of equals).
enum class Wanted : std::uint8_t { first, newest };
Result<std::optional<TimestampOffset>> find_in_batch(const protocol::BatchView& batch,
                                                     TimestampMs timestamp, Offset from,
                                                     Wanted wanted) {
  const protocol::BatchHeader& header = batch.header;
  const auto found = [&header](TimestampMs at, Offset offset) {
    return TimestampOffset{at, offset, header.partition_leader_epoch};
  };
  if (header.record_count == 0) return std::nullopt;
  std::vector<std::byte> plain;
  Bytes area = batch.records();
  if (header.compression() != protocol::Compression::none) {
    protocol::Decompressor decompressor;
    const auto done = decompressor.decompress(header.compression(), area, decompressed_max, plain);
    if (!done) return fail(done.error());
    area = plain;
  }
  std::optional<TimestampOffset> newest;
  protocol::RecordIterator records(area, header.record_count);
  while (const auto record = records.next()) {
    const TimestampMs at = protocol::timestamp_of(*record, header);
    const Offset offset = protocol::offset_of(*record, header);
    if (at < timestamp || offset < from) continue;
    if (wanted == Wanted::first) return found(at, offset);
    if (!newest || at > newest->timestamp) newest = found(at, offset);
  }
  if (records.error()) return fail(*records.error());
  return newest;
}

}  // namespace

Task<Result<TimestampOffset>> LogParts::find_by_time(TimestampMs timestamp) {
  if (closed) co_return fail(Errc::closed, directory);
  for (std::size_t i = segment_index(log_start); i < segments.size(); ++i) {
    const SegmentPtr segment = segments[i];
    if (segment->size == 0) continue;
    auto indexes = co_await indexes_of(segment);
    if (!indexes) co_return std::unexpected(indexes.error());
    if (segment->max_timestamp < timestamp) continue;
    TimeIndex::Entry entry = (*indexes)->times.lookup(timestamp);
    if (entry.timestamp >= 0 && entry.offset >= log_start) {
      const auto right = co_await entry_is_right(entry);
      if (!right) co_return std::unexpected(right.error());
      if (!*right) {
        auto rebuilt = co_await rebuild_indexes(segment);
        if (!rebuilt) co_return std::unexpected(rebuilt.error());
        entry.offset = segment->base;  // looked for from the start, this once
      }
    }
    // No record before the entry's offset is young enough.
    const auto found = co_await find_in_segment(segment, entry.offset, timestamp);
    if (!found) co_return std::unexpected(found.error());
    if (*found) co_return **found;
  }
  co_return TimestampOffset{};
}

// Whether an entry of a time index is what its batch says.
Task<Result<bool>> LogParts::entry_is_right(TimeIndex::Entry entry) {
  if (entry.offset >= durable_offset) co_return true;  // made from what was appended just now
  auto got = co_await read(entry.offset, 1, entry.offset + 1, AtLeastOneBatch::yes);
  if (!got) co_return std::unexpected(got.error());
  const Slice slice = contiguous(std::move(*got));
  const auto header = protocol::parse_batch_header(slice.bytes);
  co_return header&& says(*header, entry);
}

// The first record at or after `from` that is young enough.
Task<Result<std::optional<TimestampOffset>>> LogParts::find_in_segment(SegmentPtr segment,
                                                                       Offset from,
                                                                       TimestampMs timestamp) {
  from = std::max(log_start, from);
  const Offset end = std::min(segment->end, durable_offset);
  while (from < end) {
    constexpr std::size_t step = 256 << 10;
    auto got = co_await read(from, step, end, AtLeastOneBatch::yes);
    if (!got) co_return std::unexpected(got.error());
    if (got->empty()) break;
    const Offset next = got->next_offset;
    const Slice slice = contiguous(std::move(*got));
    protocol::BatchIterator batches{slice.bytes};
    while (const auto batch = batches.next()) {
      if (batch->header.max_timestamp < timestamp) continue;
      const auto found = find_in_batch(*batch, timestamp, log_start, Wanted::first);
      if (!found) co_return std::unexpected(found.error());
      if (*found) co_return *found;
    }
    from = next;
  }
  co_return std::optional<TimestampOffset>{};
}

Task<Result<TimestampOffset>> LogParts::max_timestamp() {
  if (closed) co_return fail(Errc::closed, directory);
  TimestampMs newest = -1;
  Offset in_batch = -1;
  const std::vector<SegmentPtr> all = segments;
  for (const SegmentPtr& segment : all) {
    if (segment->size == 0 || segment->end <= log_start) continue;
    auto indexes = co_await indexes_of(segment);
    if (!indexes) co_return std::unexpected(indexes.error());
    if (segment->max_timestamp > newest && segment->max_timestamp_offset >= log_start) {
      newest = segment->max_timestamp;
      in_batch = segment->max_timestamp_offset;
    }
  }
  if (newest < 0) co_return TimestampOffset{};
  if (in_batch >= durable_offset) {
    // The newest is not durable yet: wait for the little that is in flight.
    auto durable = co_await wait_durable(in_batch + 1);
    if (!durable) co_return std::unexpected(durable.error());
  }
  auto got = co_await read(in_batch, 1, in_batch + 1, AtLeastOneBatch::yes);
  if (!got) co_return std::unexpected(got.error());
  const Slice slice = contiguous(std::move(*got));
  const auto batch = protocol::parse_batch(slice.bytes);
  if (!batch) co_return TimestampOffset{};
  // The batch may say later than its records do: the broker delivers scheduled ones so.
  const auto found = find_in_batch(*batch, -1, log_start, Wanted::newest);
  if (!found) co_return std::unexpected(found.error());
  co_return found->value_or(TimestampOffset{});
}

}  // namespace sluice::storage
