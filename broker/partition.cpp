#include "broker/partition.hpp"

#include "base/planted_bug.hpp"
#include "broker/broker.hpp"
#include "broker/partition_check.hpp"
#include "broker/partition_dedup.hpp"
#include "broker/queue/schedule_route.hpp"
#include "broker/replies.hpp"
#include "broker/shard.hpp"
#include "protocol/batch_rewrite.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

// Counts a task inside a partition for as long as it lives.
class Visit {
 public:
  Visit(std::size_t& count, Event& idle) : count_(count), idle_(idle) { ++count_; }
  ~Visit() {
    if (--count_ == 0) idle_.notify();
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 private:
  std::size_t& count_;
  Event& idle_;
};

}  // namespace

Partition::Partition(Shard& shard, std::shared_ptr<const Topic> topic, PartitionIndex index,
                     std::unique_ptr<storage::Log> log, TopicConfig config)
    : shard_(shard),
      topic_(std::move(topic)),
      index_(index),
      log_(std::move(log)),
      config_(std::move(config)) {
  log_->on_high_watermark([this](Offset) { high_watermark_moved(); });
}

Partition::~Partition() = default;

// ---- Producing ----

AppendResult Partition::refuse(ErrorCode error, std::string message) const {
  AppendResult result;
  result.error = error;
  result.message = std::move(message);
  result.log_start_offset = log_->log_start_offset();
  return result;
}

Task<AppendResult> Partition::append(Bytes records, std::int16_t api_version) {
  if (closing_) co_return refuse(ErrorCode::not_leader_or_follower, "The partition is closing.");
  const Visit visit{busy_, idle_};
  if (!turnstile_.try_enter()) co_await turnstile_.enter();
  const Turnstile::Pass pass{turnstile_};
  co_return co_await append_in_turn(records, api_version);
}

Task<AppendResult> Partition::append_own(Bytes batch) {
  if (closing_) co_return refuse(ErrorCode::not_leader_or_follower, "The partition is closing.");
  const Visit visit{busy_, idle_};
  if (!turnstile_.try_enter()) co_await turnstile_.enter();
  const Turnstile::Pass pass{turnstile_};
  co_return co_await store(batch, -1);
}

// Inside the turnstile.
Task<AppendResult> Partition::append_in_turn(Bytes records, std::int16_t api_version) {
  const std::int64_t now_ms = shard_.clock().wall_ms();
  const protocol::CheckPolicy policy = check_policy(config_, api_version, now_ms);
  auto checked = protocol::check_batch(records, policy);
  if (checked && checked->needs_walk) checked = co_await check_compressed(shard_, records, policy);
  if (!checked) {
    AppendResult result = refuse(checked.error().code, std::move(checked.error().message));
    for (auto& fault : checked.error().record_errors)
      result.faults.push_back({fault.batch_index, std::move(fault.message)});
    co_return result;
  }
  if (config_.dedup_window_ms > 0) co_return co_await append_unseen(records, *checked, now_ms);
  if (dedup_) dedup_.reset();  // it was switched off
  co_return co_await append_checked(records, *checked, now_ms);
}

Task<AppendResult> Partition::append_checked(Bytes records, protocol::CheckedBatch checked,
                                             std::int64_t now_ms) {
  return config_.delays ? append_dividing(records, checked, now_ms)
                        : append_as_planned(records, checked, now_ms);
}

Task<AppendResult> Partition::append_as_planned(Bytes records, protocol::CheckedBatch checked,
                                                std::int64_t now_ms) {
  const RewritePlan plan = plan_rewrite(checked, config_);
  if (!plan.needed) co_return co_await store(records, -1);
  auto rewritten = co_await rewrite(shard_, records, plan, checked, now_ms);
  if (!rewritten) co_return refuse(ErrorCode::corrupt_message, rewritten.error().message());
  if (rewritten->size() > static_cast<std::size_t>(config_.max_message_bytes))
    co_return refuse(ErrorCode::message_too_large,
                     "After recompression to the topic's compression.type the batch is larger than "
                     "max.message.bytes.");
  co_return co_await store(*rewritten, plan.stamp ? now_ms : -1);
}

