// Whether a partition still is the log that a backup began with.
#pragma once

#include "tools/sluice/backup_link.hpp"
#include "tools/sluice/backup_manifest.hpp"

namespace sluice::cli {

// Whether records that are compacted away, or rewritten, may have changed what was backed up.
enum class Compacted : bool { no, yes };

// Compares the partition, which has [start, end), with what the backup holds of it: it must not end
// before that, and the last batch of the backup, if it is still there, must be the same. Errors:
// Errc::invalid_argument, with a sentence, when it is another log; those of BatchLink::fetch.
Result<> check_source(BatchLink& link, const TopicPartition& where,
                      const BackupPartition& partition, Offset start, Offset end,
                      Compacted compacted);

}  // namespace sluice::cli
