// Recovery after an unclean end: where the log really ends, and what to do with bytes beyond it.
//
// Acknowledgements go in offset order, so every acknowledged batch beyond the saved frontier lies
// in one valid run after it. The run is kept, synced, and what follows is cut: kept aside, then
// zeroed by truncation before anything is appended, so that no orphan comes back. Below the
// frontier nothing is ever cut.
#include "base/planted_bug.hpp"
#include "storage/format.hpp"
#include "storage/log_parts.hpp"
#include "storage/small_file.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::storage {
namespace {

constexpr std::size_t cuts_kept = 4;
constexpr std::size_t copy_size = 1 << 20;
// More than was on its way when the last life ended; what lies before that had been synced.
constexpr std::int64_t write_again_max = 256 << 20;

// Position after the last byte of [from, end) that is not zero; `from` if all are.
Task<Result<std::int64_t>> last_non_zero(const std::shared_ptr<File>& file, std::int64_t from,
                                         std::int64_t end) {
  AlignedBuffer window = AlignedBuffer::allocate(copy_size);
  std::int64_t found = from;
  for (std::int64_t at = block_floor(from); at < end;) {
    const auto got =
        co_await file->read(window.bytes().first(copy_size), static_cast<std::uint64_t>(at));
    if (!got) co_return std::unexpected(got.error());
    if (*got == 0) break;
    for (std::size_t i = *got; i-- > 0;) {
      if (window.data()[i] == std::byte{}) continue;
      found = std::max(found, at + static_cast<std::int64_t>(i) + 1);
      break;
    }
    at += static_cast<std::int64_t>(*got);
    if (*got < copy_size) break;
  }
  co_return std::min(found, std::max(from, end));
}

Task<Result<>> copy_bytes(const std::shared_ptr<File>& from, std::int64_t position,
                          std::int64_t end, File& to) {
  AlignedBuffer window = AlignedBuffer::allocate(copy_size);
  std::uint64_t written = 0;
  for (std::int64_t at = position; at < end;) {
    const std::int64_t start = block_floor(at);
    const auto got =
        co_await from->read(window.bytes().first(copy_size), static_cast<std::uint64_t>(start));
    if (!got) co_return std::unexpected(got.error());
    const std::int64_t stop = std::min(end, start + static_cast<std::int64_t>(*got));
    if (stop <= at) break;
    const Bytes piece =
        Bytes(window.bytes())
            .subspan(static_cast<std::size_t>(at - start), static_cast<std::size_t>(stop - at));
    auto done = co_await to.write(piece, written, Durability::none);
    if (!done) co_return done;
    written += piece.size();
    at = stop;
  }
  co_return co_await to.sync();
}

// Writes [position, end) again, as it is read, and zeros up to a block beyond: a sync that failed
// earlier in this life of the system may have left bytes that are shown and not stored, and the
// next sync says nothing of them. The zeros destroy what would begin at `end`.
Task<Result<>> write_again(const std::shared_ptr<File>& file, std::int64_t position,
                           std::int64_t end) {
  AlignedBuffer window = AlignedBuffer::allocate(copy_size);
  const std::int64_t stop = block_floor(end) + static_cast<std::int64_t>(block_size);
  for (std::int64_t at = block_floor(position); at < stop;) {
    const auto size =
        static_cast<std::size_t>(std::min(static_cast<std::int64_t>(copy_size), stop - at));
    const auto got =
        co_await file->read(window.bytes().first(size), static_cast<std::uint64_t>(at));
    if (!got) co_return std::unexpected(got.error());
    const auto kept = static_cast<std::size_t>(
        std::clamp(end - at, std::int64_t{0}, static_cast<std::int64_t>(std::min(*got, size))));
    std::memset(window.data() + kept, 0, size - kept);
    auto done = co_await file->write(window.bytes().first(size), static_cast<std::uint64_t>(at),
                                     Durability::durable);
    if (!done) co_return done;
    at += static_cast<std::int64_t>(size);
  }
  co_return Result<>{};
}

// What the next batch must look like.
struct Expected {
  Offset offset;
  LeaderEpoch epoch_min;
  LeaderEpoch epoch_max;
  bool dense;       // no gap before it: nothing here was compacted
  HeaderRule rule;  // as for readers: what they would refuse is not kept

