// The second pass of compaction: segments rewritten in groups, and put in place so that a crash
// leaves either the old ones or the new one.
#include "base/long_time.hpp"
#include "storage/checkpoint.hpp"
#include "storage/compaction.hpp"
#include "storage/format.hpp"
#include "storage/small_file.hpp"

#include <algorithm>

namespace sluice::storage {
namespace {

constexpr std::size_t output_size = 1 << 20;

// Decides by the remembered keys; records beyond what was remembered all stay.
class Filter final : public protocol::RecordFilter {
 public:
  Filter(const KeyOffsets& keys, Offset end, bool drop_tombstones)
      : keys_(keys), end_(end), drop_tombstones_(drop_tombstones) {}

  bool keep(const protocol::BatchHeader& batch, const protocol::Record& record) override {
    const Offset offset = protocol::offset_of(record, batch);
    if (offset >= end_) return true;
    if (!record.key) return false;
    const auto newest = keys_.find(*record.key);
    if (newest && *newest > offset) return false;
    if (record.value) return true;
    has_tombstone = true;
    return !drop_tombstones_;
  }
  bool has_tombstone = false;

 private:
  const KeyOffsets& keys_;
  Offset end_;
  bool drop_tombstones_;
};

std::string swap_name(Offset base, Offset end, std::string_view suffix) {
  return offset_file_name(base, "." + std::to_string(end) + std::string(log_suffix)) +
         std::string(suffix);
}

}  // namespace

Task<Result<>> Compaction::rewrite(std::size_t segments_end) {
  const std::int64_t size_max =
      std::min<std::int64_t>(log_.options.segment_bytes, std::numeric_limits<std::int32_t>::max());
  const std::vector<SegmentPtr> all(
      log_.segments.begin(), log_.segments.begin() + static_cast<std::ptrdiff_t>(segments_end));
  std::vector<SegmentPtr> group;
  std::int64_t size = 0;
  for (const SegmentPtr& segment : all) {
    if (segment->base >= end_) break;
    const bool fits = group.empty() || (size + segment->size <= size_max &&
                                        segment->end - group.front()->base <=
                                            std::numeric_limits<std::int32_t>::max());
    if (!fits) {
      auto done = co_await rewrite_group(std::move(group));
      if (!done) co_return done;
      group.clear();
      size = 0;
    }
    group.push_back(segment);
    size += segment->size;
  }
  if (group.empty()) co_return Result<>{};
  co_return co_await rewrite_group(std::move(group));
}

// What becomes of one batch, appended to `out`.
Result<> Compaction::rewrite_batch(const ScannedBatch& scanned, std::vector<std::byte>& out) {
  const protocol::BatchView batch{scanned.header, scanned.bytes};
  const protocol::BatchHeader& header = batch.header;
  const bool last_of_producer = header.has_producer_id() &&
                                log_.producers.is_newest(header.producer_id, header.last_offset());
  if (header.is_control() || header.base_offset >= end_) {
    out.insert(out.end(), batch.bytes.begin(), batch.bytes.end());
    return {};
  }
  if (header.record_count == 0) {
    if (last_of_producer) out.insert(out.end(), batch.bytes.begin(), batch.bytes.end());
    return {};
  }
  const TimestampMs now = log_.store->clock.wall_ms();
  const bool expired = header.has_delete_horizon() && header.base_timestamp <= now;
  Filter filter(keys_, end_, expired);
  auto filtered = protocol::filter_batch(batch, filter, {}, recoding_);
  if (filtered && filter.has_tombstone && !header.has_delete_horizon()) {
    const protocol::FilterOptions with_horizon{
        .delete_horizon_ms = now + long_time(log_.options.delete_retention_ms).count()};
    filtered = protocol::filter_batch(batch, filter, with_horizon, recoding_);
  }
  if (!filtered) return fail(filtered.error(), log_.directory);
  using Change = protocol::FilteredBatch::Change;
  if (filtered->change == Change::emptied && !last_of_producer) return {};
  const Bytes bytes = filtered->change == Change::none ? batch.bytes : Bytes(filtered->bytes);
  out.insert(out.end(), bytes.begin(), bytes.end());
  return {};
}

Task<Result<>> Compaction::rewrite_group(std::vector<SegmentPtr> group) {
  const Offset base = group.front()->base;
  const Offset end = group.back()->end;
  FileSystem& files = log_.store->files;
  auto fresh = std::make_shared<Segment>(base);
  fresh->end = end;
  fresh->created_ms = group.back()->created_ms;
  fresh->indexes = std::make_shared<Indexes>(base);
  fresh->hash.emplace();
  Indexer indexer(log_.options.index_interval_bytes);

  const std::string cleaned = log_.path(swap_name(base, end, cleaned_suffix));
  const OpenOptions create_options{.mode = OpenMode::create};
  auto opened = co_await files.open(cleaned, create_options);
  if (!opened) co_return std::unexpected(opened.error());
  const std::shared_ptr<File> file = std::move(*opened);
  auto done = co_await file->truncate(0);
  if (!done) co_return done;

  std::vector<std::byte> out;
  std::int64_t before = 0;
  for (const SegmentPtr& segment : group) {
    before += segment->size;
    auto source = co_await log_.file_of(segment);
    if (!source) co_return std::unexpected(source.error());
    BatchScan scan(*source, 0, segment->size, ScanDepth::whole);
    Offset expected = segment->base;
    while (scan.stopped() == BatchScan::Stop::no) {
      while (const auto batch = scan.take()) {
        if (!log_.rule().fits({batch->header, batch->bytes}, expected))
          co_return fail(Errc::damaged, log_.where(*segment, batch->position));
        expected = batch->header.next_offset();
        const std::size_t start = out.size();
        auto rewritten = rewrite_batch(*batch, out);
        if (!rewritten) co_return rewritten;
        if (out.size() != start) {
          const auto header = protocol::parse_batch_header(Bytes(out).subspan(start));
          SLUICE_CHECK(header.has_value());
          indexer.add(*fresh, *header, fresh->size + static_cast<std::int64_t>(start));
          fresh->hash->count(*header);
        }
        co_await pause();
      }
      if (out.size() >= output_size) {
        done = co_await file->write(out, static_cast<std::uint64_t>(fresh->size), Durability::none);
        if (!done) co_return done;
        fresh->hash->update(out);
        fresh->size += static_cast<std::int64_t>(out.size());
        out.clear();
      }
      if (log_.closing) co_return fail(Errc::closed, log_.directory);
      auto filled = co_await scan.fill();
      if (!filled) co_return filled;
    }
    if (scan.stopped() != BatchScan::Stop::end && segment->size != 0)
      co_return fail(Errc::damaged, log_.path(segment->base, log_suffix));
  }
  if (!out.empty()) {
    done = co_await file->write(out, static_cast<std::uint64_t>(fresh->size), Durability::none);
    if (!done) co_return done;
    fresh->hash->update(out);
    fresh->size += static_cast<std::int64_t>(out.size());
  }
  if (group.size() == 1 && fresh->size == before) {
    const auto changed = co_await differs(group.front(), file);
    if (!changed) co_return std::unexpected(changed.error());
    if (!*changed) co_return co_await files.remove(cleaned);
  }
  Indexer::finish(*fresh);
  fresh->times_known = true;
  fresh->file = file;
  done = co_await file->sync();
  if (!done) co_return done;
  co_return co_await swap_in(group, fresh);
}

// From the first rename on the new segment is the truth: recovery finishes what a crash interrupts.
Task<Result<>> Compaction::swap_in(const std::vector<SegmentPtr>& group, SegmentPtr fresh) {
  FileSystem& files = log_.store->files;
  const Offset base = fresh->base;
  const std::string cleaned = log_.path(swap_name(base, fresh->end, cleaned_suffix));
  const std::string swap = log_.path(swap_name(base, fresh->end, swap_suffix));
  auto done = co_await files.rename(cleaned, swap);
  if (!done) co_return done;
  done = co_await files.sync_directory(log_.directory);
  if (!done) co_return done;

  // Readers that come now see the new segment; those that hold an old file keep it.
  fresh->file_name = swap;
  const auto first = std::ranges::find(log_.segments, group.front());
  SLUICE_CHECK(first != log_.segments.end());
  for (const SegmentPtr& old : group) {
    old->gone = true;
    old->tail.reset();
    log_.store->descriptors.forget(old.get());
    log_.store->index_cache.forget(old.get());
  }
  *first = fresh;
  log_.segments.erase(first + 1, first + static_cast<std::ptrdiff_t>(group.size()));

  for (const SegmentPtr& old : group) {
    for (const std::string_view suffix :
         {seal_suffix, index_suffix, time_index_suffix, log_suffix}) {
      if (suffix == log_suffix && old == group.front()) continue;  // replaced below
      const std::string name = log_.path(old->base, suffix);
      auto removed = co_await files.remove(name);
      if (!removed && !is_not_found(removed.error())) co_return removed;
    }
  }
  done = co_await files.rename(swap, log_.path(base, log_suffix));
  if (!done) co_return done;
  fresh->file_name.clear();
  fresh->file.reset();
  done = co_await files.sync_directory(log_.directory);
  if (!done) co_return done;
  done = co_await log_.write_indexes(fresh, Durability::durable);
  if (!done) co_return done;
  const Seal seal = fresh->hash->finish(base, fresh->end);
  fresh->hash.reset();
  fresh->sealed = true;
  done = co_await write_small_file(files, log_.path(base, seal_suffix), seal.encode());
  if (fresh->indexes) log_.store->index_cache.touch(fresh, fresh->indexes->size_bytes());
  co_return done;
}

// Whether the file differs from the segment's, of the same size.
Task<Result<bool>> Compaction::differs(SegmentPtr segment, std::shared_ptr<File> file) {
  auto source = co_await log_.file_of(segment);
  if (!source) co_return std::unexpected(source.error());
  std::vector<std::byte> a(output_size);
  std::vector<std::byte> b(output_size);
  for (std::int64_t at = 0; at < segment->size; at += output_size) {
    const auto got_a = co_await (*source)->read(a, static_cast<std::uint64_t>(at));
    const auto got_b = co_await file->read(b, static_cast<std::uint64_t>(at));
    if (!got_a) co_return std::unexpected(got_a.error());
    if (!got_b) co_return std::unexpected(got_b.error());
    if (*got_a != *got_b ||
        !std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(*got_a), b.begin()))
      co_return true;
    co_await pause();
  }
  co_return false;
}

