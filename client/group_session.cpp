#include "client/group_session.hpp"

#include "client/stale.hpp"
#include "protocol/messages/heartbeat.hpp"
#include "protocol/messages/join_group.hpp"
#include "protocol/messages/leave_group.hpp"
#include "protocol/messages/sync_group.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

using protocol::ErrorCode;

constexpr std::string_view protocol_type = "consumer";

GroupMemberOptions member_options(const ConsumerOptions& options) {
  return {.group_id = options.group_id,
          .instance_id = options.instance_id,
          .assignors = options.assignors,
          .session_timeout = options.session_timeout,
          .rebalance_timeout = options.rebalance_timeout,
          .heartbeat_interval = options.heartbeat_interval,
          .retry_backoff = options.client.retry_backoff};
}

std::optional<std::string_view> view(const std::optional<std::string>& text) {
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

}  // namespace

GroupSession::GroupSession(Cluster& cluster, FetchState& state, Fetcher& fetcher,
                           const ConsumerOptions& options)
    : cluster_(cluster),
      state_(state),
      fetcher_(fetcher),
      options_(options),
      member_(member_options(options)),
      work_(cluster.loop()),
      rest_(cluster.loop()) {}

void GroupSession::subscribe(std::vector<std::string> topics) {
  pattern_.reset();
  cluster_.metadata().want_all(MetadataCache::All::no);
  for (const auto& topic : topics) cluster_.metadata().want(topic);
  member_.subscribe(std::move(topics));
  start();
}

void GroupSession::subscribe(std::regex pattern) {
  pattern_ = std::move(pattern);
  matched_revision_.reset();
  cluster_.metadata().want_all(MetadataCache::All::yes);
  match_topics();
  start();
}

void GroupSession::match_topics() {
  if (!pattern_ || matched_revision_ == cluster_.metadata().revision()) return;
  matched_revision_ = cluster_.metadata().revision();
  auto topics = cluster_.metadata().topic_names();
  std::erase_if(topics, [this](const auto& name) { return !std::regex_match(name, *pattern_); });
  if (!topics.empty() || !member_.topics().empty()) member_.subscribe(std::move(topics));
}

void GroupSession::start() {
  work_.notify();
  if (started_) return;
  started_ = true;
  cluster_.spawn(run(this));
}

Task<> GroupSession::run(GroupSession* self) {
  while (!self->stopping_) {
    const auto at = self->cluster_.now();
    self->match_topics();
    const auto action = self->member_.next(at);
    switch (action.step) {
      case GroupMember::Step::find_coordinator:
        co_await self->find_coordinator();
        break;
      case GroupMember::Step::release:
        co_await self->release();
        break;
      case GroupMember::Step::join:
        co_await self->join();
        break;
      case GroupMember::Step::sync:
        co_await self->sync();
        break;
      case GroupMember::Step::heartbeat:
        co_await self->heartbeat();
        break;
      case GroupMember::Step::wait:
        self->watch_metadata(at);
        co_await self->work_.wait(std::min(action.at, at + std::chrono::seconds(1)));
        break;
      case GroupMember::Step::idle:
        self->watch_metadata(at);
        co_await self->work_.wait(at + std::chrono::seconds(1));
        break;
      case GroupMember::Step::failed:
        co_await self->work_.wait(at + std::chrono::seconds(1));
        break;
    }
    self->notice_lost();
    if (self->failure()) self->fetcher_.changed().notify();
  }
}

void GroupSession::give_up(const std::vector<TopicPartition>& partitions) {
  if (partitions.empty()) return;
  state_.remove(partitions);
  for (const auto& where : partitions) committed_.erase(where);
  if (!rebalance_) rebalance_.emplace();
  rebalance_->revoked.insert(rebalance_->revoked.end(), partitions.begin(), partitions.end());
}

void GroupSession::notice_lost() {
  const auto lost = member_.take_lost();
  give_up(lost);
}

void GroupSession::note(const Error& error) {
  trouble_ = error;
  fetcher_.changed().notify();
}

