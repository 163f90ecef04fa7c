// The requests. What happens to what they write is in group_coordinator_log.cpp.
#include "broker/group_coordinator.hpp"

#include <algorithm>
#include <cctype>
#include <limits>
#include <utility>

namespace sluice::broker {
namespace {

constexpr std::int16_t sync_requires_protocol = 5;   // KIP-559
constexpr std::int16_t commit_tells_no_group = 9;    // KIP-848: GROUP_ID_NOT_FOUND
constexpr std::int16_t describe_tells_no_group = 6;  // KIP-1043

// The longest string a record can hold. Compact strings on the wire may be longer; an id that
// gets a suffix (member ids) needs room for it.
constexpr std::size_t text_max = std::numeric_limits<std::int16_t>::max();
constexpr std::size_t id_base_max = text_max - 37;

bool fits(const JoinRequest& request) {
  const bool ids = request.group_id.size() <= text_max && request.member_id.size() <= text_max &&
                   request.client_id.size() <= id_base_max &&
                   request.instance_id.value_or("").size() <= id_base_max;
  return ids && request.client_host.size() <= text_max &&
         request.protocol_type.size() <= text_max &&
         std::ranges::all_of(request.protocols,
                             [](const JoinProtocol& p) { return p.name.size() <= text_max; });
}

std::size_t size_of(const JoinRequest& request) {
  std::size_t size = request.member_id.size() + request.client_id.size();
  for (const JoinProtocol& p : request.protocols) size += p.name.size() + p.metadata.size();
  return size;
}

std::size_t size_of(const SyncRequest& request) {
  std::size_t size = 0;
  for (const SyncAssignment& a : request.assignments) size += a.assignment.size();
  return size;
}

// Of a commit, roughly, once it is stored.
std::size_t size_of(const CommitRequest& request) {
  constexpr std::size_t partition_cost = 144;
  std::size_t size = 0;
  for (const CommitTopic& topic : request.topics) {
    size += topic.name.size();
    for (const CommitPartition& p : topic.partitions) {
      size += partition_cost + p.metadata.value_or("").size();
    }
  }
  return size;
}

CommitReply refuse(const CommitRequest& request, ErrorCode error) {
  CommitReply reply;
  for (const CommitTopic& topic : request.topics) {
    TopicReply& answered = reply.topics.emplace_back();
    answered.name = topic.name;
    answered.id = topic.id;
    for (const CommitPartition& p : topic.partitions) {
      answered.partitions.push_back({p.index, p.error == ErrorCode::none ? error : p.error});
    }
  }
  return reply;
}

bool anything_to_commit(const CommitRequest& request) {
  return std::ranges::any_of(request.topics, [](const CommitTopic& topic) {
    return std::ranges::any_of(topic.partitions,
                               [](const CommitPartition& p) { return p.error == ErrorCode::none; });
  });
}

std::string lower_trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

bool matches(const std::vector<std::string_view>& filter, std::string_view value) {
  if (filter.empty()) return true;
  const std::string wanted = lower_trimmed(value);
  return std::ranges::any_of(filter,
                             [&](std::string_view f) { return lower_trimmed(f) == wanted; });
}

}  // namespace

GroupCoordinator::GroupCoordinator(GroupOptions options, Random& random)
    : options_(options), random_(random) {}

// ------------------------------------------------------------------------------------ membership

void GroupCoordinator::join(const JoinRequest& request, RequestToken token, GroupTime now) {
  const auto refuse_join = [&](ErrorCode error) {
    complete(token, JoinReply{.error = error, .member_id = std::string(request.member_id)});
  };
  if (!loaded_) return refuse_join(ErrorCode::coordinator_load_in_progress);
  if (request.group_id.empty()) return refuse_join(ErrorCode::invalid_group_id);
  if (!fits(request)) return refuse_join(ErrorCode::invalid_request);
  if (request.session_timeout < options_.session_timeout_min ||
      request.session_timeout > options_.session_timeout_max) {
    return refuse_join(ErrorCode::invalid_session_timeout);
  }
  Group* group = find(request.group_id);
  if (group == nullptr && !request.member_id.empty()) {
    return refuse_join(ErrorCode::unknown_member_id);
  }
  if (!has_room(size_of(request))) return refuse_join(ErrorCode::group_max_size_reached);
  if (group == nullptr) {
    if (groups_.size() >= options_.groups_max) return refuse_join(ErrorCode::policy_violation);
    group = &create(request.group_id, now.wall_ms);
  }
  GroupEffects effects;
  group->core.join(request, token, now, effects);
  settle(*group, std::move(effects), std::nullopt, now);
}

void GroupCoordinator::sync(const SyncRequest& request, RequestToken token, GroupTime now) {
  const auto refuse_sync = [&](ErrorCode error) { complete(token, SyncReply{.error = error}); };
  if (!loaded_) return refuse_sync(ErrorCode::coordinator_load_in_progress);
  const bool names_protocol = request.protocol_type && request.protocol_name;
  if (request.api_version >= sync_requires_protocol && !names_protocol) {
    return refuse_sync(ErrorCode::inconsistent_group_protocol);
  }
  if (request.group_id.empty()) return refuse_sync(ErrorCode::invalid_group_id);
  Group* group = find(request.group_id);
  if (group == nullptr) return refuse_sync(ErrorCode::unknown_member_id);
  if (!has_room(size_of(request))) return refuse_sync(ErrorCode::policy_violation);
  GroupEffects effects;
  group->core.sync(request, token, now, effects);
  settle(*group, std::move(effects), std::nullopt, now);
}

ErrorCode GroupCoordinator::heartbeat(const GroupHeartbeat& request, GroupTime now) {
  if (request.group_id.empty()) return ErrorCode::invalid_group_id;
  // The sessions have not begun yet: as good as heard.
  if (!loaded_) return ErrorCode::none;
  Group* group = find(request.group_id);
  if (group == nullptr) return ErrorCode::unknown_member_id;
  const ErrorCode error = group->core.heartbeat(request, now);
  schedule(*group);
  return error;
}

void GroupCoordinator::leave(const LeaveRequest& request, RequestToken token, GroupTime now) {
  if (!loaded_) {
    return complete(token, LeaveReply{.error = ErrorCode::coordinator_load_in_progress});
  }
  if (request.group_id.empty()) {
    return complete(token, LeaveReply{.error = ErrorCode::invalid_group_id});
  }
  Group* group = find(request.group_id);
  if (group == nullptr) {
    LeaveReply reply;
    for (const LeavingMember& leaving : request.members) {
      LeftMember& left = reply.members.emplace_back();
      left.member_id = leaving.member_id;
      if (leaving.instance_id) left.instance_id = std::string(*leaving.instance_id);
      left.error = ErrorCode::unknown_member_id;
    }
    return complete(token, std::move(reply));
  }
  GroupEffects effects;
  GroupCompletion held{token, group->core.leave(request, now, effects)};
  settle(*group, std::move(effects), std::move(held), now);
}

// --------------------------------------------------------------------------------------- offsets

void GroupCoordinator::commit(const CommitRequest& request, RequestToken token, GroupTime now) {
  const auto refuse_commit = [&](ErrorCode error) { complete(token, refuse(request, error)); };
  if (!loaded_) return refuse_commit(ErrorCode::coordinator_load_in_progress);
  if (!anything_to_commit(request)) return refuse_commit(ErrorCode::none);
  if (request.group_id.size() > text_max) return refuse_commit(ErrorCode::invalid_group_id);
  Group* group = find(request.group_id);
  if (group == nullptr && request.generation >= 0) {
    return refuse_commit(request.api_version >= commit_tells_no_group
                             ? ErrorCode::group_id_not_found
                             : ErrorCode::illegal_generation);
  }
  if (group != nullptr) {
    const ErrorCode error = group->core.check_commit(request, now);
    schedule(*group);
    if (error != ErrorCode::none) return refuse_commit(error);
  }
  if (pending_.size() >= options_.writes_in_flight_max) {
    return refuse_commit(ErrorCode::coordinator_not_available);
  }
  if (!has_room(size_of(request))) return refuse_commit(ErrorCode::policy_violation);
  if (group == nullptr) {
    if (groups_.size() >= options_.groups_max) return refuse_commit(ErrorCode::policy_violation);
    group = &create(request.group_id, now.wall_ms);
  }
  GroupChanges changes{.group_id = group->core.id(), .serial = group->serial, .changes = {}};
  CommitReply reply = group->offsets.begin_commit(request, options_, now.wall_ms, changes.changes);
  account(*group);
  if (changes.changes.empty()) {
    complete(token, std::move(reply));
    drop_if_unused(*group);
    return;
  }
  Pending pending;
  pending.reply = GroupCompletion{token, std::move(reply)};
  std::vector<OffsetsRecord> records;
  add_changes(std::move(changes), pending, records);
  add_pending(std::move(pending), std::move(records));
}

void GroupCoordinator::delete_offsets(const DeleteOffsetsRequest& request, RequestToken token,
                                      GroupTime) {
  const auto refuse_delete = [&](ErrorCode error) {
    complete(token, DeleteOffsetsReply{.error = error, .topics = {}});
  };
  if (!loaded_) return refuse_delete(ErrorCode::coordinator_load_in_progress);
  if (request.group_id.empty()) return refuse_delete(ErrorCode::invalid_group_id);
  Group* group = find(request.group_id);
  if (group == nullptr) return refuse_delete(ErrorCode::group_id_not_found);
  if (group->core.state() != GroupState::empty && !group->core.uses_consumer_protocol()) {
    return refuse_delete(ErrorCode::non_empty_group);
  }
  GroupChanges changes{.group_id = group->core.id(), .serial = group->serial, .changes = {}};
  DeleteOffsetsReply reply = group->offsets.begin_delete(request, group->core, changes.changes);
  if (changes.changes.empty()) return complete(token, std::move(reply));
  Pending pending;
  pending.reply = GroupCompletion{token, std::move(reply)};
  std::vector<OffsetsRecord> records;
  add_changes(std::move(changes), pending, records);
  add_pending(std::move(pending), std::move(records));
}

void GroupCoordinator::delete_groups(const std::vector<std::string_view>& group_ids,
                                     RequestToken token, GroupTime) {
  DeleteGroupsReply reply;
  Pending pending;
  std::vector<OffsetsRecord> records;
  for (const std::string_view group_id : group_ids) {
    DeletedGroup& deleted = reply.groups.emplace_back();
    deleted.group_id = group_id;
    Group* group = find(group_id);
    if (!loaded_) {
      deleted.error = ErrorCode::coordinator_load_in_progress;
    } else if (group == nullptr) {
      deleted.error = ErrorCode::group_id_not_found;
    } else if (group->core.state() != GroupState::empty) {
      deleted.error = ErrorCode::non_empty_group;
    } else {
      begin_delete(*group, pending, records);
    }
  }
  if (records.empty()) return complete(token, std::move(reply));
  pending.reply = GroupCompletion{token, std::move(reply)};
  add_pending(std::move(pending), std::move(records));
}

void GroupCoordinator::delete_topic_offsets(std::string_view topic, const TopicId& id, GroupTime) {
  for (auto& [group_id, group] : groups_) {
    GroupChanges changes{.group_id = group_id, .serial = group->serial, .changes = {}};
    group->offsets.begin_delete_topic(topic, id, changes.changes);
    if (changes.changes.empty()) continue;
    Pending pending;
    std::vector<OffsetsRecord> records;
    add_changes(std::move(changes), pending, records);
    add_pending(std::move(pending), std::move(records));
  }
}

FetchOffsetsReply GroupCoordinator::fetch(const FetchOffsetsRequest& request) const {
  if (!loaded_) return {.error = ErrorCode::coordinator_load_in_progress, .topics = {}};
  const Group* group = find(request.group_id);
  if (group != nullptr) return group->offsets.fetch(request);
  return GroupOffsets().fetch(request);
}

// ------------------------------------------------------------------------------------ inspection

DescribedGroup GroupCoordinator::describe(std::string_view group_id,
                                          std::int16_t api_version) const {
  DescribedGroup described;
  described.group_id = group_id;
  if (!loaded_) {
    described.error = ErrorCode::coordinator_load_in_progress;
    return described;
  }
  const Group* group = find(group_id);
  if (group != nullptr) return group->core.describe();
  described.state = to_text(GroupState::dead);
  if (api_version >= describe_tells_no_group) {
    described.error = ErrorCode::group_id_not_found;
    described.error_message = "Group " + described.group_id + " not found.";
  }
  return described;
}

GroupListReply GroupCoordinator::list(const GroupListFilter& filter) const {
  GroupListReply reply;
  if (!loaded_) {
    reply.error = ErrorCode::coordinator_load_in_progress;
    return reply;
  }
  for (const auto& [group_id, group] : groups_) {
    ListedGroup listed = group->core.list();
    if (!matches(filter.states, listed.state) || !matches(filter.types, listed.type)) continue;
    reply.groups.push_back(std::move(listed));
  }
  std::ranges::sort(reply.groups, {}, &ListedGroup::group_id);
  return reply;
}

std::vector<std::string> GroupCoordinator::group_ids() const {
  std::vector<std::string> ids;
  if (!loaded_) return ids;
  ids.reserve(groups_.size());
  for (const auto& [group_id, group] : groups_) ids.push_back(group_id);
  return ids;
}

std::optional<GroupOverview> GroupCoordinator::overview(std::string_view group_id) const {
  const Group* group = find(group_id);
  if (group == nullptr) return std::nullopt;
  GroupOverview seen{std::string(group_id),
                     std::string(to_text(group->core.state())),
                     group->core.members().size(),
                     {}};
  const FetchOffsetsReply all = group->offsets.fetch({.group_id = group_id});
  for (const FetchedTopic& topic : all.topics)
    for (const FetchedPartition& one : topic.partitions)
      if (one.offset >= 0) seen.commits.push_back({topic.name, one.index, one.offset});
  return seen;
}

std::size_t GroupCoordinator::parked_count() const {
  std::size_t count = 0;
  for (const auto& [group_id, group] : groups_) count += group->core.parked_count();
  for (const Pending& pending : pending_) count += pending.reply ? 1 : 0;
  return count;
}

}  // namespace sluice::broker
