#include "storage/format.hpp"
#include "tools/inspect/frontiers.hpp"
#include "tools/inspect/read_file.hpp"
#include "tools/inspect/repair.hpp"
#include "tools/inspect/rewrite.hpp"
#include "tools/inspect/segment_walk.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace sluice::inspect {
namespace {

struct CutPoint {
  std::int64_t position = 0;  // where the first batch that goes begins
  Offset offset = 0;          // its base: the log ends before it
  LeaderEpoch epoch = -1;     // of the batch before
};

Result<CutPoint> find_cut(const PartitionLog& log, const SegmentFile& segment, Offset offset) {
  auto file = ReadFile::open(log.file(segment.base, storage::log_suffix));
  if (!file) return std::unexpected(file.error());
  SegmentWalk::Range range{.first_offset = segment.base};
  if (segment.next_base) range.end_offset = *segment.next_base;
  SegmentWalk walk(*file, range);
  CutPoint point{.position = 0, .offset = segment.base};
  for (;;) {
    const auto step = walk.next();
    if (!step) return std::unexpected(step.error());
    if (!*step || !(*step)->is_batch()) break;
    if ((*step)->header.last_offset() >= offset) {
      point.offset = std::min(offset, (*step)->header.base_offset);
      return point;
    }
    point.position = (*step)->position + (*step)->size;
    point.offset = (*step)->header.next_offset();
    point.epoch = (*step)->header.partition_leader_epoch;
  }
  return fail_errno(EINVAL, log.directory + " has no intact record from offset " +
                                std::to_string(offset) + " on");
}

Result<> end_segment(const PartitionLog& log, const SegmentFile& segment, const CutPoint& point,
                     const std::string& kept_as) {
  const auto path = log.file(segment.base, storage::log_suffix);
  auto file = ReadFile::open(path);
  if (!file) return std::unexpected(file.error());
  auto aside = new_file(kept_as);
  if (!aside) return std::unexpected(aside.error());
  auto done = copy(*aside, *file, point.position, file->size() - point.position);
  if (done) done = aside->commit();
  if (done) done = drop_side_files(log, segment.base);
  if (!done) return done;
  auto shorter = new_file(path);
  if (!shorter) return std::unexpected(shorter.error());
  done = copy(*shorter, *file, 0, point.position);
  return done ? shorter->commit() : done;
}

}  // namespace

Result<RepairReport> cut(const DataDirectory& directory, const PartitionLog& log, Offset offset,
                         Apply apply) {
  RepairReport report;
  if (log.segments.empty() || offset < log.segments.front().base)
    return fail_errno(EINVAL, log.directory + " begins behind offset " + std::to_string(offset));
  const auto behind =
      std::ranges::upper_bound(log.segments, offset, std::less<>{}, &SegmentFile::base);
  const SegmentFile& last = *std::prev(behind);
  const auto point = find_cut(log, last, offset);
  if (!point) return std::unexpected(point.error());
  // From the end: whatever interrupts this, the log stays without a hole.
  for (auto at = log.segments.end(); at-- != behind;) {
    const auto path = log.file(at->base, storage::log_suffix);
    const auto kept = aside_name(log, at->base, 0);
    report.steps.push_back({.partition = log.directory,
                            .file = path,
                            .done = "taken out",
                            .position = 0,
                            .size = at->size,
                            .lost_first = at->base,
                            .lost_last = at->next_base.value_or(0) - 1,
                            .kept_as = kept});
    if (apply == Apply::no) continue;
    auto done = drop_side_files(log, at->base);
    if (done) done = rename_durably(path, kept);
    if (!done) return std::unexpected(done.error());
  }
  const auto kept = aside_name(log, last.base, point->position);
  report.steps.push_back(
      {.partition = log.directory,
       .file = log.file(last.base, storage::log_suffix),
       .done = "cut; the log ends before offset " + std::to_string(point->offset),
       .position = point->position,
       .size = last.size - point->position,
       .lost_first = point->offset,
       .lost_last = last.next_base.value_or(0) - 1,
       .kept_as = kept});
  if (apply == Apply::no) return report;
  auto done = end_segment(log, last, *point, kept);
  const std::string epochs_path = log.path + "/" + std::string(storage::epoch_checkpoint_name);
  auto epochs = log.epochs;
  epochs.truncate_end(point->offset);
  if (done && !epochs.entries().empty())
    done = write_durably(epochs_path, as_bytes(epochs.encode()));
  for (const Offset snapshot : log.snapshots)
    if (done && snapshot > point->offset)
      done = remove_if_there(log.file(snapshot, storage::snapshot_suffix));
  if (done)
    done = move_frontier(directory, log,
                         {.offset = point->offset,
                          .segment = last.base,
                          .position = point->position,
                          .epoch = point->epoch});
  if (!done) return std::unexpected(done.error());
  return report;
}

}  // namespace sluice::inspect
