#include "tools/inspect/segment_check.hpp"

#include "storage/format.hpp"
#include "storage/offset_index.hpp"
#include "storage/seal.hpp"
#include "storage/time_index.hpp"
#include "tools/inspect/batch_records.hpp"
#include "tools/inspect/segment_range.hpp"
#include "tools/inspect/segment_walk.hpp"

#include <algorithm>
#include <unordered_map>

namespace sluice::inspect {
namespace {

struct Placed {
  std::int64_t position;
  Offset last_offset;
  TimestampMs max_timestamp;
};

// Walks one segment and collects what its other files are checked against.
class SegmentCheck {
 public:
  SegmentCheck(const CheckContext& context, const SegmentFile& segment)
      : context_(context), segment_(segment) {
    report_.base = segment.base;
  }

  Result<SegmentReport> run();

 private:
  void on_batch(const WalkStep& step);
  void on_damage(const WalkStep& step, Offset readable_from);
  void check_epoch(const WalkStep& step);
  void check_sequence(const WalkStep& step);
  void note_frontier(const WalkStep& step);
  void check_frontier();
  void check_index();
  void check_time_index();
  void check_seal(const storage::Seal& found);
  Finding finding(FindingKind kind, std::string_view suffix, std::string detail) const;
  Finding finding_in(const WalkStep& batch, FindingKind kind, std::string detail) const;
  void wrong_entry(FindingKind kind, std::string_view suffix, std::size_t entry,
                   std::size_t entry_size, std::string_view names);
  std::optional<std::vector<std::byte>> entries_of(bool there, std::string_view suffix,
                                                   std::size_t entry_size) const;

