#include "broker/group_route.hpp"

#include "broker/broker.hpp"
#include "broker/offsets_records.hpp"

namespace sluice::broker {

Task<GroupRoute> route_group(Shard& home, std::string_view group_id) {
  GroupRoute route;
  const Topic* topic = home.catalog()->find(offsets_topic_name);
  if (topic == nullptr) {
    route.error = co_await home.broker().create_offsets_topic(home);
    topic = home.catalog()->find(offsets_topic_name);
    if (topic == nullptr && route.error == ErrorCode::none)
      route.error = ErrorCode::coordinator_not_available;
    if (route.error != ErrorCode::none) co_return route;
  }
  route.partition = partition_of_group(group_id, topic->partition_count);
  const PartitionKey key{topic->id, route.partition};
  route.shard = &home.broker().home_of(key);
  co_return route;
}

}  // namespace sluice::broker