Task<AppendResult> Partition::store(Bytes batch, std::int64_t append_time_ms) {
  const auto header = protocol::parse_batch_header(batch);
  if (!header) co_return refuse(ErrorCode::corrupt_message, "The batch has no header.");
  auto appended = log_->append(batch, *header);
  if (!appended && appended.error().code == storage::Errc::no_room)
    appended = co_await log_->append_when_room(batch, *header);
  if (!appended) co_return refuse(kafka_error(appended.error()), appended.error().message());
  if (dedup_ && !appended->duplicate)
    dedup_->on_append(appended->base_offset, appended->durable_end());
  shard_.count_produced(batch.size());
  counters_.produced_bytes += batch.size();
  counters_.produced_records += static_cast<std::uint64_t>(std::max(0, header->record_count));
  co_return accepted(*appended, append_time_ms);
}

AppendResult Partition::accepted(const storage::AppendInfo& info,
                                 std::int64_t append_time_ms) const {
  AppendResult result;
  result.base_offset = info.base_offset;
  result.log_append_time_ms = append_time_ms;
  result.log_start_offset = log_->log_start_offset();
  result.durable_end = info.durable_end();
  return result;
}

Task<ErrorCode> Partition::wait_durable(Offset end) {
  if (log_->high_watermark() >= end) co_return ErrorCode::none;
  const Visit visit{busy_, idle_};
  auto durable = co_await log_->wait_durable(end);
  co_return durable ? ErrorCode::none : kafka_error(durable.error());
}

// ---- Fetching ----

Task<FetchAnswer> Partition::fetch(FetchQuery query) {
  FetchAnswer answer;
  answer.leader_epoch = log_->leader_epoch();
  if (closing_) {
    answer.error = ErrorCode::not_leader_or_follower;
    co_return answer;
  }
  if (query.current_leader_epoch >= 0 && query.current_leader_epoch != answer.leader_epoch) {
    answer.error = query.current_leader_epoch < answer.leader_epoch
                       ? ErrorCode::fenced_leader_epoch
                       : ErrorCode::unknown_leader_epoch;
    co_return answer;
  }
  const Visit visit{busy_, idle_};
  answer.high_watermark = log_->high_watermark();
  answer.log_start_offset = log_->log_start_offset();
  if (query.offset < answer.log_start_offset || query.offset > log_->log_end_offset()) {
    answer.error = ErrorCode::offset_out_of_range;
    answer.high_watermark = -1;
    answer.log_start_offset = -1;
    co_return answer;
  }
  if (query.last_fetched_epoch >= 0) {
    const storage::EpochEnd end = log_->end_of_epoch(query.last_fetched_epoch);
    if (end.epoch < query.last_fetched_epoch || end.end_offset < query.offset) {
      answer.diverging = end;
      co_return answer;
    }
  }
  if (query.offset >= answer.high_watermark) co_return answer;
  if (query.max_bytes <= 0 && query.least == storage::AtLeastOneBatch::no) co_return answer;
  if (config_.leaves_gaps) query.handout = storage::Handout::memory;
  auto read = co_await log_->read(query.offset, static_cast<std::size_t>(query.max_bytes),
                                  answer.high_watermark, query.least, query.handout);
  if (read && config_.leaves_gaps)
    read = co_await pass_empty_batches(std::move(*read), query, answer.high_watermark);
  if (!read) {
    answer.error = kafka_error(read.error());
    // Damage was reported where it was found.
    const bool reported = read.error().code == storage::Errc::damaged;
    if (answer.error != ErrorCode::offset_out_of_range && !reported)
      shard_.logger().error("a read failed", {{"topic", topic_->name},
                                              {"partition", index_},
                                              {"offset", query.offset},
                                              {"error", read.error().message()}});
    co_return answer;
  }
  answer.log_start_offset = log_->log_start_offset();
  answer.read = std::move(*read);
  shard_.counters().fetched_bytes += answer.read.size;
  counters_.fetched_bytes += answer.read.size;
  if (answer.read.next_offset > query.offset)
    counters_.fetched_records += static_cast<std::uint64_t>(answer.read.next_offset - query.offset);
  co_return answer;
}

