#include "broker/share/share_groups.hpp"

#include "broker/group_config.hpp"
#include "broker/options.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

ShareHeartbeatReply refused(ErrorCode error, std::string message) {
  ShareHeartbeatReply reply;
  reply.error = error;
  reply.message = std::move(message);
  return reply;
}

}  // namespace

ShareHeartbeatReply ShareGroups::heartbeat(const ShareHeartbeat& request, const Catalog& catalog,
                                           const Options& options, GroupTime now) {
  if (request.group_id.empty())
    return refused(ErrorCode::invalid_request, "GroupId can't be empty.");
  if (request.member_id.empty())
    return refused(ErrorCode::invalid_request, "MemberId can't be empty.");
  if (request.member_epoch < -1)
    return refused(ErrorCode::invalid_request, "MemberEpoch is invalid.");
  if (request.member_epoch == -1) return leave(request, catalog);
  const bool joins = request.member_epoch == 0;
  if (joins && (!request.topics || request.topics->empty()))
    return refused(ErrorCode::invalid_request,
                   "SubscribedTopicNames must be set in first request.");

  auto at = groups_.find(request.group_id);
  if (at == groups_.end()) {
    if (!joins) return refused(ErrorCode::unknown_member_id, "The member is not in the group.");
    at = groups_.emplace(std::string(request.group_id), Group{}).first;
  }
  Group& group = at->second;
  auto found = group.members.find(request.member_id);
  if (found == group.members.end()) {
    if (!joins) return refused(ErrorCode::unknown_member_id, "The member is not in the group.");
    if (group.members.size() >= static_cast<std::size_t>(options.group_share_max_size))
      return refused(ErrorCode::group_max_size_reached, "The group is full.");
    found = group.members.emplace(std::string(request.member_id), Member{}).first;
    group.catalog_version = 0;  // dealt out anew
  }
  Member& member = found->second;
  if (!joins && request.member_epoch != member.epoch &&
      request.member_epoch != member.previous_epoch)
    return refused(ErrorCode::fenced_member_epoch, "The member's epoch is not the group's.");
  const auto& configs = catalog.configs(ResourceType::group, request.group_id);
  const GroupConfig config = effective_group_config(options, configs);
  member.deadline = now.steady + std::chrono::milliseconds(config.share_session_timeout_ms);
  member.client_id = std::string(request.client_id);
  member.client_host = std::string(request.client_host);
  if (request.rack_id) member.rack_id = std::string(*request.rack_id);
  if (request.topics) {
    std::set<std::string> topics(request.topics->begin(), request.topics->end());
    if (topics != member.topics) group.catalog_version = 0;
    member.topics = std::move(topics);
  }
  if (group.catalog_version != catalog.version() + 1) assign(group, catalog);
  ShareHeartbeatReply reply;
  reply.heartbeat_interval_ms = config.share_heartbeat_interval_ms;
  if (joins || !member.told) reply.assignment = member.assignment;
  member.told = true;
  if (member.epoch != group.epoch) {
    member.previous_epoch = member.epoch;
    member.epoch = group.epoch;
  }
  reply.member_epoch = member.epoch;
  return reply;
}

ShareHeartbeatReply ShareGroups::leave(const ShareHeartbeat& request, const Catalog& catalog) {
  const auto at = groups_.find(request.group_id);
  if (at == groups_.end() || !at->second.members.contains(request.member_id))
    return refused(ErrorCode::unknown_member_id, "The member is not in the group.");
  at->second.members.erase(at->second.members.find(request.member_id));
  if (at->second.members.empty())
    groups_.erase(at);
  else
    assign(at->second, catalog);
  ShareHeartbeatReply reply;
  reply.member_epoch = -1;
  return reply;
}

