#include "broker/share/share_sessions.hpp"

#include <algorithm>

namespace sluice::broker {

std::shared_ptr<const void> ShareSessionPlaces::take(std::size_t max) {
  if (taken_->fetch_add(1) >= max) {
    taken_->fetch_sub(1);
    return nullptr;
  }
  return {taken_.get(), [taken = taken_](const void*) { taken->fetch_sub(1); }};
}

ShareSessions::Plan ShareSessions::advance(std::string_view group, std::string_view member,
                                           std::int32_t epoch) {
  Plan plan;
  const auto at = sessions_.find({std::string(group), std::string(member)});
  if (at == sessions_.end()) {
    plan.error = ErrorCode::share_session_not_found;
    return plan;
  }
  plan.session = &at->second;
  if (epoch == -1) {
    plan.ends = true;
  } else if (epoch != at->second.next_epoch) {
    plan.error = ErrorCode::invalid_share_session_epoch;
  } else {
    at->second.next_epoch = epoch == 0x7fffffff ? 1 : epoch + 1;
  }
  return plan;
}

ShareSessions::Plan ShareSessions::begin(const protocol::ShareFetchRequest& request,
                                         std::uint64_t new_number, ShareSessionPlaces& places,
                                         std::size_t sessions_max) {
  Plan plan;
  const std::string_view group = request.group_id.value_or("");
  const std::string_view member = request.member_id.value_or("");
  const std::int32_t epoch = request.share_session_epoch;
  const bool acknowledges = std::ranges::any_of(request.topics, [](const auto& topic) {
    return std::ranges::any_of(topic.partitions, [](const auto& partition) {
      return !partition.acknowledgement_batches.empty();
    });
  });
  if (group.empty() || member.empty() || epoch < -1 || (epoch == 0 && acknowledges)) {
    plan.error = ErrorCode::invalid_request;
    return plan;
  }
  if (epoch != 0) {
    plan = advance(group, member, epoch);
    if (plan.error != ErrorCode::none || plan.ends) return plan;
  } else {
    const Key key{group, member};
    std::shared_ptr<const void> place;
    if (const auto at = sessions_.find(key); at != sessions_.end()) {
      place = at->second.place;
      plan.replaced.push_back(std::move(at->second));
      sessions_.erase(at);
    }
    if (!place) place = places.take(sessions_max);
    if (!place) {
      plan.error = ErrorCode::share_session_limit_reached;
      return plan;
    }
    ShareSession fresh;
    fresh.group = std::string(group);
    fresh.member = std::string(member);
    fresh.number = new_number;
    fresh.place = std::move(place);
    plan.session = &sessions_.emplace(key, std::move(fresh)).first->second;
  }
  auto& targets = plan.session->targets;
  for (const auto& topic : request.topics)
    for (const auto& partition : topic.partitions) {
      const ShareTopicPartition target{topic.topic_id, partition.partition_index};
      if (std::ranges::find(targets, target) == targets.end()) targets.push_back(target);
    }
  for (const auto& topic : request.forgotten_topics_data)
    for (const PartitionIndex index : topic.partitions)
      std::erase(targets, ShareTopicPartition{topic.topic_id, index});
  return plan;
}

ShareSessions::Plan ShareSessions::begin(const protocol::ShareAcknowledgeRequest& request) {
  const std::string_view group = request.group_id.value_or("");
  const std::string_view member = request.member_id.value_or("");
  Plan plan;
  if (group.empty() || member.empty() || request.share_session_epoch < -1) {
    plan.error = ErrorCode::invalid_request;
    return plan;
  }
  if (request.share_session_epoch == 0) {
    plan.error = ErrorCode::invalid_share_session_epoch;
    return plan;
  }
  return advance(group, member, request.share_session_epoch);
}

void ShareSessions::end(const ShareSession& session) {
  sessions_.erase({session.group, session.member});
}

std::vector<ShareSession> ShareSessions::take_all() {
  std::vector<ShareSession> all;
  for (auto& [key, session] : sessions_) all.push_back(std::move(session));
  sessions_.clear();
  return all;
}

}  // namespace sluice::broker