std::optional<Rebalance> GroupSession::take_rebalance() {
  auto taken = std::exchange(rebalance_, std::nullopt);
  if (taken) taken->assigned = member_.assigned();
  return taken;
}

std::optional<Error> GroupSession::failure() const {
  if (member_.failure() == ErrorCode::none) return std::nullopt;
  return Error{make_error_code(member_.failure()), "group " + options_.group_id};
}

// ---- The steps ----

Task<Result<Cluster::Link>> GroupSession::coordinator(TimePoint deadline, Purpose purpose) {
  if (coordinator_ < 0) {
    const std::string group = options_.group_id;
    const auto found = co_await cluster_.find_coordinator(group, deadline);
    if (!found) co_return std::unexpected(found.error());
    coordinator_ = *found;
  }
  auto link = co_await cluster_.node(coordinator_, deadline, purpose);
  if (!link) coordinator_ = -1;
  co_return link;
}

Task<> GroupSession::find_coordinator() {
  coordinator_ = -1;
  const auto link = co_await coordinator(cluster_.now() + cluster_.options().request_timeout);
  if (link)
    trouble_.reset();
  else
    note(link.error());
  member_.on_coordinator(link.has_value(), cluster_.now());
}

// An eager member commits and gives up everything before it joins again.
Task<> GroupSession::release() {
  if (options_.auto_commit) {
    auto offsets = uncommitted();
    const auto committed =
        co_await commit(std::move(offsets), cluster_.now() + std::chrono::seconds(5));
    if (!committed) note(committed.error());
  }
  const auto held = member_.assigned();
  give_up(held);
  member_.on_released();
}

Task<> GroupSession::join() {
  const auto deadline = cluster_.now() + options_.rebalance_timeout + std::chrono::seconds(5);
  auto link = co_await coordinator(deadline, Purpose::rebalance);
  if (!link) {
    note(link.error());
    co_return member_.on_disconnect(cluster_.now());
  }
  protocol::JoinGroupRequest request;
  request.group_id = options_.group_id;
  request.session_timeout_ms = static_cast<std::int32_t>(options_.session_timeout.count());
  request.rebalance_timeout_ms = static_cast<std::int32_t>(options_.rebalance_timeout.count());
  const std::string member_id = member_.member_id();
  request.member_id = member_id;
  request.group_instance_id = view(options_.instance_id);
  request.protocol_type = protocol_type;
  const auto metadata = encode_subscription(member_.subscription());
  for (const auto assignor : options_.assignors) {
    auto& row = request.protocols.emplace_back();
    row.name = assignor_name(assignor);
    row.metadata = metadata;
  }
  const auto reply = co_await call<protocol::JoinGroupResponse>(*link, request, deadline);
  if (!reply) {
    note(reply.error());
    co_return member_.on_disconnect(cluster_.now());
  }
  const auto& body = reply->body;
  GroupMember::JoinOutcome outcome{.error = body.error_code,
                                   .generation = body.generation_id,
                                   .protocol = std::string(body.protocol_name.value_or("")),
                                   .leader = std::string(body.leader),
                                   .member_id = std::string(body.member_id),
                                   .skip_assignment = body.skip_assignment};
  for (const auto& member : body.members) {
    auto subscription = decode_subscription(member.metadata);
    GroupMemberInfo info{.member_id = std::string(member.member_id)};
    if (member.group_instance_id) info.instance_id = std::string(*member.group_instance_id);
    if (subscription) info.subscription = std::move(*subscription);
    outcome.members.push_back(std::move(info));
  }
  trouble_.reset();
  member_.on_join(outcome, cluster_.now());
}

PartitionCounts GroupSession::partition_counts(const std::set<std::string>& topics) const {
  PartitionCounts counts;
  for (const auto& topic : topics) {
    const auto* info = cluster_.metadata().topic(topic);
    if (info && info->error == ErrorCode::none && !info->partitions.empty())
      counts[topic] = static_cast<std::int32_t>(info->partitions.size());
  }
  return counts;
}