void ShareGroups::assign(Group& group, const Catalog& catalog) {
  group.catalog_version = catalog.version() + 1;
  std::vector<std::set<TopicId>> subscriptions;
  std::map<TopicId, std::int32_t> counts;
  std::vector<ShareAssignment> assignments;
  for (const auto& [id, member] : group.members) {
    auto& wanted = subscriptions.emplace_back();
    for (const std::string& name : member.topics) {
      const Topic* topic = catalog.find(name);
      if (topic == nullptr || is_internal_topic(name)) continue;
      wanted.insert(topic->id);
      counts[topic->id] = topic->partition_count;
    }
    assignments.push_back(member.assignment);
  }
  assign_simply(subscriptions, counts, assignments);
  bool changed = false;
  std::size_t index = 0;
  for (auto& [id, member] : group.members) {
    ShareAssignment& mine = assignments[index++];
    if (member.epoch != 0 && mine == member.assignment) continue;
    changed = true;
    member.assignment = std::move(mine);
    member.told = false;
  }
  if (changed) ++group.epoch;
}

std::optional<DescribedShareGroup> ShareGroups::describe(std::string_view group_id) const {
  const auto at = groups_.find(group_id);
  if (at == groups_.end()) return std::nullopt;
  DescribedShareGroup described;
  described.epoch = described.assignment_epoch = at->second.epoch;
  for (const auto& [id, member] : at->second.members)
    described.members.push_back({id,
                                 member.rack_id,
                                 member.epoch,
                                 member.client_id,
                                 member.client_host,
                                 {member.topics.begin(), member.topics.end()},
                                 member.assignment});
  return described;
}

std::vector<std::string> ShareGroups::names() const {
  std::vector<std::string> names;
  for (const auto& [name, group] : groups_) names.push_back(name);
  return names;
}

std::optional<TimePoint> ShareGroups::next_deadline() const {
  std::optional<TimePoint> next;
  for (const auto& [name, group] : groups_)
    for (const auto& [id, member] : group.members)
      if (!next || member.deadline < *next) next = member.deadline;
  return next;
}

void ShareGroups::tick(GroupTime now) {
  for (auto group = groups_.begin(); group != groups_.end();) {
    const auto gone = std::erase_if(group->second.members, [&](const auto& entry) {
      return entry.second.deadline <= now.steady;
    });
    if (gone != 0) group->second.catalog_version = 0;  // dealt out anew by the next heartbeat
    group = group->second.members.empty() ? groups_.erase(group) : std::next(group);
  }
}

void assign_simply(const std::vector<std::set<TopicId>>& subscriptions,
                   const std::map<TopicId, std::int32_t>& partition_counts,
                   std::vector<ShareAssignment>& assignments) {
  const std::vector<ShareAssignment> before =
      std::exchange(assignments, std::vector<ShareAssignment>(subscriptions.size()));
  for (const auto& [topic, partitions] : partition_counts) {
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < subscriptions.size(); ++i)
      if (subscriptions[i].contains(topic)) members.push_back(i);
    if (members.empty() || partitions <= 0) continue;
    const std::size_t count = static_cast<std::size_t>(partitions);
    const std::size_t holders_max = (members.size() + count - 1) / count;
    const std::size_t total = holders_max * count;
    const std::size_t each_max = (total + members.size() - 1) / members.size();
    std::vector<std::size_t> holders(count);
    std::vector<std::size_t> load(subscriptions.size());
    for (const std::size_t member : members) {
      for (PartitionIndex index = 0; index < partitions; ++index) {
        auto& held = holders[static_cast<std::size_t>(index)];
        if (!before[member].contains({topic, index}) || held == holders_max ||
            load[member] == each_max)
          continue;
        assignments[member].insert({topic, index});
        ++held;
        ++load[member];
      }
    }
    for (PartitionIndex index = 0; index < partitions; ++index) {
      for (auto& held = holders[static_cast<std::size_t>(index)]; held < holders_max; ++held) {
        std::optional<std::size_t> least;
        for (const std::size_t member : members)
          if (!assignments[member].contains({topic, index}) &&
              (!least || load[member] < load[*least]))
            least = member;
        if (!least) break;
        assignments[*least].insert({topic, index});
        ++load[*least];
      }
    }
  }
}

}  // namespace sluice::broker
