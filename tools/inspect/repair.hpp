// Changes to a closed data directory. Whatever is taken out of a log is kept beside it
// (BASE.log.POSITION.aside) before the log is replaced, and every step says what it did.
#pragma once

#include "tools/inspect/verify.hpp"

#include <string>
#include <vector>

namespace sluice::inspect {

enum class Apply : std::uint8_t { no, yes };  // no: only say what would be done

struct RepairStep {
  std::string partition;
  std::string file;  // what is changed
  std::string done;  // "damaged bytes taken out", "base offset set", "index rebuilt", …
  std::int64_t position = -1;
  std::int64_t size = 0;
  Offset lost_first = -1;  // records that can no longer be read; -1: none
  Offset lost_last = -1;
  std::string kept_as;  // the file with the bytes taken out
};

struct RepairReport {
  std::vector<RepairStep> steps;
  // What no repair of files brings back, or what the broker itself mends at its next start.
  std::vector<Finding> left;
};

// Requires, with Apply::yes: the directory's lock is held. Errors: those of the files; what was
// done before an error stands, and a second repair goes on from there, as it does when one was
// killed: a broker that opens the directory in between finds everything that could be read.
Result<RepairReport> repair(const DataDirectory& directory, const VerifyReport& report,
                            Apply apply);

// Writes .index and .timeindex anew. Requires: as repair().
Result<RepairReport> rebuild_indexes(const DataDirectory& directory, Apply apply);

// Ends `log` before `offset`: the batch that holds it goes whole, with everything behind it. A log
// that ends there already is left as it is, but for what an interrupted cut had still to do.
// Errors: EINVAL when the log begins behind the offset or is damaged before it. Requires: as
// repair().
Result<RepairReport> cut(const DataDirectory& directory, const PartitionLog& log, Offset offset,
                         Apply apply);

}  // namespace sluice::inspect
