#include "client/metadata.hpp"

#include <algorithm>

namespace sluice::client {

TopicInfo topic_info(const protocol::MetadataResponse::Topic& topic) {
  TopicInfo info{.name = std::string(topic.name.value_or("")),
                 .id = topic.topic_id,
                 .internal = topic.is_internal,
                 .error = topic.error_code};
  for (const auto& partition : topic.partitions)
    info.partitions.push_back({.partition = partition.partition_index,
                               .leader = partition.leader_id,
                               .leader_epoch = partition.leader_epoch,
                               .replicas = partition.replica_nodes,
                               .in_sync = partition.isr_nodes,
                               .offline = partition.offline_replicas});
  std::sort(info.partitions.begin(), info.partitions.end(),
            [](const auto& a, const auto& b) { return a.partition < b.partition; });
  return info;
}

void MetadataCache::update(const protocol::MetadataResponse& response, TimePoint now) {
  brokers_.clear();
  for (const auto& broker : response.brokers)
    brokers_.push_back(
        {.id = broker.node_id,
         .host = std::string(broker.host),
         .port = static_cast<std::uint16_t>(broker.port),
         .rack = broker.rack ? std::optional(std::string(*broker.rack)) : std::nullopt});
  cluster_id_ = response.cluster_id.value_or("");
  controller_ = response.controller_id;
  if (wants_all()) {
    // Whatever is not in the list is gone.
    std::set<std::string_view> listed;
    for (const auto& topic : response.topics)
      if (topic.name) listed.insert(*topic.name);
    std::erase_if(topics_, [&](const auto& known) { return !listed.contains(known.first); });
  }
  for (const auto& topic : response.topics) {
    auto info = topic_info(topic);
    auto known = topics_.find(info.name);
    if (known != topics_.end() && known->second.id == info.id &&
        info.error == protocol::ErrorCode::none) {
      // An answer from a broker that lags behind must not take us back to an old leader.
      for (auto& partition : info.partitions) {
        if (static_cast<std::size_t>(partition.partition) >= known->second.partitions.size())
          continue;
        const auto& before =
            known->second.partitions[static_cast<std::size_t>(partition.partition)];
        if (partition.leader_epoch >= 0 && before.leader_epoch > partition.leader_epoch)
          partition = before;
      }
    }
    std::string name = info.name;
    topics_.insert_or_assign(std::move(name), std::move(info));
  }
  fresh_until_ = now + max_age_;
  ++revision_;
}

bool MetadataCache::want(std::string_view topic) {
  if (wanted_.contains(topic)) return false;
  wanted_.emplace(topic);
  invalidate();
  return true;
}

void MetadataCache::want_all(All all) {
  if (all == all_) return;
  all_ = all;
  invalidate();
}

std::vector<std::string> MetadataCache::topic_names() const {
  std::vector<std::string> names;
  for (const auto& [name, info] : topics_)
    if (info.error == ErrorCode::none && !info.internal) names.push_back(name);
  return names;
}

const TopicInfo* MetadataCache::topic(std::string_view name) const {
  const auto at = topics_.find(name);
  return at == topics_.end() ? nullptr : &at->second;
}

const TopicInfo* MetadataCache::topic(const TopicId& id) const {
  for (const auto& [name, info] : topics_)
    if (info.id == id) return &info;
  return nullptr;
}

const PartitionInfo* MetadataCache::partition(std::string_view topic_name,
                                              PartitionIndex index) const {
  const auto* info = topic(topic_name);
  if (!info || index < 0 || static_cast<std::size_t>(index) >= info->partitions.size())
    return nullptr;
  return &info->partitions[static_cast<std::size_t>(index)];
}

const BrokerInfo* MetadataCache::broker(BrokerId id) const {
  for (const auto& broker : brokers_)
    if (broker.id == id) return &broker;
  return nullptr;
}

}  // namespace sluice::client
