#include "broker/disk_cap_shell.hpp"

#include "broker/broker.hpp"
#include "broker/partition.hpp"
#include "broker/shards.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace sluice::broker {
namespace {

// Partitions that a look takes at a stretch before others get the shard.
constexpr std::size_t stretch = 64;
constexpr std::chrono::seconds look_interval{1};
constexpr std::chrono::milliseconds look_gap{10};  // least, between two looks

std::vector<PartitionKey> keys_of(const Shard& shard) {
  std::vector<PartitionKey> keys;
  keys.reserve(shard.partitions().size());
  for (const auto& [key, partition] : shard.partitions()) keys.push_back(key);
  return keys;
}

// On `shard`, as are those below.
Task<std::int64_t> used_on(Shard* shard, std::int64_t next_look_bytes) {
  shard->expect_cap_look_after(next_look_bytes);
  std::int64_t used = 0;
  std::size_t looked_at = 0;
  const std::vector<PartitionKey> keys = keys_of(*shard);
  for (const PartitionKey& key : keys) {
    if (++looked_at % stretch == 0) co_await asio::post(shard->executor(), use_task);
    if (Partition* partition = shard->find(key.topic, key.index))
      used += partition->log().size_on_disk();
  }
  co_return used;
}

// The logs whose records may go, each with as many closed segments as hold `excess` bytes.
Task<std::vector<CappedLog>> logs_on(Shard* shard, std::int64_t excess) {
  std::vector<CappedLog> logs;
  const std::vector<PartitionKey> keys = keys_of(*shard);
  for (const PartitionKey& key : keys) {
    Partition* partition = shard->find(key.topic, key.index);
    if (partition == nullptr || partition->closing() || shard->stopping()) continue;
    if (!partition->config().disk_cap_deletes || is_internal_topic(partition->topic().name))
      continue;
    auto closed = co_await partition->closed_segments(excess);
    if (!closed) {
      shard->logger().warn(
          "the segments of a partition cannot be deleted for "
          "sluice.disk.max.bytes",
          {{"partition", key.index}, {"error", closed.error().message()}});
      continue;
    }
    partition = shard->find(key.topic, key.index);
    if (partition == nullptr) continue;
    logs.push_back({key, std::move(*closed), partition->log().active_bytes()});
  }
  co_return logs;
}

Task<bool> delete_on(Shard* shard, CapDeletion deletion) {
  Partition* partition = shard->find(deletion.key.topic, deletion.key.index);
  if (partition == nullptr || partition->closing()) co_return false;
  const std::string topic = partition->topic().name;
  const auto deleted = co_await partition->delete_records(deletion.before);
  if (deleted)
    shard->logger().info(
        "segments were deleted to stay below sluice.disk.max.bytes",
        {{"topic", topic}, {"partition", deletion.key.index}, {"log_start", *deleted}});
  else
    shard->logger().warn("segments could not be deleted to stay below sluice.disk.max.bytes",
                         {{"topic", topic},
                          {"partition", deletion.key.index},
                          {"error", deleted.error().message()}});
  co_return deleted.has_value();
}

Task<bool> close_active_on(Shard* shard, PartitionKey key) {
  Partition* partition = shard->find(key.topic, key.index);
  if (partition == nullptr || partition->closing()) co_return false;
  const auto closed = co_await partition->close_active_segment();
  co_return closed.has_value();
}

Task<> refuse_on(Shard* shard, bool refuse) {
  if (shard->is_open()) shard->store().refuse_records(refuse);
  co_return;
}

}  // namespace

DiskCapShell::DiskCapShell(Shard& home)
    : home_(home), alarm_(home.logger()), timer_(home.timers().make_timer()) {}

DiskCapShell::State DiskCapShell::state() const {
  const std::int64_t max = home_.options()->disk_max_bytes;
  return {max, max > 0 ? used_.value_or(0) : 0, deleted_, alarm_.on()};
}

Task<> DiskCapShell::run() {
  while (!home_.stopping()) {
    const TimePoint now = home_.timers().now();
    const TimePoint next = soon_ ? now + look_gap : now + look_interval;
    const bool due = co_await timer_->wait_until(next);
    if (!due) continue;
    soon_ = false;
    co_await keep();
  }
}

void DiskCapShell::look_soon() {
  if (!soon_ || home_.stopping()) timer_->cancel();
  soon_ = true;
}

Task<> DiskCapShell::keep() {
  const std::int64_t max = home_.options()->disk_max_bytes;
  if (max == 0 && !refusing_ && !alarm_.on()) co_return;
  std::int64_t taken = co_await used();
  used_ = taken;
  alarm_.look(taken, max);
  // What comes in meanwhile is the next round's: only what cannot be deleted refuses records.
  bool wanted = false;
  if (max > 0 && taken > max && !home_.stopping()) {
    const bool enough = co_await make_room(taken - max);
    const std::int64_t before = std::exchange(taken, co_await used());
    used_ = taken;
    deleted_ += std::max<std::int64_t>(0, before - taken);
    wanted = !enough && taken > max;
  }
  if (wanted == refusing_) co_return;
  refusing_ = wanted;
  home_.logger().write(
      wanted ? LogLevel::error : LogLevel::info,
      wanted ? "topics take more than sluice.disk.max.bytes and none of their segments may be "
               "deleted: records are refused; delete topics or records, let more topics be deleted "
               "from (sluice.disk.max.delete), or raise the limit"
             : "topics take less than sluice.disk.max.bytes again: records are taken",
      {{"used_bytes", taken}, {"max_bytes", max}});
  co_await refuse(wanted);
}

Task<std::int64_t> DiskCapShell::used() {
  Broker& broker = home_.broker();
  const std::int64_t step =
      cap_look_step(used_, home_.options()->disk_max_bytes) / broker.shard_count();
  std::int64_t used = 0;
  for (int id = 0; id < broker.shard_count(); ++id) {
    Shard& shard = broker.shard(id);
    used += co_await on(home_, shard, used_on(&shard, step));
  }
  co_return used;
}

// Whether as much was deleted.
Task<bool> DiskCapShell::make_room(std::int64_t excess) {
  Broker& broker = home_.broker();
  std::vector<CappedLog> logs;
  for (int id = 0; id < broker.shard_count(); ++id) {
    Shard& shard = broker.shard(id);
    auto some = co_await on(home_, shard, logs_on(&shard, excess));
    std::ranges::move(some, std::back_inserter(logs));
  }
  const CapPlan plan = plan_deletions(logs, excess);
  bool all = true;
  for (const CapDeletion& deletion : plan.deletions) {
    if (home_.stopping()) co_return true;
    Shard& shard = broker.home_of(deletion.key);
    const bool deleted = co_await on(home_, shard, delete_on(&shard, deletion));
    all = all && deleted;
  }
  if (plan.close_active) {
    Shard& shard = broker.home_of(*plan.close_active);
    if (co_await on(home_, shard, close_active_on(&shard, *plan.close_active))) look_soon();
  }
  const bool enough = all && plan.bytes >= excess;
  co_return enough;
}

Task<> DiskCapShell::refuse(bool refuse) {
  Broker& broker = home_.broker();
  for (int id = 0; id < broker.shard_count(); ++id) {
    Shard& shard = broker.shard(id);
    co_await on(home_, shard, refuse_on(&shard, refuse));
  }
}

}  // namespace sluice::broker
