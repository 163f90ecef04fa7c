// The records that wait in one partition of __sluice_schedules: which do, when each is due, what
// need not be kept. Sans-IO: it decides; ScheduleShell (schedule_shell.hpp) reads, appends and
// keeps time. An offset is one of that partition's log; the record itself lies there.
//
//   for (each record of the log) store.load(key, value, offset);
//   store.accepted(first, n); … append is durable …; store.stored(entry, offset) for each
//   for (auto key : store.take_due(now_ms, 4096)) …   // append it to its topic, durable, then
//     store.finished(key.offset);                     // and note it as done in the log,
//     store.put_back(key.offset, later_ms);           // or it could not be appended
//
// An offset waits from accepted() to finished(), and is taken from take_due() or take() on, so that
// nobody else does something with it. Memory: two bits an offset between the oldest that waits and
// the newest, the bounded memory of ScheduleIndex, and the batches of the last producers.
#pragma once

#include "broker/queue/offset_bits.hpp"
#include "broker/queue/schedule_index.hpp"
#include "broker/queue/schedule_records.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace sluice::broker {

class ScheduleStore {
 public:
  // Log offsets that may be there for each record that waits, before the oldest are copied to the
  // end, so that the log can be cut.
  static constexpr std::int64_t spread_max = 4;
  static constexpr std::int64_t spread_slack = 100'000;  // offsets; below it nothing is copied
  static constexpr std::size_t producers_max = 4096;     // whose batches are remembered

  ScheduleStore() = default;
  explicit ScheduleStore(ScheduleIndex::Limits limits) : index_(limits) {}

  // False: not a record this broker understands; it is skipped.
  bool load(Bytes key, std::optional<Bytes> value, Offset offset);

  // How many of the batch's waiting records are stored already: an earlier attempt of the same
  // batch got so far. They need not be stored again, and may be done by now.
  std::int32_t stored_of(const ScheduleTarget& target, const ScheduleSource& source) const;
  // Their append is on its way: the log is not cut behind them.
  void accepted(Offset first, std::int32_t count);
  void failed(Offset first, std::int32_t count);
  // It is durable.
  void stored(const ScheduleEntry& entry, Offset offset);

  // When the next is due; nullopt: none, or a block of the index must be read first.
  std::optional<std::int64_t> next_due_ms();
  // What is due at `now_ms`, at most `max`, earliest first.
  std::vector<ScheduleKey> take_due(std::int64_t now_ms, std::size_t max);
  // Takes one that waits, to cancel or to copy it. False: it does not wait, or somebody has it.
  bool take(Offset offset);
  // It waits again, until `when_ms`. Requires: taken.
  void put_back(Offset offset, std::int64_t when_ms);
  void finished(Offset offset);

  bool waits(Offset offset) const { return waiting_.contains(offset); }
  // The next that waits, from `from` on; for walks.
  std::optional<Offset> next_waiting(Offset from) const { return waiting_.next(from); }
  // The same among copies, whose offset is not in their id.
  std::optional<Offset> next_copy(Offset from) const { return copies_.next(from); }
  std::int64_t count() const { return waiting_.count(); }

  // The log is not needed below this offset; `end`: its end.
  Offset oldest_needed(Offset end) const { return waiting_.first().value_or(end); }
  // Takes the oldest, at most `max`, when few of the log's records wait: each is to be stored once
  // more with `replaces` (stored() then ends the old one) or put back.
  std::vector<Offset> take_oldest(Offset log_start, Offset log_end, std::size_t max);

  ScheduleIndex& index() { return index_; }
  // Whether an entry of the index still counts.
  bool alive(Offset offset) const { return waiting_.contains(offset); }

 private:
  // A stretch of a batch's records, in the log and in the batch.
  struct Part {
    Offset first = 0;
    std::int32_t index = 0;
    std::int32_t count = 0;
  };
  struct Batch {
    ScheduleSource source;
    std::vector<Part> parts;  // in order of index, without gaps
    std::int32_t stored() const {
      return parts.empty() ? 0 : parts.back().index + parts.back().count;
    }
  };
  struct Producer {
    std::array<Batch, 5> batches;  // as many as a producer has in flight
    std::uint64_t used = 0;
  };
  using ProducerKey = std::pair<ScheduleTarget, std::int64_t>;

  Batch& batch_of(const ScheduleTarget& target, const ScheduleSource& source);
  void note_stored(const ScheduleEntry& entry, Offset offset);
  void drop_dead();

  ScheduleIndex index_;
  OffsetBits waiting_;
  OffsetBits taken_;
  OffsetBits copies_;
  std::map<ProducerKey, Producer> producers_;
  std::uint64_t uses_ = 0;
};

}  // namespace sluice::broker
