#include "tools/inspect/partition_walk.hpp"

#include "storage/format.hpp"
#include "tools/inspect/segment_check.hpp"

namespace sluice::inspect {

PartitionWalk::PartitionWalk(const DataDirectory& directory, const PartitionLog& log,
                             std::atomic<std::int64_t>* progress)
    : directory_(&directory), log_(&log), progress_(progress) {}

// False when there is none left.
Result<bool> PartitionWalk::open_next() {
  walk_.reset();
  while (next_segment_ < log_->segments.size()) {
    const SegmentFile& segment = log_->segments[next_segment_++];
    auto file = ReadFile::open(log_->file(segment.base, storage::log_suffix));
    if (!file) {
      if (is_gone(file.error())) continue;
      return std::unexpected(file.error());
    }
    file_ = std::move(*file);
    SegmentWalk::Sink count;
    if (progress_)
      count = [this](Bytes bytes) { *progress_ += static_cast<std::int64_t>(bytes.size()); };
    walk_.emplace(*file_, range_of(*directory_, *log_, segment), std::move(count));
    return true;
  }
  return false;
}

Result<std::optional<PartitionWalk::Step>> PartitionWalk::next() {
  for (;;) {
    if (!walk_) {
      const auto opened = open_next();
      if (!opened) return std::unexpected(opened.error());
      if (!*opened) return std::nullopt;
    }
    const SegmentFile& segment = log_->segments[next_segment_ - 1];
    const auto step = walk_->next();
    if (!step) return std::unexpected(step.error());
    if (!*step) {
      walk_.reset();
      continue;
    }
    const WalkStep& found = **step;
    if (found.is_batch())
      return Step{.segment = &segment,
                  .position = found.position,
                  .batch = {.header = found.header, .bytes = found.bytes}};
    const bool at_end = found.position + found.size >= file_->size();
    if (!at_end || !is_unfinished_tail(*directory_, *log_, segment, found.position))
      damaged_bytes_ += found.size;
  }
}

}  // namespace sluice::inspect
