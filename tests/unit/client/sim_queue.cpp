#include "tests/unit/client/sim_queue.hpp"

#include "protocol/record_batch.hpp"

#include <algorithm>
#include <deque>

namespace sluice::client {
namespace {

using protocol::ErrorCode;
using State = SimQueueCluster::Record::State;

template <class Message>
Message decoded(const protocol::RequestFrame& request) {
  Message message;
  EXPECT_EQ(protocol::decode(request.body, request.header.version, message),
            protocol::WireError::none);
  return message;
}

template <class Message>
std::vector<std::byte> encoded(const Message& message, const protocol::RequestFrame& request) {
  std::vector<std::byte> out;
  EXPECT_EQ(protocol::encode_response(message, request.header.version,
                                      request.header.correlation_id, out),
            protocol::WireError::none);
  return out;
}

template <class Response>
auto& row_of(Response& response, const TopicId& topic, PartitionIndex partition) {
  if (response.responses.empty() || response.responses.back().topic_id != topic)
    response.responses.emplace_back().topic_id = topic;
  auto& row = response.responses.back().partitions.emplace_back();
  row.partition_index = partition;
  return row;
}

}  // namespace

std::size_t SimQueueCluster::count(State state) const {
  std::size_t sum = 0;
  for (const auto& [key, records] : shares_)
    sum += static_cast<std::size_t>(std::ranges::count_if(
        records, [&](const auto& entry) { return entry.second.state == state; }));
  return sum;
}

SimQueueCluster::Key SimQueueCluster::key_of(const TopicId& id, PartitionIndex partition) const {
  for (const auto& topic : topics)
    if (topic_id(topic) == id) return {topic, partition};
  return {"", partition};
}

void SimQueueCluster::expire() {
  const auto now = sim().clock().now();
  for (auto& [key, records] : shares_)
    for (auto& [offset, record] : records)
      if (record.state == State::acquired && record.until <= now) record.state = State::available;
}

bool SimQueueCluster::anything(BrokerId at, const Key& key) {
  if (!leads(at, key.first, key.second)) return true;  // an error is something to tell
  expire();
  auto& records = shares_[key];
  if (static_cast<Offset>(records.size()) < log(key.first, key.second).end) return true;
  return std::ranges::any_of(
      records, [](const auto& entry) { return entry.second.state == State::available; });
}

Duration SimQueueCluster::patience(const protocol::RequestFrame& request) {
  if (request.header.api_key != protocol::ShareFetchRequest::schema.api_key) return {};
  return std::chrono::milliseconds(decoded<protocol::ShareFetchRequest>(request).max_wait_ms);
}

bool SimQueueCluster::has_records(BrokerId at, const protocol::RequestFrame&) {
  for (const auto& topic : topics)
    for (PartitionIndex p = 0; leads(1, topic, p) || leads(2, topic, p); ++p)
      if (leads(at, topic, p) && anything(at, {topic, p})) return true;
  return false;
}

void SimQueueCluster::on_close(const void* connection) {
  sessions_.erase(connection);
  for (auto& [key, records] : shares_)
    for (auto& [offset, record] : records)
      if (record.state == State::acquired && record.connection == connection)
        record.state = State::available;
}

std::vector<std::byte> SimQueueCluster::serve(BrokerId at, const void* connection,
                                              const protocol::RequestFrame& request) {
  switch (request.header.api_key) {
    case protocol::FindCoordinatorRequest::schema.api_key: {
      const auto asked = decoded<protocol::FindCoordinatorRequest>(request);
      protocol::FindCoordinatorResponse response;
      for (const auto& key : asked.coordinator_keys) {
        auto& row = response.coordinators.emplace_back();
        row.key = key;
        row.node_id = 1;
      }
      return encoded(response, request);
    }
    case protocol::ShareGroupHeartbeatRequest::schema.api_key:
      return heartbeat(request);
    case protocol::ShareFetchRequest::schema.api_key:
      return fetch(at, connection, request);
    case protocol::ShareAcknowledgeRequest::schema.api_key:
      return acknowledge(at, connection, request);
    default:
      return SimCluster::serve(at, connection, request);
  }
}

std::vector<std::byte> SimQueueCluster::heartbeat(const protocol::RequestFrame& request) {
  const auto asked = decoded<protocol::ShareGroupHeartbeatRequest>(request);
  protocol::ShareGroupHeartbeatResponse response;
  response.heartbeat_interval_ms = 1000;
  if (asked.member_epoch == -1) {
    members_.erase(std::string(asked.member_id));
    response.member_epoch = -1;
    return encoded(response, request);
  }
  auto member = members_.find(asked.member_id);
  const bool forgets = asked.member_epoch != 0 && !std::exchange(knows_members, true);
  if (asked.member_epoch != 0 && (member == members_.end() || forgets)) {
    if (forgets) members_.erase(std::string(asked.member_id));
    response.error_code = ErrorCode::unknown_member_id;
    return encoded(response, request);
  }
  if (asked.member_epoch == 0) {
    member = members_.insert_or_assign(std::string(asked.member_id), 1).first;
    auto& assignment = response.assignment.emplace();
    for (const auto topic : *asked.subscribed_topic_names) {
      auto& row = assignment.topic_partitions.emplace_back();
      row.topic_id = topic_id(topic);
      for (PartitionIndex p = 0; leads(1, topic, p) || leads(2, topic, p); ++p)
        row.partitions.push_back(p);
    }
  }
  response.member_epoch = member->second;
  return encoded(response, request);
}

ErrorCode SimQueueCluster::advance(const void* connection, std::int32_t epoch) {
  const auto at = sessions_.find(connection);
  if (at == sessions_.end()) return ErrorCode::share_session_not_found;
  if (epoch == -1) return ErrorCode::none;
  if (epoch != at->second.next_epoch) return ErrorCode::invalid_share_session_epoch;
  ++at->second.next_epoch;
  return ErrorCode::none;
}

// All of a partition, or nothing.
template <class Batches>
ErrorCode SimQueueCluster::take(const void* connection, const Key& key, const Batches& batches) {
  expire();
  auto& records = shares_[key];
  Offset before = -1;
  for (const auto& batch : batches) {
    if (batch.first_offset <= before || batch.last_offset < batch.first_offset ||
        batch.acknowledge_types.size() != 1)
      return ErrorCode::invalid_request;
    before = batch.last_offset;
    for (Offset offset = batch.first_offset; offset <= batch.last_offset; ++offset) {
      const auto at = records.find(offset);
      if (at == records.end() || at->second.state != State::acquired ||
          at->second.connection != connection)
        return ErrorCode::invalid_record_state;
    }
  }
  const auto now = sim().clock().now();
  last_acknowledged = now;
  for (const auto& batch : batches) {
    for (Offset offset = batch.first_offset; offset <= batch.last_offset; ++offset) {
      auto& record = records[offset];
      record.delay_ms = batch.delay_ms;
      record.reason = std::string(batch.reason);
      switch (batch.acknowledge_types.front()) {
        case 1:
          record.state = State::accepted;
          break;
        case 2:
          record.state = State::available;
          break;
        case 4:
          record.until = now + lock_duration;
          ++renewals;
          break;
        default:
          record.state = State::rejected;
          break;
      }
    }
  }
  return ErrorCode::none;
}

std::vector<std::byte> SimQueueCluster::fetch(BrokerId at, const void* connection,
                                              const protocol::RequestFrame& request) {
  const auto asked = decoded<protocol::ShareFetchRequest>(request);
  protocol::ShareFetchResponse response;
  response.acquisition_lock_timeout_ms = static_cast<std::int32_t>(lock_duration.count());
  if (asked.share_session_epoch == 0)
    sessions_[connection] = {};
  else
    response.error_code = advance(connection, asked.share_session_epoch);
  if (response.error_code != ErrorCode::none) return encoded(response, request);
  auto& session = sessions_[connection];
  for (const auto& topic : asked.forgotten_topics_data)
    for (const PartitionIndex p : topic.partitions)
      session.targets.erase(key_of(topic.topic_id, p));
  std::map<Key, ErrorCode> acknowledged;
  for (const auto& topic : asked.topics) {
    for (const auto& row : topic.partitions) {
      const Key key = key_of(topic.topic_id, row.partition_index);
      const auto& batches = row.acknowledgement_batches;
      if (batches.empty())
        session.targets.insert(key);
      else
        acknowledged[key] = leads(at, key.first, key.second) ? take(connection, key, batches)
                                                             : ErrorCode::not_leader_or_follower;
    }
  }
  std::int32_t room = asked.max_records;
  auto keys = session.targets;
  std::deque<std::vector<std::byte>> kept;  // until the response is encoded
  for (const auto& [key, error] : acknowledged) keys.insert(key);
  for (const Key& key : keys) {
    auto& row = row_of(response, topic_id(key.first), key.second);
    row.records.emplace();
    if (const auto said = acknowledged.find(key); said != acknowledged.end())
      row.acknowledge_error_code = said->second;
    if (!leads(at, key.first, key.second)) {
      row.error_code = ErrorCode::not_leader_or_follower;
      continue;
    }
    if (!session.targets.contains(key)) continue;
    expire();
    const Log& of = log(key.first, key.second);
    auto& records = shares_[key];
    for (Offset offset = static_cast<Offset>(records.size()); offset < of.end; ++offset)
      records[offset];
    std::vector<std::byte> bytes;
    for (const auto& batch : of.batches) {
      const auto header = *protocol::parse_batch_header(*batch);
      bool any = false;
      for (Offset offset = header.base_offset; offset < header.next_offset() && room > 0;
           ++offset) {
        auto& record = records[offset];
        if (record.state != State::available) continue;
        any = true;
        --room;
        record.state = State::acquired;
        record.connection = connection;
        record.until = sim().clock().now() + lock_duration;
        ++record.deliveries;
        row.acquired_records.push_back({offset, offset, record.deliveries});
      }
      if (any) bytes.insert(bytes.end(), batch->begin(), batch->end());
    }
    row.records = protocol::Records{kept.emplace_back(std::move(bytes))};
  }
  auto out = encoded(response, request);
  if (asked.share_session_epoch == -1) on_close(connection);
  return out;
}

std::vector<std::byte> SimQueueCluster::acknowledge(BrokerId at, const void* connection,
                                                    const protocol::RequestFrame& request) {
  const auto asked = decoded<protocol::ShareAcknowledgeRequest>(request);
  protocol::ShareAcknowledgeResponse response;
  ++acknowledge_requests;
  response.acquisition_lock_timeout_ms = static_cast<std::int32_t>(lock_duration.count());
  response.error_code = advance(connection, asked.share_session_epoch);
  if (response.error_code != ErrorCode::none) return encoded(response, request);
  for (const auto& topic : asked.topics)
    for (const auto& partition : topic.partitions) {
      const Key key = key_of(topic.topic_id, partition.partition_index);
      auto& row = row_of(response, topic.topic_id, partition.partition_index);
      row.error_code = leads(at, key.first, key.second)
                           ? take(connection, key, partition.acknowledgement_batches)
                           : ErrorCode::not_leader_or_follower;
    }
  auto out = encoded(response, request);
  if (asked.share_session_epoch == -1) on_close(connection);
  return out;
}

}  // namespace sluice::client
