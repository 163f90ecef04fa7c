// What happens to a log beside reading and writing: retention, log start, idling, closing.
#include "storage/checkpoint.hpp"
#include "storage/format.hpp"
#include "storage/log_parts.hpp"
#include "storage/small_file.hpp"

#include <algorithm>

namespace sluice::storage {
namespace {

// Requires: the segment's indexes were loaded.
TimestampMs newest_of(const Segment& segment) {
  return segment.max_timestamp >= 0 ? segment.max_timestamp : segment.created_ms;
}

}  // namespace

// Upkeep steps change the list of segments and await in between, so there is one at a time.
Task<Result<>> LogParts::lock_upkeep() {
  while (upkeep_busy) co_await upkeep_free.wait();
  if (closing) co_return fail(Errc::closed, directory);
  upkeep_busy = true;
  co_return Result<>{};
}

void LogParts::unlock_upkeep() {
  upkeep_busy = false;
  upkeep_free.notify();
}

Task<Result<Offset>> LogParts::delete_records(Offset offset) {
  if (offset > durable_offset) co_return fail(Errc::offset_out_of_range);
  auto locked = co_await lock_upkeep();
  if (!locked) co_return std::unexpected(locked.error());
  Result<> done;
  if (offset > log_start) {
    done = co_await set_log_start(offset);
    if (done) {
      auto deleted = co_await delete_segments_below(log_start);
      if (!deleted) done = std::unexpected(deleted.error());
    }
  }
  unlock_upkeep();
  if (!done) co_return std::unexpected(done.error());
  co_return log_start;
}

Task<Result<>> LogParts::write_log_start(Offset offset) {
  const std::string text = encode_checkpoint(
      {name.topic + " " + std::to_string(name.partition) + " " + std::to_string(offset)});
  const Bytes bytes = as_bytes(text);
  std::vector<std::byte> data(bytes.begin(), bytes.end());
  co_return co_await replace_small_file(store->files, directory, std::string(log_start_name),
                                        std::move(data));
}

// Durable before anybody sees it, and before anything below it is deleted.
Task<Result<>> LogParts::set_log_start(Offset offset) {
  start_uncertain = true;
  auto done = co_await write_log_start(offset);
  if (!done) co_return done;
  start_uncertain = false;
  log_start = std::max(log_start, offset);
  epochs.truncate_start(log_start);
  save_frontier(0);
  if (moved) moved(durable_offset);
  co_return Result<>{};
}

// Deletes closed segments that end at or below `offset`.
Task<Result<std::size_t>> LogParts::delete_segments_below(Offset offset) {
  std::size_t deleted = 0;
  while (segments.size() > 1 && segments.front()->end <= offset) {
    const SegmentPtr segment = segments.front();
    segments.erase(segments.begin());
    ++deleted;
    auto done = co_await unlink_segment(segment);
    if (!done) co_return std::unexpected(done.error());
  }
  co_return deleted;
}

// Readers that hold its file or its slices go on undisturbed.
Task<Result<>> LogParts::unlink_segment(const SegmentPtr& the_segment) {
  const SegmentPtr segment = the_segment;
  segment->gone = true;
  segment->tail.reset();
  store->index_cache.forget(segment.get());
  const auto kept = co_await keep_as_spare(segment);
  if (!kept) co_return std::unexpected(kept.error());
  segment->file.reset();
  store->descriptors.forget(segment.get());
  for (const std::string_view suffix : {log_suffix, index_suffix, time_index_suffix, seal_suffix}) {
    if (*kept && suffix == log_suffix) continue;
    const std::string file = path(segment->base, suffix);
    auto removed = co_await store->files.remove(file);
    if (!removed && !is_not_found(removed.error())) co_return removed;
  }
  co_return Result<>{};
}

// Closes the active segment, which holds records; whether that was possible. Requires: the lock of
// upkeep.
Task<bool> LogParts::roll_active() {
  if (unwritten() != 0 || fenced) co_return false;
  const SegmentPtr segment = segments.back();
  const Offset end = end_offset;
  roll_wanted = true;
  no_space.reset();
  start_loop();
  while (roll_wanted && !fenced && !no_space) co_await room.wait();
  co_return !fenced && !no_space && segment->end == end;
}

Task<Result<>> LogParts::close_active_segment() {
  auto locked = co_await lock_upkeep();
  if (!locked) co_return locked;
  if (active().size != 0) (void)co_await roll_active();
  unlock_upkeep();
  co_return Result<>{};
}

Task<Result<std::vector<ClosedSegment>>> LogParts::closed_segments(std::int64_t bytes) {
  auto locked = co_await lock_upkeep();
  if (!locked) co_return std::unexpected(locked.error());
  std::vector<ClosedSegment> found;
  Result<> looked;
  const std::vector<SegmentPtr> candidates(segments.begin(), std::prev(segments.end()));
  for (const SegmentPtr& segment : candidates) {
    if (bytes <= 0) break;
    auto indexes = co_await indexes_of(segment);
    if (!indexes) {
      looked = std::unexpected(indexes.error());
      break;
    }
    found.push_back({segment->end, segment->size, newest_of(*segment)});
    bytes -= segment->size;
  }
  unlock_upkeep();
  if (!looked) co_return std::unexpected(looked.error());
  co_return found;
}

Task<Result<std::size_t>> LogParts::apply_retention() {
  if (!options.cleanup_delete || fenced) co_return std::size_t{0};
  auto locked = co_await lock_upkeep();
  if (!locked) co_return std::unexpected(locked.error());
  const TimestampMs now = store->clock.wall_ms();
  std::int64_t excess = unlimited;
  if (options.retention_bytes >= 0) {
    excess = -options.retention_bytes;
    for (const SegmentPtr& segment : segments) excess += segment->size;
  }
  Offset keep_from = log_start;
  Result<> looked;
  const std::vector<SegmentPtr> all = segments;
  for (const SegmentPtr& segment : all) {
    if (segment->size == 0) break;
    bool doomed = segment->end <= log_start;
    if (!doomed && options.retention_bytes >= 0 && excess >= segment->size && segment != all.back())
      doomed = true;
    if (!doomed && options.retention_ms >= 0) {
      auto indexes = co_await indexes_of(segment);
      if (!indexes) {
        looked = std::unexpected(indexes.error());
        break;
      }
      doomed = now - newest_of(*segment) > options.retention_ms;
    }
    if (!doomed) break;
    if (segment == segments.back()) {
      // The active segment has expired as a whole: it is closed first.
      const bool rolled = co_await roll_active();
      if (!rolled) break;
    }
    if (options.retention_bytes >= 0) excess -= segment->size;
    keep_from = segment->end;
  }
  Result<std::size_t> deleted(std::size_t{0});
  if (looked) {
    Result<> moved_start;
    if (keep_from > log_start) moved_start = co_await set_log_start(keep_from);
    if (!moved_start) {
      deleted = std::unexpected(moved_start.error());
    } else {
      deleted = co_await delete_segments_below(log_start);
    }
  } else {
    deleted = std::unexpected(looked.error());
  }
  unlock_upkeep();
  co_return deleted;
}

Task<Result<>> LogParts::maintain() {
  if (closing || closed) co_return Result<>{};
  auto locked = co_await lock_upkeep();
  if (!locked) co_return Result<>{};
  Result<> done;
  // Reads may go on beside it, and they always do somewhere.
  const bool quiet =
      !loop_running && flights.empty() && zeroing_end == 0 && !preparing && !snapshotting;
  if (fenced && heals() && quiet) {
    done = co_await reopen();
    if (!done)
      store->logger.warn("log stays fenced",
                         {{"log", directory}, {"error", done.error().message()}});
    unlock_upkeep();
    co_return Result<>{};
  }
  if (options.producer_expiration_ms > 0)
    producers.expire(store->clock.wall_ms() - options.producer_expiration_ms);
  const auto idle = std::chrono::milliseconds(store->options.idle_ms);
  if (!fenced && !loop_running && holds_something() && unwritten() == 0 &&
      store->clock.now() - appended_at > idle) {
    trim_wanted = true;
    start_loop();
  }
  if (!fenced) done = co_await seal_one();
  unlock_upkeep();
  co_return done;
}

bool LogParts::needs_maintain() const {
  if (fenced || holds_something() || producers.count() != 0) return true;
  return std::ranges::any_of(segments, [this](const SegmentPtr& segment) {
    return !segment->sealed && segment->size != 0 && segment != segments.back();
  });
}

// What an idle log gives back.
bool LogParts::holds_something() const {
  return active().file != nullptr || prepared > active().size || spare != 0;
}

// Seals one closed segment that a crash or an older version left without a seal.
Task<Result<>> LogParts::seal_one() {
  SegmentPtr segment;
  for (const SegmentPtr& candidate : segments) {
    if (candidate->sealed || candidate == segments.back() || candidate->size == 0) continue;
    segment = candidate;
    break;
  }
  if (segment == nullptr) co_return Result<>{};
  auto file = co_await file_of(segment);
  if (!file) co_return std::unexpected(file.error());
  SealHash hash;
  BatchScan scan(*file, 0, segment->size, ScanDepth::whole);
  bool good = true;
  while (good && scan.stopped() == BatchScan::Stop::no) {
    while (const auto batch = scan.take()) {
      if (!protocol::batch_crc_matches(batch->bytes)) {
        scan.reject(*batch);
        break;
      }
      hash.update(batch->bytes);
      hash.count(batch->header);
    }
    auto filled = co_await scan.fill();
    if (!filled) co_return filled;
    good = !closing && !segment->gone;
  }
  if (!good) co_return Result<>{};
  segment->sealed = true;  // tried: a damaged one is not read again each time
  if (scan.stopped() != BatchScan::Stop::end || hash.hashed() != segment->size) {
    store->logger.error("closed segment is damaged and gets no seal",
                        {{"file", path(segment->base, log_suffix)}, {"position", scan.position()}});
    co_return Result<>{};
  }
  const Seal seal = hash.finish(segment->base, segment->end);
  co_return co_await write_small_file(store->files, path(segment->base, seal_suffix),
                                      seal.encode());
}

Task<Result<>> LogParts::close() {
  if (closed) co_return Result<>{};
  if (closing) {
    while (!closed) co_await room.wait();
    co_return Result<>{};
  }
  closing = true;
  room.notify();
  upkeep_free.notify();
  while (upkeep_busy) co_await upkeep_free.wait();
  trim_wanted = false;
  roll_wanted = false;
  co_await tasks.drain();
  Result<> done;
  if (fenced) {
    done = std::unexpected(*fenced);
  } else {
    const SegmentPtr segment = segments.back();
    done = co_await begin_epoch();
    // Indexes that were loaded may have grown since they were written: the next clean start trusts
    // the files, and retention goes by the newest timestamp in them.
    const bool indexed = segment->indexes != nullptr && segment->size != 0;
    const bool longer = prepared > segment->size || trimmed;
    if (done && (segment->file != nullptr || longer || indexed)) {
      done = co_await close_segment(segment);
    }
    if (done && snapshot_end != end_offset) {
      done = co_await write_snapshot(end_offset, producers.encode());
    }
    if (done) done = co_await drop_spare();
    // The name may be there and not be durable: the next open must not take it as it is.
    if (done && start_uncertain) done = fail(Errc::closed, directory + ": log start not durable");
    if (done) save_frontier(0);
  }
  closed = true;
  for (Waiter& waiter : waiters) waiter.done.post(false);
  waiters.clear();
  for (const SegmentPtr& segment : segments) {
    segment->file.reset();
    store->descriptors.forget(segment.get());
    store->index_cache.forget(segment.get());
  }
  room.notify();
  co_return done;
}

}  // namespace sluice::storage
