// Makes a new partition begin at an offset that is not 0.
#pragma once

#include "sluice/admin.hpp"
#include "tools/sluice/backup_link.hpp"
#include "tools/sluice/backup_manifest.hpp"

namespace sluice::cli {

// Whether the offsets of what was backed up can be had again: there are no gaps, and if they do not
// begin at 0, then not too far from it, and records before them may be deleted.
bool can_keep_offsets(const BackupTopic& topic, const BackupPartition& partition);

// Fills an empty partition with records up to `first` and deletes them. They carry `timestamp_ms`,
// as the first record that follows. Errors: the broker's, of Produce and DeleteRecords.
Result<> begin_at(BatchLink& link, Admin& admin, const TopicPartition& where, Offset first,
                  std::int64_t timestamp_ms);

}  // namespace sluice::cli
