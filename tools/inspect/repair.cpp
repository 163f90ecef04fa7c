#include "tools/inspect/repair.hpp"

#include "storage/format.hpp"
#include "tools/inspect/batch_records.hpp"
#include "tools/inspect/frontiers.hpp"
#include "tools/inspect/rewrite.hpp"
#include "tools/inspect/segment_walk.hpp"

#include <algorithm>
#include <cerrno>
#include <map>

namespace sluice::inspect {
namespace {

// What is to be done with one segment.
struct Wanted {
  bool log = false;       // batches are damaged or wrong
  bool index = false;     // only the indexes are
  bool seal = false;      // only the seal is
  bool frontier = false;  // only the frontier is at no batch
};

using WantedBySegment = std::map<std::pair<const PartitionLog*, Offset>, Wanted>;

// Moves the saved frontier to where its offset is in the file as it is now, all of which is
// durable.
Result<> settle_frontier(const DataDirectory& directory, const PartitionLog& log,
                         const SegmentFile& segment) {
  const auto found = find_frontier(log, segment);
  if (!found) return std::unexpected(found.error());
  return *found && **found != *log.frontier ? move_frontier(directory, log, **found) : Result<>{};
}

// Copies a segment without its damage, the damage beside it.
class SegmentRepair {
 public:
  SegmentRepair(const DataDirectory& directory, const PartitionLog& log, const SegmentFile& segment,
                Apply apply, RepairReport& report)
      : directory_(directory), log_(log), segment_(segment), apply_(apply), report_(report) {}
  Result<> run();

 private:
  Result<> take_out(const WalkStep& step, Offset last);
  Result<> keep(const WalkStep& step);
  Result<> fill(const WalkStep& step, Offset last);
  Result<> put_in_place();
  void mend(const WalkStep& step, std::vector<std::byte>& batch);
  bool is_tail(const WalkStep& step) const;
  RepairStep step_for(std::string done, const WalkStep& at) const;

