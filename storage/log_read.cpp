// Reading: offset to position by the index, then whole batches from the tail or the file.
#include "base/planted_bug.hpp"
#include "storage/format.hpp"
#include "storage/log_parts.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::storage {
namespace {

using Range = BatchRange;

constexpr std::size_t file_read_slack = 8 << 10;
constexpr std::size_t copy_max = 256 << 10;
constexpr std::size_t gentle_copy_max = 128 << 10;
constexpr std::int64_t bring_in_max = 1 << 20;  // bytes the kernel reads at one request, or fewer

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

// What of a closed segment's file is in the page cache.
struct ResidentView {
  File& file;
  std::int64_t end;
  bool peek(std::int64_t position, MutableBytes out) const {
    if (position + static_cast<std::int64_t>(out.size()) > end) return false;
    return file.read_resident(out, static_cast<std::uint64_t>(position)) == out.size();
  }
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

WalkStart walk_start(const Segment& segment, const Indexes& indexes, Offset from) {
  const std::int64_t position = indexes.offsets.lookup(from).position;
  return {position, position == 0 ? segment.base : -1};
}

// The batches to return, walking from `start`. `end` is where the readable bytes of the segment
// end; the view may end before.
template <class View>
Range find_range(const View& view, const OffsetIndex& index, WalkStart start, std::int64_t end,
                 const HeaderRule& rule, const ReadWanted& wanted) {
  std::int64_t position = start.position;
  Offset expected = start.expected;
  std::int64_t before = position;  // where the walk was one batch ago
  // Where a header did not fit in. It is not believed, but for its length: what comes behind it may
  // be intact.
  std::int64_t doubtful = -1;
  std::optional<protocol::BatchHeader> header;
  const OffsetIndex::Entry entry = index.lookup(wanted.from);
  for (;;) {
    // Beyond the end: some length is wrong, and what it passed over may be what is wanted.
    if (position > end || (position == end && doubtful >= 0))
      return {Range::Status::damaged, doubtful >= 0 ? doubtful : before};
    if (position == end) return {Range::Status::past_end};
    const Peeked peeked = peek_header(view, position);
    if (!peeked.whole)
      return {.status = Range::Status::short_of_bytes,
              .begin = doubtful >= 0 ? doubtful : position,
              .end = position + static_cast<std::int64_t>(protocol::batch_header_size),
              .expected = expected};
    if (!peeked.header) return {Range::Status::damaged, position};
    header = peeked.header;
    // An entry with a wrong offset would make the walk begin too late, and skip records.
    const bool misled =
        position != 0 && position == entry.position && header->last_offset() != entry.offset;
    if (misled && !planted(PlantedBug::index_trusted)) return {Range::Status::damaged, position};
    const HeaderRule now{rule.epochs, rule.gaps || doubtful >= 0};
    if (!now.follows(*header, expected)) {
      if (doubtful < 0) doubtful = position;
    } else if (header->last_offset() >= wanted.from) {
      break;
    } else {
      doubtful = -1;
      expected = header->next_offset();
    }
    before = position;
    position += static_cast<std::int64_t>(header->size());
  }
  if (doubtful >= 0 && header->base_offset > wanted.from) return {Range::Status::damaged, doubtful};
  // Of a batch whose base offset nobody can vouch for, what the header says is all there is.
  if (expected < 0 || doubtful >= 0) expected = header->base_offset;
  if (header->base_offset >= wanted.limit) return {Range::Status::nothing_to_take};
  const std::int64_t begin = position;
  const std::int64_t first_end = begin + static_cast<std::int64_t>(header->size());
  if (first_end > end) return {Range::Status::damaged, begin};
  std::int64_t stop = begin + static_cast<std::int64_t>(wanted.max_bytes);
  if (first_end > stop) {
    if (wanted.least == AtLeastOneBatch::no) return {Range::Status::nothing_to_take};
    stop = first_end;
  }
  if (first_end > view.end)
    return {.status = Range::Status::short_of_bytes,
            .begin = begin,
            .end = first_end,
            .expected = expected};
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
  return {Range::Status::found, begin, at, next, expected};
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

ReadResult nothing_at(Offset from) {
  ReadResult nothing;
  nothing.next_offset = from;
  return nothing;
}

// Bytes from a file may have rotted: what is not what was written is never handed out.
std::size_t intact_bytes(Bytes bytes, Offset expected, const HeaderRule& rule) {
  protocol::BatchIterator batches{bytes};
  std::size_t intact = 0;
  while (const auto batch = batches.next()) {
    if (!rule.fits(*batch, expected)) break;
    expected = batch->header.next_offset();
    intact = batches.position();
  }
  return intact;
}

// The batches of `range` that are intact, from a buffer that begins at `start`; empty if the first
// is not.
std::optional<ReadResult> from_buffer(const AlignedBuffer& buffer, std::int64_t start,
                                      const Range& range, const HeaderRule& rule) {
  const Bytes bytes = Bytes(buffer.bytes())
                          .subspan(static_cast<std::size_t>(range.begin - start),
                                   static_cast<std::size_t>(range.end - range.begin));
  const std::size_t intact = intact_bytes(bytes, range.expected, rule);
  if (intact == 0) return std::nullopt;
  ReadResult result;
  result.next_offset = range.next_offset;
  if (intact != bytes.size()) {
    protocol::BatchIterator batches{bytes.first(intact)};
    while (const auto batch = batches.next()) result.next_offset = batch->header.next_offset();
  }
  result.slices.push_back({buffer.owner(), bytes.first(intact)});
  result.size = intact;
  result.cold = intact;
  return result;
}

// Copying from the page cache happens on the shard: others get their turn in between.
Task<Result<std::size_t>> read_in_pieces(File& file, MutableBytes into, std::int64_t position,
                                         std::size_t piece_max) {
  std::size_t done = 0;
  while (done < into.size()) {
    const MutableBytes piece = into.subspan(done, std::min(into.size() - done, piece_max));
    const auto got = co_await file.read(piece, static_cast<std::uint64_t>(position) + done);
    if (!got) co_return got;
    done += *got;
    if (*got < piece.size()) break;
  }
  co_return done;
}

Task<> bring_in_pieces(File& file, std::int64_t begin, std::int64_t end) {
  while (begin < end) {
    const std::int64_t size = std::min(end - begin, bring_in_max);
    co_await file.bring_in(static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(size));
    begin += size;
  }
}

Task<> bring_in(std::shared_ptr<LogParts> /*held*/, std::shared_ptr<File> file, std::int64_t begin,
                std::int64_t end) {
  co_await bring_in_pieces(*file, begin, end);
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
                                        AtLeastOneBatch least, Handout handout) {
  for (int tries = 0;; ++tries) {
    const ReadWanted wanted{from, std::min(limit, durable_offset), max_bytes, least, handout};
    auto got = co_await read_once(wanted);
    if (got || got.error().code != Errc::segment_gone || tries == 10) co_return got;
  }
}

Task<Result<ReadResult>> LogParts::read_once(ReadWanted wanted) {
  if (closed) co_return fail(Errc::closed, directory);
  if (wanted.from < log_start || wanted.from > end_offset)
    co_return fail(Errc::offset_out_of_range);
  for (std::size_t i = segment_index(wanted.from); i < segments.size(); ++i) {
    if (wanted.from >= wanted.limit) break;
    const SegmentPtr segment = segments[i];
    if (segment->size == 0) continue;
    SegmentRead read = read_tail(segment, wanted);
    if (read.status == SegmentRead::Status::not_here) read = co_await read_file(segment, wanted);
    if (read.status == SegmentRead::Status::done) co_return std::move(read.result);
    if (segment->gone) co_return fail(Errc::segment_gone);
    i = segment_index(segment->base);  // the list may have changed meanwhile
  }
  co_return nothing_at(wanted.from);
}

SegmentRead LogParts::read_tail(const SegmentPtr& segment, const ReadWanted& wanted) {
  using Status = SegmentRead::Status;
  const Tail* tail = segment->tail.get();
  const Indexes* indexes = segment->indexes.get();
  if (tail == nullptr || indexes == nullptr) return {.status = Status::not_here};
  const std::int64_t position = indexes->offsets.lookup(wanted.from).position;
  const std::int64_t end = readable_end(*segment);
  const WalkStart start = walk_start(*segment, *indexes, wanted.from);
  if (tail->begin() > position || tail->end() < end) return {.status = Status::not_here};
  if (segment != segments.back()) store->index_cache.touch(segment, indexes->size_bytes());
  const TailView view{*tail, end};
  const Range range = find_range(view, indexes->offsets, start, end, rule(), wanted);
  if (range.status == Range::Status::found) return {Status::done, from_tail(*tail, range)};
  if (range.status == Range::Status::nothing_to_take)
    return {Status::done, nothing_at(wanted.from)};
  if (range.status == Range::Status::past_end) return {.status = Status::past_end};
  return {.status = Status::not_here};  // the index may have led astray: see there
}

// What was found intact and is in the page cache, as a range of the file.
std::optional<ReadResult> LogParts::share_file(Segment& segment, const std::shared_ptr<File>& file,
                                               const Indexes& indexes, BatchRange range,
                                               ReadWanted wanted) {
  // Replies that wait for slow clients hold their files open: not too many of them.
  if (store->open_files.use_count() > store->options.descriptors_max * 5 / 4) return std::nullopt;
  const std::int64_t verified = segment.reads_of(file).verified.end_from(range.begin);
  if (verified <= range.begin) return std::nullopt;
  if (verified < range.end) {  // it ends with a batch: take as far as it goes
    wanted.max_bytes = static_cast<std::size_t>(verified - range.begin);
    const ResidentView view{*file, segment.size};
    const WalkStart again{range.begin, range.expected};
    range = find_range(view, indexes.offsets, again, segment.size, rule(), wanted);
    if (range.status != Range::Status::found || range.end > verified) return std::nullopt;
  }
  const auto size = static_cast<std::size_t>(range.end - range.begin);
  if (!file->resident(static_cast<std::uint64_t>(range.begin), size)) return std::nullopt;
  look_ahead(segment, file, range.begin, range.end);
  ReadResult result;
  result.slices.push_back(
      {.owner = file, .bytes = {}, .file = {file->native_handle(), range.begin, size}});
  result.size = size;
  result.next_offset = range.next_offset;
  segment.shared_pages = true;
  return result;
}

// What is to be read from the disk was not checked since.
void LogParts::forget_missing(Segment& segment, const std::shared_ptr<File>& file,
                              std::int64_t begin, std::int64_t end) {
  if (begin >= end) return;
  const auto size = static_cast<std::uint64_t>(end - begin);
  if (file->resident(static_cast<std::uint64_t>(begin), size)) return;
  segment.reads_of(file).verified.erase(begin, end);
}

// Has the disk read what comes next. It counts as unverified from now on: pages on their way look
// resident, and waiting for them is what must not happen on a shard.
void LogParts::look_ahead(Segment& segment, const std::shared_ptr<File>& file, std::int64_t begin,
                          std::int64_t end) {
  FileReads& reads = segment.reads_of(file);
  const ReadAhead::Ask ask =
      reads.ahead.after(begin, end, segment.size, store->options.read_ahead_bytes);
  if (ask.empty() || closing) return;
  const auto size = static_cast<std::uint64_t>(ask.end - ask.begin);
  if (file->resident(static_cast<std::uint64_t>(ask.begin), size)) return;
  reads.verified.erase(ask.begin, ask.end);
  tasks.spawn(bring_in(shared_from_this(), file, ask.begin, ask.end));
}

Task<SegmentRead> LogParts::read_file(SegmentPtr segment, ReadWanted wanted) {
  using Status = SegmentRead::Status;
  auto indexes = co_await indexes_of(segment);
  if (!indexes) co_return SegmentRead{Status::done, std::unexpected(indexes.error())};
  auto file = co_await file_of(segment);
  if (!file) co_return SegmentRead{Status::done, std::unexpected(file.error())};
  WalkStart from = walk_start(*segment, **indexes, wanted.from);
  if (segment != segments.back() && !(*file)->direct()) {
    const std::int64_t end = segment->size;
    const ResidentView view{**file, end};
    const Range range = find_range(view, (*indexes)->offsets, from, end, rule(), wanted);
    if (range.status == Range::Status::found && wanted.handout == Handout::files) {
      auto shared = share_file(*segment, *file, **indexes, range, wanted);
      if (shared) co_return SegmentRead{Status::done, std::move(*shared)};
    }
    // Batches before it need not be read.
    if (range.status == Range::Status::found || range.status == Range::Status::short_of_bytes)
      from = {range.begin, range.expected};
  }
  auto read = co_await read_buffered(segment, *file, *indexes, from, wanted);
  if (read.status != SegmentRead::Status::damaged) co_return read;
  if (segment->gone) co_return SegmentRead{Status::done, fail(Errc::segment_gone)};
  if (!planted(PlantedBug::index_trusted)) {  // or the index led astray
    if (segment != segments.back()) {
      auto done = co_await rebuild_indexes(segment);
      if (!done) co_return SegmentRead{Status::done, std::unexpected(done.error())};
    } else if (read.at == (*indexes)->offsets.lookup(wanted.from).position) {
      (*indexes)->offsets = OffsetIndex(segment->base);  // its batches are walked from now on
    }
    indexes = co_await indexes_of(segment);
    if (!indexes) co_return SegmentRead{Status::done, std::unexpected(indexes.error())};
    from = walk_start(*segment, **indexes, wanted.from);
    read = co_await read_buffered(segment, *file, *indexes, from, wanted);
    if (read.status != SegmentRead::Status::damaged) co_return read;
    if (segment->gone) co_return SegmentRead{Status::done, fail(Errc::segment_gone)};
  }
  const std::string at = where(*segment, read.at);
  if (std::exchange(segment->damage_reported, read.at) != read.at)  // not each time somebody asks
    store->logger.error("damaged batch", {{"file", at}, {"offset", wanted.from}});
  co_return SegmentRead{Status::done, fail(Errc::damaged, at)};
}

// Reads from `from` on into memory, and checks what it read.
Task<SegmentRead> LogParts::read_buffered(SegmentPtr segment, std::shared_ptr<File> file,
                                          std::shared_ptr<Indexes> indexes, WalkStart from,
                                          ReadWanted wanted) {
  using Status = SegmentRead::Status;
  const std::int64_t end = readable_end(*segment);
  const bool cached = segment != segments.back() && !file->direct();
  const std::size_t usual = std::min(wanted.max_bytes, file_read_max) + file_read_slack;
  const bool eager = store->options.read_ahead_bytes > 0;
  const std::size_t piece_max = eager ? copy_max : gentle_copy_max;
  for (std::size_t size = usual;;) {
    const std::int64_t position = from.position;
    const std::int64_t start = block_floor(position);
    const auto window = static_cast<std::size_t>(
        block_ceil(std::min(position - start + static_cast<std::int64_t>(size), end - start)));
    const std::int64_t window_end = start + static_cast<std::int64_t>(window);
    AlignedBuffer buffer = store->read_buffers.take(window);
    if (cached) {
      forget_missing(*segment, file, start, position);
      forget_missing(*segment, file, position, window_end);
      // All of it at once, however it is copied.
      if (eager && window > copy_max && !file->resident(static_cast<std::uint64_t>(start), window))
        co_await bring_in_pieces(*file, start, window_end);
    }
    const MutableBytes into = buffer.bytes().first(window);
    const auto got = cached ? co_await read_in_pieces(*file, into, start, piece_max)
                            : co_await file->read(into, static_cast<std::uint64_t>(start));
    if (!got) co_return SegmentRead{Status::done, std::unexpected(got.error())};
    const std::int64_t have = std::min(end, start + static_cast<std::int64_t>(*got));
    const BufferView view{buffer.bytes(), start, have};
    const Range range = find_range(view, indexes->offsets, from, end, rule(), wanted);
    if (range.status == Range::Status::nothing_to_take)
      co_return SegmentRead{Status::done, nothing_at(wanted.from)};
    if (range.status == Range::Status::past_end) co_return SegmentRead{Status::past_end};
    if (range.status == Range::Status::short_of_bytes && have < end && range.end > window_end) {
      from = {range.begin, range.expected};
      size = std::max(static_cast<std::size_t>(range.end - range.begin), file_read_slack);
      if (size == file_read_slack) size = usual;
      continue;
    }
    if (range.status != Range::Status::found)
      co_return SegmentRead{.status = Status::damaged, .at = range.begin};
    auto intact = from_buffer(buffer, start, range, rule());
    if (!intact) co_return SegmentRead{.status = Status::damaged, .at = range.begin};
    const std::int64_t intact_end = range.begin + static_cast<std::int64_t>(intact->size);
    if (cached) {
      segment->reads_of(file).verified.add(range.begin, intact_end);
      look_ahead(*segment, file, range.begin, intact_end);
    }
    co_return SegmentRead{Status::done, std::move(*intact)};
  }
}

}  // namespace sluice::storage