  bool accepts(const ScannedBatch& batch) const {
    const protocol::BatchHeader& h = batch.header;
    const bool elsewhere = dense ? h.base_offset != offset : h.base_offset < offset;
    if (elsewhere && !planted(PlantedBug::stale_batches_accepted)) return false;
    if (h.partition_leader_epoch < epoch_min || h.partition_leader_epoch > epoch_max) return false;
    if (!rule.has_its_epoch(h) && !planted(PlantedBug::stale_batches_accepted)) return false;
    return planted(PlantedBug::recovery_without_crc) || protocol::batch_crc_matches(batch.bytes);
  }
};

}  // namespace

Task<Result<>> LogParts::recover(std::optional<Frontier> from) {
  const auto now = store->clock.wall_ms();
  if (planted(PlantedBug::cut_below_frontier)) from.reset();
  if (segments.empty()) {
    const Offset base = from ? from->offset : log_start;
    if (from && from->offset > 0)
      report.findings.push_back({Finding::Kind::file_missing, path(from->segment, log_suffix), 0,
                                 from->position, from->segment, from->offset - 1, ""});
    epoch = std::max({epochs.latest(), from ? from->epoch : -1, 0}) + 1;
    epoch_pending = true;
    end_offset = durable_offset = base;
    co_return co_await add_segment(base);
  }

  // Where to begin. If the segment of the frontier is gone or too short, acknowledged records are:
  // report it, keep everything that is there, and go on after the frontier.
  std::size_t first = 0;
  std::int64_t position = 0;
  Expected expected{
      .offset = segments.front()->base,
      .epoch_min = 0,
      .epoch_max = epochs.latest() >= 0 ? epochs.latest() : std::numeric_limits<LeaderEpoch>::max(),
      .dense = false,
      .rule = rule()};
  bool damaged = false;
  bool indexed = false;  // the first segment up to `position`
  if (from) {
    const auto at = std::ranges::find(segments, from->segment, &Segment::base);
    expected.offset = from->offset;
    expected.epoch_min = std::max(from->epoch, 0);
    expected.dense = true;
    if (at != segments.end()) {
      auto placed = co_await place_frontier(*at, *from);
      if (!placed) co_return std::unexpected(placed.error());
      from = *placed;
      expected.offset = from->offset;
    }
    if (at != segments.end() && (*at)->size >= from->position) {
      first = static_cast<std::size_t>(at - segments.begin());
      position = from->position;
      indexed = true;
    } else {
      // Deleted by retention after the frontier was saved: nothing is missing.
      const bool missing = at == segments.end();
      const bool retired = missing && from->offset <= log_start;
      damaged = !retired;
      if (damaged) {
        report.findings.push_back({missing ? Finding::Kind::file_missing : Finding::Kind::damage,
                                   path(from->segment, log_suffix), missing ? 0 : (*at)->size,
                                   missing ? from->position : from->position - (*at)->size,
                                   from->segment, from->offset - 1, ""});
      }
      first = static_cast<std::size_t>(
          std::ranges::lower_bound(segments, from->offset, std::less<>{}, &Segment::base) -
          segments.begin());
    }
  }

  // How far behind the end bytes of this log's last life may lie: what was durable beyond the saved
  // frontier and what was on its way. Behind that a segment made from an old one's file holds old
  // batches, up to a gigabyte of them. Without a frontier everything is looked at.
  constexpr std::int64_t unbounded = CutLimits().reach;
  const std::int64_t reach =
      from && first < segments.size() && segments[first]->base == from->segment
          ? from->position + 3 * store->options.frontier_bytes + 2 * options.unwritten_bytes_max
          : unbounded;
  LeaderEpoch epoch_seen = from ? from->epoch : -1;
  std::size_t last = first;  // segment in which the log ends
  bool more = first < segments.size();
  for (std::size_t i = first; more && i < segments.size(); ++i) {
    const SegmentPtr segment = segments[i];
    if (i != first) {
      if (segment->base < expected.offset || (expected.dense && segment->base != expected.offset))
        break;
      position = 0;
    }
    expected.offset = std::max(expected.offset, segment->base);
    last = i;
    if (i != first || !indexed) {
      const auto walked = co_await index_up_to(segment, position);
      if (!walked) co_return std::unexpected(walked.error());
    }
    auto file = co_await file_of(segment);
    if (!file) co_return std::unexpected(file.error());
    BatchScan scan(*file, position, segment->size, ScanDepth::whole);
    while (scan.stopped() == BatchScan::Stop::no) {
      while (const auto batch = scan.take()) {
        if (!expected.accepts(*batch)) {
          scan.reject(*batch);
          break;
        }
        indexer.add(*segment, batch->header, batch->position);
        expected.offset = batch->header.next_offset();
        expected.epoch_min = epoch_seen = batch->header.partition_leader_epoch;
        ++report.batches_kept;
      }
      auto filled = co_await scan.fill();
      if (!filled) co_return filled;
    }
    report.bytes_scanned += scan.bytes_read();
    position = scan.position();
    segment->end = expected.offset;
    more = scan.stopped() == BatchScan::Stop::end;
  }

  const bool raise = !planted(PlantedBug::epoch_not_raised) && !planted(PlantedBug::orphan_returns);
  epoch = std::max({epochs.latest(), epoch_seen, 0}) + (raise ? 1 : 0);
  epoch_pending = raise;
  epochs.truncate_end(expected.offset);

  // Beyond the end: later segments as a whole, then the rest of the last one.
  while (segments.size() > last + 1) {
    auto aside = co_await put_segment_aside(segments.back(), expected.offset);
    if (!aside) co_return aside;
    segments.pop_back();
    segments.back()->file.reset();  // it is the active one now, and to be written
  }
  if (first >= segments.size() || damaged) {
    // Nothing is left to append to: what is there stays as it is.
    if (last < segments.size() && segments[last]->end == expected.offset &&
        first < segments.size()) {
      auto cut = co_await cut_tail(segments[last], position, expected.offset, {});
      if (!cut) co_return cut;
    }
    if (!segments.empty()) segments.back()->end = expected.offset;
    auto added = co_await add_segment(expected.offset);
    if (added) end_offset = durable_offset = expected.offset;
    co_return added;
  }
  CutLimits limits{.kept_from = 0};
  if (last == first)
    limits = {.reach = reach, .kept_from = reach == unbounded ? 0 : from->position};
  auto cut = co_await cut_tail(segments[last], position, expected.offset, limits);
  if (!cut) co_return cut;
  // Only now, and together: a failed attempt changes nothing of what is known to be durable.
  end_offset = durable_offset = expected.offset;
  write_from(position);
  active_ready = false;
  active().times_known = true;
  if (report.bytes_scanned > 0 || !report.findings.empty()) {
    store->logger.info("log recovered", {{"log", directory},
                                         {"end", end_offset},
                                         {"batches_kept", report.batches_kept},
                                         {"bytes_scanned", report.bytes_scanned},
                                         {"findings", report.findings.size()},
                                         {"ms", store->clock.wall_ms() - now}});
  }
  co_return Result<>{};
}

