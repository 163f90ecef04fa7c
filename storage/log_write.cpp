// The write loop: one write in flight a log, which takes everything that arrived meanwhile. It is
// the only place that writes, grows, cuts or replaces the active segment's file. It runs while
// there is something to do and ends when there is not.
#include "storage/format.hpp"
#include "storage/log_parts.hpp"
#include "storage/small_file.hpp"

#include <boost/asio/post.hpp>

namespace sluice::storage {
namespace {

constexpr std::int64_t prepare_step_min = 64 << 10;
constexpr std::int64_t snapshot_interval_bytes = 64 << 20;
constexpr auto fast_growth = std::chrono::seconds(1);

Task<> hold(std::shared_ptr<LogParts> self) { co_await self->write_loop(); }

// An error is kept by the frontier file and met again by Store::maintain.
Task<> save_soon(std::shared_ptr<StoreParts> store) {
  const auto saved = co_await store->frontier->save(FrontierFile::Mark::running);
  if (!saved) store->logger.error("frontier not saved", {{"error", saved.error().message()}});
}

}  // namespace

void LogParts::start_loop() {
  if (loop_running) return;
  loop_running = true;
  tasks.spawn(hold(shared_from_this()));
}

Task<> LogParts::write_loop() {
  // One turn later, so that everything that is ready to be appended now shares the first write.
  co_await asio::post(store->executor, asio::use_awaitable_t<Executor>{});
  while (co_await write_step()) {
  }
  loop_running = false;
}

// Does one thing that needs doing; false when there is nothing left, or nothing that can be done.
Task<bool> LogParts::write_step() {
  if (fenced) co_return false;
  if (wants_prepare() && !no_space) {
    auto done = co_await prepare();
    if (!done && is_out_of_space(done.error())) {
      no_space = done.error();
    } else if (!done) {
      fence(done.error());
    }
    room.notify();
    co_return true;
  }
  if (unwritten() > 0) co_return co_await write_group();
  if (roll_wanted && !no_space) {
    auto done = co_await roll();
    if (!done && is_out_of_space(done.error())) {
      no_space = done.error();
    } else if (!done) {
      fence(done.error());
    }
    room.notify();
    co_return true;
  }
  if (trim_wanted) {
    trim_wanted = false;
    auto done = co_await trim_active();
    if (!done) fence(done.error());
    co_return true;
  }
  co_return false;
}

Task<bool> LogParts::write_group() {
  const SegmentPtr segment = segments.back();
  const std::int64_t from = block_floor(durable_position);
  if (!edge) edge = store->cache.take(block_size);
  const std::int64_t to = segment->tail->gather(from, segment->size, edge, parts);
  // The producers' state belongs to the end of the log, so it is taken before anything is appended.
  const bool snapshot_due = to == segment->size && bytes_since_snapshot > snapshot_interval_bytes;
  const Offset snapshot_at = end_offset;
  std::vector<std::byte> snapshot;
  if (snapshot_due) snapshot = producers.encode();

  auto file = co_await file_of(segment);
  if (!file) {
    fence(file.error());
    co_return false;
  }
  auto done =
      co_await (*file)->write_parts(parts, static_cast<std::uint64_t>(from), Durability::durable);
  if (!done) {
    fence(done.error());
    co_return false;
  }
  bytes_since_snapshot += to - durable_position;
  hash_up_to(*segment, to);
  advance(to);
  if (snapshot_due) {
    bytes_since_snapshot = 0;
    auto saved = co_await write_snapshot(snapshot_at, std::move(snapshot));
    if (saved) saved = co_await write_indexes(segment, Durability::none);
    if (!saved)
      store->logger.warn("snapshot not written",
                         {{"log", directory}, {"error", saved.error().message()}});
  }
  co_return true;
}

// Everything below `written_position` of the active segment is on stable storage.
void LogParts::advance(std::int64_t written_position) {
  const std::int64_t before = durable_position;
  durable_position = written_position;
  while (!pending.empty() && pending.front().end_position <= written_position) {
    durable_offset = pending.front().end_offset;
    durable_batch_position = pending.front().end_position;
    pending.pop_front();
  }
  active().tail->written(block_floor(written_position));
  save_frontier(written_position - before);
  while (!waiters.empty() && waiters.front().end <= durable_offset) {
    waiters.front().done.post(true);
    waiters.pop_front();
  }
  if (moved) moved(durable_offset);
  if (room.has_waiters()) room.notify();
}

void LogParts::save_frontier(std::int64_t bytes_written) {
  const Frontier frontier{.offset = durable_offset,
                          .segment = active().base,
                          .position = durable_batch_position,
                          .epoch = epochs.at(durable_offset - 1)};
  store->frontier->set(key(), frontier, bytes_written);
  // Not left to the next tick: at full rate that would be far behind.
  if (bytes_written > 0 && store->frontier->bytes_behind() >= store->options.frontier_bytes)
    tasks.spawn(save_soon(store));
}

bool LogParts::wants_prepare() const {
  if (!active_ready) return room_wanted != 0;
  if (roll_wanted) return false;
  if (room_wanted != 0 && active().size + room_wanted > prepared) return true;
  // Ahead of the writes while the log grows fast; a slow one pays for no more than it uses.
  return prepare_step > prepare_step_min && prepared - active().size < prepare_step / 2 &&
         prepared < options.segment_bytes;
}

// Makes the leader epoch of this incarnation durable, before a batch carries it.
Task<Result<>> LogParts::begin_epoch() {
  if (!epoch_pending) co_return Result<>{};
  Epochs next = epochs;
  next.begin(epoch, end_offset);
  const std::string text = next.encode();
  const Bytes bytes = as_bytes(text);
  std::vector<std::byte> copy(bytes.begin(), bytes.end());
  auto saved = co_await replace_small_file(store->files, directory,
                                           std::string(epoch_checkpoint_name), std::move(copy));
  if (!saved) co_return saved;
  epochs = std::move(next);
  epoch_pending = false;
  co_return Result<>{};
}

// What the first append after opening or idling needs: the partial last block, the indexes, the
// leader epoch on disk.
Task<Result<>> LogParts::ready_active() {
  const SegmentPtr segment = segments.back();
  auto begun = co_await begin_epoch();
  if (!begun) co_return begun;
  auto file = co_await file_of(segment);
  if (!file) co_return std::unexpected(file.error());
  auto indexes = co_await indexes_of(segment);
  if (!indexes) co_return std::unexpected(indexes.error());
  if (segment->tail == nullptr || !segment->tail->started()) {
    const std::int64_t whole = block_floor(segment->size);
    const auto rest = static_cast<std::size_t>(segment->size - whole);
    AlignedBuffer block = store->read_buffers.take(block_size);
    if (rest != 0) {
      const auto got = co_await (*file)->read(block.bytes().first(block_size),
                                              static_cast<std::uint64_t>(whole));
      if (!got) co_return std::unexpected(got.error());
      if (*got < rest) co_return fail(Errc::damaged, path(segment->base, log_suffix));
    }
    segment->tail = std::make_shared<Tail>(store->cache);
    segment->tail->start(segment->size, block.bytes().first(rest));
  }
  if (segment->size > 0 && segment->first_timestamp < 0) {
    // Rolling by time counts from the first batch.
    BatchScan scan(*file, 0, segment->size, ScanDepth::headers);
    auto filled = co_await scan.fill();
    if (!filled) co_return filled;
    if (const auto first = scan.take()) segment->first_timestamp = first->header.max_timestamp;
  }
  active_ready = true;
  co_return Result<>{};
}

Task<Result<>> LogParts::prepare() {
  if (!active_ready) {
    auto ready = co_await ready_active();
    if (!ready) co_return ready;
  }
  const std::int64_t wanted = std::exchange(room_wanted, 0);
  const Segment& segment = active();
  if (roll_wanted) co_return Result<>{};
  const std::int64_t needed = block_ceil(segment.size + wanted);
  const TimePoint now = store->clock.now();
  if (prepare_step != 0 && now - prepared_at < fast_growth) {
    prepare_step = std::min(prepare_step * 2, store->options.prepare_bytes_max);
  } else {
    prepare_step = prepare_step_min;
  }
  prepared_at = now;
  auto file = co_await file_of(segments.back());
  if (!file) co_return std::unexpected(file.error());
  const std::int64_t most = std::max(needed, block_ceil(options.segment_bytes));
  const std::int64_t end =
      std::min(most, std::max(needed, block_ceil(std::max(prepared, segment.size)) + prepare_step));
  if (end <= prepared) co_return Result<>{};
  auto done = co_await allocate(*file, end);
  if (!done && is_out_of_space(done.error()) && needed < end && needed > prepared) {
    prepare_step = prepare_step_min;
    done = co_await allocate(*file, needed);
  }
  if (!done && is_out_of_space(done.error()) && wanted == 0) {
    prepare_step = 0;  // only looking ahead: nobody waits for it
    co_return Result<>{};
  }
  co_return done;
}

Task<Result<>> LogParts::allocate(const std::shared_ptr<File>& file, std::int64_t end) {
  const std::int64_t from = block_floor(std::max(prepared, active().size));
  if (!cannot_allocate) {
    auto done = co_await file->allocate(static_cast<std::uint64_t>(from),
                                        static_cast<std::uint64_t>(end - from), Allocation::extend);
    if (done) {
      prepared = end;
      co_return done;
    }
    if (done.error().code != std::errc::operation_not_supported) co_return done;
    cannot_allocate = true;
  }
  prepared = end;  // the file grows with each write
  co_return Result<>{};
}

void LogParts::hash_up_to(Segment& segment, std::int64_t position) {
  if (!segment.hash) return;
  std::int64_t at = segment.hash->hashed();
  while (at < position) {
    const Bytes bytes = segment.tail->run(at).bytes;
    const auto n = std::min(bytes.size(), static_cast<std::size_t>(position - at));
    segment.hash->update(bytes.first(n));
    at += static_cast<std::int64_t>(n);
  }
}

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
  auto indexes = co_await indexes_of(segment);
  if (!indexes) co_return std::unexpected(indexes.error());
  Indexer::finish(*segment);
  done = co_await write_indexes(segment, Durability::durable);
  co_return done;
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
  old->tail->release();
  old->file.reset();  // opened again through the page cache
  store->descriptors.forget(old.get());
  store->index_cache.touch(old, old->indexes ? old->indexes->size_bytes() : 0);
  roll_wanted = false;
  bytes_since_snapshot = 0;
  save_frontier(0);
  co_return Result<>{};
}

// An idle log gives back what it does not need: prepared space, the last buffer, its descriptor.
Task<Result<>> LogParts::trim_active() {
  const SegmentPtr segment = segments.back();
  const bool longer = prepared > segment->size && !cannot_allocate;
  prepared = segment->size;  // first, so that no append counts on what goes
  prepare_step = 0;
  const auto file = segment->file;
  if (longer && file != nullptr) {
    auto done = co_await file->truncate(static_cast<std::uint64_t>(segment->size));
    if (!done) co_return done;
  }
  edge = {};
  parts.shrink_to_fit();
  if (segment->tail != nullptr) segment->tail->release();
  segment->file.reset();
  store->descriptors.forget(segment.get());
  co_return Result<>{};
}

}  // namespace sluice::storage