Task<> GroupSession::sync() {
  const auto deadline = cluster_.now() + options_.rebalance_timeout + std::chrono::seconds(5);
  auto link = co_await coordinator(deadline, Purpose::rebalance);
  if (!link) {
    note(link.error());
    co_return member_.on_disconnect(cluster_.now());
  }
  protocol::SyncGroupRequest request;
  request.group_id = options_.group_id;
  request.generation_id = member_.generation();
  const std::string member_id = member_.member_id();
  request.member_id = member_id;
  request.group_instance_id = view(options_.instance_id);
  request.protocol_type = protocol_type;
  const std::string protocol_name = member_.protocol();
  request.protocol_name = protocol_name;
  std::map<std::string, std::vector<std::byte>> encoded;
  if (member_.leads()) {
    std::set<std::string> topics;
    for (const auto& member : member_.members())
      topics.insert(member.subscription.topics.begin(), member.subscription.topics.end());
    for (const auto& topic : topics) cluster_.metadata().want(topic);
    const auto fresh =
        co_await cluster_.ensure_fresh(cluster_.now() + cluster_.options().request_timeout);
    if (!fresh) note(fresh.error());
    assigned_counts_ = partition_counts(topics);
    for (const auto& [id, partitions] :
         assign(member_.chosen(), member_.members(), assigned_counts_))
      encoded[id] = encode_assignment(partitions);
    for (const auto& [id, bytes] : encoded) {
      auto& row = request.assignments.emplace_back();
      row.member_id = id;
      row.assignment = bytes;
    }
  }
  const auto reply = co_await call<protocol::SyncGroupResponse>(*link, request, deadline);
  if (!reply) {
    note(reply.error());
    co_return member_.on_disconnect(cluster_.now());
  }
  auto assignment = decode_assignment(reply->body.assignment);
  if (!assignment) assignment = std::vector<TopicPartition>{};
  const auto change =
      member_.on_sync(reply->body.error_code, std::move(*assignment), cluster_.now());
  if (reply->body.error_code != ErrorCode::none) co_return;
  if (options_.auto_commit && !change.revoked.empty()) {
    auto offsets = uncommitted();
    const auto committed =
        co_await commit(std::move(offsets), cluster_.now() + std::chrono::seconds(5));
    if (!committed) note(committed.error());
  }
  give_up(change.revoked);
  for (const auto& where : change.added) cluster_.metadata().want(where.topic);
  state_.add(change.added);
  if (!rebalance_) rebalance_.emplace();
  rebalance_->added.insert(rebalance_->added.end(), change.added.begin(), change.added.end());
  fetcher_.wake();
}

Task<> GroupSession::heartbeat() {
  const auto deadline =
      cluster_.now() + std::min(options_.session_timeout, cluster_.options().request_timeout);
  auto link = co_await coordinator(deadline);
  if (!link) {
    note(link.error());
    co_return member_.on_disconnect(cluster_.now());
  }
  protocol::HeartbeatRequest request;
  request.group_id = options_.group_id;
  request.generation_id = member_.generation();
  const std::string member_id = member_.member_id();
  request.member_id = member_id;
  request.group_instance_id = view(options_.instance_id);
  const auto reply = co_await call<protocol::HeartbeatResponse>(*link, request, deadline);
  if (!reply) {
    note(reply.error());
    co_return member_.on_disconnect(cluster_.now());
  }
  trouble_.reset();
  member_.on_heartbeat(reply->body.error_code, cluster_.now());
}

Task<Result<>> GroupSession::leave(TimePoint deadline) {
  if (member_.member_id().empty() || options_.instance_id || !active()) co_return Result<>{};
  auto link = co_await coordinator(deadline);
  if (!link) co_return std::unexpected(link.error());
  const auto version = pick_version(**link, protocol::LeaveGroupRequest::schema);
  if (!version) co_return std::unexpected(version.error());
  protocol::LeaveGroupRequest request;
  request.group_id = options_.group_id;
  const std::string member_id = member_.member_id();
  if (*version >= 3)
    request.members.emplace_back().member_id = member_id;
  else
    request.member_id = member_id;
  const auto reply = co_await call<protocol::LeaveGroupResponse>(*link, request, deadline);
  member_.on_left();
  if (!reply) co_return std::unexpected(reply.error());
  co_return Result<>{};
}

