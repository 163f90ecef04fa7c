#include "tools/inspect/segment_range.hpp"

namespace sluice::inspect {

const storage::Frontier* known_frontier(const PartitionLog& log, const SegmentFile& segment) {
  const auto& frontier = log.frontier;
  return segment.active && frontier && frontier->segment == segment.base ? &*frontier : nullptr;
}

SegmentWalk::Range range_of(const DataDirectory& directory, const PartitionLog& log,
                            const SegmentFile& segment) {
  SegmentWalk::Range range{.first_offset = segment.base};
  if (segment.next_base) range.end_offset = *segment.next_base;
  const auto* known = known_frontier(log, segment);
  if (known && directory.clean) range.end_offset = known->offset;
  return range;
}

bool is_unfinished_tail(const DataDirectory& directory, const PartitionLog& log,
                        const SegmentFile& segment, std::int64_t position,
                        std::optional<std::int64_t> frontier_at) {
  if (!segment.active) return false;
  if (directory.writer == Writer::kafka) return directory.holder.has_value();
  const auto* known = known_frontier(log, segment);
  return known == nullptr || position >= frontier_at.value_or(known->position);
}

}  // namespace sluice::inspect
