// The files of a segment as its log uses them: opened when needed, indexes loaded or rebuilt.
#include "storage/format.hpp"
#include "storage/log_parts.hpp"
#include "storage/small_file.hpp"

#include <utility>

namespace sluice::storage {
namespace {

constexpr std::size_t index_size_max = 64 << 20;

struct LeasedFile {
  std::unique_ptr<File> file;
  std::shared_ptr<const int> lease;
  std::shared_ptr<const int> counted;
};

}  // namespace

std::shared_ptr<File> LogParts::leased(std::unique_ptr<File> file, const Segment& segment) const {
  auto owner = std::make_shared<LeasedFile>(std::move(file), segment.lease, store->open_files);
  return {owner, owner->file.get()};
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
    if (segment->file == nullptr) segment->file = leased(std::move(*file), *segment);
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
        auto loaded = std::make_shared<Indexes>(segment->base);
        loaded->offsets = std::move(*decoded);
        loaded->times = std::move(*decoded_times);
        const auto right = co_await newest_is_right(segment, loaded);
        if (!right) co_return std::unexpected(right.error());
        if (segment->gone) co_return fail(Errc::segment_gone);
        good = *right;
        if (good && segment->indexes == nullptr) segment->indexes = std::move(loaded);
      }
      if (good) {
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

// Whether the last entry of the time index, by which retention and searches go, is what its batch
// says.
Task<Result<bool>> LogParts::newest_is_right(SegmentPtr segment, std::shared_ptr<Indexes> indexes) {
  if (indexes->times.count() == 0) co_return true;
  const TimeIndex::Entry newest = indexes->times.last();
  auto file = co_await file_of(segment);
  if (!file) co_return std::unexpected(file.error());
  const std::int64_t position = indexes->offsets.lookup(newest.offset).position;
  BatchScan scan(*file, position, segment->size, ScanDepth::headers);
  while (scan.stopped() == BatchScan::Stop::no) {
    while (const auto batch = scan.take()) {
      if (batch->header.last_offset() < newest.offset) continue;
      co_return says(batch->header, newest);
    }
    auto filled = co_await scan.fill();
    if (!filled) co_return std::unexpected(filled.error());
  }
  co_return false;
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
  HeaderWalk walk(rule(), segment->base);
  while (scan.stopped() == BatchScan::Stop::no) {
    while (const auto batch = scan.take())
      if (walk.believes(batch->header)) fresh_indexer.add(fresh, batch->header, batch->position);
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
  // Two readers may have missed them at once; both found the same.
  if (std::exchange(segment->writing_indexes, true)) co_return Result<>{};
  auto written = co_await write_indexes(segment, Durability::none);
  segment->writing_indexes = false;
  co_return written;
}

}  // namespace sluice::storage
