// Members of share groups, sans-IO: heartbeats, epochs, assignments, sessions. One beside each
// GroupCoordinator, for the groups of that partition of __consumer_offsets. Nothing of it is
// stored: a member that is not known joins again by itself, and a group without members is what
// the stores of share state know of it.
#pragma once

#include "broker/catalog.hpp"
#include "broker/group_types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

struct Options;

struct ShareTopicPartition {
  TopicId topic{};
  PartitionIndex partition = 0;
  auto operator<=>(const ShareTopicPartition&) const = default;
  bool operator==(const ShareTopicPartition&) const = default;
};
using ShareAssignment = std::set<ShareTopicPartition>;

struct ShareHeartbeat {
  std::string_view group_id;
  std::string_view member_id;
  std::int32_t member_epoch = 0;  // 0: joins; -1: leaves
  std::optional<std::string_view> rack_id;
  std::optional<std::vector<std::string_view>> topics;
  std::string_view client_id;
  std::string_view client_host;
};

struct ShareHeartbeatReply {
  ErrorCode error = ErrorCode::none;
  std::string message;
  std::int32_t member_epoch = 0;
  std::int32_t heartbeat_interval_ms = 0;
  std::optional<ShareAssignment> assignment;  // set: it changed
};

struct DescribedShareMember {
  std::string member_id;
  std::optional<std::string> rack_id;
  std::int32_t member_epoch = 0;
  std::string client_id;
  std::string client_host;
  std::vector<std::string> topics;
  ShareAssignment assignment;
};
struct DescribedShareGroup {
  std::int32_t epoch = 0;
  std::int32_t assignment_epoch = 0;
  std::vector<DescribedShareMember> members;
};

class ShareGroups {
 public:
  // `options`: group.share.*.
  ShareHeartbeatReply heartbeat(const ShareHeartbeat& request, const Catalog& catalog,
                                const Options& options, GroupTime now);
  // nullopt: it has no members.
  std::optional<DescribedShareGroup> describe(std::string_view group_id) const;
  bool has_members(std::string_view group_id) const { return groups_.contains(group_id); }
  std::vector<std::string> names() const;

  std::optional<TimePoint> next_deadline() const;
  // Members that were silent for too long are removed.
  void tick(GroupTime now);

 private:
  struct Member {
    std::optional<std::string> rack_id;
    std::string client_id;
    std::string client_host;
    std::set<std::string> topics;
    std::int32_t epoch = 0;  // told to the client
    std::int32_t previous_epoch = 0;
    ShareAssignment assignment;
    bool told = false;  // the assignment was sent
    TimePoint deadline{};
  };
  struct Group {
    std::int32_t epoch = 0;
    std::uint64_t catalog_version = 0;
    std::map<std::string, Member, std::less<>> members;
  };

  // Deals the partitions out anew; a member whose share changes is told in its next heartbeat.
  void assign(Group& group, const Catalog& catalog);
  ShareHeartbeatReply leave(const ShareHeartbeat& request, const Catalog& catalog);

  std::map<std::string, Group, std::less<>> groups_;
};

// Kafka's "simple": a partition of a topic goes to ceil(members / partitions) of the topic's
// subscribers, each has as many as any other, give or take one; what somebody has stays where it
// can. Members are told apart by their place in `subscriptions`; `assignments` is in that order.
void assign_simply(const std::vector<std::set<TopicId>>& subscriptions,
                   const std::map<TopicId, std::int32_t>& partition_counts,
                   std::vector<ShareAssignment>& assignments);

}  // namespace sluice::broker