void Partition::wake_on_data(const std::shared_ptr<FetchWaiter>& waiter, Offset seen) {
  if (closing_ || log_->high_watermark() != seen) return waiter->wake();
  if (waiters_.size() >= purge_at_) {  // those whose deadline came first
    std::erase_if(waiters_, [](const auto& one) { return one.expired(); });
    purge_at_ = std::max<std::size_t>(16, 2 * waiters_.size());
  }
  waiters_.push_back(waiter);
}

void Partition::high_watermark_moved() {
  if (planted(PlantedBug::reader_not_woken) && !closing_) return;
  for (const auto& one : waiters_)
    if (const auto waiter = one.lock()) waiter->wake();
  waiters_.clear();
}

// ---- Life ----

void Partition::set_config(std::shared_ptr<const Topic> topic, TopicConfig config) {
  topic_ = std::move(topic);
  config_ = std::move(config);
  log_->set_options(log_options(config_, *shard_.options(), topic_->name));
}

Task<Result<storage::TimestampOffset>> Partition::find_by_time(std::int64_t timestamp_ms) {
  const Visit visit{busy_, idle_};
  co_return co_await log_->find_by_time(timestamp_ms);
}

Task<Result<storage::TimestampOffset>> Partition::max_timestamp() {
  const Visit visit{busy_, idle_};
  co_return co_await log_->max_timestamp();
}

Task<Result<storage::ReadResult>> Partition::read_one_batch(Offset from) {
  const Visit visit{busy_, idle_};
  co_return co_await log_->read(from, 1);
}

Task<Result<Offset>> Partition::delete_records(Offset offset) {
  const Visit visit{busy_, idle_};
  co_return co_await log_->delete_records(offset);
}

Task<Result<std::vector<storage::ClosedSegment>>> Partition::closed_segments(std::int64_t bytes) {
  const Visit visit{busy_, idle_};
  co_return co_await log_->closed_segments(bytes);
}

Task<Result<>> Partition::close_active_segment() {
  const Visit visit{busy_, idle_};
  co_return co_await log_->close_active_segment();
}

Task<> Partition::upkeep(UpkeepWork work) {
  if (closing_) co_return;
  const Visit visit{busy_, idle_};
  Result<> done;
  if (work.maintain) done = co_await log_->maintain();
  if (done && work.retention) {
    auto deleted = co_await log_->apply_retention();
    if (!deleted) done = std::unexpected(deleted.error());
  }
  if (done && work.compaction && log_->needs_compaction()) done = co_await log_->compact();
  if (!done && !closing_)
    shard_.logger().warn(
        "upkeep of a partition failed",
        {{"topic", topic_->name}, {"partition", index_}, {"error", done.error().message()}});
}

Task<Result<>> Partition::close() {
  closing_ = true;
  high_watermark_moved();
  auto closed = co_await log_->close();  // serves or fails everybody who waits for durability
  while (busy_ != 0) co_await idle_.wait();
  co_return closed;
}

storage::LogOptions log_options(const TopicConfig& config, const Options& options,
                                std::string_view topic) {
  storage::LogOptions log;
  log.segment_bytes = config.segment_bytes;
  log.segment_ms = config.segment_ms;
  log.segment_jitter_ms = config.segment_jitter_ms;
  log.segment_index_bytes = config.segment_index_bytes;
  log.index_interval_bytes = config.index_interval_bytes;
  log.retention_ms = config.retention_ms;
  log.retention_bytes = config.retention_bytes;
  log.cleanup_delete = config.deletes;
  log.cleanup_compact = config.compacts;
  log.delete_retention_ms = config.delete_retention_ms;
  log.min_cleanable_dirty_ratio = config.min_cleanable_dirty_ratio;
  log.min_compaction_lag_ms = config.min_compaction_lag_ms;
  log.max_compaction_lag_ms = config.max_compaction_lag_ms;
  log.producer_expiration_ms = options.producer_id_expiration_ms;
  // Offsets and states go on while the disk is nearly full; scheduled records as far as what ends
  // them still fits.
  if (is_internal_topic(topic))
    log.reserve_use =
        topic == schedules_topic_name ? storage::ReserveUse::half : storage::ReserveUse::whole;
  if (is_compacted_internal_topic(topic)) {
    log.segment_bytes = options.offsets_topic_segment_bytes;
    log.cleanup_compact = true;
    log.cleanup_delete = false;
  }
  return log;
}

}  // namespace sluice::broker
