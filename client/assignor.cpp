#include "client/assignor.hpp"

#include <algorithm>
#include <set>

namespace sluice::client {
namespace {

// Java's order: static members by instance id, then dynamic ones by member id.
std::vector<const GroupMemberInfo*> in_order(const std::vector<GroupMemberInfo>& members) {
  std::vector<const GroupMemberInfo*> sorted;
  for (const auto& member : members) sorted.push_back(&member);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
    if (a->instance_id && b->instance_id) return *a->instance_id < *b->instance_id;
    if (a->instance_id.has_value() != b->instance_id.has_value()) return a->instance_id.has_value();
    return a->member_id < b->member_id;
  });
  return sorted;
}

bool subscribes(const GroupMemberInfo& member, const std::string& topic) {
  const auto& topics = member.subscription.topics;
  return std::find(topics.begin(), topics.end(), topic) != topics.end();
}

GroupAssignment empty_for(const std::vector<GroupMemberInfo>& members) {
  GroupAssignment assignment;
  for (const auto& member : members) assignment[member.member_id];
  return assignment;
}

// The partitions that each member holds and may keep; of two claims the newer generation counts.
std::map<TopicPartition, std::string> current_owners(const std::vector<GroupMemberInfo>& members,
                                                     const PartitionCounts& counts) {
  std::map<TopicPartition, std::string> owners;
  std::map<TopicPartition, std::int32_t> generations;
  for (const auto& member : members) {
    for (const auto& partition : member.subscription.owned) {
      const auto topic = counts.find(partition.topic);
      if (topic == counts.end() || partition.partition >= topic->second) continue;
      if (!subscribes(member, partition.topic)) continue;
      const auto [seen, fresh] = generations.try_emplace(partition, member.subscription.generation);
      if (!fresh) {
        if (seen->second == member.subscription.generation) {  // both claim: neither can be trusted
          owners.erase(partition);
          continue;
        }
        if (seen->second > member.subscription.generation) continue;
        seen->second = member.subscription.generation;
      }
      owners[partition] = member.member_id;
    }
  }
  return owners;
}

const GroupMemberInfo* least_loaded(const std::vector<const GroupMemberInfo*>& members,
                                    const GroupAssignment& assignment, const std::string& topic) {
  const GroupMemberInfo* best = nullptr;
  for (const auto* member : members) {
    if (!subscribes(*member, topic)) continue;
    if (!best || assignment.at(member->member_id).size() < assignment.at(best->member_id).size())
      best = member;
  }
  return best;
}

// Moves one partition from a member to one that has at least two fewer. False when there is none.
bool move_one(const std::vector<const GroupMemberInfo*>& members, GroupAssignment& assignment) {
  std::vector<const GroupMemberInfo*> richest(members);
  std::sort(richest.begin(), richest.end(), [&](const auto* a, const auto* b) {
    const std::size_t of_a = assignment.at(a->member_id).size();
    const std::size_t of_b = assignment.at(b->member_id).size();
    return of_a != of_b ? of_a > of_b : a->member_id < b->member_id;
  });
  for (const auto* rich : richest) {
    auto& held = assignment.at(rich->member_id);
    for (auto at = held.rbegin(); at != held.rend(); ++at) {
      const auto* poor = least_loaded(members, assignment, at->topic);
      if (!poor || assignment.at(poor->member_id).size() + 1 >= held.size()) continue;
      assignment.at(poor->member_id).push_back(*at);
      held.erase(std::next(at).base());
      return true;
    }
  }
  return false;
}

}  // namespace

GroupAssignment assign_range(const std::vector<GroupMemberInfo>& members,
                             const PartitionCounts& counts) {
  auto assignment = empty_for(members);
  const auto ordered = in_order(members);
  for (const auto& [topic, count] : counts) {
    std::vector<const GroupMemberInfo*> takers;
    for (const auto* member : ordered)
      if (subscribes(*member, topic)) takers.push_back(member);
    if (takers.empty()) continue;
    const auto share = count / static_cast<std::int32_t>(takers.size());
    const auto extra = count % static_cast<std::int32_t>(takers.size());
    std::int32_t next = 0;
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(takers.size()); ++i)
      for (std::int32_t n = share + (i < extra ? 1 : 0); n > 0; --n)
        assignment[takers[static_cast<std::size_t>(i)]->member_id].push_back({topic, next++});
  }
  return assignment;
}

GroupAssignment assign_round_robin(const std::vector<GroupMemberInfo>& members,
                                   const PartitionCounts& counts) {
  auto assignment = empty_for(members);
  const auto ordered = in_order(members);
  std::size_t turn = 0;
  for (const auto& [topic, count] : counts) {
    if (std::none_of(ordered.begin(), ordered.end(),
                     [&](const auto* m) { return subscribes(*m, topic); }))
      continue;
    for (std::int32_t partition = 0; partition < count; ++partition) {
      while (!subscribes(*ordered[turn % ordered.size()], topic)) ++turn;
      assignment[ordered[turn++ % ordered.size()]->member_id].push_back({topic, partition});
    }
  }
  return assignment;
}

GroupAssignment assign_sticky(const std::vector<GroupMemberInfo>& members,
                              const PartitionCounts& counts) {
  auto assignment = empty_for(members);
  const auto ordered = in_order(members);
  const auto owners = current_owners(members, counts);
  for (const auto& [partition, member] : owners) assignment[member].push_back(partition);
  for (const auto& [topic, count] : counts) {
    for (std::int32_t partition = 0; partition < count; ++partition) {
      if (owners.contains({topic, partition})) continue;
      if (const auto* taker = least_loaded(ordered, assignment, topic))
        assignment[taker->member_id].push_back({topic, partition});
    }
  }
  // Each move makes the sum of squared loads smaller, so this ends.
  while (move_one(ordered, assignment)) {
  }
  for (auto& [member, partitions] : assignment) std::sort(partitions.begin(), partitions.end());
  return assignment;
}

GroupAssignment assign_cooperatively(const std::vector<GroupMemberInfo>& members,
                                     const PartitionCounts& counts) {
  auto assignment = assign_sticky(members, counts);
  std::map<TopicPartition, std::set<std::string>> holders;
  for (const auto& member : members)
    for (const auto& partition : member.subscription.owned)
      holders[partition].insert(member.member_id);
  for (auto& [member, partitions] : assignment) {
    std::erase_if(partitions, [&](const TopicPartition& partition) {
      const auto held = holders.find(partition);
      return held != holders.end() && !held->second.contains(member);
    });
  }
  return assignment;
}

GroupAssignment assign(Assignor assignor, const std::vector<GroupMemberInfo>& members,
                       const PartitionCounts& counts) {
  switch (assignor) {
    case Assignor::round_robin:
      return assign_round_robin(members, counts);
    case Assignor::cooperative_sticky:
      return assign_cooperatively(members, counts);
    case Assignor::sticky:
      return assign_sticky(members, counts);
    case Assignor::range:
      break;
  }
  return assign_range(members, counts);
}

}  // namespace sluice::client
