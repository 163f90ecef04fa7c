// The phases of a rebalance, and the timers: who is waited for, for how long, and what the next
// generation is.
#include "broker/group.hpp"
#include "broker/group_subscription.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace sluice::broker {

using std::chrono::milliseconds;

namespace {
// A client may ask for a rebalance timeout of zero; waiting for nobody must not spin.
constexpr milliseconds postponement_min{100};
}  // namespace

void GroupCore::rebalance_or_complete(GroupTime now, GroupEffects& effects) {
  if (state_ == GroupState::preparing_rebalance) {
    maybe_complete_join(now, effects);
  } else {
    prepare_rebalance(now, effects);
  }
}

void GroupCore::prepare_rebalance(GroupTime now, GroupEffects& effects) {
  if (state_ == GroupState::completing_rebalance) {
    propagate(ErrorCode::rebalance_in_progress, now, effects);
  }
  pending_sync_.clear();
  sync_deadline_.reset();

  const bool initial = state_ == GroupState::empty;
  transition(GroupState::preparing_rebalance, now);
  if (initial) {
    // Members of a new group tend to come within seconds of each other: one rebalance for all.
    initial_rebalance_ = true;
    new_member_added_ = false;
    initial_delay_ = options_.initial_rebalance_delay;
    initial_remaining_ = std::max(rebalance_timeout() - initial_delay_, milliseconds{0});
    join_deadline_ = now.steady + initial_delay_;
    wake_at(*join_deadline_);
    return;
  }
  if (all_joined()) {
    complete_join(now, effects);
    return;
  }
  join_deadline_ = now.steady + rebalance_timeout();
  wake_at(*join_deadline_);
}

// Ends the join phase early when nobody is missing; never the initial delay.
void GroupCore::maybe_complete_join(GroupTime now, GroupEffects& effects) {
  if (state_ != GroupState::preparing_rebalance) return;
  if (previous_state_ == GroupState::empty || !all_joined()) return;
  complete_join(now, effects);
}

void GroupCore::initial_delay_over(GroupTime now, GroupEffects& effects) {
  if (!new_member_added_ || initial_remaining_ == milliseconds{0}) {
    complete_join(now, effects);
    return;
  }
  new_member_added_ = false;
  const milliseconds delay = std::min(options_.initial_rebalance_delay, initial_remaining_);
  initial_remaining_ = std::max(initial_remaining_ - initial_delay_, milliseconds{0});
  initial_delay_ = delay;
  join_deadline_ = now.steady + delay;
  wake_at(*join_deadline_);
}

void GroupCore::complete_join(GroupTime now, GroupEffects& effects) {
  join_deadline_.reset();
  initial_rebalance_ = false;
  remove_absent_members(effects);
  if (!members_.empty() && !elect_joined_leader()) {
    // Only static members are left and none has come back: their sessions decide.
    join_deadline_ = now.steady + std::max(rebalance_timeout(), postponement_min);
    wake_at(*join_deadline_);
    return;
  }
  next_generation(now);
  if (state_ == GroupState::empty) {
    add_write({.kind = WriteKind::emptied, .generation = generation_}, snapshot(nullptr), effects);
    return;
  }
  for (auto& [id, member] : members_) {
    JoinReply reply = current_generation(member);
    if (id == leader_) reply.members = joined_members();
    answer_join(member, std::move(reply), effects);
    keep_alive(member, now, member.session_timeout);
    member.is_new = false;
    pending_sync_.insert(id);
  }
  sync_deadline_ = now.steady + rebalance_timeout();
  wake_at(*sync_deadline_);
}

// Dynamic members that did not come back are out; static ones keep their place for their session.
void GroupCore::remove_absent_members(GroupEffects& effects) {
  std::vector<std::string> absent;
  for (const auto& [id, member] : members_) {
    if (!member.joining && !member.instance_id) absent.push_back(id);
  }
  for (const std::string& id : absent) remove_member(id, effects);
}

// The leader stays if it came back; else the first that did. False: nobody did.
bool GroupCore::elect_joined_leader() {
  const auto leader = members_.find(leader_);
  if (leader != members_.end() && leader->second.joining) return true;
  for (const auto& [id, member] : members_) {
    if (!member.joining) continue;
    leader_ = id;
    return true;
  }
  return false;
}

void GroupCore::next_generation(GroupTime now) {
  generation_ = generation_ == std::numeric_limits<std::int32_t>::max() ? 0 : generation_ + 1;
  protocol_ = members_.empty() ? std::string() : select_protocol();
  compute_subscriptions();
  transition(members_.empty() ? GroupState::empty : GroupState::completing_rebalance, now);
  pending_sync_.clear();
}

// Every member votes for the protocol it likes best among those that all support. Of equal votes
// the leader's preference decides.
std::string GroupCore::select_protocol() const {
  const auto is_candidate = [&](const SupportedProtocol& p) {
    const auto found = supported_protocols_.find(p.name);
    return found != supported_protocols_.end() && found->second == members_.size();
  };
  std::map<std::string_view, std::size_t> votes;
  for (const auto& [id, member] : members_) {
    const auto choice = std::ranges::find_if(member.protocols, is_candidate);
    if (choice != member.protocols.end()) ++votes[choice->name];
  }
  const auto leader = members_.find(leader_);
  if (leader == members_.end()) return {};
  std::string_view best;
  std::size_t most = 0;
  for (const SupportedProtocol& p : leader->second.protocols) {
    const auto counted = votes.find(p.name);
    if (counted == votes.end() || counted->second <= most) continue;
    best = p.name;
    most = counted->second;
  }
  return std::string(best);
}

