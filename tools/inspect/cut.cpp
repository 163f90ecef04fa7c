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
  std::int64_t position = 0;  // behind the last batch that stays
  Offset offset = 0;          // of the first record that would follow it
  LeaderEpoch epoch = -1;     // of that batch
  bool at_end = false;        // nothing lies behind: an earlier cut came this far
};

// Where the log ends by itself, as far as is known, at this step of a walk: at the last batch, or
// at what a crash left behind it.
bool is_end(const PartitionLog& log, const SegmentFile& segment,
            const std::optional<WalkStep>& step) {
  if (!segment.active) return false;
  if (!step) return true;
  return step->position + step->size >= segment.size &&
         (!log.frontier || log.frontier->segment != segment.base ||
          step->position >= log.frontier->position);
}

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
    if (!*step || !(*step)->is_batch()) {
      point.at_end = is_end(log, segment, *step);
      // A closed segment that ends before the offset: it is in the gap before the next one.
      if (point.at_end || (!*step && segment.next_base)) return point;
      return fail_errno(EINVAL, log.directory + " is damaged before offset " +
                                    std::to_string(offset) + ": repair it first");
    }
    if ((*step)->header.last_offset() >= offset) return point;
    point.position = (*step)->position + (*step)->size;
    point.offset = (*step)->header.next_offset();
    point.epoch = (*step)->header.partition_leader_epoch;
  }
}

// Keeps what lies behind the point, and ends the file there.
Result<> end_segment(const PartitionLog& log, const SegmentFile& segment, const CutPoint& point,
                     const std::string& kept_as) {
  const auto path = log.file(segment.base, storage::log_suffix);
  auto file = ReadFile::open(path);
  if (!file) return std::unexpected(file.error());
  auto aside = new_file(kept_as);
  if (!aside) return std::unexpected(aside.error());
  auto done = copy(*aside, *file, point.position, file->size() - point.position);
  if (done) done = aside->commit();
  if (!done) return done;
  auto shorter = new_file(path);
  if (!shorter) return std::unexpected(shorter.error());
  done = copy(*shorter, *file, 0, point.position);
  return done ? shorter->commit() : done;
}

// What speaks of records behind the new end. A new leader epoch begins there: consumers that had
// read on can tell that the log is another one from there.
Result<> forget_behind(const PartitionLog& log, const CutPoint& point) {
  Result<> done;
  auto epochs = log.epochs;
  if (!epochs.entries().empty() && epochs.entries().back().start != point.offset) {
    epochs.begin(epochs.latest() + 1, point.offset);
    done = write_durably(log.path + "/" + std::string(storage::epoch_checkpoint_name),
                         as_bytes(epochs.encode()));
  }
  for (const Offset snapshot : log.snapshots)
    if (done && snapshot > point.offset)
      done = remove_if_there(log.file(snapshot, storage::snapshot_suffix));
  return done;
}

// Whether something speaks of records behind the end of the log, as an interrupted cut leaves it.
bool is_unfinished(const PartitionLog& log, const CutPoint& end) {
  const auto& epochs = log.epochs.entries();
  return (log.frontier && log.frontier->offset > end.offset) ||
         (!epochs.empty() && epochs.back().start > end.offset) ||
         std::ranges::any_of(log.snapshots, [&](Offset offset) { return offset > end.offset; });
}

// One cut, as steps that are said, or said and done.
class Cut {
 public:
  Cut(const DataDirectory& directory, const PartitionLog& log, const SegmentFile& last,
      const CutPoint& point)
      : directory_(directory), log_(log), last_(last), point_(point) {}

  void plan();
  // Whatever interrupts it, a broker finds a log without a hole that ends somewhere from the point
  // on. The frontier goes first: behind it nothing is missed.
  Result<> apply() const;
  RepairReport report() && { return std::move(report_); }

 private:
  Result<> take_out_behind() const;

  const DataDirectory& directory_;
  const PartitionLog& log_;
  const SegmentFile& last_;  // the log ends in it
  CutPoint point_;
  RepairReport report_;
};

void Cut::plan() {
  for (auto at = log_.segments.rbegin(); at->base > last_.base; ++at)
    report_.steps.push_back({.partition = log_.directory,
                             .file = log_.file(at->base, storage::log_suffix),
                             .done = "taken out",
                             .position = 0,
                             .size = at->size,
                             .lost_first = at->base,
                             .lost_last = at->next_base.value_or(0) - 1,
                             .kept_as = aside_name(log_, at->base, 0)});
  RepairStep end{.partition = log_.directory,
                 .file = log_.file(last_.base, storage::log_suffix),
                 .done = "cut; the log ends before offset " + std::to_string(point_.offset),
                 .position = point_.position,
                 .kept_as = {}};
  if (!point_.at_end && point_.position < last_.size) {
    end.size = last_.size - point_.position;
    end.lost_first = point_.offset;
    end.lost_last = last_.next_base.value_or(0) - 1;
    end.kept_as = aside_name(log_, last_.base, point_.position);
  } else if (report_.steps.empty() && is_unfinished(log_, point_)) {
    end.done = "an interrupted cut; the log ends before offset " + std::to_string(point_.offset);
  } else if (report_.steps.empty()) {
    return;
  }
  report_.steps.push_back(std::move(end));
}

Result<> Cut::apply() const {
  if (report_.steps.empty()) return {};
  auto done = move_frontier(directory_, log_,
                            {.offset = point_.offset,
                             .segment = last_.base,
                             .position = point_.position,
                             .epoch = point_.epoch});
  if (done) done = drop_side_files(log_, last_.base);
  if (done) done = take_out_behind();
  const RepairStep& end = report_.steps.back();
  if (done && !end.kept_as.empty()) done = end_segment(log_, last_, point_, end.kept_as);
  return done ? forget_behind(log_, point_) : done;
}

// The segments behind the last, from the end.
Result<> Cut::take_out_behind() const {
  for (auto at = log_.segments.rbegin(); at->base > last_.base; ++at) {
    auto done = drop_side_files(log_, at->base);
    if (done)
      done =
          rename_durably(log_.file(at->base, storage::log_suffix), aside_name(log_, at->base, 0));
    if (!done) return done;
  }
  return {};
}

}  // namespace

Result<RepairReport> cut(const DataDirectory& directory, const PartitionLog& log, Offset offset,
                         Apply apply) {
  if (log.segments.empty() || offset < log.segments.front().base)
    return fail_errno(EINVAL, log.directory + " begins behind offset " + std::to_string(offset));
  const auto behind =
      std::ranges::upper_bound(log.segments, offset, std::less<>{}, &SegmentFile::base);
  const SegmentFile& last = *std::prev(behind);
  const auto point = find_cut(log, last, offset);
  if (!point) return std::unexpected(point.error());
  Cut work(directory, log, last, *point);
  work.plan();
  if (apply == Apply::yes) {
    const auto done = work.apply();
    if (!done) return std::unexpected(done.error());
  }
  return std::move(work).report();
}

}  // namespace sluice::inspect
