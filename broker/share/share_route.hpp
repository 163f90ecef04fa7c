// From a share partition to the shard and the store that keep its state.
#pragma once

#include "base/task.hpp"
#include "broker/shards.hpp"
#include "broker/share/share_store_shell.hpp"

#include <string_view>

namespace sluice::broker {

inline constexpr std::string_view share_state_topic_name = "__share_group_state";

struct ShareRoute {
  Shard* shard = nullptr;  // null: see error
  PartitionIndex partition = 0;
  ErrorCode error = ErrorCode::none;
};

enum class Creating : std::uint8_t { no, yes };

// Where the state of `key` is kept; the topic is made on first use if `creating`.
// Errors: group_id_not_found, where there is none and it is not to be made: nothing was ever
// stored; those of making it.
Task<ShareRoute> route_share(Shard& home, const ShareKey& key, Creating creating);

// On the route's shard; coordinator_load_in_progress while it is not loaded.
Task<StoredShare> find_share(Shard* shard, PartitionIndex partition, ShareKey key,
                             ErrorCode* error);
Task<ShareStoreShell::Begun> begin_share(Shard* shard, PartitionIndex partition, ShareKey key,
                                         Offset start);
Task<ErrorCode> change_share(Shard* shard, PartitionIndex partition, ShareKey key,
                             std::int32_t state_epoch, StateChange change);
Task<ErrorCode> forget_share(Shard* shard, PartitionIndex partition, ShareKey key);

// Whether every store has read its log; until then the lists below may lack something.
Task<bool> stores_loaded(Shard& home);
// What the stores of all shards hold of `group`, in order; of all groups: their names.
Task<std::vector<ShareKey>> stored_keys(Shard& home, std::string_view group);
Task<std::vector<std::string>> stored_groups(Shard& home);

}  // namespace sluice::broker