// Ends the file at `position`: what lies beyond is copied aside, then gone for good before anything
// is appended. Also makes the kept bytes durable.
Task<Result<>> LogParts::cut_tail(const SegmentPtr& segment, std::int64_t position, Offset offset,
                                  CutLimits limits) {
  auto file = co_await file_of(segment);
  if (!file) co_return std::unexpected(file.error());
  const auto end = co_await last_non_zero(*file, position, std::min(segment->size, limits.reach));
  if (!end) co_return std::unexpected(end.error());
  if (*end > position) {
    auto dropped = co_await drop_old_cuts();
    if (!dropped) co_return dropped;
    const std::string kept =
        path(segment->base,
             std::string(log_suffix) + "." + std::to_string(position) + std::string(cut_suffix));
    const OpenOptions create_options{.mode = OpenMode::create};
    auto copy = co_await store->files.open(kept, create_options);
    if (!copy) co_return std::unexpected(copy.error());
    auto copied = co_await (*copy)->truncate(0);
    if (copied) copied = co_await copy_bytes(*file, position, *end, **copy);
    if (!copied && !is_out_of_space(copied.error())) co_return copied;
    report.findings.push_back({Finding::Kind::tail_cut, path(segment->base, log_suffix), position,
                               *end - position, offset, -1, copied ? kept : ""});
    store->logger.warn("log cut at its last valid batch",
                       {{"file", path(segment->base, log_suffix)},
                        {"position", position},
                        {"bytes", *end - position},
                        {"offset", offset},
                        {"kept_as", kept}});
  }
  Result<> done;
  const bool changed = position > limits.kept_from || *end > position;
  const bool destroys =
      !planted(PlantedBug::tail_not_destroyed) && !planted(PlantedBug::orphan_returns);
  const bool again = destroys && !planted(PlantedBug::failed_sync_retried);
  const std::int64_t again_from = std::max(limits.kept_from, position - write_again_max);
  if (again && limits.kept_from >= 0 && changed)
    done = co_await write_again(*file, again_from, position);
  if (done && destroys) done = co_await (*file)->truncate(static_cast<std::uint64_t>(position));
  if (done) done = co_await (*file)->sync();
  if (!done && planted(PlantedBug::failed_sync_retried)) done = co_await (*file)->sync();
  if (done) done = co_await store->files.sync_directory(directory);
  segment->size = position;
  co_return done;
}

