#include "broker/queue/schedule_route.hpp"

#include "broker/broker.hpp"
#include "broker/placement.hpp"

#include <map>

namespace sluice::broker {
namespace {

Task<ErrorCode> keep_here(Shard* shard, PartitionIndex partition, const ScheduleTarget* target,
                          const ScheduleSource* source, const std::vector<DelayedRecord>* records) {
  ScheduleShell* shell = shard->schedule_shell(partition);
  if (shell == nullptr) co_return ErrorCode::not_leader_or_follower;
  co_return co_await shell->keep(target, source, records);
}

Task<ScheduleListing> list_here(Shard* shard, PartitionIndex partition,
                                const ScheduleFilter* filter, Offset from, std::size_t limit) {
  ScheduleListing none;
  none.error = ErrorCode::not_leader_or_follower;
  ScheduleShell* shell = shard->schedule_shell(partition);
  if (shell == nullptr) co_return none;
  co_return co_await shell->list(filter, from, limit);
}

Task<ScheduleCancelled> cancel_here(Shard* shard, PartitionIndex partition,
                                    const ScheduleFilter* filter) {
  ScheduleShell* shell = shard->schedule_shell(partition);
  if (shell == nullptr) co_return ScheduleCancelled{ErrorCode::not_leader_or_follower, 0};
  co_return co_await shell->cancel(filter);
}

Task<ScheduleCancelled> cancel_origins_here(Shard* shard, PartitionIndex partition,
                                            const std::vector<Offset>* origins) {
  ScheduleShell* shell = shard->schedule_shell(partition);
  if (shell == nullptr) co_return ScheduleCancelled{ErrorCode::not_leader_or_follower, 0};
  co_return co_await shell->cancel_origins(origins);
}

void add(ScheduleCancelled& sum, const ScheduleCancelled& part) {
  sum.count += part.count;
  if (part.error != ErrorCode::none) sum.error = part.error;
}

}  // namespace

std::optional<ScheduleRoute> route_schedules(Shard& home, const ScheduleTarget& target) {
  const Topic* store = home.catalog()->find(schedules_topic_name);
  if (store == nullptr) return std::nullopt;
  // On `count` shards partition 0 of the store is on the shard `begin`, the target on `place`.
  const int count = store->partition_count;
  const int place = shard_of(target.topic, target.partition, count);
  const int begin = shard_of(store->id, 0, count);
  const PartitionIndex partition = (place - begin + count) % count;
  return ScheduleRoute{&home.broker().home_of({store->id, partition}), partition};
}

Task<ErrorCode> keep_records(Shard& home, const ScheduleTarget* target,
                             const ScheduleSource* source,
                             const std::vector<DelayedRecord>* records) {
  const auto route = route_schedules(home, *target);
  if (!route) co_return ErrorCode::kafka_storage_error;
  co_return co_await on(home, *route->shard,
                        keep_here(route->shard, route->partition, target, source, records));
}

Task<ScheduleListingOfAll> list_schedules(Shard& home, const ScheduleFilter* filter,
                                          ScheduleCursor from, std::size_t limit) {
  ScheduleListingOfAll all;
  const CatalogSnapshot catalog = home.catalog();
  const Topic* store = catalog->find(schedules_topic_name);
  if (store == nullptr) co_return all;
  for (PartitionIndex index = 0; index < store->partition_count; ++index) {
    // Those before the cursor, and those behind the end of the list, only say how many wait.
    const bool listed = index >= from.partition && !all.next;
    const std::size_t left = listed ? limit - all.rows.size() : 0;
    Shard& shard = home.broker().home_of({store->id, index});
    const Offset first = index == from.partition ? from.offset : 0;
    ScheduleListing part = co_await on(home, shard, list_here(&shard, index, filter, first, left));
    if (part.error != ErrorCode::none) {
      all.error = part.error;
      co_return all;
    }
    all.waiting += part.waiting;
    if (listed && part.next) all.next = ScheduleCursor{index, *part.next};
    for (ScheduleRow& row : part.rows) all.rows.push_back(std::move(row));
  }
  co_return all;
}

Task<ScheduleCancelled> cancel_schedules(Shard& home, const ScheduleFilter* filter) {
  ScheduleCancelled all;
  const CatalogSnapshot catalog = home.catalog();
  const Topic* store = catalog->find(schedules_topic_name);
  if (store == nullptr) co_return all;
  for (PartitionIndex index = 0; index < store->partition_count; ++index) {
    Shard& shard = home.broker().home_of({store->id, index});
    add(all, co_await on(home, shard, cancel_here(&shard, index, filter)));
  }
  co_return all;
}

Task<ScheduleCancelled> cancel_schedules(Shard& home, const std::vector<ScheduleId>* ids) {
  ScheduleCancelled all;
  const CatalogSnapshot catalog = home.catalog();
  const Topic* store = catalog->find(schedules_topic_name);
  if (store == nullptr) co_return all;
  std::map<PartitionIndex, std::vector<Offset>> origins;
  for (const ScheduleId& id : *ids)
    if (id.partition < store->partition_count) origins[id.partition].push_back(id.origin);
  for (const auto& [index, list] : origins) {
    Shard& shard = home.broker().home_of({store->id, index});
    add(all, co_await on(home, shard, cancel_origins_here(&shard, index, &list)));
  }
  co_return all;
}

}  // namespace sluice::broker
