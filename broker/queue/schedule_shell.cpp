#include "broker/queue/schedule_shell.hpp"

#include "broker/broker.hpp"
#include "broker/partition.hpp"
#include "broker/queue/schedule_delivery.hpp"
#include "broker/queue/schedule_shell_call.hpp"

#include <algorithm>
#include <limits>

namespace sluice::broker {
namespace {

constexpr std::int64_t never_ms = std::numeric_limits<std::int64_t>::max();
// How often the wall clock is looked at while something waits: it may have been set.
constexpr std::chrono::milliseconds clock_look{500};
// A clock that is set back by more than that makes what was postponed by it wait too long.
constexpr std::int64_t step_back_ms = 1000;
constexpr std::chrono::seconds load_pause{60};
constexpr std::chrono::seconds pause_min{1};
constexpr std::chrono::seconds pause_max{60};
constexpr std::size_t index_memory_all = 1 << 20;  // entries of 16 bytes
constexpr std::size_t index_memory_min = 64 << 10;
constexpr std::size_t rounds_max = 8;
constexpr std::size_t round_records_max = 4096;
constexpr std::size_t round_bytes_max = 4 << 20;

}  // namespace

ScheduleShell::ScheduleShell(Shard& shard, PartitionKey key)
    : shard_(shard),
      key_(key),
      log_(shard, key,
           {.not_stored = "scheduled records were not stored",
            .not_read = "scheduled records cannot be read: these are not delivered"}),
      runs_(shard.files(), key.index),
      timer_(shard.timers().make_timer()),
      work_(shard.executor()),
      tasks_(shard.executor()) {}

void ScheduleShell::start() { tasks_.spawn(run()); }

void ScheduleShell::release_waiting() {
  if (phase_ == Phase::loading) stopping_ = true;
}

Task<> ScheduleShell::stop() {
  stopping_ = true;
  wake();
  co_await tasks_.drain();
}

// ---- Life ----

Task<> ScheduleShell::run() {
  while (!stopping_) {
    enter(Phase::loading);
    const bool loaded = co_await load();
    enter(loaded ? Phase::serving : Phase::unreadable);
    if (loaded) co_await serve();
    if (loaded) enter(stopping_ ? Phase::ended : Phase::settling);
    co_await settle();
    reload_ = false;
    if (loaded || stopping_) continue;
    armed_ms_ = never_ms;
    co_await timer_->wait_until(shard_.timers().now() + load_pause);
  }
  enter(Phase::ended);
}

void ScheduleShell::enter(Phase phase) {
  phase_ = phase;
  phase_changed_.notify();
}

// The stores of all shards share the memory.
ScheduleIndex::Limits ScheduleShell::limits() const {
  ScheduleIndex::Limits limits;
  const auto shards = static_cast<std::size_t>(shard_.broker().shard_count());
  limits.memory_max = std::max(index_memory_min, index_memory_all / shards);
  return limits;
}

Task<bool> ScheduleShell::load() {
  store_ = ScheduleStore{limits()};
  blocked_.clear();
  postponed_ = false;
  if (const auto cleared = co_await runs_.clear(); !cleared) {
    shard_.logger().error("the index of scheduled records cannot be made",
                          {{"partition", key_.index}, {"error", cleared.error().message()}});
    co_return false;
  }
  const StateLog::Load load_one = [this](const protocol::Record& record, Offset offset) {
    if (record.key) (void)store_.load(*record.key, record.value, offset);
    tend_index();
  };
  co_return co_await log_.read(&stopping_, load_one);
}

// Nothing of the former load goes on when it returns.
Task<> ScheduleShell::settle() {
  while (calls_ != 0) co_await calls_ended_.wait();
  co_await work_.drain();
}

Task<> ScheduleShell::serve() {
  while (!stopping_ && !reload_) {
    const std::int64_t now_ms = shard_.clock().wall_ms();
    follow_clock(now_ms);
    if (rounds_ < rounds_max) {
      std::vector<ScheduleKey> due = store_.take_due(now_ms, round_records_max);
      if (!due.empty()) {
        ++rounds_;
        work_.spawn(deliver_round(std::move(due)));
        continue;
      }
    }
    tend_index();
    armed_ms_ = rounds_ < rounds_max ? store_.next_due_ms().value_or(never_ms) : never_ms;
    const std::chrono::milliseconds longest =
        store_.count() == 0 ? std::chrono::hours(1) : clock_look;
    const std::int64_t wait_ms = std::min<std::int64_t>(armed_ms_ - now_ms, longest.count());
    const TimePoint until = shard_.timers().now() + std::chrono::milliseconds(wait_ms);
    co_await timer_->wait_until(until);
    armed_ms_ = 0;
  }
}

// What was postponed was so by a clock that is not right any more: it is loaded with its own time.
void ScheduleShell::follow_clock(std::int64_t now_ms) {
  if (postponed_ && now_ms < seen_ms_ - step_back_ms) reload_ = true;
  seen_ms_ = now_ms;
}

void ScheduleShell::wake() { timer_->cancel(); }

// ---- What is due ----

Task<> ScheduleShell::deliver_round(std::vector<ScheduleKey> due) {
  const std::vector<KeptRecord> records = co_await read_round(&due);
  std::map<ScheduleTarget, std::vector<const KeptRecord*>> targets;
  for (const KeptRecord& record : records) targets[record.entry.target].push_back(&record);
  TaskGroup deliveries{shard_.executor()};
  for (auto& [target, list] : targets) deliveries.spawn(deliver_to(target, std::move(list)));
  co_await deliveries.drain();
  --rounds_;
  wake();
}

// Read in the order of the log, delivered in that of time.
Task<std::vector<KeptRecord>> ScheduleShell::read_round(const std::vector<ScheduleKey>* due) {
  std::vector<ScheduleKey> ordered = *due;
  std::ranges::sort(ordered, {}, &ScheduleKey::offset);
  std::vector<std::pair<ScheduleKey, KeptRecord>> read;
  ScheduleReader reader{log_};
  std::size_t bytes = 0;
  for (const ScheduleKey& key : ordered) {
    if (bytes >= round_bytes_max) {
      store_.put_back(key.offset, key.when_ms);
      continue;
    }
    auto got = co_await reader.read(key.offset);
    if (!got) {
      shard_.logger().error(
          "a scheduled record cannot be read; it is tried again",
          {{"partition", key_.index}, {"offset", key.offset}, {"error", got.error().message()}});
      postponed_ = true;
      store_.put_back(key.offset,
                      shard_.clock().wall_ms() + std::chrono::milliseconds(pause_max).count());
    } else if (!*got) {
      shard_.logger().error("a scheduled record is not in the log",
                            {{"partition", key_.index}, {"offset", key.offset}});
      store_.finished(key.offset);
    } else if ((*got)->entry.due_ms > shard_.clock().wall_ms()) {  // put back to be looked at
      store_.put_back(key.offset, (*got)->entry.due_ms);
    } else {
      bytes += (*got)->size();
      read.emplace_back(key, std::move(**got));
    }
  }
  std::ranges::sort(read, {}, &std::pair<ScheduleKey, KeptRecord>::first);
  std::vector<KeptRecord> records;
  records.reserve(read.size());
  for (auto& [key, record] : read) records.push_back(std::move(record));
  co_return records;
}

Task<> ScheduleShell::deliver_to(ScheduleTarget target, std::vector<const KeptRecord*> records) {
  if (shard_.catalog()->find(target.topic) == nullptr) {
    shard_.logger().warn("scheduled records of a topic that was deleted are dropped",
                         {{"topic_id", target.topic.to_string()}, {"records", records.size()}});
    for (const KeptRecord* record : records) note_done(record->offset);
    blocked_.erase(target);
    co_return;
  }
  const auto blocked = blocked_.find(target);
  if (blocked != blocked_.end() && shard_.clock().wall_ms() < blocked->second.until_ms) {
    for (const KeptRecord* record : records)
      store_.put_back(record->offset, blocked->second.until_ms);
    co_return;
  }
  Shard& there = shard_.broker().home_of({target.topic, target.partition});
  const Delivered delivered =
      co_await on(shard_, there, deliver_records(&there, target, key_.index, &records));
  for (std::size_t i = 0; i < delivered.count; ++i) note_done(records[i]->offset);
  if (delivered.error == ErrorCode::none)
    blocked_.erase(target);
  else
    postpone(target, std::span{records}.subspan(delivered.count), delivered.error);
}

// With growing pauses: it may be a disk that is full, or a partition that is not open.
void ScheduleShell::postpone(ScheduleTarget target, std::span<const KeptRecord* const> records,
                             ErrorCode error) {
  Blocked& blocked = blocked_[target];
  blocked.pause = std::clamp<std::chrono::milliseconds>(2 * blocked.pause, pause_min, pause_max);
  blocked.until_ms = shard_.clock().wall_ms() + blocked.pause.count();
  postponed_ = true;
  for (const KeptRecord* record : records) store_.put_back(record->offset, blocked.until_ms);
  shard_.logger().warn("scheduled records could not be appended; they are kept and tried again",
                       {{"topic_id", target.topic.to_string()},
                        {"partition", target.partition},
                        {"records", records.size()},
                        {"error", protocol::to_string(error)},
                        {"pause_ms", blocked.pause.count()}});
}

}  // namespace sluice::broker
