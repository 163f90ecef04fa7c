#include "client/group_member.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

using protocol::ErrorCode;

std::vector<TopicPartition> without(const std::vector<TopicPartition>& from,
                                    const std::vector<TopicPartition>& taken) {
  std::vector<TopicPartition> left;
  for (const auto& partition : from)
    if (std::find(taken.begin(), taken.end(), partition) == taken.end()) left.push_back(partition);
  return left;
}

}  // namespace

bool GroupMember::cooperative() const {
  return !options_.assignors.empty() && options_.assignors.front() == Assignor::cooperative_sticky;
}

Assignor GroupMember::chosen() const {
  return assignor_from_name(protocol_).value_or(
      options_.assignors.empty() ? Assignor::range : options_.assignors.front());
}

Subscription GroupMember::subscription() const {
  Subscription subscription{.topics = topics_};
  if (cooperative()) {
    subscription.owned = assigned_;
    subscription.generation = assigned_generation_;
  } else if (!options_.assignors.empty() && options_.assignors.front() == Assignor::sticky) {
    subscription.owned = held_last_;
    subscription.generation = assigned_generation_;
  }
  return subscription;
}

void GroupMember::subscribe(std::vector<std::string> topics) {
  std::sort(topics.begin(), topics.end());
  topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
  if (topics == topics_ && phase_ != Phase::idle) return;
  topics_ = std::move(topics);
  if (phase_ == Phase::failed) return;
  if (phase_ == Phase::idle)
    phase_ = Phase::joining;
  else
    rejoin();
}

void GroupMember::rejoin() {
  if (phase_ == Phase::stable) {
    phase_ = Phase::joining;
    must_release_ = !cooperative() && !assigned_.empty();
  } else if (phase_ == Phase::joining || phase_ == Phase::syncing) {
    rejoin_wanted_ = true;
  }
}

GroupMember::Action GroupMember::next(TimePoint now) const {
  switch (phase_) {
    case Phase::idle:
      return {Step::idle};
    case Phase::failed:
      return {Step::failed};
    default:
      break;
  }
  if (now < not_before_) return {Step::wait, not_before_};
  if (!coordinator_known_) return {Step::find_coordinator};
  switch (phase_) {
    case Phase::joining:
      return {must_release_ ? Step::release : Step::join};
    case Phase::syncing:
      return {Step::sync};
    default:
      break;
  }
  if (now >= next_heartbeat_) return {Step::heartbeat};
  return {Step::wait, next_heartbeat_};
}

void GroupMember::on_coordinator(bool found, TimePoint now) {
  coordinator_known_ = found;
  if (!found) not_before_ = now + options_.retry_backoff;
}

void GroupMember::on_released() {
  must_release_ = false;
  if (!cooperative()) assigned_.clear();
}

void GroupMember::on_join(const JoinOutcome& outcome, TimePoint now) {
  if (phase_ != Phase::joining) return;
  if (outcome.error ==
      ErrorCode::member_id_required) {  // KIP-394: join again under the id we were given
    member_id_ = outcome.member_id;
    return;
  }
  if (outcome.error != ErrorCode::none) return on_error(outcome.error, now);
  member_id_ = outcome.member_id;
  generation_ = outcome.generation;
  protocol_ = outcome.protocol;
  leads_ = outcome.leader == outcome.member_id && !outcome.skip_assignment;
  members_ = outcome.members;
  phase_ = Phase::syncing;
}

GroupMember::Change GroupMember::on_sync(ErrorCode error, std::vector<TopicPartition> assignment,
                                         TimePoint now) {
  if (phase_ != Phase::syncing) return {};
  members_.clear();
  if (error != ErrorCode::none) {
    on_error(error, now);
    return {};
  }
  phase_ = Phase::stable;
  next_heartbeat_ = now + options_.heartbeat_interval;
  Change change{.revoked = without(assigned_, assignment), .added = without(assignment, assigned_)};
  assigned_ = std::move(assignment);
  assigned_generation_ = generation_;
  held_last_ = assigned_;
  const bool gave_up_some = cooperative() && !change.revoked.empty();
  // KIP-429: what was taken from us can be given out only in a further round.
  if (gave_up_some || std::exchange(rejoin_wanted_, false)) rejoin();
  return change;
}

void GroupMember::on_heartbeat(ErrorCode error, TimePoint now) {
  if (phase_ != Phase::stable) return;
  next_heartbeat_ = now + options_.heartbeat_interval;
  if (error != ErrorCode::none) on_error(error, now);
}

void GroupMember::on_commit_error(ErrorCode error, TimePoint now) {
  if (phase_ == Phase::stable) on_error(error, now);
}

void GroupMember::on_disconnect(TimePoint now) {
  coordinator_known_ = false;
  if (phase_ == Phase::idle || phase_ == Phase::failed) return;
  not_before_ = now + options_.retry_backoff;
  // A stable membership may well have survived: the next heartbeat tells. A round that was cut off
  // is begun again, under the member id that we have.
  if (phase_ == Phase::syncing) phase_ = Phase::joining;
}

void GroupMember::on_left() {
  phase_ = Phase::idle;
  topics_.clear();
  assigned_.clear();
  member_id_.clear();
  generation_ = -1;
  must_release_ = rejoin_wanted_ = leads_ = false;
}

void GroupMember::lose_all() {
  lost_.insert(lost_.end(), assigned_.begin(), assigned_.end());
  assigned_.clear();
  must_release_ = false;
}

void GroupMember::start_over(bool forget_member) {
  generation_ = -1;
  if (forget_member) member_id_.clear();
  lose_all();
  phase_ = Phase::joining;
}

void GroupMember::on_error(ErrorCode error, TimePoint now) {
  switch (error) {
    case ErrorCode::rebalance_in_progress:
      if (phase_ == Phase::stable) must_release_ = !cooperative() && !assigned_.empty();
      phase_ = Phase::joining;
      return;
    case ErrorCode::unknown_member_id:
      return start_over(true);
    case ErrorCode::illegal_generation:
      return start_over(false);
    case ErrorCode::not_coordinator:
    case ErrorCode::coordinator_not_available:
    case ErrorCode::request_timed_out:
    case ErrorCode::network_exception:
      return on_disconnect(now);
    case ErrorCode::coordinator_load_in_progress:
      not_before_ = now + options_.retry_backoff;
      return;
    case ErrorCode::fenced_instance_id:
    default:
      break;
  }
  // Not authorized, fenced, inconsistent protocol, group full, …: asking again cannot help.
  lose_all();
  failure_ = error;
  phase_ = Phase::failed;
}

}  // namespace sluice::client
