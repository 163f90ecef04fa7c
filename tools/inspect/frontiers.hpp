// The saved frontiers of a data directory: which of its files they are in, read, and moved.
#pragma once

#include "tools/inspect/directory.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::inspect {

// Files with saved frontiers, relative to the root; none where there are none.
std::vector<std::string> frontier_files(const std::string& root);

// Sets the frontier of each partition, and whether the directory was closed cleanly. A file that
// does not decode is passed over.
Result<> add_frontiers(DataDirectory& directory);

// The saved frontier of `log` as it should be by what lies in `segment`, the one that it is in: at
// the first place between batches that its offset is not behind. Batches must be intact up to
// there: nothing is known otherwise, as without a frontier in it. Errors: those of ReadFile.
Result<std::optional<storage::Frontier>> find_frontier(const PartitionLog& log,
                                                       const SegmentFile& segment);

// Replaces the saved frontier of `log`; the clean mark stays as it is. Nothing to do without one.
Result<> move_frontier(const DataDirectory& directory, const PartitionLog& log,
                       const storage::Frontier& frontier);

}  // namespace sluice::inspect
