#include "client/queue_member.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {

using protocol::ErrorCode;

void QueueMember::subscribe(std::vector<std::string> topics) {
  std::sort(topics.begin(), topics.end());
  topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
  if (topics == topics_) return;
  topics_ = std::move(topics);
  topics_told_ = false;
  next_heartbeat_ = {};
}

QueueMember::Action QueueMember::next(TimePoint now) const {
  if (failure_ != ErrorCode::none) return {Step::failed};
  if (topics_.empty()) return {Step::idle};
  if (now < not_before_) return {Step::wait, not_before_};
  if (!coordinator_known_) return {Step::find_coordinator};
  if (now >= next_heartbeat_) return {Step::heartbeat};
  return {Step::wait, next_heartbeat_};
}

protocol::ShareGroupHeartbeatRequest QueueMember::heartbeat() {
  protocol::ShareGroupHeartbeatRequest request;
  request.group_id = group_id_;
  request.member_id = member_id_;
  request.member_epoch = epoch_;
  if (epoch_ == 0 || !topics_told_)
    request.subscribed_topic_names.emplace(topics_.begin(), topics_.end());
  topics_told_ = true;
  return request;
}

protocol::ShareGroupHeartbeatRequest QueueMember::farewell() const {
  protocol::ShareGroupHeartbeatRequest request;
  request.group_id = group_id_;
  request.member_id = member_id_;
  request.member_epoch = -1;
  return request;
}

void QueueMember::on_coordinator(bool found, TimePoint now) {
  coordinator_known_ = found;
  if (!found) not_before_ = now + retry_backoff_;
}

void QueueMember::on_heartbeat(const protocol::ShareGroupHeartbeatResponse& response,
                               TimePoint now) {
  if (topics_.empty()) return;  // left meanwhile
  if (response.error_code != ErrorCode::none) return on_error(response.error_code, now);
  epoch_ = response.member_epoch;
  next_heartbeat_ =
      topics_told_ ? now + std::chrono::milliseconds(response.heartbeat_interval_ms) : TimePoint{};
  if (!response.assignment) return;
  std::vector<QueuePartition> partitions;
  for (const auto& topic : response.assignment->topic_partitions)
    for (const PartitionIndex index : topic.partitions)
      partitions.push_back({topic.topic_id, index});
  std::sort(partitions.begin(), partitions.end());
  set_assigned(std::move(partitions));
}

void QueueMember::set_assigned(std::vector<QueuePartition> partitions) {
  if (partitions == assigned_) return;
  assigned_ = std::move(partitions);
  ++revision_;
}

void QueueMember::join_again() {
  epoch_ = 0;
  topics_told_ = false;
  next_heartbeat_ = {};
  set_assigned({});
}

void QueueMember::on_disconnect(TimePoint now) {
  coordinator_known_ = false;
  topics_told_ = false;  // whether it heard of them is not known
  not_before_ = now + retry_backoff_;
  next_heartbeat_ = {};
}

void QueueMember::on_left() {
  topics_.clear();
  epoch_ = 0;
  set_assigned({});
}

void QueueMember::on_error(ErrorCode error, TimePoint now) {
  switch (error) {
    case ErrorCode::unknown_member_id:
    case ErrorCode::fenced_member_epoch:
      return join_again();
    case ErrorCode::not_coordinator:
    case ErrorCode::coordinator_not_available:
    case ErrorCode::request_timed_out:
    case ErrorCode::network_exception:
      return on_disconnect(now);
    case ErrorCode::coordinator_load_in_progress:
      topics_told_ = false;
      not_before_ = now + retry_backoff_;
      return;
    default:
      break;
  }
  // Not authorized, the group is full or of another kind, …: asking again cannot help.
  set_assigned({});
  failure_ = error;
}

}  // namespace sluice::client
