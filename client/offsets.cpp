#include "client/offsets.hpp"

#include "protocol/messages/list_offsets.hpp"
#include "protocol/messages/offset_commit.hpp"
#include "protocol/messages/offset_fetch.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

using protocol::ErrorCode;

// From version 10 on the group's offsets are addressed by topic id; names are enough for us.
constexpr protocol::Version last_version_with_names = 9;

Error broker_failure(ErrorCode code, std::string context) {
  return {make_error_code(code), std::move(context)};
}

// Adds a row for `where`, under its topic. Rows come in order of topics.
template <class Message>
auto& add_partition(std::vector<Message>& topics, const TopicPartition& where) {
  if (topics.empty() || topics.back().name != where.topic) topics.emplace_back().name = where.topic;
  auto& row = topics.back().partitions.emplace_back();
  row.partition_index = where.partition;
  return row;
}

using Wanted = std::map<TopicPartition, std::int64_t>;
using Found = std::map<TopicPartition, TimestampOffset>;

// Asks one broker. Moves what was answered from `wanted` to `found`. Errors: what does not pass.
Task<Result<>> ask_leader(Cluster& cluster, BrokerId leader, Wanted mine, Isolation isolation,
                          TimePoint deadline, Wanted& wanted, Found& found) {
  auto link = co_await cluster.node(leader, deadline);
  if (!link) co_return std::unexpected(link.error());
  protocol::ListOffsetsRequest request;
  request.replica_id = -1;
  request.isolation_level = static_cast<std::int8_t>(isolation);
  request.timeout_ms = static_cast<std::int32_t>(cluster.options().request_timeout.count());
  for (const auto& [where, time] : mine) add_partition(request.topics, where).timestamp = time;
  const auto reply = co_await call<protocol::ListOffsetsResponse>(*link, request, deadline);
  if (!reply) co_return std::unexpected(reply.error());
  for (const auto& topic : reply->body.topics) {
    for (const auto& row : topic.partitions) {
      TopicPartition where{std::string(topic.name), row.partition_index};
      if (row.error_code == ErrorCode::none) {
        wanted.erase(where);
        found.insert_or_assign(std::move(where), TimestampOffset{row.offset, row.timestamp});
        continue;
      }
      const Error error = broker_failure(row.error_code, "offsets of " + where.to_string());
      if (!retriable(error.code)) co_return std::unexpected(error);
      cluster.metadata().invalidate();
    }
  }
  co_return Result<>{};
}

}  // namespace

Task<Result<std::map<TopicPartition, TimestampOffset>>> list_offsets(
    Cluster& cluster, std::map<TopicPartition, std::int64_t> at, Isolation isolation,
    TimePoint deadline) {
  Wanted wanted = std::move(at);
  Found found;
  // All at once, so that one request asks for their metadata.
  for (const auto& [where, time] : wanted) cluster.metadata().want(where.topic);
  for (const auto& [where, time] : wanted) {
    const auto known = co_await cluster.ensure_topic(where.topic, deadline);
    if (!known) co_return std::unexpected(known.error());
    if (!cluster.metadata().partition(where.topic, where.partition))
      co_return fail(Errc::unknown_topic, where.to_string());
  }
  Error last{make_error_code(Errc::timed_out), "offsets"};
  for (int attempt = 0; !wanted.empty(); ++attempt) {
    if (attempt > 0) {
      if (cluster.now() >= deadline) co_return std::unexpected(last);
      co_await cluster.back_off(attempt - 1, deadline);
      const auto refreshed = co_await cluster.refresh(deadline);
      if (!refreshed) last = refreshed.error();
    }
    std::map<BrokerId, Wanted> by_leader;
    for (const auto& [where, time] : wanted) {
      const auto* partition = cluster.metadata().partition(where.topic, where.partition);
      if (partition && partition->leader >= 0) by_leader[partition->leader].emplace(where, time);
    }
    for (auto& [leader, mine] : by_leader) {
      const auto asked =
          co_await ask_leader(cluster, leader, std::move(mine), isolation, deadline, wanted, found);
      if (asked) continue;
      last = asked.error();
      if (!retriable(last.code)) co_return std::unexpected(last);
    }
  }
  co_return found;
}

