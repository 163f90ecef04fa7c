// When a log is worth compacting, and the first pass: the newest offset of each key.
#include "storage/compaction.hpp"

#include "protocol/record.hpp"
#include "storage/checkpoint.hpp"
#include "storage/format.hpp"
#include "storage/small_file.hpp"

#include <boost/asio/post.hpp>

namespace sluice::storage {

bool LogParts::needs_compaction() const {
  if (!options.cleanup_compact || fenced || closing || segments.size() < 2) return false;
  std::int64_t clean = 0;
  std::int64_t dirty = 0;
  TimestampMs oldest_dirty = never_ms;
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    const Segment& segment = *segments[i];
    if (segment.end <= cleaned_end) {
      clean += segment.size;
      continue;
    }
    dirty += segment.size;
    const TimestampMs first =
        segment.first_timestamp >= 0 ? segment.first_timestamp : segment.created_ms;
    oldest_dirty = std::min(oldest_dirty, first);
  }
  if (dirty == 0) return false;
  const TimestampMs now = store->clock.wall_ms();
  if (options.max_compaction_lag_ms != never_ms &&
      now - oldest_dirty > options.max_compaction_lag_ms)
    return true;
  // A run that could not use its dirty part (lag, memory) is not repeated at once.
  if (compacted_end == segments.back()->base &&
      store->clock.now() - compacted_at < std::chrono::seconds(15))
    return false;
  return static_cast<double>(dirty) >=
         options.min_cleanable_dirty_ratio * static_cast<double>(clean + dirty);
}

Task<Result<>> LogParts::compact() {
  if (!options.cleanup_compact || fenced) co_return Result<>{};
  auto locked = co_await lock_upkeep();
  if (!locked) co_return locked;
  compacted_end = segments.back()->base;
  compacted_at = store->clock.now();
  Compaction compaction(*this);
  auto done = co_await compaction.run();
  unlock_upkeep();
  co_return done;
}

Compaction::Compaction(LogParts& log)
    : log_(log),
      keys_(log.store->random.next(),
            static_cast<std::size_t>(log.store->options.compaction_memory)) {}

Task<> Compaction::pause() {
  const auto slice = std::chrono::microseconds(log_.store->options.slice_us);
  if (log_.store->clock.now() - slice_start_ < slice) co_return;
  co_await asio::post(log_.store->executor, asio::use_awaitable_t<Executor>{});
  slice_start_ = log_.store->clock.now();
}

Task<Result<>> Compaction::run() {
  slice_start_ = log_.store->clock.now();
  const auto segments_end = co_await cleanable_segments();
  if (!segments_end) co_return std::unexpected(segments_end.error());
  if (*segments_end == 0) co_return Result<>{};
  auto done = co_await remember_keys(*segments_end);
  if (!done) co_return done;
  if (end_ <= log_.cleaned_end && keys_.count() == 0) co_return Result<>{};
  // The saved frontier must not point into a segment that is about to be rewritten.
  done = co_await log_.store->frontier->save_now();
  if (!done) co_return done;
  // On the disk before the first gap is: readers of a log without the checkpoint expect none.
  if (!log_.compacted) done = co_await log_.save_cleaned_end(log_.cleaned_end);
  if (!done) co_return done;
  log_.compacted = true;
  done = co_await rewrite(*segments_end);
  if (!done) co_return done;
  co_return co_await log_.save_cleaned_end(end_);
}

Task<Result<std::size_t>> Compaction::cleanable_segments() {
  const TimestampMs youngest = log_.store->clock.wall_ms() - log_.options.min_compaction_lag_ms;
  std::size_t end = 0;
  while (end + 1 < log_.segments.size()) {
    const SegmentPtr segment = log_.segments[end];
    if (log_.options.min_compaction_lag_ms > 0 && segment->end > log_.cleaned_end &&
        segment->size != 0) {
      auto indexes = co_await log_.indexes_of(segment);
      if (!indexes) co_return std::unexpected(indexes.error());
      if (segment->max_timestamp > youngest) break;
    }
    ++end;
  }
  co_return end;
}

