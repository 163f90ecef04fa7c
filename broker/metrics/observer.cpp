#include "broker/metrics/observer.hpp"

#include "broker/broker.hpp"
#include "broker/disk_cap_shell.hpp"
#include "broker/metrics/shard_view.hpp"
#include "broker/shards.hpp"
#include "broker/version.hpp"

#include <algorithm>
#include <chrono>
#include <unordered_map>

namespace sluice::broker {
namespace {

BrokerState state_of(BrokerPhase phase) {
  if (phase == BrokerPhase::ready) return BrokerState::ready;
  return phase == BrokerPhase::starting ? BrokerState::starting : BrokerState::stopping;
}

// The topics of the catalog, with a place for each of their partitions.
void lay_out(BrokerView& view) {
  std::size_t first = 0;
  for (const auto& [name, topic] : view.catalog->topics()) {
    const auto dead = topic->overrides.find("errors.deadletterqueue.group.enable");
    view.topics.push_back(
        {.topic = topic.get(),
         .first = first,
         .internal = is_internal_topic(name),
         .dead_letters = dead != topic->overrides.end() && dead->second == "true"});
    first += static_cast<std::size_t>(topic->partition_count);
  }
  view.partitions.resize(first);
}

const TopicView* find_topic(const BrokerView& view, std::string_view name) {
  const auto at = std::ranges::lower_bound(view.topics, name, {}, [](const TopicView& one) {
    return std::string_view(one.topic->name);
  });
  return at != view.topics.end() && at->topic->name == name ? &*at : nullptr;
}

const PartitionView* find_partition(const BrokerView& view, const TopicView* topic,
                                    PartitionIndex index) {
  if (topic == nullptr || index < 0 || index >= topic->topic->partition_count) return nullptr;
  const PartitionView& found = view.partitions[topic->first + static_cast<std::size_t>(index)];
  return found.open ? &found : nullptr;
}

void place(BrokerView& view, const std::unordered_map<Uuid, const TopicView*>& by_id,
           const std::vector<std::pair<PartitionKey, PartitionView>>& partitions) {
  for (const auto& [key, partition] : partitions) {
    const auto topic = by_id.find(key.topic);
    if (topic == by_id.end() || key.index >= topic->second->topic->partition_count) continue;
    view.partitions[topic->second->first + static_cast<std::size_t>(key.index)] = partition;
  }
}

GroupView classic_group(const BrokerView& view, GroupOverview group) {
  GroupView out{std::move(group.group_id), "classic", std::move(group.state), group.members, {}};
  for (GroupOverview::Commit& commit : group.commits) {
    const PartitionView* partition =
        find_partition(view, find_topic(view, commit.topic), commit.partition);
    CommitView& row = out.commits.emplace_back();
    row.topic = std::move(commit.topic);
    row.partition = commit.partition;
    row.committed = commit.offset;
    if (partition == nullptr) continue;
    row.high_watermark = partition->high_watermark;
    row.lag = std::max<Offset>(
        0, partition->high_watermark - std::max(commit.offset, partition->log_start));
    if (row.lag == 0) row.lag_seconds = 0;
  }
  return out;
}

void add_shares(BrokerView& view, const std::unordered_map<Uuid, const TopicView*>& by_id,
                ShardView& shard) {
  for (ShareShell::Overview& share : shard.shares) {
    const auto topic = by_id.find(share.key.topic);
    if (topic == by_id.end()) continue;
    const PartitionView* partition = find_partition(view, topic->second, share.key.partition);
    view.shares.push_back({std::move(share.key.group), topic->second->topic->name,
                           share.key.partition, share.start,
                           partition == nullptr ? -1 : partition->high_watermark, share.counts});
  }
}

// Share groups with members, and those whose partitions are in use.
void add_share_groups(BrokerView& view, const std::map<std::string, std::size_t>& members) {
  std::map<std::string, GroupView> groups;
  for (const auto& [name, count] : members)
    groups[name] = {name, "share", count == 0 ? "Empty" : "Stable", count, {}};
  for (const ShareView& share : view.shares) {
    GroupView& group = groups[share.group];
    if (group.group.empty()) group = {share.group, "share", "Empty", 0, {}};
    CommitView& row = group.commits.emplace_back();
    row.topic = share.topic;
    row.partition = share.partition;
    row.committed = share.start;
    row.high_watermark = share.high_watermark;
    if (share.high_watermark >= 0)
      row.lag = std::max<Offset>(0, share.high_watermark - share.start - share.counts.finished);
    if (row.lag == 0) row.lag_seconds = 0;
  }
  for (auto& [name, group] : groups) view.groups.push_back(std::move(group));
}

// A record that somebody has yet to consume, and where its age is to be written.
struct Waiting {
  PartitionKey key;
  Offset offset = 0;
  std::optional<double>* age_seconds = nullptr;  // in the view
};

// The first record that each group has not consumed, and the oldest of each dead-letter partition.
std::vector<Waiting> waiting_records(BrokerView& view) {
  std::vector<Waiting> all;
  for (GroupView& group : view.groups)
    for (CommitView& commit : group.commits)
      if (commit.lag > 0)
        if (const TopicView* topic = find_topic(view, commit.topic))
          all.push_back(
              {{topic->topic->id, commit.partition}, commit.committed, &commit.lag_seconds});
  for (TopicView& topic : view.topics)
    for (PartitionIndex i = 0; topic.dead_letters && i < topic.topic->partition_count; ++i) {
      const PartitionView* partition = find_partition(view, &topic, i);
      if (partition != nullptr && partition->high_watermark > partition->log_start)
        all.push_back({{topic.topic->id, i}, partition->log_start, &topic.oldest_age_seconds});
    }
  return all;
}

}  // namespace

Task<> Observer::gather(BrokerView* view, Wanted wanted) {
  Shard& home = broker_.shard(0);
  std::vector<ShardView> shards;
  for (int id = 0; id < broker_.shard_count(); ++id) {
    Shard& shard = broker_.shard(id);
    const ShardWanted from_shard{wanted.partitions, wanted.groups};
    shards.push_back(co_await on(home, shard, shard_view(&shard, from_shard)));
  }
  std::unordered_map<Uuid, const TopicView*> by_id;
  if (view->catalog) {
    lay_out(*view);
    for (const TopicView& topic : view->topics) by_id.emplace(topic.topic->id, &topic);
  }
  for (ShardView& shard : shards) {
    view->add(shard);
    place(*view, by_id, shard.partitions);
  }
  std::map<std::string, std::size_t> share_members;
  for (ShardView& shard : shards) {
    for (GroupOverview& group : shard.groups)
      view->groups.push_back(classic_group(*view, std::move(group)));
    add_shares(*view, by_id, shard);
    share_members.insert(shard.share_groups.begin(), shard.share_groups.end());
  }
  add_share_groups(*view, share_members);
  std::ranges::sort(view->groups, {}, &GroupView::group);
}

// Asks for the times of the records that groups and dead-letter topics wait at.
Task<> Observer::add_times(BrokerView* view) {
  Shard& home = broker_.shard(0);
  Times times;
  std::vector<std::vector<RecordTime>> questions(static_cast<std::size_t>(broker_.shard_count()));
  std::size_t reads = 0;
  for (const Waiting& one : waiting_records(*view)) {
    const RecordPlace place{one.key.topic, one.key.index, one.offset};
    if (times.contains(place)) continue;
    const auto known = times_.find(place);
    if (known != times_.end() && known->second >= 0) {
      times.insert(*known);
    } else if (reads++ < reads_max) {
      times[place] = -1;
      questions[static_cast<std::size_t>(broker_.shard_of(one.key))].push_back(
          {one.key, one.offset});
    }
  }
  for (int id = 0; id < broker_.shard_count(); ++id) {
    auto& asked = questions[static_cast<std::size_t>(id)];
    if (asked.empty()) continue;
    Shard& shard = broker_.shard(id);
    const auto answers = co_await on(home, shard, read_times(&shard, std::move(asked)));
    for (const RecordTime& one : answers)
      times[{one.key.topic, one.key.index, one.offset}] = one.timestamp_ms;
  }
  const std::int64_t now_ms = home.clock().wall_ms();
  for (const Waiting& one : waiting_records(*view)) {
    const auto at = times.find({one.key.topic, one.key.index, one.offset});
    if (at == times.end() || at->second < 0) continue;
    const double age = static_cast<double>(std::max<std::int64_t>(0, now_ms - at->second)) / 1000;
    *one.age_seconds = std::max(one.age_seconds->value_or(0), age);
  }
  times_ = std::move(times);
}

Task<std::shared_ptr<const BrokerView>> Observer::look(Wanted wanted) {
  Shard& home = broker_.shard(0);
  auto view = std::make_shared<BrokerView>();
  view->state = state_of(broker_.phase());
  view->version = version;
  view->node_id = broker_.options().node_id;
  view->uptime_seconds =
      std::chrono::duration<double>(home.clock().now() - broker_.began()).count();
  view->start_time_seconds =
      static_cast<double>(home.clock().wall_ms()) / 1000 - view->uptime_seconds;
  view->recovery_seconds = static_cast<double>(broker_.started_ms()) / 1000;
  view->data_directory = broker_.data_directory();
  view->shards = broker_.shard_count();
  view->connections = broker_.connection_count();
  view->partition_series = broker_.options().metrics_partitions;
  // A start that failed is stopped with the port still open.
  if (view->state == BrokerState::starting || !home.is_open()) {
    co_await gather(view.get(), {.partitions = false, .groups = false});
    co_return view;
  }
  view->cluster_id = broker_.cluster_id();
  view->catalog = home.catalog();
  if (!broker_.addresses().empty()) {
    const Endpoint& first = broker_.addresses().front();
    view->address = first.host + ":" + std::to_string(first.port);
  }
  view->io_backend = home.files().backend().name;
  view->io_reason = home.files().backend().reason;
  if (const auto space = co_await home.files().space()) {
    view->disk_known = true;
    view->disk_total_bytes = space->total_bytes;
    view->disk_free_bytes = space->free_bytes;
  }
  if (const DiskCapShell* disk_cap = home.disk_cap()) {
    const DiskCapShell::State cap = disk_cap->state();
    view->disk_max_bytes = cap.max_bytes;
    view->disk_used_bytes = cap.used_bytes;
    view->disk_max_deleted_bytes = cap.deleted_bytes;
    view->disk_max_alarm = cap.alarm;
  }
  co_await gather(view.get(), wanted);
  if (wanted.groups) co_await add_times(view.get());
  co_return view;
}

}  // namespace sluice::broker