// ---- Partition counts of the topics ----

void GroupSession::watch_metadata(TimePoint at) {
  if (member_.leads() && member_.stable()) {
    std::set<std::string> topics;
    for (const auto& [topic, count] : assigned_counts_) topics.insert(topic);
    topics.insert(member_.topics().begin(), member_.topics().end());
    if (partition_counts(topics) != assigned_counts_) {
      assigned_counts_ = partition_counts(topics);
      member_.rejoin();
    }
  }
  // A topic that does not exist yet is asked for now and then.
  bool missing = false;
  for (const auto& topic : member_.topics()) {
    const auto* info = cluster_.metadata().topic(topic);
    missing = missing || !info || info->partitions.empty();
  }
  if ((missing || cluster_.metadata().stale(at)) && !refreshing_) {
    refreshing_ = true;
    cluster_.spawn(refresh(this));
  }
}

Task<> GroupSession::refresh(GroupSession* self) {
  const auto refreshed = co_await self->cluster_.refresh(self->cluster_.now() +
                                                         self->cluster_.options().request_timeout);
  if (!refreshed) self->note(refreshed.error());
  self->work_.notify();
  co_await self->rest_.wait(self->cluster_.now() + std::chrono::milliseconds(500));
  self->refreshing_ = false;
}

// ---- Offsets ----

std::map<TopicPartition, CommittedOffset> GroupSession::uncommitted() const {
  std::map<TopicPartition, CommittedOffset> offsets;
  for (const auto& [where, partition] : state_.partitions()) {
    if (partition.position < 0) continue;
    const auto known = committed_.find(where);
    if (known != committed_.end() && known->second == partition.position) continue;
    offsets.emplace(where, CommittedOffset{.offset = partition.position});
  }
  return offsets;
}

Task<Result<>> GroupSession::commit(std::map<TopicPartition, CommittedOffset> offsets,
                                    TimePoint deadline) {
  if (offsets.empty()) co_return Result<>{};
  for (int attempt = 0;; ++attempt) {
    Error error;
    auto link = co_await coordinator(deadline);
    if (!link) {
      error = link.error();
    } else {
      Committer committer{.group_id = options_.group_id, .instance_id = options_.instance_id};
      if (active()) {
        committer.generation = member_.generation();
        committer.member_id = member_.member_id();
      }
      const auto outcome = co_await commit_offsets(*link, std::move(committer), offsets, deadline);
      if (!outcome) {
        error = outcome.error();
      } else {
        for (const auto& [where, code] : *outcome) {
          if (code == ErrorCode::none) {
            committed_[where] = offsets[where].offset;
            continue;
          }
          error = {make_error_code(code), "commit of group " + options_.group_id};
          member_.on_commit_error(code, cluster_.now());
        }
      }
    }
    if (!error.code) co_return Result<>{};
    // Between a join and its sync nobody may commit; what we still hold after it can be.
    const bool in_rebalance = error.is(ErrorCode::rebalance_in_progress);
    const bool may_pass = retriable(error.code) || in_rebalance;
    if (!may_pass || cluster_.now() >= deadline) co_return std::unexpected(error);
    if (means_stale_metadata(error.code)) coordinator_ = -1;
    co_await cluster_.back_off(attempt, deadline);
    if (in_rebalance)
      std::erase_if(offsets, [this](const auto& o) { return !state_.find(o.first); });
    if (offsets.empty()) co_return Result<>{};
  }
}

Task<Result<std::map<TopicPartition, CommittedOffset>>> GroupSession::committed(
    std::vector<TopicPartition> partitions, TimePoint deadline) {
  auto link = co_await coordinator(deadline);
  if (!link) co_return std::unexpected(link.error());
  const std::string group = options_.group_id;
  co_return co_await fetch_committed(*link, group, std::move(partitions), options_.isolation,
                                     deadline);
}

}  // namespace sluice::client
