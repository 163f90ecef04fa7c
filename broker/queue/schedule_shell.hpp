// Carries one ScheduleStore (schedule_store.hpp) on the shard of its partition of
// __sluice_schedules: loads it, stores what is to wait, appends what is due to its topic, notes it
// as done, and has the log cut behind it. The file README.md beside this one has the whole.
#pragma once

#include "base/event.hpp"
#include "base/task_group.hpp"
#include "base/timer.hpp"
#include "broker/queue/delay_rule.hpp"
#include "broker/queue/schedule_reader.hpp"
#include "broker/queue/schedule_runs.hpp"
#include "broker/queue/schedule_store.hpp"
#include "broker/shard.hpp"
#include "broker/state_log.hpp"

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sluice::broker {

// Which schedules are meant: all of a topic, or those with that key.
struct ScheduleFilter {
  std::optional<TopicId> topic;
  std::optional<Blob> key;
};
struct ScheduleRow {
  ScheduleId id;
  ScheduleTarget target;
  std::int64_t due_ms = 0;
  std::optional<Blob> key;
  std::int32_t value_size = 0;  // -1: null
};
struct ScheduleListing {
  ErrorCode error = ErrorCode::none;
  std::vector<ScheduleRow> rows;
  std::optional<Offset> next;  // where to go on; nullopt: that was all
  std::int64_t waiting = 0;    // of all topics
};
struct ScheduleCancelled {
  ErrorCode error = ErrorCode::none;
  std::int64_t count = 0;
};

class ScheduleShell {
 public:
  ScheduleShell(Shard& shard, PartitionKey key);
  // Loads, then delivers. Requires: every shard has its catalog.
  void start();
  // Those who wait for it to be loaded are answered: the broker stops.
  void release_waiting();
  // What is being delivered is delivered first.
  Task<> stop();
  // Records that wait here; none are known while it loads.
  std::int64_t waiting() const { return store_.count(); }

  // All of the following wait while it loads: an error would let batches behind overtake. Errors:
  // kafka_storage_error when the log cannot be read or is about to be loaded again,
  // not_leader_or_follower at the end, and those of appends and reads. Lifetime: what is pointed to
  // is borrowed until they return.

  // Stores the records of one batch that are to wait; durable when it returns. What an earlier
  // attempt of the same batch stored is not stored again.
  Task<ErrorCode> keep(const ScheduleTarget* target, const ScheduleSource* source,
                       const std::vector<DelayedRecord>* records);

  // Both read every record that waits, and so take long where millions do.
  Task<ScheduleListing> list(const ScheduleFilter* filter, Offset from, std::size_t limit);
  // What is being appended to its topic is not cancelled. Durable when it returns.
  Task<ScheduleCancelled> cancel(const ScheduleFilter* filter);
  Task<ScheduleCancelled> cancel_origins(const std::vector<Offset>* origins);

 private:
  struct Keeping {
    ScheduleEntry entry;
    std::optional<Bytes> value;
    std::span<const protocol::RecordHeader> headers;
  };
  struct Placed {
    Offset first = 0;
    std::int32_t count = 0;
  };
  // A partition that took nothing the last time.
  struct Blocked {
    std::int64_t until_ms = 0;  // wall clock
    std::chrono::milliseconds pause{0};
  };
  // Counts a call from outside for as long as it lives.
  class Call;

  ScheduleIndex::Limits limits() const;
  // settling: what went on before ends. Nobody waits then: a delivery may wait for a partition
  // whose append would wait here.
  enum class Phase : std::uint8_t { loading, serving, settling, unreadable, ended };

  Task<ErrorCode> wait_loaded();
  Task<> run();
  void enter(Phase phase);
  Task<bool> load();
  Task<> serve();
  Task<> settle();
  void follow_clock(std::int64_t now_ms);
  void wake();

  // What is due
  Task<> deliver_round(std::vector<ScheduleKey> due);
  Task<std::vector<KeptRecord>> read_round(const std::vector<ScheduleKey>* due);
  Task<> deliver_to(ScheduleTarget target, std::vector<const KeptRecord*> records);
  void postpone(ScheduleTarget target, std::span<const KeptRecord* const> records, ErrorCode error);
  void note_done(Offset offset);
  Task<> write_done();

  // The log
  Task<ErrorCode> store_entries(const std::vector<Keeping>* entries);
  Task<ErrorCode> place_entries(const std::vector<Keeping>* entries, std::vector<Placed>* placed);
  Task<> cut_log();
  Task<> copy_oldest(std::vector<Offset> oldest);

  // The index
  void tend_index();
  Task<> write_run(ScheduleIndex::Spill spill);
  Task<> read_block(ScheduleIndex::Read read);
  Task<> merge_runs(ScheduleIndex::Merge merge);
  Task<> remove_run(ScheduleIndex::RunId run);

  // Clients' questions
  Task<Result<std::optional<Offset>>> find_origin(Offset origin);
  Task<ErrorCode> end_by_cancel(const std::vector<Offset>* offsets);

  Shard& shard_;
  PartitionKey key_;
  StateLog log_;
  ScheduleStore store_;
  ScheduleRuns runs_;
  Phase phase_ = Phase::loading;
  Event phase_changed_;
  bool reload_ = false;  // what is in memory does not hold any more
  bool stopping_ = false;

  std::unique_ptr<Timer> timer_;
  std::int64_t armed_ms_ = 0;  // wall clock; serve() waits until then
  std::int64_t seen_ms_ = 0;   // the wall clock, the last time it was looked at
  bool postponed_ = false;     // by times of this clock
  std::size_t rounds_ = 0;
  std::map<ScheduleTarget, Blocked> blocked_;

  std::vector<Offset> done_;  // to be noted in the log
  bool writing_done_ = false;
  std::size_t bytes_since_cut_ = 0;
  std::size_t placing_ = 0;  // calls of place_entries
  bool copying_ = false;

  std::size_t calls_ = 0;
  Event calls_ended_;
  TaskGroup work_;   // ends with a load
  TaskGroup tasks_;  // run()
};

}  // namespace sluice::broker