Task<Result<>> Compaction::remember_keys(std::size_t segments_end) {
  end_ = log_.cleaned_end;
  const std::vector<SegmentPtr> all(
      log_.segments.begin(), log_.segments.begin() + static_cast<std::ptrdiff_t>(segments_end));
  for (const SegmentPtr& segment : all) {
    if (segment->end <= log_.cleaned_end) continue;
    auto done = co_await remember(segment);
    if (!done) co_return done;
    if (full_) co_return Result<>{};
    end_ = segment->end;
  }
  co_return Result<>{};
}

Task<Result<>> Compaction::remember(const SegmentPtr& the_segment) {
  const SegmentPtr segment = the_segment;
  auto file = co_await log_.file_of(segment);
  if (!file) co_return std::unexpected(file.error());
  BatchScan scan(*file, 0, segment->size, ScanDepth::whole);
  Offset expected = segment->base;
  while (scan.stopped() == BatchScan::Stop::no) {
    while (const auto batch = scan.take()) {
      if (!log_.rule().fits({batch->header, batch->bytes}, expected))
        co_return fail(Errc::damaged, log_.where(*segment, batch->position));
      expected = batch->header.next_offset();
      if (batch->header.last_offset() < log_.cleaned_end) continue;
      Result<> failed;
      if (!remember_batch({batch->header, batch->bytes}, failed)) {
        if (failed) full_ = true;
        co_return failed;
      }
      end_ = batch->header.next_offset();
      co_await pause();
    }
    if (log_.closing) co_return fail(Errc::closed, log_.directory);
    auto filled = co_await scan.fill();
    if (!filled) co_return filled;
  }
  if (scan.stopped() != BatchScan::Stop::end && segment->size != 0)
    co_return fail(Errc::damaged, log_.path(segment->base, log_suffix));
  co_return Result<>{};
}

// False when the batch does not fit any more, or cannot be read (`failed`). The first batch of a
// run always fits, so that a run gets somewhere.
bool Compaction::remember_batch(const protocol::BatchView& batch, Result<>& failed) {
  if (batch.header.is_control() || batch.header.record_count == 0) return true;
  std::vector<std::byte> plain;
  Bytes area = batch.records();
  if (batch.header.compression() != protocol::Compression::none) {
    const auto done = decompressor_.decompress(batch.header.compression(), area,
                                               recoding_.decompressed_size_max, plain);
    if (!done) {
      failed = fail(done.error(), log_.directory);
      return false;
    }
    area = plain;
  }
  const bool first = end_ == log_.cleaned_end;
  protocol::RecordIterator records(area, batch.header.record_count);
  while (const auto record = records.next()) {
    if (!record->key) continue;
    const Offset offset = protocol::offset_of(*record, batch.header);
    if (keys_.put(*record->key, offset)) continue;
    if (!first) return false;
    keys_.force(*record->key, offset);
  }
  if (records.error()) {
    failed = fail(*records.error(), log_.directory);
    return false;
  }
  return true;
}

// An old offset in it only makes the next run do more; that it is there says that there are gaps.
Task<Result<>> LogParts::save_cleaned_end(Offset end) {
  cleaned_end = end;
  const std::string text = encode_checkpoint(
      {name.topic + " " + std::to_string(name.partition) + " " + std::to_string(end)});
  const Bytes bytes = as_bytes(text);
  std::vector<std::byte> data(bytes.begin(), bytes.end());
  co_return co_await replace_small_file(store->files, directory,
                                        std::string(cleaner_checkpoint_name), std::move(data));
}

// Versions that wrote the checkpoint only after the gaps may have been interrupted between the two.
// Their frontiers do not know log starts, as those of no version do where there is none. A log that
// is not to be compacted stays without: a gap in it is damage.
Task<Result<>> LogParts::load_cleaned_end(DirectoryListing& found,
                                          const std::optional<Frontier>& saved) {
  if (found.has_cleaner) {
    const auto cleaned = co_await load_offset(cleaner_checkpoint_name);
    if (!cleaned) co_return std::unexpected(cleaned.error());
    cleaned_end = *cleaned;
    compacted = true;
    co_return Result<>{};
  }
  const bool may_be_older = !saved || saved->log_start < 0;
  const bool may_have_gaps = options.cleanup_compact && found.segments.size() > 1;
  if (found.swaps.empty() && !(may_be_older && may_have_gaps)) co_return Result<>{};
  auto done = co_await save_cleaned_end(0);
  compacted = done.has_value();
  co_return done;
}

}  // namespace sluice::storage
