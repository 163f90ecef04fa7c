// The bookkeeping of a group's members: counters, parked requests, sessions, bytes in memory, and
// the record that stores a generation.
#include "base/check.hpp"
#include "broker/group.hpp"

#include <algorithm>
#include <utility>

namespace sluice::broker {
namespace {

using std::chrono::milliseconds;

// Rough cost of a member beside its strings and blobs: map nodes, vectors.
constexpr std::size_t member_overhead = 512;

std::size_t member_bytes(const GroupMember& member) {
  std::size_t bytes = member_overhead + 2 * member.id.size() + member.client_id.size() +
                      member.client_host.size() + member.assignment.size();
  if (member.instance_id) bytes += 2 * member.instance_id->size();
  for (const auto& p : member.protocols) bytes += p.name.size() + p.metadata.size();
  return bytes;
}

const SupportedProtocol* find_protocol(const GroupMember& member, std::string_view name) {
  const auto found = std::ranges::find(member.protocols, name, &SupportedProtocol::name);
  return found == member.protocols.end() ? nullptr : &*found;
}

milliseconds rebalance_timeout_of(const JoinRequest& request) {
  // JoinGroup v0 has no rebalance timeout.
  const bool absent = request.api_version == 0 || request.rebalance_timeout < milliseconds{0};
  return absent ? request.session_timeout : request.rebalance_timeout;
}

std::int32_t to_int32(milliseconds value) { return static_cast<std::int32_t>(value.count()); }

}  // namespace

GroupCore::GroupCore(std::string group_id, const GroupOptions& options, Random& random,
                     std::int64_t wall_ms)
    : id_(std::move(group_id)), options_(options), random_(random), state_ms_(wall_ms) {
  bytes_ = member_overhead + 2 * id_.size();
}

GroupCore::GroupCore(std::string group_id, const GroupOptions& options, Random& random,
                     const GroupRecord& stored)
    : GroupCore(std::move(group_id), options, random, stored.state_ms) {
  generation_ = stored.generation;
  protocol_type_ = stored.protocol_type;
  protocol_ = stored.protocol.value_or("");
  leader_ = stored.leader.value_or("");
  was_stored_ = true;
  for (const MemberRecord& m : stored.members) {
    if (members_.contains(m.member_id)) continue;
    GroupMember member;
    member.id = m.member_id;
    member.instance_id = m.instance_id;
    member.client_id = m.client_id;
    member.client_host = m.client_host;
    member.session_timeout = milliseconds{m.session_timeout_ms};
    member.rebalance_timeout =
        milliseconds{m.rebalance_timeout_ms < 0 ? m.session_timeout_ms : m.rebalance_timeout_ms};
    // Of what a member supports, only the chosen protocol is stored.
    member.protocols.push_back({protocol_, m.subscription});
    member.assignment = m.assignment;
    add_member(std::move(member));
  }
  if (!members_.empty()) {
    state_ = GroupState::stable;
    if (!members_.contains(leader_)) leader_ = members_.begin()->first;
  }
  compute_subscriptions();
}

std::vector<SupportedProtocol> GroupCore::protocols_of(const JoinRequest& request) {
  std::vector<SupportedProtocol> result;
  result.reserve(request.protocols.size());
  std::set<std::string_view> seen;
  for (const JoinProtocol& p : request.protocols) {
    if (!seen.insert(p.name).second) continue;
    result.push_back({std::string(p.name), Blob(p.metadata.begin(), p.metadata.end())});
  }
  return result;
}

GroupMember& GroupCore::add_member(const JoinRequest& request, const std::string& id,
                                   RequestToken token) {
  if (members_.empty()) protocol_type_ = request.protocol_type;
  if (state_ == GroupState::preparing_rebalance && previous_state_ == GroupState::empty) {
    new_member_added_ = true;
  }
  const auto pending = pending_members_.find(id);
  if (pending != pending_members_.end()) {
    pending_members_.erase(pending);
    bytes_ -= 2 * id.size();
  }
  GroupMember member;
  member.id = id;
  if (request.instance_id) member.instance_id = std::string(*request.instance_id);
  member.client_id = request.client_id;
  member.client_host = request.client_host;
  member.session_timeout = request.session_timeout;
  member.rebalance_timeout = rebalance_timeout_of(request);
  member.protocols = protocols_of(request);
  member.is_new = true;
  member.joining = token;
  ++joining_count_;
  add_member(std::move(member));
  return members_.find(id)->second;
}

void GroupCore::add_member(GroupMember member) {
  if (member.instance_id) static_members_[*member.instance_id] = member.id;
  if (leader_.empty()) leader_ = member.id;
  bytes_ += member_bytes(member);
  count_protocols(member, 1);
  std::string id = member.id;
  members_.insert_or_assign(std::move(id), std::move(member));
}

// Removes a member, or an id that was given out and not yet used. What it had parked is answered
// so that a client that is still there begins anew.
void GroupCore::remove_member(const std::string& id, GroupEffects& effects) {
  if (pending_members_.erase(id) != 0) bytes_ -= 2 * id.size();
  pending_sync_.erase(id);
  const auto found = members_.find(id);
  if (found == members_.end()) return;
  GroupMember& member = found->second;
  answer_join(member, JoinReply{.error = ErrorCode::unknown_member_id}, effects);
  answer_sync(member, SyncReply{.error = ErrorCode::unknown_member_id}, effects);
  count_protocols(member, -1);
  bytes_ -= member_bytes(member);
  if (member.instance_id) {
    const auto mapped = static_members_.find(*member.instance_id);
    if (mapped != static_members_.end() && mapped->second == id) static_members_.erase(mapped);
  }
  const bool led = leader_ == id;
  members_.erase(found);
  if (led) leader_ = members_.empty() ? std::string() : members_.begin()->first;
}

void GroupCore::update_member(GroupMember& member, const JoinRequest& request, RequestToken token,
                              GroupEffects& effects) {
  set_protocols(member, protocols_of(request));
  member.session_timeout = request.session_timeout;
  member.rebalance_timeout = rebalance_timeout_of(request);
  // Sent twice: the first is from a connection that the client has given up.
  answer_join(member, {.error = ErrorCode::rebalance_in_progress, .member_id = member.id}, effects);
  member.joining = token;
  ++joining_count_;
}

// The same member under another id; whoever still uses the old id is fenced.
GroupMember& GroupCore::rename_member(const std::string& old_id, const std::string& new_id,
                                      GroupEffects& effects) {
  auto node = members_.extract(old_id);
  SLUICE_CHECK(!node.empty());
  GroupMember& member = node.mapped();
  answer_join(member, {.error = ErrorCode::fenced_instance_id, .member_id = old_id}, effects);
  answer_sync(member, SyncReply{.error = ErrorCode::fenced_instance_id}, effects);
  bytes_ -= member_bytes(member);
  member.id = new_id;
  member.is_new = false;
  bytes_ += member_bytes(member);
  static_members_[member.instance_id.value_or("")] = new_id;
  if (leader_ == old_id) leader_ = new_id;
  if (pending_sync_.erase(old_id) != 0) pending_sync_.insert(new_id);
  node.key() = new_id;
  return members_.insert(std::move(node)).position->second;
}

void GroupCore::set_protocols(GroupMember& member, std::vector<SupportedProtocol> protocols) {
  count_protocols(member, -1);
  bytes_ -= member_bytes(member);
  member.protocols = std::move(protocols);
  bytes_ += member_bytes(member);
  count_protocols(member, 1);
}

void GroupCore::set_assignment(GroupMember& member, Blob assignment) {
  bytes_ -= member.assignment.size();
  member.assignment = std::move(assignment);
  bytes_ += member.assignment.size();
}

void GroupCore::count_protocols(const GroupMember& member, int by) {
  for (const SupportedProtocol& p : member.protocols) {
    if (by > 0) {
      ++supported_protocols_[p.name];
      continue;
    }
    const auto found = supported_protocols_.find(p.name);
    SLUICE_CHECK(found != supported_protocols_.end());
    if (--found->second == 0) supported_protocols_.erase(found);
  }
}

bool GroupCore::answer_join(GroupMember& member, JoinReply reply, GroupEffects& effects) {
  if (!member.joining) return false;
  effects.completed.push_back({*member.joining, std::move(reply)});
  member.joining.reset();
  --joining_count_;
  return true;
}

bool GroupCore::answer_sync(GroupMember& member, SyncReply reply, GroupEffects& effects) {
  if (!member.syncing) return false;
  effects.completed.push_back({*member.syncing, std::move(reply)});
  member.syncing.reset();
  return true;
}

void GroupCore::abandon(ErrorCode error, GroupEffects& effects) {
  for (auto& [id, member] : members_) {
    answer_join(member, {.error = error, .member_id = id}, effects);
    answer_sync(member, SyncReply{.error = error}, effects);
  }
}

std::size_t GroupCore::parked_count() const {
  std::size_t count = joining_count_;
  for (const auto& [id, member] : members_) count += member.syncing ? 1 : 0;
  return count;
}

void GroupCore::keep_alive(GroupMember& member, GroupTime now, milliseconds timeout) {
  member.deadline = now.steady + timeout;
  wake_at(*member.deadline);
}

void GroupCore::start_sessions(GroupTime now) {
  for (auto& [id, member] : members_) keep_alive(member, now, member.session_timeout);
}

GroupRecord GroupCore::snapshot(const std::map<std::string, Blob>* assignments) const {
  GroupRecord record;
  record.protocol_type = protocol_type_;
  record.generation = generation_;
  if (!protocol_.empty()) record.protocol = protocol_;
  if (!leader_.empty()) record.leader = leader_;
  record.state_ms = state_ms_;
  record.members.reserve(members_.size());
  for (const auto& [id, member] : members_) {
    MemberRecord& stored = record.members.emplace_back();
    stored.member_id = id;
    stored.instance_id = member.instance_id;
    stored.client_id = member.client_id;
    stored.client_host = member.client_host;
    stored.rebalance_timeout_ms = to_int32(member.rebalance_timeout);
    stored.session_timeout_ms = to_int32(member.session_timeout);
    if (const auto* chosen = find_protocol(member, protocol_))
      stored.subscription = chosen->metadata;
    if (assignments == nullptr) {
      stored.assignment = member.assignment;
    } else if (const auto found = assignments->find(id); found != assignments->end()) {
      stored.assignment = found->second;
    }
  }
  return record;
}

void GroupCore::add_write(PendingWrite write, GroupRecord record, GroupEffects& effects) {
  const std::uint64_t id = next_write_++;
  pending_writes_.emplace(id, std::move(write));
  effects.writes.push_back({id, std::move(record)});
  was_stored_ = true;
}

DescribedGroup GroupCore::describe() const {
  DescribedGroup group{.error = ErrorCode::none,
                       .error_message = std::nullopt,
                       .group_id = id_,
                       .state = std::string(to_text(state_)),
                       .protocol_type = protocol_type_,
                       .protocol_data = {},
                       .members = {}};
  const bool stable = state_ == GroupState::stable;
  if (stable) group.protocol_data = protocol_;
  for (const auto& [id, member] : members_) {
    DescribedMember& described = group.members.emplace_back();
    described.member_id = id;
    described.instance_id = member.instance_id;
    described.client_id = member.client_id;
    described.client_host = member.client_host;
    if (!stable) continue;
    if (const auto* chosen = find_protocol(member, protocol_))
      described.metadata = chosen->metadata;
    described.assignment = member.assignment;
  }
  return group;
}

ListedGroup GroupCore::list() const {
  return {id_, protocol_type_, std::string(to_text(state_)), "classic"};
}

}  // namespace sluice::broker
