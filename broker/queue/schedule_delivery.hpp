// Appends due records to the partition they were produced to.
#pragma once

#include "base/task.hpp"
#include "broker/queue/schedule_reader.hpp"

#include <vector>

namespace sluice::broker {

class Shard;

struct Delivered {
  std::size_t count = 0;  // durable, from the first on
  ErrorCode error = ErrorCode::none;
};

// On `shard`, which must be that of the target's partition. Records are appended in their order,
// with sluice-scheduled-for and sluice-schedule-id after their headers; durable when it returns.
// Errors: those of the append; policy_violation when the topic has become compacted. Some records
// beyond `count` may be there as well. `store`: the partition of __sluice_schedules they are from.
// Lifetime: `records` is borrowed until it returns.
Task<Delivered> deliver_records(Shard* shard, ScheduleTarget target, PartitionIndex store,
                                const std::vector<const KeptRecord*>* records);

}  // namespace sluice::broker
