// From a group to the shard and the coordinator that own it.
#pragma once

#include "base/task.hpp"
#include "broker/group_shell.hpp"
#include "broker/request.hpp"
#include "broker/shards.hpp"

#include <string_view>

namespace sluice::broker {

inline constexpr std::string_view offsets_topic_name = "__consumer_offsets";

struct GroupRoute {
  Shard* shard = nullptr;  // null: there is no coordinator; see error
  PartitionIndex partition = 0;
  ErrorCode error = ErrorCode::none;
};

// Where the group's partition of __consumer_offsets lives; the topic is made on first use.
// Errors: coordinator_not_available when it could not be made; invalid_group_id is the
// coordinator's to find.
Task<GroupRoute> route_group(Shard& home, std::string_view group_id);

// Calls run on the route's shard. The shell is null while the partition is not open there.
template <class Reply, class Argument>
Task<Reply> call_group(Shard& home, GroupRoute route,
                       Task<Reply> (*call)(GroupShell* shell, const Argument* argument),
                       const Argument* argument) {
  struct Local {
    static Task<Reply> run(GroupRoute to, Task<Reply> (*function)(GroupShell*, const Argument*),
                           const Argument* with) {
      co_return co_await function(to.shard->group_shell(to.partition), with);
    }
  };
  co_return co_await on(home, *route.shard, Local::run(route, call, argument));
}

}  // namespace sluice::broker
