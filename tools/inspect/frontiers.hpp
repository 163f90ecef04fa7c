// The saved frontiers of a data directory: which of its files they are in, read, and moved.
#pragma once

#include "tools/inspect/directory.hpp"

#include <string>
#include <vector>

namespace sluice::inspect {

// Files with saved frontiers, relative to the root; none where there are none.
std::vector<std::string> frontier_files(const std::string& root);

// Sets the frontier of each partition, and whether the directory was closed cleanly. A file that
// does not decode is passed over.
Result<> add_frontiers(DataDirectory& directory);

// Replaces the saved frontier of `log`; the clean mark stays as it is. Nothing to do without one.
Result<> move_frontier(const DataDirectory& directory, const PartitionLog& log,
                       const storage::Frontier& frontier);

}  // namespace sluice::inspect
