// OffsetCommit, OffsetFetch, OffsetDelete.
#include "broker/group_route.hpp"
#include "broker/handlers/handlers.hpp"
#include "broker/topic_lookup.hpp"

namespace sluice::broker {
namespace {

CommitReply refused(const CommitRequest& commit, ErrorCode error) {
  CommitReply reply;
  for (const auto& topic : commit.topics) {
    auto& out = reply.topics.emplace_back(std::string(topic.name), topic.id);
    for (const auto& partition : topic.partitions)
      out.partitions.push_back({partition.index, error});
  }
  return reply;
}

// A share group has no offsets to commit: refused as Kafka does, while it has members. No reply:
// not loaded.
Task<CommitReply> call_commit(GroupShell* shell, const CommitRequest* commit) {
  if (shell == nullptr) co_return CommitReply{};
  if (shell->share_groups().has_members(commit->group_id))
    co_return refused(*commit, ErrorCode::group_id_not_found);
  co_return co_await shell->commit(*commit);
}
Task<DeleteOffsetsReply> call_delete(GroupShell* shell, const DeleteOffsetsRequest* request) {
  if (shell != nullptr) co_return co_await shell->delete_offsets(*request);
  DeleteOffsetsReply reply;
  reply.error = ErrorCode::coordinator_load_in_progress;
  co_return reply;
}
Task<FetchOffsetsReply> call_fetch(GroupShell* shell, const FetchOffsetsRequest* request) {
  if (shell != nullptr) co_return shell->fetch(*request);
  FetchOffsetsReply reply;
  reply.error = ErrorCode::coordinator_load_in_progress;
  co_return reply;
}

CommitRequest make_commit(const Request& request, const protocol::OffsetCommitRequest& message) {
  CommitRequest commit;
  commit.api_version = request.version();
  commit.group_id = message.group_id;
  commit.generation = message.generation_id_or_member_epoch;
  commit.member_id = message.member_id;
  commit.instance_id = message.group_instance_id;
  commit.retention_ms = message.retention_time_ms;
  const bool by_id = request.version() >= 10;
  for (const auto& topic : message.topics) {
    auto& out = commit.topics.emplace_back();
    const TopicLookup found = look_up(*request.catalog, topic.name, topic.topic_id, by_id);
    out.name = found.topic != nullptr ? std::string_view(found.topic->name) : topic.name;
    out.id = found.topic != nullptr ? found.topic->id : topic.topic_id;
    for (const auto& partition : topic.partitions) {
      const TopicLookup place =
          look_up(*request.catalog, topic.name, topic.topic_id, by_id, partition.partition_index);
      out.partitions.push_back({partition.partition_index, partition.committed_offset,
                                partition.committed_leader_epoch, partition.committed_metadata,
                                place.error});
    }
  }
  return commit;
}

Task<FetchOffsetsReply> fetch_one(Request& request, const FetchOffsetsRequest& fetch) {
  const GroupRoute route = co_await route_group(request.shard, fetch.group_id);
  if (route.shard == nullptr) {
    FetchOffsetsReply reply;
    reply.error = route.error;
    co_return reply;
  }
  co_return co_await call_group(request.shard, route, call_fetch, &fetch);
}

// v8+: several groups.
Task<protocol::OffsetFetchResponse> fetch_groups(Request& request,
                                                 const protocol::OffsetFetchRequest& message) {
  protocol::OffsetFetchResponse response;
  const bool by_id = request.version() >= 10;
  for (const auto& group : message.groups) {
    FetchOffsetsRequest fetch;
    fetch.group_id = group.group_id;
    auto& out = response.groups.emplace_back();
    out.group_id = group.group_id;
    std::vector<protocol::OffsetFetchResponse::GroupTopic> unknown;
    if (group.topics) {
      fetch.topics.emplace();
      for (const auto& topic : *group.topics) {
        const TopicLookup found = look_up(*request.catalog, topic.name, topic.topic_id, by_id);
        if (by_id && found.topic == nullptr) {
          auto& row = unknown.emplace_back();
          row.topic_id = topic.topic_id;
          for (const PartitionIndex index : topic.partition_indexes)
            row.partitions.push_back({index, -1, -1, "", ErrorCode::unknown_topic_id});
          continue;
        }
        const std::string_view name = by_id ? std::string_view(found.topic->name) : topic.name;
        fetch.topics->push_back(
            {name, by_id ? topic.topic_id : TopicId{}, topic.partition_indexes});
      }
    }
    auto answer = std::make_shared<FetchOffsetsReply>(co_await fetch_one(request, fetch));
    const FetchOffsetsReply& reply =
        request.arena.keep(std::shared_ptr<const FetchOffsetsReply>(answer));
    out.error_code = reply.error;
    for (const FetchedTopic& topic : reply.topics) {
      // A topic that is gone has no id to be named by.
      const Topic* known = request.catalog->find(topic.name);
      if (by_id && known == nullptr) continue;
      auto& row = out.topics.emplace_back();
      if (by_id)
        row.topic_id = known->id;
      else
        row.name = topic.name;
      for (const FetchedPartition& one : topic.partitions)
        row.partitions.push_back(
            {one.index, one.offset, one.leader_epoch, std::string_view(one.metadata), one.error});
    }
    for (auto& row : unknown) out.topics.push_back(std::move(row));
  }
  co_return response;
}

}  // namespace

Task<protocol::OffsetCommitResponse> handle_offset_commit(
    Request& request, const protocol::OffsetCommitRequest& message) {
  const CommitRequest commit = make_commit(request, message);
  const GroupRoute route = co_await route_group(request.shard, message.group_id);
  auto answer = std::make_shared<CommitReply>();
  if (route.shard != nullptr)
    *answer = co_await call_group(request.shard, route, call_commit, &commit);
  const CommitReply& reply = request.arena.keep(std::shared_ptr<const CommitReply>(answer));
  const ErrorCode error = route.shard == nullptr
                              ? route.error
                              : ErrorCode::coordinator_load_in_progress;  // if there is no reply

  protocol::OffsetCommitResponse response;
  for (std::size_t t = 0; t < message.topics.size(); ++t) {
    auto& topic = response.topics.emplace_back();
    topic.name = message.topics[t].name;
    topic.topic_id = message.topics[t].topic_id;
    for (std::size_t p = 0; p < message.topics[t].partitions.size(); ++p) {
      const bool answered = t < reply.topics.size() && p < reply.topics[t].partitions.size();
      topic.partitions.push_back({message.topics[t].partitions[p].partition_index,
                                  answered ? reply.topics[t].partitions[p].error : error});
    }
  }
  co_return response;
}

Task<protocol::OffsetFetchResponse> handle_offset_fetch(
    Request& request, const protocol::OffsetFetchRequest& message) {
  if (request.version() >= 8) co_return co_await fetch_groups(request, message);
  FetchOffsetsRequest fetch;
  fetch.group_id = message.group_id;
  if (message.topics) {
    fetch.topics.emplace();
    for (const auto& topic : *message.topics)
      fetch.topics->push_back({topic.name, {}, topic.partition_indexes});
  }
  auto answer = std::make_shared<FetchOffsetsReply>(co_await fetch_one(request, fetch));
  const FetchOffsetsReply& reply =
      request.arena.keep(std::shared_ptr<const FetchOffsetsReply>(answer));
  protocol::OffsetFetchResponse response;
  if (request.version() >= 2) response.error_code = reply.error;
  for (const FetchedTopic& topic : reply.topics) {
    auto& row = response.topics.emplace_back();
    row.name = topic.name;
    for (const FetchedPartition& one : topic.partitions)
      row.partitions.push_back(
          {one.index, one.offset, one.leader_epoch, std::string_view(one.metadata), one.error});
  }
  // Version 1 has no error of its own: each partition that was asked for carries it.
  if (request.version() < 2 && reply.error != ErrorCode::none && message.topics) {
    for (const auto& topic : *message.topics) {
      auto& row = response.topics.emplace_back();
      row.name = topic.name;
      for (const PartitionIndex index : topic.partition_indexes)
        row.partitions.push_back({index, -1, -1, "", reply.error});
    }
  }
  co_return response;
}

Task<protocol::OffsetDeleteResponse> handle_offset_delete(
    Request& request, const protocol::OffsetDeleteRequest& message) {
  DeleteOffsetsRequest wanted;
  wanted.group_id = message.group_id;
  for (const auto& topic : message.topics) {
    auto& out = wanted.topics.emplace_back();
    out.name = topic.name;
    for (const auto& partition : topic.partitions) {
      const TopicLookup found =
          look_up(*request.catalog, topic.name, {}, false, partition.partition_index);
      out.partitions.push_back({partition.partition_index, found.error});
    }
  }
  const GroupRoute route = co_await route_group(request.shard, message.group_id);
  auto answer = std::make_shared<DeleteOffsetsReply>();
  if (route.shard == nullptr)
    answer->error = route.error;
  else
    *answer = co_await call_group(request.shard, route, call_delete, &wanted);
  const DeleteOffsetsReply& reply =
      request.arena.keep(std::shared_ptr<const DeleteOffsetsReply>(answer));
  protocol::OffsetDeleteResponse response;
  response.error_code = reply.error;
  for (const TopicReply& topic : reply.topics) {
    auto& row = response.topics.emplace_back();
    row.name = topic.name;
    for (const PartitionReply& partition : topic.partitions)
      row.partitions.push_back({partition.index, partition.error});
  }
  co_return response;
}

}  // namespace sluice::broker
