#include "tests/simulation/member.hpp"

#include "protocol/messages/heartbeat.hpp"
#include "protocol/messages/join_group.hpp"
#include "protocol/messages/leave_group.hpp"
#include "protocol/messages/offset_commit.hpp"
#include "protocol/messages/offset_fetch.hpp"
#include "protocol/messages/sync_group.hpp"
#include "protocol/record.hpp"
#include "tests/simulation/requests.hpp"

#include <set>

namespace sluice::simulation {

using protocol::ErrorCode;

namespace {

constexpr std::string_view protocol_name = "simulated";
constexpr int audit_attempts = 100;

void put_number(std::vector<std::byte>& out, auto number) {
  const std::size_t at = out.size();
  out.resize(at + sizeof number);
  store_big_endian(out.data() + at, number);
}
void put_text(std::vector<std::byte>& out, std::string_view text) {
  put_number(out, static_cast<std::int16_t>(text.size()));
  const Bytes bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// The consumer protocol's subscription, version 0: topics, no user data.
std::vector<std::byte> subscription(const std::vector<Place>& places) {
  std::set<std::string> topics;
  for (const Place& place : places) topics.insert(place.topic);
  std::vector<std::byte> out;
  put_number(out, std::int16_t{0});
  put_number(out, static_cast<std::int32_t>(topics.size()));
  for (const std::string& topic : topics) put_text(out, topic);
  put_number(out, std::int32_t{-1});
  return out;
}

}  // namespace

Task<> Member::run() {
  while (!done()) {
    const GenerationId former = generation_;
    const bool joined = co_await join();
    if (!joined) {
      co_await pause(std::chrono::milliseconds(50));
      continue;
    }
    if (former >= 0 && former < generation_ && random_.below(3) == 0) co_await commit_late(former);
    const bool known = co_await fetch_offsets();
    if (known) co_await serve();
  }
  if (random_.below(2) == 0) co_await leave();
  disconnect();
}

Task<bool> Member::join() {
  const auto metadata = subscription(places_);
  protocol::JoinGroupRequest request;
  request.group_id = ledger_.group();
  request.session_timeout_ms = 6'000;
  request.rebalance_timeout_ms = 6'000;
  const std::string member = member_id_;
  request.member_id = member;
  request.protocol_type = "consumer";
  request.protocols.push_back({protocol_name, metadata});
  const auto answer = co_await ask<protocol::JoinGroupResponse>(request, 5);
  if (!answer) co_return false;
  const auto& body = answer->body;
  if (body.error_code == ErrorCode::member_id_required) member_id_ = body.member_id;
  if (body.error_code == ErrorCode::unknown_member_id) member_id_.clear();
  if (body.error_code != ErrorCode::none) co_return false;
  member_id_ = body.member_id;
  generation_ = body.generation_id;
  std::vector<std::string> members;
  for (const auto& one : body.members) members.emplace_back(one.member_id);
  co_return co_await sync(std::string(body.leader), std::string(protocol_name), std::move(members));
}

// The leader deals the partitions out in turn; an assignment names places by their numbers.
Task<bool> Member::sync(std::string leader, std::string protocol,
                        std::vector<std::string> members) {
  protocol::SyncGroupRequest request;
  request.group_id = ledger_.group();
  request.generation_id = generation_;
  request.member_id = member_id_;
  std::vector<std::vector<std::byte>> shares(members.size());
  leads_ = leader == member_id_;
  if (leads_) {
    for (std::size_t i = 0; i < places_.size(); ++i)
      shares[i % shares.size()].push_back(static_cast<std::byte>(i));
    for (std::size_t i = 0; i < members.size(); ++i)
      request.assignments.push_back({members[i], shares[i]});
  }
  const auto answer = co_await ask<protocol::SyncGroupResponse>(request, 3);
  if (!answer || refused(answer->body.error_code)) co_return false;
  positions_.clear();
  for (const std::byte index : answer->body.assignment)
    positions_[places_.at(std::to_integer<std::size_t>(index))] = -1;
  co_return true;
}

Task<bool> Member::fetch_offsets() {
  protocol::OffsetFetchRequest request;
  request.group_id = ledger_.group();
  request.topics.emplace();
  std::map<Place, Offset> floors;
  for (const auto& [place, position] : positions_) {
    request.topics->push_back({place.topic, {place.partition}});
    floors[place] = ledger_.floor(place);
  }
  if (floors.empty()) co_return true;
  const auto answer = co_await ask<protocol::OffsetFetchResponse>(request, 7);
  if (!answer || answer->body.error_code != ErrorCode::none) co_return false;
  for (const auto& topic : answer->body.topics) {
    for (const auto& row : topic.partitions) {
      if (row.error_code != ErrorCode::none) co_return false;
      const Place place{std::string(topic.name), row.partition_index};
      ledger_.fetched(place, row.committed_offset, floors.at(place));
      positions_[place] = std::max<Offset>(0, row.committed_offset);
    }
  }
  co_return true;
}

Task<> Member::serve() {
  while (!done()) {
    bool goes_on = co_await read();
    if (goes_on && random_.below(3) != 0) goes_on = co_await commit();
    if (goes_on) goes_on = co_await heartbeat();
    if (!goes_on) co_return;
    if (random_.below(40) == 0) co_return;  // joins anew: a rebalance
    co_await pause(std::chrono::milliseconds(20));
  }
}

bool Member::refused(ErrorCode error) {
  if (error == ErrorCode::unknown_member_id) member_id_.clear();
  return error != ErrorCode::none;
}

Task<bool> Member::heartbeat() {
  protocol::HeartbeatRequest request;
  request.group_id = ledger_.group();
  request.generation_id = generation_;
  request.member_id = member_id_;
  const auto answer = co_await ask<protocol::HeartbeatResponse>(request, 3);
  co_return answer && !refused(answer->body.error_code);
}

Task<bool> Member::read() {
  for (auto& [place, position] : positions_) {
    const auto request = fetch_request(place, position, 20, 20'000);
    const auto answer = co_await ask<protocol::FetchResponse>(request, 11);
    if (!answer) continue;
    const auto& row = answer->body.responses.at(0).partitions.at(0);
    if (row.error_code == ErrorCode::offset_out_of_range)
      position = std::max(position, row.log_start_offset);
    if (row.error_code != ErrorCode::none || !row.records) continue;
    protocol::BatchIterator batches{row.records->bytes};
    while (const auto batch = batches.next())
      position = std::max(position, batch->header.next_offset());
  }
  co_return true;
}

Task<bool> Member::commit() {
  if (positions_.empty()) co_return true;
  protocol::OffsetCommitRequest request;
  request.group_id = ledger_.group();
  request.generation_id_or_member_epoch = generation_;
  request.member_id = member_id_;
  for (const auto& [place, position] : positions_) {
    auto& topic = request.topics.emplace_back();
    topic.name = place.topic;
    auto& row = topic.partitions.emplace_back();
    row.partition_index = place.partition;
    row.committed_offset = position;
    ledger_.attempted(place, position);
  }
  const auto answer = co_await ask<protocol::OffsetCommitResponse>(request, 7);
  if (!answer) {
    if (!leads_) member_id_.clear();
    co_return false;
  }
  bool whole = true;
  for (const auto& topic : answer->body.topics) {
    for (const auto& row : topic.partitions) {
      const Place place{std::string(topic.name), row.partition_index};
      if (refused(row.error_code))
        whole = false;
      else
        ledger_.confirmed(place, positions_.at(place));
    }
  }
  co_return whole;
}

// As a request of its former life that comes late: it must not set the offset back.
Task<> Member::commit_late(GenerationId former) {
  protocol::OffsetCommitRequest request;
  request.group_id = ledger_.group();
  request.generation_id_or_member_epoch = former;
  request.member_id = member_id_;
  auto& topic = request.topics.emplace_back();
  topic.name = places_.front().topic;
  auto& row = topic.partitions.emplace_back();
  row.partition_index = places_.front().partition;
  ledger_.attempted(places_.front(), 0);
  const auto answer = co_await ask<protocol::OffsetCommitResponse>(request, 7);
  if (answer && answer->body.topics.at(0).partitions.at(0).error_code == ErrorCode::none)
    world_.verdict.fail("a commit of generation " + std::to_string(former) + " was taken in " +
                        std::to_string(generation_));
}

Task<> Member::leave() {
  protocol::LeaveGroupRequest request;
  request.group_id = ledger_.group();
  auto& member = request.members.emplace_back();
  member.member_id = member_id_;
  (void)co_await ask<protocol::LeaveGroupResponse>(request, 3);
}

Task<> Member::audit() {
  for (const Place& place : places_) positions_[place] = -1;
  for (int attempt = 0; attempt < audit_attempts && !world_.verdict.failed(); ++attempt) {
    const bool known = co_await fetch_offsets();
    if (known) {
      disconnect();
      co_return;
    }
    co_await pause(std::chrono::milliseconds(100));
  }
  world_.verdict.fail("the offsets of group " + ledger_.group() + " cannot be had");
}

}  // namespace sluice::simulation
