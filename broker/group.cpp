// What members ask of a group: join, sync, heartbeat, leave, commit. The phases of a rebalance are
// in group_rebalance.cpp, the bookkeeping of members in group_members.cpp.
#include "broker/group.hpp"

#include "base/planted_bug.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::broker {
namespace {

constexpr std::int16_t join_requires_member_id = 4;  // KIP-394
constexpr std::int16_t join_skips_assignment = 9;    // KIP-814

// A version 4 UUID in text.
std::string random_uuid(Random& random) {
  std::uint64_t high = random.next();
  std::uint64_t low = random.next();
  high = (high & ~0xf000ull) | 0x4000ull;
  low = (low & ~(3ull << 62)) | (2ull << 62);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) text += '-';
    const std::uint64_t half = i < 16 ? high : low;
    text += digits[(half >> (60 - 4 * (i % 16))) & 15];
  }
  return text;
}

JoinReply join_error(ErrorCode error, std::string_view member_id) {
  return {.error = error, .member_id = std::string(member_id)};
}

const SupportedProtocol* find_protocol(const GroupMember& member, std::string_view name) {
  const auto found = std::ranges::find(member.protocols, name, &SupportedProtocol::name);
  return found == member.protocols.end() ? nullptr : &*found;
}

std::optional<std::string> text_or_null(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace

std::string_view to_text(GroupState state) {
  switch (state) {
    case GroupState::empty:
      return "Empty";
    case GroupState::preparing_rebalance:
      return "PreparingRebalance";
    case GroupState::completing_rebalance:
      return "CompletingRebalance";
    case GroupState::stable:
      return "Stable";
    case GroupState::dead:
      return "Dead";
  }
  return "Dead";
}

// ------------------------------------------------------------------------------------------ join

void GroupCore::join(const JoinRequest& request, RequestToken token, GroupTime now,
                     GroupEffects& effects) {
  if (!accepts(request.member_id)) {
    // A member that comes back too late into a full group has lost its place.
    const std::string id(request.member_id);
    if (members_.contains(id) || pending_members_.contains(id)) {
      remove_member(id, effects);
      maybe_complete_join(now, effects);
    }
    effects.completed.push_back({token, join_error(ErrorCode::group_max_size_reached, "")});
    return;
  }
  if (request.member_id.empty()) {
    join_new_member(request, token, now, effects);
  } else {
    join_known_member(request, token, now, effects);
  }
}

void GroupCore::join_new_member(const JoinRequest& request, RequestToken token, GroupTime now,
                                GroupEffects& effects) {
  if (!supports(request)) {
    effects.completed.push_back({token, join_error(ErrorCode::inconsistent_group_protocol, "")});
    return;
  }
  std::string id = new_member_id(request);
  if (request.instance_id && static_members_.contains(*request.instance_id)) {
    replace_static_member(request, id, token, now, effects);
    return;
  }
  if (!request.instance_id && request.api_version >= join_requires_member_id) {
    if (pending_members_.size() >= options_.pending_members_max) {
      effects.completed.push_back({token, join_error(ErrorCode::group_max_size_reached, "")});
      return;
    }
    const TimePoint deadline = now.steady + request.session_timeout;
    pending_members_.emplace(id, deadline);
    bytes_ += 2 * id.size();
    wake_at(deadline);
    effects.completed.push_back({token, join_error(ErrorCode::member_id_required, id)});
    return;
  }
  GroupMember& member = add_member(request, id, token);
  keep_alive(member, now, options_.new_member_join_timeout);
  rebalance_or_complete(now, effects);
}

void GroupCore::join_known_member(const JoinRequest& request, RequestToken token, GroupTime now,
                                  GroupEffects& effects) {
  if (!supports(request)) {
    effects.completed.push_back(
        {token, join_error(ErrorCode::inconsistent_group_protocol, request.member_id)});
    return;
  }
  if (pending_members_.contains(request.member_id) && !request.instance_id) {
    join_pending_id(request, token, now, effects);
    return;
  }
  const ErrorCode error = validate_member(request.member_id, request.instance_id);
  if (error != ErrorCode::none) {
    effects.completed.push_back({token, join_error(error, request.member_id)});
    return;
  }
  rejoin(members_.find(request.member_id)->second, request, token, now, effects);
}

void GroupCore::join_pending_id(const JoinRequest& request, RequestToken token, GroupTime now,
                                GroupEffects& effects) {
  GroupMember& member = add_member(request, std::string(request.member_id), token);
  keep_alive(member, now, options_.new_member_join_timeout);
  rebalance_or_complete(now, effects);
}

void GroupCore::rejoin(GroupMember& member, const JoinRequest& request, RequestToken token,
                       GroupTime now, GroupEffects& effects) {
  const bool unchanged = member.protocols == protocols_of(request);
  bool rebalance = false;
  switch (state_) {
    case GroupState::preparing_rebalance:
      rebalance = true;
      break;
    case GroupState::completing_rebalance:
      // Unchanged: it may have missed the first answer, so it gets it again.
      rebalance = !unchanged;
      break;
    case GroupState::stable:
      // The leader rejoins when something outside the group changed, e.g. the topics' partitions.
      rebalance = !unchanged || member.id == leader_;
      break;
    case GroupState::empty:
    case GroupState::dead:
      effects.completed.push_back({token, join_error(ErrorCode::unknown_member_id, member.id)});
      return;
  }
  if (!rebalance) {
    JoinReply reply = current_generation(member);
    if (state_ == GroupState::completing_rebalance && member.id == leader_) {
      reply.members = joined_members();
    }
    effects.completed.push_back({token, std::move(reply)});
    keep_alive(member, now, member.session_timeout);
    return;
  }
  update_member(member, request, token, effects);
  rebalance_or_complete(now, effects);
}

// A static member came back without its member id (a restart): it takes the place of its old self,
// which is fenced from now on.
void GroupCore::replace_static_member(const JoinRequest& request, const std::string& new_id,
                                      RequestToken token, GroupTime now, GroupEffects& effects) {
  const std::string old_id = static_members_.find(*request.instance_id)->second;
  PendingWrite write{.kind = WriteKind::static_member,
                     .generation = generation_,
                     .assignments = {},
                     .token = token,
                     .api_version = request.api_version,
                     .new_member_id = new_id,
                     .old_leader = leader_,
                     .before = members_.find(old_id)->second};
  GroupMember& member = rename_member(old_id, new_id, effects);
  update_member(member, request, token, effects);
  keep_alive(member, now, member.session_timeout);

  switch (state_) {
    case GroupState::stable:
      if (select_protocol() != protocol_) {
        prepare_rebalance(now, effects);
        break;
      }
      // The assignment stays as it is; the new id has to be durable before it is told.
      compute_subscriptions();
      add_write(std::move(write), snapshot(nullptr), effects);
      break;
    case GroupState::completing_rebalance:
      // The leader may be assigning partitions to the old id at this moment.
      prepare_rebalance(now, effects);
      break;
    default:
      maybe_complete_join(now, effects);
  }
}

void GroupCore::static_member_written(const PendingWrite& write, ErrorCode error, GroupTime now,
                                      GroupEffects& effects) {
  const auto found = members_.find(write.new_member_id);
  // A rebalance meanwhile has taken the parked join over, or the member is gone.
  if (found == members_.end() || found->second.joining != write.token) return;
  if (state_ != GroupState::stable || generation_ != write.generation) return;
  GroupMember& member = found->second;

  if (error == ErrorCode::none) {
    JoinReply reply = current_generation(member);
    if (write.api_version >= join_skips_assignment) {
      reply.skip_assignment = member.id == leader_;
      if (reply.skip_assignment) reply.members = joined_members();
    } else {
      // Below v9 it must not believe that it leads: it would compute a new assignment.
      reply.leader = write.old_leader;
    }
    answer_join(member, std::move(reply), effects);
    keep_alive(member, now, member.session_timeout);
    return;
  }
  JoinReply reply = current_generation(member);
  reply.error = error;
  reply.member_id.clear();
  reply.leader = write.old_leader;
  answer_join(member, std::move(reply), effects);
  GroupMember& restored = rename_member(write.new_member_id, write.before.id, effects);
  set_protocols(restored, write.before.protocols);
  restored.rebalance_timeout = write.before.rebalance_timeout;
  restored.session_timeout = write.before.session_timeout;
  compute_subscriptions();
  keep_alive(restored, now, restored.session_timeout);
}

// ------------------------------------------------------------------------------------------ sync

void GroupCore::sync(const SyncRequest& request, RequestToken token, GroupTime now,
                     GroupEffects& effects) {
  const ErrorCode error = validate_sync(request);
  if (error != ErrorCode::none) {
    effects.completed.push_back({token, SyncReply{.error = error}});
    return;
  }
  GroupMember& member = members_.find(request.member_id)->second;
  if (state_ == GroupState::completing_rebalance) {
    sync_completing(request, token, member, effects);
    return;
  }
  synced(member.id);
  keep_alive(member, now, member.session_timeout);
  effects.completed.push_back({token, SyncReply{.error = ErrorCode::none,
                                                .protocol_type = text_or_null(protocol_type_),
                                                .protocol_name = text_or_null(protocol_),
                                                .assignment = member.assignment}});
}

// Parks the request; the leader's also stores the assignments, and all are answered when they are
// durable.
void GroupCore::sync_completing(const SyncRequest& request, RequestToken token, GroupMember& member,
                                GroupEffects& effects) {
  if (member.syncing) {
    // Sent twice: the first is from a connection that the client has given up.
    answer_sync(member, SyncReply{.error = ErrorCode::rebalance_in_progress}, effects);
  }
  member.syncing = token;
  synced(member.id);
  if (member.id != leader_) return;
  const bool being_stored = std::ranges::any_of(pending_writes_, [&](const auto& entry) {
    return entry.second.kind == WriteKind::assignment && entry.second.generation == generation_;
  });
  if (being_stored) return;

  PendingWrite write{.kind = WriteKind::assignment, .generation = generation_};
  for (const auto& [id, known] : members_) write.assignments.emplace(id, Blob{});
  for (const SyncAssignment& a : request.assignments) {
    const auto found = write.assignments.find(std::string(a.member_id));
    if (found != write.assignments.end()) {
      found->second.assign(a.assignment.begin(), a.assignment.end());
    }
  }
  GroupRecord record = snapshot(&write.assignments);
  add_write(std::move(write), std::move(record), effects);
}

ErrorCode GroupCore::validate_sync(const SyncRequest& request) const {
  const ErrorCode error = validate_member(request.member_id, request.instance_id);
  if (error != ErrorCode::none) return error;
  if (request.generation != generation_) return ErrorCode::illegal_generation;
  const bool other_type = request.protocol_type && *request.protocol_type != protocol_type_;
  const bool other_name = request.protocol_name && *request.protocol_name != protocol_;
  if (other_type || other_name) return ErrorCode::inconsistent_group_protocol;
  if (state_ == GroupState::preparing_rebalance) return ErrorCode::rebalance_in_progress;
  return ErrorCode::none;
}

void GroupCore::written(std::uint64_t id, ErrorCode error, GroupTime now, GroupEffects& effects) {
  const auto found = pending_writes_.find(id);
  if (found == pending_writes_.end()) return;
  const PendingWrite write = std::move(found->second);
  pending_writes_.erase(found);

  switch (write.kind) {
    case WriteKind::emptied:
      // Nobody waits in an empty generation. If the write failed, the former one comes back at the
      // next start and its members time out.
      return;
    case WriteKind::static_member:
      static_member_written(write, error, now, effects);
      return;
    case WriteKind::assignment:
      break;
  }
  // Somebody else may have joined meanwhile; then this generation is over.
  if (state_ != GroupState::completing_rebalance || generation_ != write.generation) return;
  if (error != ErrorCode::none) {
    propagate(error, now, effects);
    rebalance_or_complete(now, effects);
    return;
  }
  for (auto& [member_id, member] : members_) {
    const auto assigned = write.assignments.find(member_id);
    set_assignment(member, assigned == write.assignments.end() ? Blob{} : assigned->second);
  }
  propagate(ErrorCode::none, now, effects);
  transition(GroupState::stable, now);
}

// --------------------------------------------------------------------- heartbeat, leave, commit

ErrorCode GroupCore::heartbeat(const GroupHeartbeat& request, GroupTime now) {
  const ErrorCode error = validate_member(request.member_id, request.instance_id);
  if (error != ErrorCode::none) return error;
  if (request.generation != generation_) return ErrorCode::illegal_generation;
  GroupMember& member = members_.find(request.member_id)->second;
  keep_alive(member, now, member.session_timeout);
  return state_ == GroupState::preparing_rebalance ? ErrorCode::rebalance_in_progress
                                                   : ErrorCode::none;
}

LeaveReply GroupCore::leave(const LeaveRequest& request, GroupTime now, GroupEffects& effects) {
  LeaveReply reply;
  reply.members.reserve(request.members.size());
  bool any_left = false;
  for (const LeavingMember& leaving : request.members) {
    LeftMember& left = reply.members.emplace_back();
    left.member_id = leaving.member_id;
    if (leaving.instance_id) left.instance_id = std::string(*leaving.instance_id);
    leave_one(leaving, left, effects);
    any_left |= left.error == ErrorCode::none;
  }
  if (!any_left) return reply;
  if (state_ == GroupState::stable || state_ == GroupState::completing_rebalance) {
    prepare_rebalance(now, effects);
  } else if (state_ == GroupState::preparing_rebalance) {
    maybe_complete_join(now, effects);
  }
  return reply;
}

void GroupCore::leave_one(const LeavingMember& leaving, LeftMember& left, GroupEffects& effects) {
  if (leaving.member_id.empty()) {
    const auto found =
        leaving.instance_id ? static_members_.find(*leaving.instance_id) : static_members_.end();
    if (found == static_members_.end()) {
      left.error = ErrorCode::unknown_member_id;
    } else {
      remove_member(std::string(found->second), effects);
    }
    return;
  }
  if (!pending_members_.contains(leaving.member_id)) {
    left.error = validate_member(leaving.member_id, leaving.instance_id);
    if (left.error != ErrorCode::none) return;
  }
  remove_member(std::string(leaving.member_id), effects);
}

ErrorCode GroupCore::check_commit(const CommitRequest& request, GroupTime now) {
  // From an administrator, or from a consumer that assigns partitions to itself.
  if (request.generation < 0 && state_ == GroupState::empty) return ErrorCode::none;
  const bool as_member =
      request.generation >= 0 || !request.member_id.empty() || request.instance_id;
  if (!as_member) return ErrorCode::unknown_member_id;
  const ErrorCode error = validate_member(request.member_id, request.instance_id);
  if (error != ErrorCode::none) return error;
  if (request.generation != generation_ && !planted(PlantedBug::stale_generation_accepted))
    return ErrorCode::illegal_generation;
  if (state_ == GroupState::completing_rebalance) return ErrorCode::rebalance_in_progress;
  GroupMember& member = members_.find(request.member_id)->second;
  keep_alive(member, now, member.session_timeout);
  return ErrorCode::none;
}

// ---------------------------------------------------------------------------------------- checks

ErrorCode GroupCore::validate_member(std::string_view member_id,
                                     const std::optional<std::string_view>& instance_id) const {
  if (instance_id) {
    const auto found = static_members_.find(*instance_id);
    if (found == static_members_.end()) return ErrorCode::unknown_member_id;
    if (found->second != member_id) return ErrorCode::fenced_instance_id;
  }
  return members_.contains(member_id) ? ErrorCode::none : ErrorCode::unknown_member_id;
}

// Whether there is room for this member, as far as group.max.size goes.
bool GroupCore::accepts(std::string_view member_id) const {
  const auto known = members_.find(member_id);
  switch (state_) {
    case GroupState::preparing_rebalance:
      // Counts those that have come back, not those that were there: the last to rejoin have to go
      // when the limit was lowered.
      return (known != members_.end() && known->second.joining) ||
             joining_count_ < options_.group_size_max;
    case GroupState::completing_rebalance:
    case GroupState::stable:
      return known != members_.end() || members_.size() < options_.group_size_max;
    case GroupState::empty:
    case GroupState::dead:
      break;
  }
  return true;
}

bool GroupCore::supports(const JoinRequest& request) const {
  if (state_ == GroupState::empty) {
    return !request.protocol_type.empty() && !request.protocols.empty();
  }
  if (request.protocol_type != protocol_type_) return false;
  return std::ranges::any_of(request.protocols, [&](const JoinProtocol& p) {
    const auto found = supported_protocols_.find(p.name);
    return (found == supported_protocols_.end() ? 0 : found->second) == members_.size();
  });
}

std::string GroupCore::new_member_id(const JoinRequest& request) {
  std::string id(request.instance_id ? *request.instance_id : request.client_id);
  id += '-';
  id += random_uuid(random_);
  return id;
}

// --------------------------------------------------------------------------------------- answers

JoinReply GroupCore::current_generation(const GroupMember& member) const {
  return {.error = ErrorCode::none,
          .generation = generation_,
          .protocol_type = text_or_null(protocol_type_),
          .protocol_name = text_or_null(protocol_),
          .leader = leader_,
          .skip_assignment = false,
          .member_id = member.id,
          .members = {}};
}

std::vector<JoinedMember> GroupCore::joined_members() const {
  std::vector<JoinedMember> result;
  result.reserve(members_.size());
  for (const auto& [id, member] : members_) {
    const SupportedProtocol* chosen = find_protocol(member, protocol_);
    result.push_back({id, member.instance_id, chosen ? chosen->metadata : Blob{}});
  }
  return result;
}

}  // namespace sluice::broker
