#include "broker/fetch_session.hpp"

#include <set>
#include <utility>

namespace sluice::broker {
namespace {

using protocol::ErrorCode;
using protocol::FetchRequest;

FetchTarget make_target(const FetchRequest::Topic& topic, const FetchRequest::Partition& partition,
                        bool by_id) {
  FetchTarget target;
  if (by_id)
    target.topic_id = topic.topic_id;
  else
    target.topic_name = std::string(topic.topic);
  target.index = partition.partition;
  target.offset = partition.fetch_offset;
  target.max_bytes = partition.partition_max_bytes;
  target.current_leader_epoch = partition.current_leader_epoch;
  target.last_fetched_epoch = partition.last_fetched_epoch;
  return target;
}

}  // namespace

FetchSession::Key FetchSession::key_of(std::string_view name, const TopicId& id,
                                       PartitionIndex index) const {
  return by_id_ ? Key{{}, id, index} : Key{std::string(name), {}, index};
}

void FetchSession::update(const FetchRequest& request) {
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      FetchTarget target = make_target(topic, partition, by_id_);
      const Key key = key_of(topic.topic, topic.topic_id, partition.partition);
      const auto known = index_.find(key);
      if (known == index_.end()) {
        targets_.push_back(std::move(target));
        index_.emplace(key, std::prev(targets_.end()));
        continue;
      }
      target.told_high_watermark = known->second->told_high_watermark;
      target.told_log_start = known->second->told_log_start;
      *known->second = std::move(target);
    }
  }
  for (const auto& topic : request.forgotten_topics_data) {
    for (const PartitionIndex partition : topic.partitions) {
      const auto known = index_.find(key_of(topic.topic, topic.topic_id, partition));
      if (known == index_.end()) continue;
      targets_.erase(known->second);
      index_.erase(known);
    }
  }
}

void FetchSession::move_to_end(const std::vector<const FetchTarget*>& served) {
  const std::set<const FetchTarget*> moved(served.begin(), served.end());
  std::list<FetchTarget> last;
  for (auto at = targets_.begin(); at != targets_.end();) {
    const auto next = std::next(at);
    if (moved.contains(&*at)) last.splice(last.end(), targets_, at);  // iterators stay valid
    at = next;
  }
  targets_.splice(targets_.end(), last);
}

FetchSessions::Plan FetchSessions::begin(const FetchRequest& request, std::int16_t version,
                                         std::int32_t new_id) {
  const bool by_id = version >= 13;
  const bool full = version < 7 || request.session_epoch <= 0;
  Plan plan;
  if (full) {
    // A full fetch ends the session it names.
    if (session_ && request.session_id == session_->id()) session_.reset();
    const bool wants_session = version >= 7 && request.session_epoch == 0;
    if (wants_session && !request.topics.empty()) {
      session_ = std::make_unique<FetchSession>(new_id, by_id);
      session_->update(request);
      plan.session = session_.get();
      return plan;
    }
    for (const auto& topic : request.topics)
      for (const auto& partition : topic.partitions)
        plan.targets.push_back(make_target(topic, partition, by_id));
    return plan;
  }
  if (!session_ || session_->id() != request.session_id) {
    plan.error = ErrorCode::fetch_session_id_not_found;
    return plan;
  }
  if (request.session_epoch != session_->next_epoch()) {
    plan.error = ErrorCode::invalid_fetch_session_epoch;
    return plan;
  }
  if (by_id != session_->by_id()) {
    plan.error = ErrorCode::fetch_session_topic_id_error;
    return plan;
  }
  session_->advance_epoch();
  session_->update(request);
  if (session_->empty()) {  // nothing left to read: the session is dropped, the reply is empty
    session_.reset();
    return plan;
  }
  plan.session = session_.get();
  plan.incremental = true;
  return plan;
}

}  // namespace sluice::broker