// A segment beyond the end of the log: nothing in it was acknowledged.
Task<Result<>> LogParts::put_segment_aside(const SegmentPtr& segment, Offset offset) {
  auto file = co_await file_of(segment);
  if (!file) co_return std::unexpected(file.error());
  const auto end = co_await last_non_zero(*file, 0, segment->size);
  if (!end) co_return std::unexpected(end.error());
  segment->file.reset();
  file->reset();
  const std::string from = path(segment->base, log_suffix);
  Result<> done;
  if (*end == 0) {
    done = co_await store->files.remove(from);
  } else {
    const std::string kept =
        path(segment->base, std::string(log_suffix) + ".0" + std::string(cut_suffix));
    report.findings.push_back({Finding::Kind::tail_cut, from, 0, *end, offset, -1, kept});
    store->logger.warn("segment beyond the end of the log put aside",
                       {{"file", from}, {"offset", offset}, {"kept_as", kept}});
    done = co_await store->files.rename(from, kept);
  }
  if (!done) co_return done;
  for (const std::string_view suffix : {index_suffix, time_index_suffix, seal_suffix}) {
    const std::string other = path(segment->base, suffix);
    auto removed = co_await store->files.remove(other);
    if (!removed && !is_not_found(removed.error())) co_return removed;
  }
  co_return co_await store->files.sync_directory(directory);
}

Task<Result<>> LogParts::drop_old_cuts() {
  const auto entries = co_await store->files.list(directory);
  if (!entries) co_return std::unexpected(entries.error());
  std::vector<std::string> names;
  for (const DirectoryEntry& entry : *entries)
    if (entry.name.ends_with(cut_suffix)) names.push_back(entry.name);
  for (std::size_t i = 0; i + cuts_kept <= names.size(); ++i) {
    const std::string file = path(names[i]);
    // What this very recovery put aside stays.
    if (std::ranges::find(report.findings, file, &Finding::kept_as) != report.findings.end())
      continue;
    auto removed = co_await store->files.remove(file);
    if (!removed && !is_not_found(removed.error())) co_return removed;
  }
  co_return Result<>{};
}

// After a write failed for want of space: everything is read from the disk again, as after a crash,
// and the log goes on in a new segment.
Task<Result<>> LogParts::reopen() {
  const Frontier known{.offset = durable_offset,
                       .segment = active().base,
                       .position = durable_batch_position,
                       .epoch = epochs.at(durable_offset - 1)};
  const SegmentPtr old = segments.back();
  old->tail.reset();
  old->file.reset();
  old->hash.reset();
  const auto stat = co_await store->files.stat(path(old->base, log_suffix));
  if (!stat) co_return std::unexpected(stat.error());
  old->size = static_cast<std::int64_t>(stat->size);
  auto done = co_await recover(known);
  if (!done) co_return done;
  auto found = co_await list_directory();
  if (!found) co_return std::unexpected(found.error());
  done = co_await load_producers(found->snapshots);
  if (!done) co_return done;
  if (active().size != 0) {
    done = co_await close_segment(segments.back());
    if (!done) co_return done;
    done = co_await add_segment(end_offset);
    if (!done) co_return done;
  }
  fenced.reset();
  no_space.reset();
  roll_wanted = false;
  room_wanted = 0;
  save_frontier(0);
  store->logger.info("log reopened after its disk was full",
                     {{"log", directory}, {"end", end_offset}});
  if (moved) moved(durable_offset);
  room.notify();
  co_return Result<>{};
}

}  // namespace sluice::storage