// Swaps that a crash interrupted after their commit point.
Task<Result<>> LogParts::finish_swaps(DirectoryListing& found) {
  if (found.swaps.empty()) co_return Result<>{};
  for (const std::string& swap : found.swaps) {
    const auto parsed = parse_offset_file_name(swap);
    std::string_view middle = parsed->suffix.substr(1);
    const std::size_t dot = middle.find('.');
    const auto end = parse_number(middle.substr(0, dot));
    if (!end) co_return fail(Errc::unknown_format, path(swap));
    for (const DirectoryListing::Found& segment : found.segments) {
      if (segment.base < parsed->base || segment.base >= *end) continue;
      for (const std::string_view suffix :
           {seal_suffix, index_suffix, time_index_suffix, log_suffix}) {
        if (suffix == log_suffix && segment.base == parsed->base) continue;
        const std::string file = path(segment.base, suffix);
        auto removed = co_await store->files.remove(file);
        if (!removed && !is_not_found(removed.error())) co_return removed;
      }
    }
    const std::string file = path(swap);
    auto renamed = co_await store->files.rename(file, path(parsed->base, log_suffix));
    if (!renamed) co_return renamed;
  }
  auto synced = co_await store->files.sync_directory(directory);
  if (!synced) co_return synced;
  auto again = co_await list_directory();
  if (!again) co_return std::unexpected(again.error());
  found = std::move(*again);
  co_return Result<>{};
}

}  // namespace sluice::storage