void GroupCore::compute_subscriptions() {
  subscribed_topics_.reset();
  if (!uses_consumer_protocol()) return;
  std::set<std::string, std::less<>> topics;
  for (const auto& [id, member] : members_) {
    const auto chosen = std::ranges::find(member.protocols, protocol_, &SupportedProtocol::name);
    if (chosen == member.protocols.end()) return;
    const auto subscribed = subscribed_topics(chosen->metadata);
    if (!subscribed) return;
    topics.insert(subscribed->begin(), subscribed->end());
  }
  subscribed_topics_ = std::move(topics);
}

bool GroupCore::is_subscribed_to(std::string_view topic) const {
  return subscribed_topics_ ? subscribed_topics_->contains(topic) : uses_consumer_protocol();
}

// Answers every parked sync. An error takes the assignments back: they were of a generation that
// does not come about.
void GroupCore::propagate(ErrorCode error, GroupTime now, GroupEffects& effects) {
  for (auto& [id, member] : members_) {
    if (error != ErrorCode::none) set_assignment(member, {});
    SyncReply reply{.error = error};
    if (error == ErrorCode::none) {
      reply.protocol_type = protocol_type_;
      reply.protocol_name = protocol_;
      reply.assignment = member.assignment;
    }
    if (answer_sync(member, std::move(reply), effects)) {
      keep_alive(member, now, member.session_timeout);
    }
  }
}

void GroupCore::synced(const std::string& member_id) {
  pending_sync_.erase(member_id);
  if (pending_sync_.empty()) sync_deadline_.reset();
}

void GroupCore::transition(GroupState next, GroupTime now) {
  previous_state_ = state_;
  state_ = next;
  state_ms_ = now.wall_ms;
}

milliseconds GroupCore::rebalance_timeout() const {
  milliseconds longest{0};
  for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout);
  return longest;
}

// ---------------------------------------------------------------------------------------- timers

void GroupCore::wake_at(TimePoint deadline) {
  if (!wake_ || deadline < *wake_) wake_ = deadline;
}

void GroupCore::tick(GroupTime now, GroupEffects& effects) {
  // What is due is collected first, in the order of the deadlines, and looked at again when its
  // turn comes: what happens to one member may concern the others.
  while (wake_ && *wake_ <= now.steady) {
    std::vector<std::pair<TimePoint, std::string>> due;
    std::optional<TimePoint> next;
    const auto look_at = [&](std::optional<TimePoint> deadline, const std::string& id) {
      if (!deadline) return;
      if (*deadline <= now.steady) {
        due.emplace_back(*deadline, id);
      } else if (!next || *deadline < *next) {
        next = deadline;
      }
    };
    for (const auto& [id, member] : members_) look_at(member.deadline, id);
    for (const auto& [id, deadline] : pending_members_) look_at(deadline, id);
    look_at(join_deadline_, "");
    look_at(sync_deadline_, "");
    wake_ = next;
    std::ranges::sort(due);
    for (const auto& [deadline, id] : due) {
      if (!id.empty()) {
        session_over(id, now, effects);
      } else if (join_deadline_ && *join_deadline_ <= now.steady) {
        initial_rebalance_ ? initial_delay_over(now, effects) : complete_join(now, effects);
      } else if (sync_deadline_ && *sync_deadline_ <= now.steady) {
        sync_phase_over(now, effects);
      }
    }
  }
}

void GroupCore::session_over(const std::string& member_id, GroupTime now, GroupEffects& effects) {
  const auto pending = pending_members_.find(member_id);
  if (pending != pending_members_.end()) {
    if (pending->second > now.steady) return;
    remove_member(member_id, effects);
    if (state_ == GroupState::preparing_rebalance && all_joined()) complete_join(now, effects);
    return;
  }
  const auto found = members_.find(member_id);
  if (found == members_.end()) return;
  GroupMember& member = found->second;
  if (!member.deadline || *member.deadline > now.steady) return;
  if (!member.is_new && (member.joining || member.syncing)) {
    // It waits for us: its session goes on when it gets its answer.
    member.deadline.reset();
    return;
  }
  remove_member(member_id, effects);
  if (state_ == GroupState::stable || state_ == GroupState::completing_rebalance) {
    prepare_rebalance(now, effects);
  } else if (state_ == GroupState::preparing_rebalance && all_joined()) {
    complete_join(now, effects);
  }
}

// Members that got the generation and never asked for their assignment are out.
void GroupCore::sync_phase_over(GroupTime now, GroupEffects& effects) {
  sync_deadline_.reset();
  const auto missing = std::exchange(pending_sync_, {});
  if (missing.empty()) return;
  for (const std::string& id : missing) remove_member(id, effects);
  prepare_rebalance(now, effects);
}

}  // namespace sluice::broker
