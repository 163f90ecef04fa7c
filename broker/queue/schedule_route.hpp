// From a partition whose records wait to the shard and the store that keep them.
#pragma once

#include "base/task.hpp"
#include "broker/queue/schedule_shell.hpp"
#include "broker/shards.hpp"

#include <optional>
#include <string_view>

namespace sluice::broker {

inline constexpr std::string_view schedules_topic_name = "__sluice_schedules";

struct ScheduleRoute {
  Shard* shard = nullptr;
  PartitionIndex partition = 0;  // of __sluice_schedules
};

// A function of the two topics' ids and the target's partition, whatever the number of shards; with
// as many partitions as shards it is the shard of the target itself. nullopt: there is no
// __sluice_schedules, which is made with the first topic whose records may wait.
std::optional<ScheduleRoute> route_schedules(Shard& home, const ScheduleTarget& target);

// ScheduleShell::keep() where it belongs. Errors: as there; kafka_storage_error when there is no
// store.
Task<ErrorCode> keep_records(Shard& home, const ScheduleTarget* target,
                             const ScheduleSource* source,
                             const std::vector<DelayedRecord>* records);

// Where a listing of all partitions goes on.
struct ScheduleCursor {
  PartitionIndex partition = 0;
  Offset offset = 0;
};
struct ScheduleListingOfAll {
  ErrorCode error = ErrorCode::none;
  std::vector<ScheduleRow> rows;
  std::optional<ScheduleCursor> next;
  std::int64_t waiting = 0;  // of all topics
};
// Lifetime: borrowed until they return.
Task<ScheduleListingOfAll> list_schedules(Shard& home, const ScheduleFilter* filter,
                                          ScheduleCursor from, std::size_t limit);
Task<ScheduleCancelled> cancel_schedules(Shard& home, const ScheduleFilter* filter);
Task<ScheduleCancelled> cancel_schedules(Shard& home, const std::vector<ScheduleId>* ids);

}  // namespace sluice::broker
