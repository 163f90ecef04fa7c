// The write loop: hands what was accepted to the disk and takes note of what has landed. It is the
// only place that writes, grows, cuts or replaces the active segment's file. It runs while there is
// something to do and ends when there is not.
//
// A few writes of a log may be on their way at once, each over blocks of its own (write_plan.hpp);
// each takes everything that arrived meanwhile: that is the group commit. They land in any order,
// but the durable end moves only over the first ones that have.
#include "base/planted_bug.hpp"
#include "storage/format.hpp"
#include "storage/log_parts.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace sluice::storage {
namespace {

Task<> hold(std::shared_ptr<LogParts> self) { co_await self->write_loop(); }

// An error is kept by the frontier file and met again by Store::maintain.
Task<> save_soon(std::shared_ptr<StoreParts> store) {
  const auto saved = co_await store->frontier->save(FrontierFile::Mark::running);
  if (!saved) store->logger.error("frontier not saved", {{"error", saved.error().message()}});
}

}  // namespace

void LogParts::start_loop() {
  if (loop_running) {
    progress.notify();
    return;
  }
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

// Starts one thing that needs doing, or waits for one that was started; false when there is nothing
// left, or nothing that can be done.
Task<bool> LogParts::write_step() {
  if (fenced) co_return false;
  if (issue_write()) co_return true;
  if (wants_prepare() && !preparing && !no_space) {
    preparing = true;
    tasks.spawn(prepare_more());
    co_return true;
  }
  if (start_zeros()) co_return true;
  if (!flights.empty() || preparing || zeroing_end != 0 || snapshotting) {
    co_await progress.wait();
    co_return true;
  }
  if (unwritten() > 0) co_return false;  // not reached: such bytes are issued above
  if (roll_wanted && !no_space) {
    co_await roll_now();
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

// ---- Out ----

WriteState LogParts::write_state() const {
  return {.issued = issued_position,
          .end = active().size,
          .in_flight = static_cast<int>(flights.size()),
          .edge_in_flight = edge_in_flight(),
          .landed = landed_since_issue,
          .streaming = streaming};
}

// The last flight ends inside a block and has not landed; nothing was begun behind it.
bool LogParts::edge_in_flight() const {
  return !flights.empty() && !flights.back().landed &&
         flights.back().to != block_floor(flights.back().to);
}

// Gives the disk what the plan says; false when there is nothing to give it now.
bool LogParts::issue_write() {
  const auto planned = next_write_end(write_state());
  if (!planned) return false;
  const SegmentPtr& segment = segments.back();
  const std::int64_t from = block_floor(issued_position);
  // Zeros that are on their way to the same blocks come first.
  if (zeroing_end != 0 && block_ceil(*planned) > zeroed) return false;
  if (!edge) edge = store->cache.take(block_size);
  Flight& flight = flights.emplace_back();
  flight.segment = segment;
  flight.from = from;
  flight.to = segment->tail->gather(from, *planned, edge, flight.parts);
  write_size.add(flight.to - from);
  issued_position = flight.to;
  streaming = false;
  landed_since_issue = false;
  zeroed = std::max(zeroed, block_ceil(flight.to));
  start_snapshot();
  if (planted(PlantedBug::watermark_before_durable)) confirm(flight.to);
  tasks.spawn(fly(&flight));
  return true;
}

Task<> LogParts::fly(Flight* flight) {
  const auto self = shared_from_this();
  const TimePoint began = store->clock.now();
  auto file = co_await file_of(flight->segment);
  Result<> done;
  if (!file) {
    done = std::unexpected(file.error());
  } else {
    done = co_await write_durably(**file, *flight);
  }
  flight->landed = true;
  if (done) {
    const auto time =
        std::chrono::duration_cast<std::chrono::microseconds>(store->clock.now() - began);
    store->writes.latency_us.add(
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count())));
    store->writes.bytes.add(static_cast<std::uint64_t>(flight->to - flight->from));
  } else {
    fence(done.error());
  }
  land();
  progress.notify();
  // Here and now, not in a later turn of the loop: it is what everybody waits for. What they do may
  // lead back here, so the list is taken first.
  auto ready = std::exchange(confirmed, {});
  for (Completion<bool>& waiter : ready) waiter(true);
}

Task<Result<>> LogParts::write_durably(File& file, const Flight& flight) {
  Durability durability = Durability::durable;
  if (planted(PlantedBug::write_not_durable)) durability = Durability::none;
  if (planted(PlantedBug::sync_before_write)) {
    (void)co_await file.sync();
    durability = Durability::none;
  }
  auto done =
      co_await file.write_parts(flight.parts, static_cast<std::uint64_t>(flight.from), durability);
  if (!done && planted(PlantedBug::failed_write_retried)) done = co_await file.sync();
  co_return done;
}

// ---- In ----

// Takes the writes that have landed off the list, in order. After a failure none of them counts:
// what became of the one that failed is not known.
void LogParts::land() {
  landed_since_issue = true;
  std::int64_t to = -1;
  while (!flights.empty() && flights.front().landed) {
    to = flights.front().to;
    flights.pop_front();
  }
  if (planted(PlantedBug::durable_over_gap) && !fenced)
    for (const Flight& flight : flights)
      if (flight.landed) confirm(flight.to);
  if (fenced || to < 0) return;
  bytes_since_snapshot += to - durable_position;
  hash_up_to(active(), to);
  advance(to);
}

// Everything below `written_position` of the active segment is on stable storage.
void LogParts::advance(std::int64_t written_position) {
  const std::int64_t before = durable_position;
  durable_position = written_position;
  active().tail->written(block_floor(written_position));
  confirm(written_position);
  save_frontier(written_position - before);
}

// Whole batches below `position` may be acknowledged and read.
void LogParts::confirm(std::int64_t position) {
  while (!pending.empty() && pending.front().end_position <= position) {
    durable_offset = pending.front().end_offset;
    durable_batch_position = pending.front().end_position;
    pending.pop_front();
  }
  while (!waiters.empty() && waiters.front().end <= durable_offset) {
    confirmed.push_back(std::move(waiters.front().done));
    waiters.pop_front();
  }
  if (moved) moved(durable_offset);
  if (room.has_waiters()) room.notify();
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

void LogParts::save_frontier(std::int64_t bytes_written) {
  const Frontier frontier{.offset = durable_offset,
                          .segment = active().base,
                          .position = durable_batch_position,
                          .epoch = epochs.at(durable_offset - 1),
                          .log_start = log_start,
                          .epochs_crc = epochs_crc,
                          .exact = true};
  store->frontier->set(key(), frontier, bytes_written);
  // Not left to the next tick: at full rate that would be far behind.
  if (bytes_written > 0 && store->frontier->bytes_behind() >= store->options.frontier_bytes)
    tasks.spawn(save_soon(store));
}

// ---- Producer snapshots on the way ----

// The producers' state belongs to the end of the log, so it is taken before anything more is
// appended. Should the log end before that after a crash, the snapshot is discarded then.
void LogParts::start_snapshot() {
  if (snapshotting || bytes_since_snapshot <= store->options.snapshot_bytes) return;
  bytes_since_snapshot = 0;
  snapshotting = true;
  tasks.spawn(keep_snapshot(end_offset, producers.encode(), segments.back()));
}

Task<> LogParts::keep_snapshot(Offset at, std::vector<std::byte> snapshot, SegmentPtr segment) {
  const auto self = shared_from_this();
  auto saved = co_await write_snapshot(at, std::move(snapshot));
  if (saved) saved = co_await write_indexes(segment, Durability::none);
  if (!saved)
    store->logger.warn("snapshot not written",
                       {{"log", directory}, {"error", saved.error().message()}});
  snapshotting = false;
  progress.notify();
}

}  // namespace sluice::storage
