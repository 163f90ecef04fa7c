// The runs of a ScheduleIndex as files: schedules/PARTITION-RUN, entries back to back. What they
// hold can be told from the log, so nothing of them is made durable and a start begins without.
#pragma once

#include "base/result.hpp"
#include "base/task.hpp"
#include "broker/queue/schedule_index.hpp"
#include "storage/file_system.hpp"

#include <string>
#include <vector>

namespace sluice::broker {

class ScheduleRuns {
 public:
  ScheduleRuns(storage::FileSystem& files, PartitionIndex partition)
      : files_(files), partition_(partition) {}

  // Makes the directory and removes what an earlier broker left. Errors: those of the file system.
  Task<Result<>> clear();
  // Lifetime: `keys` is borrowed.
  Task<Result<>> write(ScheduleIndex::RunId run, const ScheduleKeys* keys);
  Task<Result<ScheduleKeys>> read(ScheduleIndex::Read wanted);
  // Writes one run from several, in order and without repetitions; returns its entries.
  Task<Result<std::uint64_t>> merge(ScheduleIndex::Merge merge);
  Task<Result<>> remove(ScheduleIndex::RunId run);

 private:
  std::string path_of(ScheduleIndex::RunId run) const;

  storage::FileSystem& files_;
  PartitionIndex partition_;
};

}  // namespace sluice::broker
