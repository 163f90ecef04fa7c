// What of a segment's file is the log, and what may lie behind it.
#pragma once

#include "tools/inspect/directory.hpp"
#include "tools/inspect/segment_walk.hpp"

namespace sluice::inspect {

// Where the active segment is known to be durable; null for others.
const storage::Frontier* known_frontier(const PartitionLog& log, const SegmentFile& segment);

// The whole segment, with the offsets that its records can have.
SegmentWalk::Range range_of(const DataDirectory& directory, const PartitionLog& log,
                            const SegmentFile& segment);

// Whether what is no batch from `position` to the end of the file need not be damage. Beyond what
// is known to be durable an active segment may end in anything: prepared zeros, old batches of a
// file that is used again, a write under way. `frontier_at`: where the saved frontier's offset was
// found, which counts more than the position saved with it.
bool is_unfinished_tail(const DataDirectory& directory, const PartitionLog& log,
                        const SegmentFile& segment, std::int64_t position,
                        std::optional<std::int64_t> frontier_at = std::nullopt);

}  // namespace sluice::inspect
