// One partition on its shard: the topic's rules around a Log. Checks and rewrites what producers
// send, answers fetches, and wakes those who wait.
//
// Order: batches are appended in the order in which append() was called, whatever each of them has
// to wait for (decompression, room). Shown: nothing at or beyond the high watermark, which is the
// durable end.
#pragma once

#include "base/bytes.hpp"
#include "broker/catalog.hpp"
#include "broker/fetch_waiter.hpp"
#include "broker/partition_check.hpp"
#include "broker/topic_config.hpp"
#include "broker/turnstile.hpp"
#include "protocol/batch_check.hpp"
#include "protocol/error_code.hpp"
#include "protocol/ids.hpp"
#include "storage/log.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::broker {

using protocol::ErrorCode;
class DelayRule;
class Shard;
struct Duplicates;
struct PartitionDedup;
struct DeadLetterResult;
struct DelayedRecord;
struct DividedBatch;
struct UpkeepWork;

struct RecordFault {
  std::int32_t batch_index = 0;
  std::string message;
};

struct AppendResult {
  ErrorCode error = ErrorCode::none;
  Offset base_offset = -1;
  std::int64_t log_append_time_ms = -1;  // -1 unless the topic stamps on append
  Offset log_start_offset = -1;
  Offset durable_end = -1;  // for wait_durable(); -1 when there is nothing to wait for
  std::string message;
  std::vector<RecordFault> faults;
};

struct FetchQuery {
  Offset offset = 0;
  std::int64_t max_bytes = 0;
  LeaderEpoch current_leader_epoch = -1;  // -1: do not check
  LeaderEpoch last_fetched_epoch = -1;    // -1: do not check
  storage::AtLeastOneBatch least = storage::AtLeastOneBatch::no;
  storage::Handout handout = storage::Handout::files;
  bool empty_batches = true;  // whether the answer may be nothing but batches without records
};

struct FetchAnswer {
  ErrorCode error = ErrorCode::none;
  Offset high_watermark = -1;
  Offset log_start_offset = -1;
  LeaderEpoch leader_epoch = -1;
  storage::EpochEnd diverging;  // epoch -1: none
  storage::ReadResult read;
};

// Since the partition was opened.
struct PartitionCounters {
  std::uint64_t produced_records = 0;
  std::uint64_t produced_bytes = 0;   // as stored
  std::uint64_t fetched_records = 0;  // offsets passed: more than records where some were compacted
  std::uint64_t fetched_bytes = 0;
};

class Partition {
 public:
  Partition(Shard& shard, std::shared_ptr<const Topic> topic, PartitionIndex index,
            std::unique_ptr<storage::Log> log, TopicConfig config);
  ~Partition();
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  // Checks `records` (what one produce request holds for this partition) and appends them.
  // Returns once they are accepted, in the log's order, or refused; not yet durable.
  // Lifetime: `records` is borrowed until it returns.
  Task<AppendResult> append(Bytes records, std::int16_t api_version);
  // As append(), for batches that the broker made itself: no producer rules. `batch` is one whole
  // batch.
  Task<AppendResult> append_own(Bytes batch);
  // Error of what became of everything below `end`: none once it is durable.
  Task<ErrorCode> wait_durable(Offset end);

  Task<FetchAnswer> fetch(FetchQuery query);
  // Wakes `waiter` when the high watermark leaves `seen`; at once if it already has.
  void wake_on_data(const std::shared_ptr<FetchWaiter>& waiter, Offset seen);

  // As the Log's; the partition stays open while they run. Requires: not closing().
  Task<Result<storage::TimestampOffset>> find_by_time(std::int64_t timestamp_ms);
  Task<Result<storage::TimestampOffset>> max_timestamp();
  // The batch that holds `from`, or the next one; not counted as fetched.
  Task<Result<storage::ReadResult>> read_one_batch(Offset from);
  Task<Result<Offset>> delete_records(Offset offset);

  Task<Result<std::vector<storage::ClosedSegment>>> closed_segments(std::int64_t bytes);
  Task<Result<>> close_active_segment();

  // NOT for the data path: changed configs, seldom.
  void set_config(std::shared_ptr<const Topic> topic, TopicConfig config);
  const TopicConfig& config() const { return config_; }
  const Topic& topic() const { return *topic_; }
  PartitionIndex index() const { return index_; }
  storage::Log& log() { return *log_; }
  const PartitionCounters& counters() const { return counters_; }

  // One round of what keeps the log in shape. Failures are logged.
  Task<> upkeep(UpkeepWork work);
  void wake_fetches() { high_watermark_moved(); }

  // Serves nothing more and wakes everybody; the log is closed when it returns.
  Task<Result<>> close();
  bool closing() const { return closing_; }

 private:
  Task<AppendResult> append_in_turn(Bytes records, std::int16_t api_version);
  Task<AppendResult> append_checked(Bytes records, protocol::CheckedBatch checked,
                                    std::int64_t now_ms);
  Task<AppendResult> append_as_planned(Bytes records, protocol::CheckedBatch checked,
                                       std::int64_t now_ms);
  // Where message ids count: partition_dedup.cpp.
  Task<AppendResult> append_unseen(Bytes records, protocol::CheckedBatch checked,
                                   std::int64_t now_ms);
  Task<AppendResult> append_without(const Duplicates* duplicates, Bytes records,
                                    protocol::CheckedBatch checked, std::int64_t now_ms);
  bool dedup_is_current() const;
  Task<ErrorCode> open_dedup(std::int64_t now_ms);
  void remember_ids(const Duplicates& duplicates, Offset base, TimePoint now);
  // Where records may have to wait: partition_delay.cpp.
  Task<AppendResult> append_dividing(Bytes records, protocol::CheckedBatch checked,
                                     std::int64_t now_ms);
  std::unique_ptr<DelayRule> delay_rule(std::int64_t now_ms) const;
  Task<Result<storage::ReadResult>> pass_empty_batches(storage::ReadResult first, FetchQuery query,
                                                       Offset end);
  Task<DeadLetterResult> write_letters(const std::vector<DelayedRecord>* exhausted);
  Task<AppendResult> set_aside(const DividedBatch* divided, const protocol::BatchHeader* header);
  AppendResult accepted(const storage::AppendInfo& info, std::int64_t append_time_ms) const;
  Task<AppendResult> store(Bytes batch, std::int64_t append_time_ms);
  AppendResult refuse(ErrorCode error, std::string message) const;
  void high_watermark_moved();

  Shard& shard_;
  std::shared_ptr<const Topic> topic_;
  PartitionIndex index_;
  std::unique_ptr<storage::Log> log_;
  TopicConfig config_;
  PartitionCounters counters_;
  Turnstile turnstile_;
  std::unique_ptr<PartitionDedup> dedup_;  // null: nobody asked for it yet
  std::vector<std::weak_ptr<FetchWaiter>> waiters_;
  std::size_t purge_at_ = 16;
  std::size_t busy_ = 0;  // tasks inside: close() waits for them
  Event idle_;
  bool closing_ = false;
};

// The settings of the topic of that name, as the log takes them.
storage::LogOptions log_options(const TopicConfig& config, const Options& options,
                                std::string_view topic);

}  // namespace sluice::broker
