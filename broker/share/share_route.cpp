#include "broker/share/share_route.hpp"

#include "broker/broker.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

ShareStoreShell* loaded_store(Shard* shard, PartitionIndex partition) {
  ShareStoreShell* store = shard->share_store(partition);
  return store != nullptr && store->loaded() ? store : nullptr;
}

Task<bool> loaded_here(Shard* shard, PartitionIndex partition) {
  co_return loaded_store(shard, partition) != nullptr;
}
Task<std::vector<ShareKey>> keys_here(Shard* shard, PartitionIndex partition, std::string group) {
  ShareStoreShell* store = loaded_store(shard, partition);
  if (store == nullptr) co_return std::vector<ShareKey>{};
  co_return store->store().keys_of(group);
}
Task<std::vector<std::string>> groups_here(Shard* shard, PartitionIndex partition) {
  ShareStoreShell* store = loaded_store(shard, partition);
  if (store == nullptr) co_return std::vector<std::string>{};
  co_return store->store().groups();
}

}  // namespace

Task<ShareRoute> route_share(Shard& home, const ShareKey& key, Creating creating) {
  ShareRoute route;
  const Topic* topic = home.catalog()->find(share_state_topic_name);
  if (topic == nullptr && creating == Creating::yes) {
    route.error = co_await home.broker().create_share_state_topic(home);
    topic = home.catalog()->find(share_state_topic_name);
  }
  if (topic == nullptr) {
    if (creating == Creating::no)
      route.error = ErrorCode::group_id_not_found;
    else if (route.error == ErrorCode::none)
      route.error = ErrorCode::coordinator_not_available;
    co_return route;
  }
  route.partition = partition_of_share(key, topic->partition_count);
  route.shard = &home.broker().home_of({topic->id, route.partition});
  co_return route;
}

Task<StoredShare> find_share(Shard* shard, PartitionIndex partition, ShareKey key,
                             ErrorCode* error) {
  ShareStoreShell* store = loaded_store(shard, partition);
  if (store == nullptr) {
    *error = ErrorCode::coordinator_load_in_progress;
    co_return StoredShare{};
  }
  co_return store->store().find(key);
}

Task<ShareStoreShell::Begun> begin_share(Shard* shard, PartitionIndex partition, ShareKey key,
                                         Offset start) {
  ShareStoreShell* store = loaded_store(shard, partition);
  if (store == nullptr) {
    ShareStoreShell::Begun begun;
    begun.error = ErrorCode::coordinator_load_in_progress;
    co_return begun;
  }
  co_return co_await store->begin(std::move(key), start);
}

Task<ErrorCode> change_share(Shard* shard, PartitionIndex partition, ShareKey key,
                             std::int32_t state_epoch, StateChange change) {
  ShareStoreShell* store = loaded_store(shard, partition);
  if (store == nullptr) co_return ErrorCode::coordinator_load_in_progress;
  co_return co_await store->change(std::move(key), state_epoch, std::move(change));
}

Task<ErrorCode> forget_share(Shard* shard, PartitionIndex partition, ShareKey key) {
  ShareStoreShell* store = loaded_store(shard, partition);
  if (store == nullptr) co_return ErrorCode::coordinator_load_in_progress;
  co_return co_await store->forget(std::move(key));
}

Task<bool> stores_loaded(Shard& home) {
  const CatalogSnapshot catalog = home.catalog();
  const Topic* topic = catalog->find(share_state_topic_name);
  if (topic == nullptr) co_return true;
  for (PartitionIndex index = 0; index < topic->partition_count; ++index) {
    Shard& shard = home.broker().home_of({topic->id, index});
    if (!co_await on(home, shard, loaded_here(&shard, index))) co_return false;
  }
  co_return true;
}

Task<std::vector<ShareKey>> stored_keys(Shard& home, std::string_view group) {
  std::vector<ShareKey> keys;
  const CatalogSnapshot catalog = home.catalog();
  const Topic* topic = catalog->find(share_state_topic_name);
  if (topic == nullptr) co_return keys;
  for (PartitionIndex index = 0; index < topic->partition_count; ++index) {
    Shard& shard = home.broker().home_of({topic->id, index});
    const auto part = co_await on(home, shard, keys_here(&shard, index, std::string(group)));
    keys.insert(keys.end(), part.begin(), part.end());
  }
  std::ranges::sort(keys);
  co_return keys;
}

Task<std::vector<std::string>> stored_groups(Shard& home) {
  std::vector<std::string> groups;
  const CatalogSnapshot catalog = home.catalog();
  const Topic* topic = catalog->find(share_state_topic_name);
  if (topic == nullptr) co_return groups;
  for (PartitionIndex index = 0; index < topic->partition_count; ++index) {
    Shard& shard = home.broker().home_of({topic->id, index});
    const auto part = co_await on(home, shard, groups_here(&shard, index));
    groups.insert(groups.end(), part.begin(), part.end());
  }
  std::ranges::sort(groups);
  const auto repeated = std::ranges::unique(groups);
  groups.erase(repeated.begin(), repeated.end());
  co_return groups;
}

}  // namespace sluice::broker
