// Closing a segment and beginning the next; giving back what an idle log does not need.
//
// A segment that retention frees leaves its file behind as a spare, which becomes the next segment:
// its blocks were written before, so that durable writes over them touch no metadata. It stays
// within its partition: a stale batch in it carries a lower offset than the one expected there, so
// that recovery cannot take it for a live one. At most one spare is kept, not by an idle log, and
// none survives a restart.
#include "storage/format.hpp"
#include "storage/log_parts.hpp"
#include "storage/small_file.hpp"

#include <utility>

namespace sluice::storage {

Task<Result<>> LogParts::write_snapshot(Offset at, std::vector<std::byte> snapshot) {
  auto written =
      co_await write_small_file(store->files, path(at, snapshot_suffix), std::move(snapshot));
  if (!written) co_return written;
  snapshot_end = at;
  co_return co_await drop_old_snapshots();
}

Task<Result<>> LogParts::write_indexes(const SegmentPtr& segment, Durability durability) {
  if (segment->indexes == nullptr) co_return Result<>{};
  std::vector<std::byte> offsets;
  std::vector<std::byte> times;
  segment->indexes->offsets.encode(0, offsets);
  segment->indexes->times.encode(0, times);
  const OpenOptions options_create{.mode = OpenMode::create};
  for (const bool is_offsets : {true, false}) {
    const std::vector<std::byte>& data = is_offsets ? offsets : times;
    auto file = co_await store->files.open(
        path(segment->base, is_offsets ? index_suffix : time_index_suffix), options_create);
    if (!file) co_return std::unexpected(file.error());
    auto done = co_await (*file)->truncate(data.size());
    if (done) done = co_await (*file)->write(data, 0, Durability::none);
    if (done && durability == Durability::durable) done = co_await (*file)->sync();
    if (!done) co_return done;
    auto closed_file = co_await (*file)->close();
    if (!closed_file) co_return closed_file;
  }
  co_return Result<>{};
}

// Cuts the file to its records and writes what belongs to a closed segment. Everything in it is
// durable already.
Task<Result<>> LogParts::close_segment(const SegmentPtr& segment) {
  auto file = co_await file_of(segment);
  if (!file) co_return std::unexpected(file.error());
  auto done = co_await (*file)->truncate(static_cast<std::uint64_t>(segment->size));
  if (done) done = co_await (*file)->sync();
  if (!done) co_return done;
  trimmed = false;
  auto indexes = co_await indexes_of(segment);
  if (!indexes) co_return std::unexpected(indexes.error());
  Indexer::finish(*segment);
  done = co_await write_indexes(segment, Durability::durable);
  co_return done;
}

// Requires: nothing of this log is on its way to the disk.
Task<> LogParts::roll_now() {
  auto done = co_await roll();
  if (!done && is_out_of_space(done.error())) {
    no_space = done.error();
  } else if (!done) {
    fence(done.error());
  }
  room.notify();
}

Task<Result<>> LogParts::roll() {
  const SegmentPtr old = segments.back();
  if (old->size == 0) {
    roll_wanted = false;
    co_return Result<>{};
  }
  auto done = co_await close_segment(old);
  if (!done) co_return done;
  done = co_await write_snapshot(end_offset, producers.encode());
  if (!done) co_return done;
  if (old->hash && old->hash->hashed() == old->size) {
    const Seal seal = old->hash->finish(old->base, old->end);
    done = co_await write_small_file(store->files, path(old->base, seal_suffix), seal.encode());
    if (!done) co_return done;
    old->sealed = true;
  }
  done = co_await add_segment(end_offset);
  if (!done) co_return done;
  old->hash.reset();
  // No tail: nothing was appended since the log was opened.
  if (old->tail != nullptr) old->tail->release();
  old->file.reset();  // opened again through the page cache
  store->descriptors.forget(old.get());
  store->index_cache.touch(old, old->indexes ? old->indexes->size_bytes() : 0);
  roll_wanted = false;
  bytes_since_snapshot = 0;
  save_frontier(0);
  // Size is kept within its bound as the log grows, not at the next check: that may be minutes
  // away.
  if (options.cleanup_delete && options.retention_bytes >= 0 && !closing)
    tasks.spawn(retain_soon());
  co_return Result<>{};
}

Task<> LogParts::retain_soon() {
  const auto self = shared_from_this();
  const auto deleted = co_await apply_retention();
  if (!deleted && !closing)
    store->logger.warn("retention failed",
                       {{"log", directory}, {"error", deleted.error().message()}});
}

// An idle log gives back what it does not need: prepared space, the last buffer, its descriptor.
Task<Result<>> LogParts::trim_active() {
  const SegmentPtr segment = segments.back();
  const bool longer = prepared > segment->size;
  prepared = segment->size;  // first, so that no append counts on what goes
  zeroed = block_ceil(segment->size);
  prepare_step = 0;
  zero_step = 0;
  auto dropped = co_await drop_spare();
  if (!dropped) co_return dropped;
  const auto file = segment->file;
  if (longer && file != nullptr) {
    auto done = co_await file->truncate(static_cast<std::uint64_t>(segment->size));
    if (!done) co_return done;
    trimmed = true;
  }
  edge = {};
  if (segment->tail != nullptr) segment->tail->release();
  segment->file.reset();
  store->descriptors.forget(segment.get());
  co_return Result<>{};
}

// ---- The spare ----

// Keeps the file of a segment that is going as the spare, if it may be written again: direct writes
// only (a buffered one could change pages that a socket still sends), no reader holds it, and none
// was given ranges of it: a page that a socket holds stays in the page cache, stale, beside direct
// writes. False when it is not kept.
Task<Result<bool>> LogParts::keep_as_spare(const SegmentPtr& the_segment) {
  const SegmentPtr segment = the_segment;
  const std::shared_ptr<File>& active_file = active().file;
  const bool busy =
      store->clock.now() - appended_at < std::chrono::milliseconds(store->options.idle_ms);
  const bool wanted = !closing && !no_space && busy && spare == 0 && options.cleanup_delete &&
                      !options.cleanup_compact && active_file != nullptr && active_file->direct() &&
                      segment->size >= options.segment_bytes / 2;
  if (!wanted || segment->shared_pages) co_return false;
  segment->file.reset();
  store->descriptors.forget(segment.get());
  if (segment->lease.use_count() > 1) co_return false;  // somebody reads it
  const std::string from = path(segment->base, log_suffix);
  const std::string to = path(spare_name);
  auto renamed = co_await store->files.rename(from, to);
  if (!renamed) co_return std::unexpected(renamed.error());
  spare = block_floor(segment->size);
  co_return true;
}

Task<Result<>> LogParts::drop_spare() {
  if (spare == 0) co_return Result<>{};
  const std::string file = path(spare_name);
  auto removed = co_await store->files.remove(file);
  if (removed || is_not_found(removed.error())) spare = 0;
  co_return removed;
}

}  // namespace sluice::storage
