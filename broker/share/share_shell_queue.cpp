// What a ShareShell does beside fetches and acknowledgements: dead letters, and what an operator
// asks.
#include "broker/partition.hpp"
#include "broker/share/share_route.hpp"
#include "broker/share/share_shell.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

constexpr std::int64_t copied_at_a_time = 1000;  // records of one share partition
constexpr std::size_t copies_max = 4;            // share partitions of a shard at a time
constexpr std::chrono::minutes warning_interval{1};

}  // namespace

// ---- Dead letters ----

// One task a share partition; ends when nothing is due. What failed comes back by the clock.
Task<> ShareShell::copy_dead_letters_of(UnitPtr unit) {
  while (copies_running_ >= copies_max && !stopping_) co_await copy_ended_.wait();
  ++copies_running_;
  while (!stopping_ && !unit->gone && unit->core->has_dead_letters()) {
    follow_settings(*unit);
    const std::vector<DeadLetter> letters = unit->core->take_dead_letters(copied_at_a_time);
    const CopyReport report =
        co_await copy_dead_letters(&shard_, &unit->key, unit->dead_letter_topic, &letters);
    for (const CopyReport::Span& span : report.spans) {
      if (span.done)
        unit->core->copied(span.first, span.last);
      else
        unit->core->copy_failed(span.first, span.last, now());
    }
    warn_of(*unit, report);
    settle(unit);
  }
  unit->copying = false;
  --copies_running_;
  copy_ended_.notify();
}

void ShareShell::warn_of(Unit& unit, const CopyReport& report) {
  ShardCounters& counters = shard_.counters();
  counters.dead_letters_copied += static_cast<std::uint64_t>(report.copied);
  counters.dead_letters_failed += static_cast<std::uint64_t>(report.failed);
  counters.dead_letters_vanished += static_cast<std::uint64_t>(report.vanished);
  const Topic* topic = shard_.catalog()->find(unit.key.topic);
  const std::string_view name = topic == nullptr ? std::string_view{} : topic->name;
  if (report.vanished != 0)
    shard_.logger().warn("records were deleted before they could be copied to a dead-letter topic",
                         {{"group", unit.key.group},
                          {"topic", name},
                          {"partition", unit.key.partition},
                          {"records", report.vanished}});
  if (report.failed == 0 || shard_.timers().now() < unit.next_warning) return;
  unit.next_warning = shard_.timers().now() + warning_interval;
  shard_.logger().warn(
      "records could not be copied to a dead-letter topic; they stay and are tried again",
      {{"group", unit.key.group},
       {"topic", name},
       {"partition", unit.key.partition},
       {"dead_letter_topic", unit.dead_letter_topic},
       {"records", unit.core->counts().dead_lettering},
       {"error", report.fault}});
}

void ShareShell::resume(ShareKey key) {
  const auto added = resumes_.insert(std::move(key));
  if (started_ && added.second) tasks_.spawn(try_resume(*added.first));
}

// Opening it is enough: it knows what is left to do. Where its partition does not open now, it is
// tried again when that does.
Task<> ShareShell::try_resume(ShareKey key) {
  if (stopping_) co_return;
  if (shard_.catalog()->find(key.topic) == nullptr) {
    resumes_.erase(key);
    co_return;
  }
  const UnitPtr unit = find(key);
  const ErrorCode error = co_await open(unit, Begin::no);
  if (error == ErrorCode::none || error == ErrorCode::group_id_not_found) resumes_.erase(key);
}

void ShareShell::partition_opened(const PartitionKey& opened) {
  if (!started_) return;
  std::vector<ShareKey> here;  // the tasks take them off
  for (const ShareKey& key : resumes_)
    if (key.topic == opened.topic && key.partition == opened.index) here.push_back(key);
  for (ShareKey& key : here) tasks_.spawn(try_resume(std::move(key)));
}

// ---- What an operator asks ----

Task<QueueView> ShareShell::describe(const ShareKey* key, std::size_t ranges_max) {
  QueueView view;
  Partition* partition = shard_.find(key->topic, key->partition);
  if (partition == nullptr) {
    view.error = shard_.why_missing(key->topic);
    co_return view;
  }
  view.high_watermark = partition->log().high_watermark();
  std::optional<SharePartition> stored_core;  // as it would be opened
  const SharePartition* core = nullptr;
  if (const auto at = units_.find(*key); at != units_.end() && at->second->core) {
    follow_settings(*at->second);
    at->second->core->tick(now());
    settle(at->second);
    core = &*at->second->core;
  } else {
    StoredShare stored;
    view.error = co_await find_stored(key, &stored);
    if (view.error != ErrorCode::none) co_return view;
    core = &stored_core.emplace(stored.state, ShareSettings{}, shard_.random(), now());
  }
  view.start = core->start();
  view.end = core->end();
  view.counts = core->counts();
  view.ranges = core->describe(ranges_max + 1, now());
  view.more = view.ranges.size() > ranges_max;
  if (view.more) view.ranges.pop_back();
  view.members.reserve(view.ranges.size());  // its strings stay where they are
  for (QueueRange& range : view.ranges) {
    if (range.member.empty()) continue;
    range.member = view.members.emplace_back(range.member);
  }
  co_return view;
}

Task<HandResult> ShareShell::change_by_hand(const ShareKey* key,
                                            std::span<const HandChange> changes) {
  HandResult result;
  StoredShare stored;
  const auto known = units_.find(*key);
  if (known == units_.end() || !known->second->core) {
    result.error = co_await find_stored(key, &stored);
    if (result.error != ErrorCode::none) co_return result;  // leaves no trace in memory
  }
  const UnitPtr unit = find(*key);
  if (!unit->core) {
    result.error = co_await open(unit, Begin::no);
    if (result.error != ErrorCode::none) co_return result;
  }
  Partition* partition = shard_.find(key->topic, key->partition);
  if (partition == nullptr) {
    result.error = shard_.why_missing(key->topic);
    co_return result;
  }
  follow_settings(*unit);
  unit->core->log_start_moved(partition->log().log_start_offset());
  const Offset log_end = partition->log().high_watermark();
  const auto changed = unit->core->change_by_hand(changes, log_end, now());
  if (!changed) {
    settle(unit);
    result.error = changed.error();
    co_return result;
  }
  if (changed->write == 0)
    settle(unit);
  else
    result.error = co_await wait_stored(unit, changed->write);
  if (result.error == ErrorCode::none) result.changed = changed->records;
  co_return result;
}

std::vector<ShareShell::Overview> ShareShell::overview() const {
  std::vector<Overview> all;
  for (const auto& [key, unit] : units_)
    if (unit->core) all.push_back({key, unit->core->start(), unit->core->counts()});
  return all;
}

}  // namespace sluice::broker