  const DataDirectory& directory_;
  const PartitionLog& log_;
  const SegmentFile& segment_;
  Apply apply_;
  RepairReport& report_;
  std::optional<ReadFile> from_;
  std::optional<WholeFile> to_;
  BatchRecords records_;
};

RepairStep SegmentRepair::step_for(std::string done, const WalkStep& at) const {
  return {.partition = log_.directory,
          .file = log_.file(segment_.base, storage::log_suffix),
          .done = std::move(done),
          .position = at.position,
          .size = at.size,
          .kept_as = {}};
}

bool SegmentRepair::is_tail(const WalkStep& step) const {
  if (!segment_.active || step.is_batch()) return false;
  if (step.position + step.size < from_->size()) return false;
  return !log_.frontier || log_.frontier->segment != segment_.base ||
         step.position >= log_.frontier->position;
}

// Keeps the bytes of `step`, whose records up to `last` are lost, in a file of their own.
Result<> SegmentRepair::take_out(const WalkStep& step, Offset last) {
  auto done = step_for("damaged bytes taken out", step);
  done.lost_first = step.expected;
  done.lost_last = last;
  done.kept_as = aside_name(log_, segment_.base, step.position);
  if (apply_ == Apply::yes) {
    auto aside = new_file(done.kept_as);
    if (!aside) return std::unexpected(aside.error());
    auto written = copy(*aside, *from_, step.position, step.size);
    if (written) written = aside->commit();
    if (!written) return written;
  }
  report_.steps.push_back(std::move(done));
  return {};
}

// Sets what lies outside of the CRC to what its neighbours and the checkpoint say.
void SegmentRepair::mend(const WalkStep& step, std::vector<std::byte>& batch) {
  if (step.flaw == Flaw::offset) {
    protocol::set_base_offset(batch, step.header.base_offset);
    report_.steps.push_back(
        step_for("base offset set to " + std::to_string(step.header.base_offset), step));
  }
  const auto epoch = log_.epochs.at(step.header.base_offset);
  if (epoch >= 0 && epoch != step.header.partition_leader_epoch) {
    protocol::set_partition_leader_epoch(batch, epoch);
    report_.steps.push_back(step_for("leader epoch set to " + std::to_string(epoch), step));
  }
}

Result<> SegmentRepair::keep(const WalkStep& step) {
  std::vector<std::byte> batch(step.bytes.begin(), step.bytes.end());
  mend(step, batch);
  return to_ ? to_->write(as_text(batch)) : Result<>{};
}

// A batch without records stands for those that were lost with `step`, as compaction leaves one at
// the end of a log: offsets go on without a hole, which a reader would take for damage.
Result<> SegmentRepair::fill(const WalkStep& step, Offset last) {
  const Offset first = step.expected;
  if (last < first) return {};
  const protocol::BatchHeader header{.base_offset = first,
                                     .partition_leader_epoch = std::max(log_.epochs.at(first), 0),
                                     .last_offset_delta = static_cast<std::int32_t>(last - first)};
  std::vector<std::byte> batch(protocol::batch_header_size);
  protocol::write_batch_header(header, batch);
  protocol::refresh_batch_crc(batch);
  return to_ ? to_->write(as_text(batch)) : Result<>{};
}

Result<> SegmentRepair::run() {
  const auto path = log_.file(segment_.base, storage::log_suffix);
  auto opened = ReadFile::open(path);
  if (!opened) return std::unexpected(opened.error());
  from_.emplace(std::move(*opened));
  if (apply_ == Apply::yes) {
    auto made = new_file(path);
    if (!made) return std::unexpected(made.error());
    to_.emplace(std::move(*made));
  }
  SegmentWalk::Range range{.first_offset = segment_.base};
  if (segment_.next_base) range.end_offset = *segment_.next_base;
  const bool frontier_here =
      segment_.active && log_.frontier && log_.frontier->segment == segment_.base;
  if (frontier_here && log_.frontier->exact) range.end_offset = log_.frontier->offset;
  const Offset end = segment_.next_base ? *segment_.next_base - 1
                     : frontier_here    ? log_.frontier->offset - 1
                                        : -1;
  SegmentWalk walk(*from_, range);
  std::optional<WalkStep> damage;
  for (;;) {
    auto step = walk.next();
    if (!step) return std::unexpected(step.error());
    Result<> done;
    if (damage) {
      const Offset last = *step ? (*step)->header.base_offset - 1 : end;
      done = take_out(*damage, last);
      if (done) done = fill(*damage, last);
      damage.reset();
    }
    if (!done) return done;
    if (!*step) break;
    if (is_tail(**step)) {
      if (to_) done = copy(*to_, *from_, (*step)->position, (*step)->size);
    } else if (!(*step)->is_batch()) {
      damage = **step;
    } else if (records_.contradiction({.header = (*step)->header, .bytes = (*step)->bytes})
                   .empty()) {
      done = keep(**step);
    } else {
      done = take_out(**step, (*step)->header.last_offset());
      if (done) done = fill(**step, (*step)->header.last_offset());
    }
    if (!done) return done;
  }
  return apply_ == Apply::yes ? put_in_place() : Result<>{};
}

// The order matters: a broker that opens the log after a crash in between finds no index and no
// seal rather than wrong ones, and a frontier whose position is wrong: it goes by its offset.
Result<> SegmentRepair::put_in_place() {
  auto done = drop_side_files(log_, segment_.base);
  if (done) done = sync_directory(log_.path);
  if (done) done = to_->commit();
  to_.reset();
  if (done) done = settle_frontier(directory_, log_, segment_);
  return done ? make_side_files(log_, segment_, WithSeal::yes) : done;
}

Result<> rebuild_side_files(const PartitionLog& log, const SegmentFile& segment, Wanted wanted,
                            Apply apply, RepairReport& report) {
  const auto note = [&](std::string_view suffix, std::string done) {
    report.steps.push_back({.partition = log.directory,
                            .file = log.file(segment.base, suffix),
                            .done = std::move(done),
                            .kept_as = {}});
  };
  if (wanted.index) {
    note(storage::index_suffix, "rebuilt from the log");
    note(storage::time_index_suffix, "rebuilt from the log");
  }
  if (wanted.seal) note(storage::seal_suffix, "sealed anew as the log is now");
  if (apply == Apply::no) return {};
  return make_side_files(log, segment, wanted.seal ? WithSeal::yes : WithSeal::no);
}

// What a repair that was interrupted had still to do: the side files went before the log changed.
Result<> finish(const DataDirectory& directory, const PartitionLog& log, const SegmentFile& segment,
                Apply apply, RepairReport& report) {
  const auto found = find_frontier(log, segment);
  if (!found) return std::unexpected(found.error());
  if (!*found) return {};
  report.steps.push_back({.partition = log.directory,
                          .file = log.file(segment.base, storage::log_suffix),
                          .done = "saved frontier moved to where its offset is",
                          .position = (*found)->position,
                          .kept_as = {}});
  if (apply == Apply::yes) {
    const auto moved = move_frontier(directory, log, **found);
    if (!moved) return moved;
  }
  return rebuild_side_files(log, segment, {.index = true, .seal = segment.next_base.has_value()},
                            apply, report);
}

WantedBySegment sort_out(const DataDirectory& directory, const VerifyReport& verified,
                         RepairReport& report) {
  WantedBySegment wanted;
  for (const Finding& finding : verified.findings) {
    if (finding.severity != Severity::damage) continue;
    const auto log =
        std::ranges::find(directory.partitions, finding.partition, &PartitionLog::directory);
    const auto name = finding.file.substr(finding.file.rfind('/') + 1);
    const auto parsed = storage::parse_offset_file_name(name);
    const bool of_segment = log != directory.partitions.end() && parsed;
    auto* entry = of_segment ? &wanted[{&*log, parsed->base}] : nullptr;
    using enum FindingKind;
    if (of_segment && (finding.kind == batch || finding.kind == offset || finding.kind == epoch ||
                       finding.kind == records))
      entry->log = true;
    else if (of_segment && (finding.kind == index || finding.kind == time_index))
      entry->index = true;
    else if (of_segment && finding.kind == seal)
      entry->seal = true;
    else if (of_segment && finding.kind == frontier)
      entry->frontier = true;
    else
      report.left.push_back(finding);
    if (of_segment && finding.kind == missing && parsed->suffix == storage::seal_suffix)
      entry->seal = true;
  }
  return wanted;
}

Result<> take_snapshots_out(const VerifyReport& verified, Apply apply, RepairReport& report) {
  for (const Finding& finding : verified.findings) {
    if (finding.kind != FindingKind::snapshot) continue;
    const auto kept = finding.file + std::string(aside_suffix);
    report.steps.push_back({.partition = finding.partition,
                            .file = finding.file,
                            .done = "put aside; the producers are read from the log",
                            .kept_as = kept});
    if (apply == Apply::no) continue;
    auto done = rename_durably(finding.file, kept);
    if (!done) return done;
  }
  std::erase_if(report.left, [](const Finding& f) { return f.kind == FindingKind::snapshot; });
  return {};
}

}  // namespace

Result<RepairReport> repair(const DataDirectory& directory, const VerifyReport& verified,
                            Apply apply) {
  RepairReport report;
  const auto wanted = sort_out(directory, verified, report);
  for (const auto& [where, what] : wanted) {
    const PartitionLog& log = *where.first;
    const auto segment = std::ranges::find(log.segments, where.second, &SegmentFile::base);
    if (segment == log.segments.end()) continue;
    Result<> done;
    if (what.log)
      done = SegmentRepair(directory, log, *segment, apply, report).run();
    else if (what.frontier)
      done = finish(directory, log, *segment, apply, report);
    else if (what.index || what.seal)
      done = rebuild_side_files(log, *segment, what, apply, report);
    if (!done) return std::unexpected(done.error());
  }
  const auto done = take_snapshots_out(verified, apply, report);
  if (!done) return std::unexpected(done.error());
  return report;
}

Result<RepairReport> rebuild_indexes(const DataDirectory& directory, Apply apply) {
  RepairReport report;
  for (const PartitionLog& log : directory.partitions) {
    for (const SegmentFile& segment : log.segments) {
      const auto done = rebuild_side_files(log, segment, {.index = true}, apply, report);
      if (!done) return std::unexpected(done.error());
    }
  }
  return report;
}

}  // namespace sluice::inspect