Task<Result<std::map<TopicPartition, protocol::ErrorCode>>> commit_offsets(
    Cluster::Link link, Committer committer, std::map<TopicPartition, CommittedOffset> offsets,
    TimePoint deadline) {
  protocol::OffsetCommitRequest request;
  request.group_id = committer.group_id;
  request.generation_id_or_member_epoch = committer.generation;
  request.member_id = committer.member_id;
  if (committer.instance_id) request.group_instance_id = *committer.instance_id;
  for (const auto& [where, committed] : offsets) {
    auto& row = add_partition(request.topics, where);
    row.committed_offset = committed.offset;
    row.committed_leader_epoch = committed.leader_epoch;
    row.committed_metadata = committed.metadata;
  }
  const auto reply = co_await call<protocol::OffsetCommitResponse>(
      std::move(link), request, deadline, last_version_with_names);
  if (!reply) co_return std::unexpected(reply.error());
  std::map<TopicPartition, ErrorCode> outcome;
  for (const auto& topic : reply->body.topics)
    for (const auto& row : topic.partitions)
      outcome.insert_or_assign({std::string(topic.name), row.partition_index}, row.error_code);
  co_return outcome;
}

namespace {

template <class Topics>
Result<std::map<TopicPartition, CommittedOffset>> collect(const Topics& topics) {
  std::map<TopicPartition, CommittedOffset> found;
  for (const auto& topic : topics) {
    for (const auto& row : topic.partitions) {
      TopicPartition where{std::string(topic.name), row.partition_index};
      if (row.error_code != ErrorCode::none)
        return std::unexpected(
            broker_failure(row.error_code, "committed offset of " + where.to_string()));
      if (row.committed_offset < 0) continue;
      found.insert_or_assign(std::move(where),
                             CommittedOffset{row.committed_offset, row.committed_leader_epoch,
                                             std::string(row.metadata.value_or(""))});
    }
  }
  return found;
}

template <class Topic>
std::vector<Topic> rows_by_topic(const std::vector<TopicPartition>& partitions) {
  std::vector<Topic> rows;
  for (const auto& where : partitions) {
    if (rows.empty() || rows.back().name != where.topic) rows.emplace_back().name = where.topic;
    rows.back().partition_indexes.push_back(where.partition);
  }
  return rows;
}

}  // namespace

Task<Result<std::map<TopicPartition, CommittedOffset>>> fetch_committed(
    Cluster::Link link, std::string group_id, std::optional<std::vector<TopicPartition>> partitions,
    Isolation isolation, TimePoint deadline) {
  if (partitions) std::sort(partitions->begin(), partitions->end());
  const auto version =
      pick_version(*link, protocol::OffsetFetchRequest::schema, last_version_with_names);
  if (!version) co_return std::unexpected(version.error());
  protocol::OffsetFetchRequest request;
  request.require_stable = *version >= 7 && isolation == Isolation::read_committed;
  if (*version >= 8) {
    auto& group = request.groups.emplace_back();
    group.group_id = group_id;
    group.topics.reset();
    if (partitions)
      group.topics = rows_by_topic<protocol::OffsetFetchRequest::GroupTopic>(*partitions);
  } else {
    request.group_id = group_id;
    request.topics.reset();
    if (partitions)
      request.topics = rows_by_topic<protocol::OffsetFetchRequest::Topic>(*partitions);
  }
  const auto reply = co_await call<protocol::OffsetFetchResponse>(
      std::move(link), request, deadline, last_version_with_names);
  if (!reply) co_return std::unexpected(reply.error());
  auto error = reply->body.error_code;
  if (*version >= 8) {
    if (reply->body.groups.size() != 1) co_return fail(Errc::malformed_response, "OffsetFetch");
    error = reply->body.groups.front().error_code;
  }
  if (error != ErrorCode::none)
    co_return std::unexpected(broker_failure(error, "committed offsets of group " + group_id));
  if (*version >= 8) co_return collect(reply->body.groups.front().topics);
  co_return collect(reply->body.topics);
}

}  // namespace sluice::client
