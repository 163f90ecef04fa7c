// Reads records of one partition of __sluice_schedules by their offset. On the partition's shard.
#pragma once

#include "base/result.hpp"
#include "base/task.hpp"
#include "broker/queue/schedule_records.hpp"
#include "broker/state_log.hpp"
#include "storage/log.hpp"

#include <memory>
#include <optional>

namespace sluice::broker {

// A record that waits, as it lies in the log.
// Lifetime: the views borrow what `owner` keeps; any shard may drop it.
struct KeptRecord {
  Offset offset = -1;
  ScheduleEntry entry;
  std::optional<Bytes> value;
  protocol::RecordHeaders headers;
  std::shared_ptr<const void> owner;

  // The offset its id names.
  Offset origin() const { return entry.origin >= 0 ? entry.origin : offset; }
  std::size_t size() const {
    return (entry.key ? entry.key->size() : 0) + (value ? value->size() : 0) +
           headers.bytes().size();
  }
};

// Cheapest in ascending order of offsets: what one read brought serves those that follow.
class ScheduleReader {
 public:
  // Lifetime: of `log`.
  explicit ScheduleReader(const StateLog& log) : log_(log) {}

  // nullopt: there is no record that waits. Errors: those of the log's read.
  Task<Result<std::optional<KeptRecord>>> read(Offset offset);

 private:
  std::optional<KeptRecord> find_here(Offset offset) const;

  const StateLog& log_;
  storage::Slice here_;
  Offset first_ = 0;  // what here_ holds
  Offset end_ = 0;
};

}  // namespace sluice::broker
