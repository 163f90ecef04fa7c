// Making ready what the next writes need: the active segment itself, reserved space ahead of the
// appends, and zeros ahead of the writes.
//
// Reserved space lies in unwritten extents: the first durable write over such blocks also commits
// the file system's journal. Zeros written ahead, not synced (the next durable write flushes them
// with its own bytes), make the blocks cheap; they cost the disk as much as the data does, so only
// streams of small writes get them (write_plan.hpp).
#include "protocol/crc32c.hpp"
#include "storage/format.hpp"
#include "storage/log_parts.hpp"
#include "storage/small_file.hpp"

#include <cerrno>

namespace sluice::storage {
namespace {

constexpr std::int64_t prepare_step_min = 64 << 10;
constexpr auto fast_growth = std::chrono::seconds(1);

}  // namespace

bool LogParts::wants_prepare() const {
  if (!active_ready) return room_wanted != 0;
  if (roll_wanted) return false;
  if (room_wanted != 0 && active().size + room_wanted > prepared) return true;
  // Ahead of the writes while the log grows fast; a slow one pays for no more than it uses.
  return prepare_step > prepare_step_min && prepared - active().size < prepare_step / 2 &&
         prepared < options.segment_bytes;
}

// A task beside the writes in flight; the write loop starts one at a time.
Task<> LogParts::prepare_more() {
  const auto self = shared_from_this();
  auto done = co_await prepare();
  if (!done && is_out_of_space(done.error()) && spare != 0) {
    done = co_await drop_spare();  // its space is needed more elsewhere
    if (done) done = co_await prepare();
  }
  if (!done && is_out_of_space(done.error())) {
    no_space = done.error();
    if (refused && options.reserve_use == ReserveUse::none)
      store->reserve.refused(refused->space, refused->wanted);
  } else if (!done) {
    fence(done.error());
  }
  preparing = false;
  room.notify();
  progress.notify();
}

// Makes the leader epoch of this incarnation durable, before a batch carries it.
Task<Result<>> LogParts::begin_epoch() {
  if (!epoch_pending) co_return Result<>{};
  Epochs next = epochs;
  next.begin(epoch, end_offset);
  const std::string text = next.encode();
  const Bytes bytes = as_bytes(text);
  std::vector<std::byte> copy(bytes.begin(), bytes.end());
  const std::uint32_t crc = protocol::crc32c(bytes);
  auto saved = co_await replace_small_file(store->files, directory,
                                           std::string(epoch_checkpoint_name), std::move(copy));
  if (!saved) co_return saved;
  epochs_crc = crc;
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

// Fails with ENOSPC, as the disk would, when records may take no more of it.
Task<Result<>> LogParts::spare_the_reserve(std::int64_t wanted) {
  refused.reset();
  if (store->reserve.capped() && options.reserve_use == ReserveUse::none)
    co_return fail_errno(ENOSPC, directory + ": all topics together take as much as they may");
  if (store->reserve.floor(options.reserve_use) == 0) co_return Result<>{};
  const auto space = co_await store->files.space();
  if (!space) co_return Result<>{};  // the disk itself will answer
  if (store->reserve.allows(*space, wanted, options.reserve_use)) co_return Result<>{};
  refused = {*space, wanted};
  co_return fail_errno(ENOSPC, directory + ": the rest of the disk is kept in reserve");
}

Task<Result<>> LogParts::allocate(const std::shared_ptr<File>& file, std::int64_t end) {
  const std::int64_t from = block_floor(std::max(prepared, active().size));
  auto spared = co_await spare_the_reserve(end - from);
  if (!spared) co_return spared;
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

// ---- Zeros ----

// Starts the next step of zeros, if this log's writes are such that it helps.
bool LogParts::start_zeros() {
  if (zeroing_end != 0 || !active_ready || roll_wanted || closing || cannot_allocate) return false;
  const std::shared_ptr<File>& file = active().file;
  if (file == nullptr || !file->direct() || !write_size.wants_zeros_ahead()) return false;
  const std::int64_t ahead = zeroed - block_floor(issued_position);
  if (issued_position == 0 || ahead > zero_step / 2) return false;
  const TimePoint now = store->clock.now();
  const std::int64_t step = WriteSize::next_step(zero_step, now - zeroed_at < fast_growth);
  const std::int64_t to = std::min(block_floor(prepared), zeroed + step);
  if (to <= zeroed) return false;
  zero_step = step;
  zeroed_at = now;
  zeroing_end = to;
  tasks.spawn(write_zeros(zeroed, to));
  return true;
}

Task<> LogParts::write_zeros(std::int64_t from, std::int64_t to) {
  const auto self = shared_from_this();
  auto file = co_await file_of(segments.back());
  Result<> done;
  if (!file) {
    done = std::unexpected(file.error());
  } else {
    done = co_await (*file)->write_zeros(static_cast<std::uint64_t>(from),
                                         static_cast<std::uint64_t>(to - from), Durability::none);
  }
  zeroing_end = 0;
  if (done) {
    zeroed = std::max(zeroed, to);
  } else {
    fence(done.error());
  }
  progress.notify();
}

}  // namespace sluice::storage