  const CheckContext& context_;
  const SegmentFile& segment_;
  SegmentReport report_;
  BatchRecords records_;
  std::vector<Placed> placed_;
  LeaderEpoch epoch_ = -1;
  struct Producer {
    ProducerEpoch epoch;
    Sequence last;
  };
  std::unordered_map<ProducerId, Producer> producers_;
  std::optional<std::int64_t> frontier_at_;  // where its offset is
  bool gaps_ = false;
  bool log_damaged_ = false;
};

Finding SegmentCheck::finding(FindingKind kind, std::string_view suffix, std::string detail) const {
  return {.kind = kind,
          .partition = context_.log->directory,
          .file = context_.log->file(segment_.base, suffix),
          .detail = std::move(detail)};
}

// Of one batch of the log.
Finding SegmentCheck::finding_in(const WalkStep& batch, FindingKind kind,
                                 std::string detail) const {
  auto found = finding(kind, storage::log_suffix, std::move(detail));
  found.position = batch.position;
  found.size = batch.size;
  found.first_offset = batch.header.base_offset;
  found.last_offset = batch.header.last_offset();
  found.readable_from = batch.header.next_offset();
  return found;
}

Result<SegmentReport> SegmentCheck::run() {
  auto file = ReadFile::open(context_.log->file(segment_.base, storage::log_suffix));
  if (!file) return std::unexpected(file.error());
  const auto* known = known_frontier(*context_.log, segment_);
  storage::SealHash hash;
  const auto range = range_of(*context_.directory, *context_.log, segment_);
  SegmentWalk walk(*file, range, [&](Bytes bytes) {
    hash.update(bytes);
    if (context_.progress) *context_.progress += static_cast<std::int64_t>(bytes.size());
  });
  std::optional<WalkStep> damage;  // not told yet: what comes behind it is
  for (;;) {
    // What lies at the end cannot be judged by a part.
    if (context_.stop && *context_.stop) return std::move(report_);
    auto step = walk.next();
    if (!step) return std::unexpected(step.error());
    if (damage && *step) on_damage(*damage, (*step)->header.base_offset);
    damage.reset();
    if (!*step) break;
    if ((*step)->is_batch()) {
      hash.count((*step)->header);
      on_batch(**step);
    } else if ((*step)->position + (*step)->size < file->size()) {
      damage = **step;
    } else if (is_unfinished_tail(*context_.directory, *context_.log, segment_, (*step)->position,
                                  frontier_at_)) {
      report_.tail = (*step)->size;
    } else {
      on_damage(**step, -1);
    }
  }
  report_.size = file->size();
  report_.end = walk.expected();
  if (known && report_.end < known->offset && !log_damaged_) {
    auto lost = finding(FindingKind::missing, storage::log_suffix,
                        "ends before what is known to be durable");
    lost.position = file->size();
    lost.first_offset = report_.end;
    lost.last_offset = known->offset - 1;
    report_.findings.push_back(std::move(lost));
  }
  check_frontier();
  check_index();
  check_time_index();
  if (segment_.seal) check_seal(hash.finish(segment_.base, segment_.next_base.value_or(-1)));
  return std::move(report_);
}

void SegmentCheck::on_batch(const WalkStep& step) {
  ++report_.batches;
  report_.records += step.header.record_count;
  // A batch without records or a producer stands for records that are gone.
  gaps_ = gaps_ || step.header.base_offset != step.expected ||
          (step.header.record_count == 0 && !step.header.has_producer_id());
  note_frontier(step);
  placed_.push_back({step.position, step.header.last_offset(), step.header.max_timestamp});
  if (step.flaw == Flaw::offset) {
    log_damaged_ = true;
    report_.findings.push_back(finding_in(step, FindingKind::offset,
                                          "base offset is not " +
                                              std::to_string(step.header.base_offset) +
                                              " as its neighbours say"));
  }
  auto bad = records_.contradiction({.header = step.header, .bytes = step.bytes});
  if (!bad.empty())
    report_.findings.push_back(finding_in(step, FindingKind::records, std::move(bad)));
  check_epoch(step);
  check_sequence(step);
}

// Where the saved frontier's offset is: before this batch, or behind it.
void SegmentCheck::note_frontier(const WalkStep& step) {
  const auto& saved = context_.log->frontier;
  if (frontier_at_ || !saved || step.header.next_offset() < saved->offset) return;
  const bool before = step.header.base_offset >= saved->offset;
  frontier_at_ = step.position + (before ? 0 : step.size);
}

// A tool that was killed leaves a frontier that the log has moved away from. Recovery goes by its
// offset; a broker that has the directory open moves it all the time.
void SegmentCheck::check_frontier() {
  const auto& saved = context_.log->frontier;
  const bool here = saved && saved->segment == segment_.base && !context_.directory->holder;
  if (!here || log_damaged_ || !frontier_at_ || *frontier_at_ == saved->position) return;
  auto moved = finding(FindingKind::frontier, storage::log_suffix,
                       "the saved frontier says that offset " + std::to_string(saved->offset) +
                           " is here; it is at position " + std::to_string(*frontier_at_));
  moved.position = saved->position;
  report_.findings.push_back(std::move(moved));
}

void SegmentCheck::on_damage(const WalkStep& step, Offset readable_from) {
  log_damaged_ = true;
  gaps_ = true;
  auto bad = finding(FindingKind::batch, storage::log_suffix, std::string(name_of(step.flaw)));
  bad.position = step.position;
  bad.size = step.size;
  bad.first_offset = step.expected;
  const auto* known = known_frontier(*context_.log, segment_);
  if (readable_from >= 0)
    bad.last_offset = readable_from - 1;
  else if (segment_.next_base)
    bad.last_offset = *segment_.next_base - 1;
  else if (known)
    bad.last_offset = known->offset - 1;
  bad.readable_from = readable_from;
  report_.findings.push_back(std::move(bad));
}

void SegmentCheck::check_epoch(const WalkStep& step) {
  const auto found = step.header.partition_leader_epoch;
  const auto should = context_.log->epochs.at(step.header.base_offset);
  // A live broker may have begun an epoch since the checkpoint was read.
  const bool live = segment_.active && context_.directory->holder.has_value();
  const bool contradicts = should >= 0 && !live ? found != should : found < epoch_;
  if (contradicts) {
    log_damaged_ = true;
    report_.findings.push_back(finding_in(step, FindingKind::epoch,
                                          "leader epoch " + std::to_string(found) + ", not " +
                                              std::to_string(should >= 0 ? should : epoch_)));
    return;
  }
  epoch_ = std::max(epoch_, found);
}

void SegmentCheck::check_sequence(const WalkStep& step) {
  const auto& header = step.header;
  if (!header.has_producer_id() || header.is_control() || header.base_sequence < 0) return;
  auto [at, fresh] =
      producers_.try_emplace(header.producer_id, Producer{header.producer_epoch, -1});
  const Producer before = at->second;
  at->second = {header.producer_epoch, header.last_sequence()};
  if (fresh || gaps_ || before.epoch != header.producer_epoch) return;
  if (header.base_sequence == protocol::add_sequence(before.last, 1)) return;
  auto jump =
      finding_in(step, FindingKind::sequence,
                 "producer " + std::to_string(header.producer_id) + " goes from sequence " +
                     std::to_string(before.last) + " to " + std::to_string(header.base_sequence));
  jump.severity = Severity::warning;
  jump.readable_from = -1;  // nothing is unreadable
  report_.findings.push_back(std::move(jump));
}

// The entries of an index file: nothing where it is not there, or a broker writes to it. Kafka
// gives the indexes of its active segment their full size, zeros behind the last entry: those are
// left out.
std::optional<std::vector<std::byte>> SegmentCheck::entries_of(bool there, std::string_view suffix,
                                                               std::size_t entry_size) const {
  const bool live = segment_.active && context_.directory->holder.has_value();
  if (!there || live) return std::nullopt;
  auto bytes = read_whole(context_.log->file(segment_.base, suffix));
  if (!bytes) return std::nullopt;
  const auto zero = [](std::byte b) { return b == std::byte{}; };
  while (bytes->size() >= entry_size && std::ranges::all_of(Bytes(*bytes).last(entry_size), zero))
    bytes->resize(bytes->size() - entry_size);
  return std::move(*bytes);
}

void SegmentCheck::wrong_entry(FindingKind kind, std::string_view suffix, std::size_t entry,
                               std::size_t entry_size, std::string_view names) {
  auto wrong =
      finding(kind, suffix, "entry " + std::to_string(entry) + " names " + std::string(names));
  wrong.position = static_cast<std::int64_t>(entry * entry_size);
  wrong.size = static_cast<std::int64_t>(entry_size);
  report_.findings.push_back(std::move(wrong));
}

void SegmentCheck::check_index() {
  using storage::OffsetIndex;
  const auto bytes = entries_of(segment_.index, storage::index_suffix, OffsetIndex::entry_size);
  if (!bytes) return;
  const auto index = OffsetIndex::decode(segment_.base, *bytes, report_.size);
  if (!index) {
    report_.findings.push_back(
        finding(FindingKind::index, storage::index_suffix, "entries do not grow, or lead outside"));
    return;
  }
  for (std::size_t i = 0; i < index->count(); ++i) {
    const auto entry = index->at(i);
    const auto batch = std::ranges::lower_bound(placed_, entry.position, {}, &Placed::position);
    const bool found = batch != placed_.end() && batch->position == entry.position;
    if (found && batch->last_offset == entry.offset) continue;
    if (!found && log_damaged_) continue;
    return wrong_entry(FindingKind::index, storage::index_suffix, i, OffsetIndex::entry_size,
                       "offset " + std::to_string(entry.offset) + " at position " +
                           std::to_string(entry.position));
  }
}

void SegmentCheck::check_time_index() {
  using storage::TimeIndex;
  const auto bytes =
      entries_of(segment_.time_index, storage::time_index_suffix, TimeIndex::entry_size);
  if (!bytes) return;
  const auto index = TimeIndex::decode(segment_.base, *bytes, std::numeric_limits<Offset>::max());
  if (!index) {
    report_.findings.push_back(
        finding(FindingKind::time_index, storage::time_index_suffix, "entries do not grow"));
    return;
  }
  for (std::size_t i = 0; i < index->count(); ++i) {
    const auto entry = index->at(i);
    const auto batch = std::ranges::lower_bound(placed_, entry.offset, {}, &Placed::last_offset);
    const bool found = batch != placed_.end() && batch->last_offset == entry.offset;
    if (found && batch->max_timestamp == entry.timestamp) continue;
    if (!found && log_damaged_) continue;
    return wrong_entry(FindingKind::time_index, storage::time_index_suffix, i,
                       TimeIndex::entry_size,
                       "timestamp " + std::to_string(entry.timestamp) + " at offset " +
                           std::to_string(entry.offset));
  }
}

void SegmentCheck::check_seal(const storage::Seal& found) {
  const auto bytes = read_whole(context_.log->file(segment_.base, storage::seal_suffix));
  if (!bytes) return;
  const auto seal = storage::Seal::decode(*bytes);
  if (!seal) {
    report_.findings.push_back(
        finding(FindingKind::seal, storage::seal_suffix, "the seal itself is damaged"));
    return;
  }
  report_.sealed = seal->hash == found.hash && seal->size == found.size;
  if (segment_.next_base && seal->end < *segment_.next_base) {
    auto missing = finding(FindingKind::missing, storage::seal_suffix,
                           "the next segment does not begin where this one was sealed to end");
    missing.first_offset = seal->end;
    missing.last_offset = *segment_.next_base - 1;
    missing.readable_from = *segment_.next_base;
    report_.findings.push_back(std::move(missing));
  }
  if (report_.sealed && seal->base == segment_.base) return;
  std::string detail = "the log is not what was sealed: ";
  if (seal->size != found.size)
    detail += std::to_string(found.size) + " bytes, sealed were " + std::to_string(seal->size);
  else
    detail += log_damaged_ ? "see above" : "bytes differ where no checksum covers them";
  report_.findings.push_back(finding(FindingKind::seal, storage::seal_suffix, std::move(detail)));
}

}  // namespace

bool is_gone(const Error& error) { return error.code == std::errc::no_such_file_or_directory; }

Result<SegmentReport> check_segment(const CheckContext& context, const SegmentFile& segment) {
  return SegmentCheck(context, segment).run();
}

}  // namespace sluice::inspect
