// Where recovery begins: at the saved frontier, once it is known to fit the file that it speaks of.
//
// The frontier is an offset and the position of that offset. The offset is what counts: tools that
// take damage out of a log move what lies behind it, and one that is killed may leave a position
// inside of a batch; what lies from there on would be cut as if it had never been acknowledged. So
// the position is believed when the headers below it lead there, or when an intact batch with the
// frontier's offset begins there. Else it gives way to where the headers lead up to that offset, by
// an intact batch. If they do not, there is damage below the frontier, and the position stands.
//
// Stale batches of a file used again cannot lead astray: their offsets are lower than the
// segment's.
#include "storage/format.hpp"
#include "storage/log_parts.hpp"
#include "storage/small_file.hpp"

namespace sluice::storage {

Task<Result<Frontier>> LogParts::place_frontier(SegmentPtr segment, Frontier saved) {
  std::int64_t walked = saved.position;
  if (saved.position <= segment->size) {
    const auto end = co_await index_up_to(segment, saved.position);
    if (!end) co_return std::unexpected(end.error());
    walked = end->position;
    const bool expected = end->expected < 0 || end->expected == saved.offset;
    if (walked == saved.position && expected) co_return saved;
    const auto begins = co_await begins_at(segment, saved.position, saved.offset);
    if (!begins) co_return std::unexpected(begins.error());
    if (*begins) {
      if (walked != saved.position) report_damage_below(*segment, walked, saved.position);
      co_return saved;
    }
  }
  const auto found = co_await find_frontier(segment, saved);
  if (!found) co_return std::unexpected(found.error());
  if (*found) {
    store->logger.warn("the saved frontier is not at a batch: the log goes on where its offset is",
                       {{"file", path(segment->base, log_suffix)},
                        {"saved_position", saved.position},
                        {"position", (*found)->position},
                        {"offset", (*found)->offset}});
    const auto indexed = co_await index_up_to(segment, (*found)->position);
    if (!indexed) co_return std::unexpected(indexed.error());
    co_return **found;
  }
  if (walked != saved.position) report_damage_below(*segment, walked, saved.position);
  co_return saved;
}

void LogParts::report_damage_below(const Segment& segment, std::int64_t position,
                                   std::int64_t frontier) {
  const std::string file = path(segment.base, log_suffix);
  report.findings.push_back(
      {Finding::Kind::damage, file, position, frontier - position, segment.base, -1, ""});
  store->logger.error("damage below the frontier", {{"file", file}, {"position", position}});
}

// Whether an intact batch with this base offset begins there.
Task<Result<bool>> LogParts::begins_at(SegmentPtr segment, std::int64_t position, Offset offset) {
  auto file = co_await file_of(segment);
  if (!file) co_return std::unexpected(file.error());
  BatchScan scan(*file, position, segment->size, ScanDepth::whole);
  while (scan.stopped() == BatchScan::Stop::no) {
    if (const auto batch = scan.take())
      co_return batch->header.base_offset == offset&& protocol::batch_crc_matches(batch->bytes);
    auto filled = co_await scan.fill();
    if (!filled) co_return std::unexpected(filled.error());
  }
  co_return false;
}

// The frontier where a walk from the segment's start comes to its offset: before the intact batch
// that begins with it, or behind the one that ends there or, standing for records that were lost,
// reaches over it. Nothing if there is none.
Task<Result<std::optional<Frontier>>> LogParts::find_frontier(SegmentPtr segment, Frontier saved) {
  auto file = co_await file_of(segment);
  if (!file) co_return std::unexpected(file.error());
  BatchScan scan(*file, 0, segment->size, ScanDepth::whole);
  HeaderWalk walk(rule(), segment->base);
  while (scan.stopped() == BatchScan::Stop::no) {
    while (const auto batch = scan.take()) {
      const protocol::BatchHeader& header = batch->header;
      if (!walk.believes(header) || header.next_offset() < saved.offset) continue;
      if (header.base_offset > saved.offset) co_return std::nullopt;
      if (!protocol::batch_crc_matches(batch->bytes)) continue;
      Frontier found = saved;
      found.position = header.base_offset == saved.offset ? batch->position : batch->end();
      if (header.base_offset < saved.offset) {
        found.offset = header.next_offset();
        found.epoch = header.partition_leader_epoch;
      }
      co_return found;
    }
    auto filled = co_await scan.fill();
    if (!filled) co_return std::unexpected(filled.error());
  }
  report.bytes_scanned += scan.bytes_read();
  co_return std::nullopt;
}

// The indexes of [0, position) of a segment that recovery goes on scanning: what the files have,
// and the headers after that. Should the files lead astray, the headers from the start. Returns how
// far the headers led.
Task<Result<LogParts::WalkEnd>> LogParts::index_up_to(const SegmentPtr& segment,
                                                      std::int64_t position) {
  indexer = Indexer(options.index_interval_bytes);
  OffsetIndex::Entry from{segment->base, 0};
  segment->indexes = std::make_shared<Indexes>(segment->base);
  segment->max_timestamp = segment->first_timestamp = -1;
  if (position > 0) {
    constexpr std::size_t size_max = 64 << 20;
    const auto offsets =
        co_await read_small_file(store->files, path(segment->base, index_suffix), size_max);
    const auto times =
        co_await read_small_file(store->files, path(segment->base, time_index_suffix), size_max);
    if (offsets && times) from = take_indexes(*segment, *offsets, *times, position);
  }
  if (from.position >= position) co_return WalkEnd{.position = position, .expected = segment->base};
  auto scanned = co_await index_headers(segment, from, position);
  if (scanned && scanned->position != position && from.position != 0) {
    segment->indexes = std::make_shared<Indexes>(segment->base);
    segment->max_timestamp = segment->first_timestamp = -1;
    indexer = Indexer(options.index_interval_bytes);
    from = {segment->base, 0};
    scanned = co_await index_headers(segment, from, position);
  }
  co_return scanned;
}

// Takes over what these files say of [0, position), but for the last entry: that is returned, and
// its batch is to be scanned again. {base, 0}: nothing.
OffsetIndex::Entry LogParts::take_indexes(Segment& segment, Bytes offsets, Bytes times,
                                          std::int64_t position) {
  const OffsetIndex::Entry nothing{segment.base, 0};
  auto decoded = OffsetIndex::decode(segment.base, offsets, segment.size);
  auto decoded_times = TimeIndex::decode(segment.base, times, std::numeric_limits<Offset>::max());
  if (!decoded || !decoded_times) return nothing;
  decoded->truncate(position);
  if (decoded->count() == 0) return nothing;
  const OffsetIndex::Entry last = decoded->at(decoded->count() - 1);
  // Both indexes end before its batch.
  decoded->truncate(last.position);
  decoded_times->truncate(last.offset);
  segment.indexes->offsets = std::move(*decoded);
  segment.indexes->times = std::move(*decoded_times);
  const TimeIndex::Entry newest = segment.indexes->times.last();
  segment.max_timestamp = newest.timestamp;
  segment.max_timestamp_offset = newest.offset;
  indexer.resume(options.index_interval_bytes + 1);
  return last;
}

// Indexes the batches of [from.position, position); returns where that came to an end. `from` is
// the start of the segment or an entry of its index, which may be wrong.
Task<Result<LogParts::WalkEnd>> LogParts::index_headers(SegmentPtr segment, OffsetIndex::Entry from,
                                                        std::int64_t position) {
  auto file = co_await file_of(segment);
  if (!file) co_return std::unexpected(file.error());
  BatchScan scan(*file, from.position, position, ScanDepth::headers);
  HeaderWalk walk(rule(), from.position == 0 ? segment->base : -1);
  while (scan.stopped() == BatchScan::Stop::no) {
    while (const auto batch = scan.take()) {
      const bool is_entry = batch->position == from.position && from.position != 0;
      if (is_entry && batch->header.last_offset() != from.offset)
        co_return WalkEnd{.position = from.position};
      if (walk.believes(batch->header)) indexer.add(*segment, batch->header, batch->position);
    }
    auto filled = co_await scan.fill();
    if (!filled) co_return std::unexpected(filled.error());
  }
  report.bytes_scanned += scan.bytes_read();
  co_return WalkEnd{.position = scan.position(), .expected = walk.expected()};
}

}  // namespace sluice::storage
