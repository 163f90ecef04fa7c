// Reading: offset to position by the index, then whole batches from the tail or the file.
#include "storage/format.hpp"
#include "storage/log_parts.hpp"
#include "storage/small_file.hpp"

#include <algorithm>
#include <array>

namespace sluice::storage {
namespace {

constexpr std::size_t file_read_max = 4 << 20;
constexpr std::size_t file_read_slack = 8 << 10;
constexpr std::size_t index_size_max = 64 << 20;

// Bytes of a segment by position: from its tail, or from a buffer that holds part of the file.
struct TailView {
  const Tail& tail;
  std::int64_t end;
  bool peek(std::int64_t position, MutableBytes out) const {
    if (position + static_cast<std::int64_t>(out.size()) > end) return false;
    tail.copy(position, out);
    return true;
  }
};
struct BufferView {
  Bytes bytes;
  std::int64_t start;
  std::int64_t end;
  bool peek(std::int64_t position, MutableBytes out) const {
    if (position + static_cast<std::int64_t>(out.size()) > end) return false;
    std::ranges::copy(bytes.subspan(static_cast<std::size_t>(position - start), out.size()),
                      out.begin());
    return true;
  }
};

// A run of whole batches.
struct Range {
  // past_end: the segment holds nothing from there on, the next one may. nothing_to_take: the next
  // batch is here but lies beyond the limit, or is larger than the read may be.
  enum class Status : std::uint8_t {
    found,
    past_end,
    nothing_to_take,
    short_of_bytes,
    damaged
  } status;
  std::int64_t begin = 0;
  std::int64_t end = 0;    // short_of_bytes: how far the bytes must reach
  Offset next_offset = 0;  // of the last batch, plus one
};

struct Wanted {
  Offset from;
  Offset limit;
  std::size_t max_bytes;
  AtLeastOneBatch least;
};

struct Peeked {
  bool whole;  // the header was there
  std::optional<protocol::BatchHeader> header;
};

template <class View>
Peeked peek_header(const View& view, std::int64_t position) {
  std::array<std::byte, protocol::batch_header_size> bytes;
  if (!view.peek(position, bytes)) return {false, std::nullopt};
  const auto header = protocol::parse_batch_header(bytes);
  if (!header || header->last_offset_delta < 0) return {true, std::nullopt};
  return {true, *header};
}

// The batches to return, walking from `position`, which begins a batch at or before `from`.
// `end` is where the readable bytes of the segment end; the view may end before.
template <class View>
Range find_range(const View& view, const OffsetIndex& index, std::int64_t position,
                 std::int64_t end, const Wanted& wanted) {
  std::optional<protocol::BatchHeader> header;
  for (;;) {
    if (position >= end) return {Range::Status::past_end};
    const Peeked peeked = peek_header(view, position);
    if (!peeked.whole)
      return {Range::Status::short_of_bytes, position,
              position + static_cast<std::int64_t>(protocol::batch_header_size)};
    if (!peeked.header) return {Range::Status::damaged, position};
    header = peeked.header;
    if (header->last_offset() >= wanted.from) break;
    position += static_cast<std::int64_t>(header->size());
  }
  if (header->base_offset >= wanted.limit) return {Range::Status::nothing_to_take};
  const std::int64_t begin = position;
  const std::int64_t first_end = begin + static_cast<std::int64_t>(header->size());
  if (first_end > end) return {Range::Status::damaged, begin};
  std::int64_t stop = begin + static_cast<std::int64_t>(wanted.max_bytes);
  if (first_end > stop) {
    if (wanted.least == AtLeastOneBatch::no) return {Range::Status::nothing_to_take};
    stop = first_end;
  }
  if (first_end > view.end) return {Range::Status::short_of_bytes, begin, first_end};
  stop = std::min({stop, end, view.end});

  // The index skips most of the walk: its entries begin batches.
  std::int64_t at = first_end;
  Offset next = header->next_offset();
  const OffsetIndex::Entry by_position = index.lookup_position(stop);
  const OffsetIndex::Entry by_offset = index.lookup(wanted.limit - 1);
  const OffsetIndex::Entry jump =
      by_position.position < by_offset.position ? by_position : by_offset;
  if (jump.position > at) {
    const Peeked peeked = peek_header(view, jump.position);
    if (peeked.header && peeked.header->last_offset() == jump.offset) {
      at = jump.position;
      next = peeked.header->base_offset;
    }
  }
  while (at < stop) {
    const Peeked peeked = peek_header(view, at);
    if (!peeked.header || peeked.header->base_offset >= wanted.limit) break;
    const std::int64_t batch_end = at + static_cast<std::int64_t>(peeked.header->size());
    if (batch_end > stop) break;
    at = batch_end;
    next = peeked.header->next_offset();
  }
  return {Range::Status::found, begin, at, next};
}

ReadResult from_tail(const Tail& tail, const Range& range) {
  ReadResult result;
  for (std::int64_t at = range.begin; at < range.end;) {
    Slice slice = tail.run(at);
    const std::int64_t left = range.end - at;
    if (static_cast<std::int64_t>(slice.bytes.size()) > left)
      slice.bytes = slice.bytes.first(static_cast<std::size_t>(left));
    at += static_cast<std::int64_t>(slice.bytes.size());
    result.size += slice.bytes.size();
    result.slices.push_back(std::move(slice));
  }
  result.next_offset = range.next_offset;
  return result;
}

// Bytes from a file may have rotted: what is not what was written is never handed out.
std::size_t intact_bytes(Bytes bytes) {
  protocol::BatchIterator batches{bytes};
  std::size_t intact = 0;
  while (const auto batch = batches.next()) {
    if (!protocol::batch_crc_matches(batch->bytes)) break;
    intact = batches.position();
  }
  return intact;
}

}  // namespace

std::size_t LogParts::segment_index(Offset offset) const {
  const auto after = std::ranges::upper_bound(segments, offset, std::less<>{},
                                              [](const SegmentPtr& s) { return s->base; });
  return after == segments.begin() ? 0 : static_cast<std::size_t>(after - segments.begin()) - 1;
}

std::int64_t LogParts::readable_end(const Segment& segment) const {
  return &segment == segments.back().get() ? durable_batch_position : segment.size;
}

// Retention and compaction may take a segment away between two steps of a read: look again.
Task<Result<ReadResult>> LogParts::read(Offset from, std::size_t max_bytes, Offset limit,
                                        AtLeastOneBatch least) {
  for (int tries = 0;; ++tries) {
    auto got = co_await read_once(from, max_bytes, limit, least);
    if (got || got.error().code != Errc::segment_gone || tries == 10) co_return got;
  }
}

Task<Result<ReadResult>> LogParts::read_once(Offset from, std::size_t max_bytes, Offset limit,
                                             AtLeastOneBatch least) {
  if (closed) co_return fail(Errc::closed, directory);
  if (from < log_start || from > end_offset) co_return fail(Errc::offset_out_of_range);
  const Wanted wanted{from, std::min(limit, durable_offset), max_bytes, least};
  ReadResult nothing;
  nothing.next_offset = from;

  for (std::size_t i = segment_index(from); i < segments.size(); ++i) {
    if (from >= wanted.limit) break;
    const SegmentPtr segment = segments[i];
    if (segment->size == 0) continue;
    auto indexes = co_await indexes_of(segment);
    if (!indexes) co_return std::unexpected(indexes.error());
    std::int64_t position = (*indexes)->offsets.lookup(from).position;
    const std::int64_t end = readable_end(*segment);

    const Tail* tail = segment->tail.get();
    if (tail != nullptr && tail->begin() <= position && tail->end() >= end) {
      const Range range =
          find_range(TailView{*tail, end}, (*indexes)->offsets, position, end, wanted);
      if (range.status == Range::Status::found) co_return from_tail(*tail, range);
      if (range.status == Range::Status::nothing_to_take) co_return nothing;
      if (range.status == Range::Status::past_end) {
        if (segment->gone) co_return fail(Errc::segment_gone);
        i = segment_index(segment->base);  // the list may have changed meanwhile
        continue;
      }
      co_return fail(Errc::damaged, path(segment->base, log_suffix) + " in memory at " +
                                        std::to_string(range.begin));
    }

    auto file = co_await file_of(segment);
    if (!file) co_return std::unexpected(file.error());
    std::size_t size = std::min(max_bytes, file_read_max) + file_read_slack;
    for (bool rebuilt = false;;) {
      const std::int64_t start = block_floor(position);
      const auto window = static_cast<std::size_t>(
          block_ceil(std::min(position - start + static_cast<std::int64_t>(size), end - start)));
      AlignedBuffer buffer = store->read_buffers.take(window);
      const auto got =
          co_await (*file)->read(buffer.bytes().first(window), static_cast<std::uint64_t>(start));
      if (!got) co_return std::unexpected(got.error());
      const std::int64_t have = std::min(end, start + static_cast<std::int64_t>(*got));
      const BufferView view{buffer.bytes(), start, have};
      Range range = find_range(view, (*indexes)->offsets, position, end, wanted);
      if (range.status == Range::Status::nothing_to_take) co_return nothing;
      if (range.status == Range::Status::past_end) {
        if (segment->gone) co_return fail(Errc::segment_gone);
        i = segment_index(segment->base);  // the list may have changed meanwhile
        break;
      }
      if (range.status == Range::Status::short_of_bytes && have < end &&
          range.end - start > static_cast<std::int64_t>(window)) {
        position = range.begin;
        size = static_cast<std::size_t>(range.end - range.begin);
        if (size < file_read_slack) size = std::min(max_bytes, file_read_max) + file_read_slack;
        continue;
      }
      if (range.status == Range::Status::found) {
        const Bytes bytes = Bytes(buffer.bytes())
                                .subspan(static_cast<std::size_t>(range.begin - start),
                                         static_cast<std::size_t>(range.end - range.begin));
        const std::size_t intact = intact_bytes(bytes);
        if (intact == bytes.size()) {
          ReadResult result;
          result.slices.push_back({buffer.owner(), bytes});
          result.size = bytes.size();
          result.next_offset = range.next_offset;
          co_return result;
        }
        if (intact != 0) {
          protocol::BatchIterator batches{bytes.first(intact)};
          ReadResult result;
          while (const auto batch = batches.next())
            result.next_offset = batch->header.next_offset();
          result.slices.push_back({buffer.owner(), bytes.first(intact)});
          result.size = intact;
          co_return result;
        }
        range.status = Range::Status::damaged;
      }
      // Either the data is damaged or the index led to the middle of a batch.
      if (segment->gone) co_return fail(Errc::segment_gone);
      if (!rebuilt && segment != segments.back()) {
        rebuilt = true;
        auto done = co_await rebuild_indexes(segment);
        if (!done) co_return std::unexpected(done.error());
        indexes = co_await indexes_of(segment);
        if (!indexes) co_return std::unexpected(indexes.error());
        position = (*indexes)->offsets.lookup(from).position;
        continue;
      }
      const std::string where =
          path(segment->base, log_suffix) + " at " + std::to_string(range.begin);
      store->logger.error("damaged batch", {{"file", where}, {"offset", from}});
      co_return fail(Errc::damaged, where);
    }
  }
  co_return nothing;
}

// The segment's file, opened if it is not: the active one directly, closed ones through the page
// cache.
Task<Result<std::shared_ptr<File>>> LogParts::file_of(SegmentPtr segment) {
  if (segment->file == nullptr) {
    const bool is_active = !segments.empty() && segment == segments.back();
    const OpenOptions open_options{.mode = is_active ? OpenMode::read_write : OpenMode::read_only,
                                   .direct = is_active};
    if (segment->gone) co_return fail(Errc::segment_gone);
    const std::string file_name =
        segment->file_name.empty() ? path(segment->base, log_suffix) : segment->file_name;
    auto file = co_await store->files.open(file_name, open_options);
    if (segment->gone || (!file && is_not_found(file.error()) && file_name == segment->file_name))
      co_return fail(Errc::segment_gone);  // deleted or renamed just now
    if (!file) co_return std::unexpected(file.error());
    if (segment->file == nullptr) segment->file = std::move(*file);
  }
  store->descriptors.touch(segment, 1);
  co_return segment->file;
}

Task<Result<std::shared_ptr<Indexes>>> LogParts::indexes_of(SegmentPtr segment) {
  if (segment->indexes != nullptr) {
    if (segment != segments.back())
      store->index_cache.touch(segment, segment->indexes->size_bytes());
    co_return segment->indexes;
  }
  const auto offsets =
      co_await read_small_file(store->files, path(segment->base, index_suffix), index_size_max);
  const auto times = co_await read_small_file(store->files, path(segment->base, time_index_suffix),
                                              index_size_max);
  if (segment->gone) co_return fail(Errc::segment_gone);
  if (segment->indexes == nullptr) {
    bool good = false;
    if (offsets && times) {
      auto decoded = OffsetIndex::decode(segment->base, *offsets, segment->size);
      auto decoded_times = TimeIndex::decode(segment->base, *times, segment->end);
      good = decoded && decoded_times && (decoded_times->count() != 0 || segment->size == 0);
      if (good) {
        segment->indexes = std::make_shared<Indexes>(segment->base);
        segment->indexes->offsets = std::move(*decoded);
        segment->indexes->times = std::move(*decoded_times);
        const TimeIndex::Entry newest = segment->indexes->times.last();
        segment->max_timestamp = newest.timestamp;
        segment->max_timestamp_offset = newest.offset;
        segment->times_known = true;
      }
    }
    if (!good) {
      auto rebuilt = co_await rebuild_indexes(segment);
      if (!rebuilt) co_return std::unexpected(rebuilt.error());
    }
  }
  // Held here: the cache may drop what it was just given.
  const std::shared_ptr<Indexes> held = segment->indexes;
  if (segment != segments.back()) store->index_cache.touch(segment, held->size_bytes());
  co_return held;
}

Task<Result<>> LogParts::rebuild_indexes(const SegmentPtr& the_segment) {
  const SegmentPtr segment = the_segment;
  const bool is_active = segment == segments.back();
  auto file = co_await file_of(segment);
  if (!file) co_return std::unexpected(file.error());
  // Into a segment of its own, so that nobody sees half an index.
  Segment fresh(segment->base);
  fresh.indexes = std::make_shared<Indexes>(segment->base);
  Indexer fresh_indexer(options.index_interval_bytes);
  BatchScan scan(*file, 0, segment->size, ScanDepth::headers);
  while (scan.stopped() == BatchScan::Stop::no) {
    while (const auto batch = scan.take()) fresh_indexer.add(fresh, batch->header, batch->position);
    auto filled = co_await scan.fill();
    if (!filled) co_return filled;
  }
  if (segment->gone) co_return fail(Errc::segment_gone);
  if (!is_active) Indexer::finish(fresh);
  segment->indexes = fresh.indexes;
  segment->first_timestamp = fresh.first_timestamp;
  segment->max_timestamp = fresh.max_timestamp;
  segment->max_timestamp_offset = fresh.max_timestamp_offset;
  segment->times_known = true;
  if (is_active) {
    indexer = fresh_indexer;
    co_return Result<>{};
  }
  store->logger.info("indexes rebuilt", {{"log", directory}, {"segment", segment->base}});
  co_return co_await write_indexes(segment, Durability::none);
}

}  // namespace sluice::storage
