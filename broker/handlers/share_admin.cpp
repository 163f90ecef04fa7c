// Share groups beside the data path: members, descriptions, offsets.
#include "broker/broker.hpp"
#include "broker/group_route.hpp"
#include "broker/handlers/share_handlers.hpp"
#include "broker/partition.hpp"
#include "broker/share/share_route.hpp"
#include "broker/share/share_shell.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

using Described = std::optional<DescribedShareGroup>;

Task<ShareHeartbeatReply> call_heartbeat(GroupShell* shell, const ShareHeartbeat* heartbeat) {
  if (shell != nullptr) co_return shell->share_heartbeat(*heartbeat);
  ShareHeartbeatReply reply;
  reply.error = ErrorCode::coordinator_load_in_progress;
  co_return reply;
}
Task<Described> call_describe(GroupShell* shell, const std::string_view* group) {
  if (shell == nullptr) co_return Described{};
  co_return shell->share_groups().describe(*group);
}

Task<Described> describe_members(Shard& home, std::string_view group) {
  const GroupRoute route = co_await route_group(home, group);
  if (route.shard == nullptr) co_return Described{};
  co_return co_await call_group(home, route, call_describe, &group);
}

Task<SharePresence> presence_of(Shard& home, std::string_view group, const Described& described) {
  if (described) co_return SharePresence::members;
  const auto keys = co_await stored_keys(home, group);
  co_return keys.empty() ? SharePresence::none : SharePresence::empty;
}

Task<> drop_on(Shard* shard, ShareKey key) { co_await shard->shares().drop(std::move(key)); }

// Nobody goes on with a state that is put elsewhere.
Task<> drop_share(Shard& home, ShareKey key) {
  Shard& shard = home.broker().home_of({key.topic, key.partition});
  co_await on(home, shard, drop_on(&shard, key));
}

Task<ErrorCode> forget_one(Shard& home, ShareKey key) {
  const ShareRoute route = co_await route_share(home, key, Creating::no);
  if (route.shard == nullptr) co_return route.error;
  const ErrorCode error =
      co_await on(home, *route.shard, forget_share(route.shard, route.partition, key));
  co_await drop_share(home, key);
  co_return error;
}

Task<Offset> high_watermark_on(Shard* shard, PartitionKey key) {
  Partition* partition = shard->find(key.topic, key.index);
  co_return partition == nullptr ? -1 : partition->log().high_watermark();
}

}  // namespace

Task<SharePresence> share_presence(Shard& home, std::string_view group) {
  const Described described = co_await describe_members(home, group);
  co_return co_await presence_of(home, group, described);
}

Task<ErrorCode> delete_share_group(Shard& home, std::string_view group) {
  const auto keys = co_await stored_keys(home, group);
  for (const ShareKey& key : keys) {
    const ErrorCode error = co_await forget_one(home, key);
    if (error != ErrorCode::none) co_return error;
  }
  co_return ErrorCode::none;
}

// ---- Members ----

Task<protocol::ShareGroupHeartbeatResponse> handle_share_group_heartbeat(
    Request& request, const protocol::ShareGroupHeartbeatRequest& message) {
  protocol::ShareGroupHeartbeatResponse response;
  ShareHeartbeat heartbeat;
  heartbeat.group_id = message.group_id;
  heartbeat.member_id = message.member_id;
  heartbeat.member_epoch = message.member_epoch;
  heartbeat.rack_id = message.rack_id;
  heartbeat.topics = message.subscribed_topic_names;
  heartbeat.client_id = request.client_id();
  heartbeat.client_host = request.peer.client_host;
  const GroupRoute route = co_await route_group(request.shard, message.group_id);
  ShareHeartbeatReply reply;
  if (route.shard == nullptr)
    reply.error = route.error;
  else
    reply = co_await call_group(request.shard, route, call_heartbeat, &heartbeat);
  response.error_code = reply.error;
  if (!reply.message.empty()) response.error_message = request.arena.keep(std::move(reply.message));
  response.member_id = message.member_id;
  response.member_epoch = reply.member_epoch;
  response.heartbeat_interval_ms = reply.heartbeat_interval_ms;
  if (!reply.assignment) co_return response;
  auto& assignment = response.assignment.emplace();
  for (const ShareTopicPartition& one : *reply.assignment) {
    auto& topics = assignment.topic_partitions;
    if (topics.empty() || topics.back().topic_id != one.topic)
      topics.emplace_back().topic_id = one.topic;
    topics.back().partitions.push_back(one.partition);
  }
  co_return response;
}

Task<protocol::ShareGroupDescribeResponse> handle_share_group_describe(
    Request& request, const protocol::ShareGroupDescribeRequest& message) {
  protocol::ShareGroupDescribeResponse response;
  const Catalog& catalog = request.arena.keep(request.catalog);
  for (const std::string_view name : message.group_ids) {
    auto group = std::make_shared<Described>(co_await describe_members(request.shard, name));
    const SharePresence presence = co_await presence_of(request.shard, name, *group);
    auto& out = response.groups.emplace_back();
    out.group_id = name;
    if (presence == SharePresence::none) {
      out.error_code = ErrorCode::group_id_not_found;
      out.error_message = request.arena.keep("Group " + std::string(name) + " not found.");
      out.group_state = "Dead";
      continue;
    }
    out.group_state = *group ? "Stable" : "Empty";
    out.assignor_name = "simple";
    const Described& described = request.arena.keep(std::shared_ptr<const Described>(group));
    if (!described) continue;
    out.group_epoch = described->epoch;
    out.assignment_epoch = described->assignment_epoch;
    for (const DescribedShareMember& member : described->members) {
      auto& row = out.members.emplace_back();
      row.member_id = member.member_id;
      row.rack_id = member.rack_id;
      row.member_epoch = member.member_epoch;
      row.client_id = member.client_id;
      row.client_host = member.client_host;
      row.subscribed_topic_names.assign(member.topics.begin(), member.topics.end());
      for (const ShareTopicPartition& one : member.assignment) {
        const Topic* topic = catalog.find(one.topic);
        if (topic == nullptr) continue;
        auto& topics = row.assignment.topic_partitions;
        if (topics.empty() || topics.back().topic_id != one.topic)
          topics.push_back({one.topic, topic->name, {}});
        topics.back().partitions.push_back(one.partition);
      }
    }
  }
  co_return response;
}

// ---- Offsets ----

Task<protocol::DescribeShareGroupOffsetsResponse> handle_describe_share_group_offsets(
    Request& request, const protocol::DescribeShareGroupOffsetsRequest& message) {
  protocol::DescribeShareGroupOffsetsResponse response;
  const Catalog& catalog = request.arena.keep(request.catalog);
  Shard& home = request.shard;
  for (const auto& group : message.groups) {
    auto& out = response.groups.emplace_back();
    out.group_id = group.group_id;
    std::vector<ShareKey> keys;
    if (group.topics) {
      for (const auto& topic : *group.topics) {
        const Topic* known = catalog.find(topic.topic_name);
        if (known == nullptr) {
          auto& row = out.topics.emplace_back();
          row.topic_name = topic.topic_name;
          for (const PartitionIndex index : topic.partitions)
            row.partitions.push_back({index, -1, 0, -1, ErrorCode::unknown_topic_or_partition});
          continue;
        }
        for (const PartitionIndex index : topic.partitions)
          keys.push_back({std::string(group.group_id), known->id, index});
      }
    } else {
      keys = co_await stored_keys(home, group.group_id);
    }
    for (const ShareKey& key : keys) {
      const Topic* topic = catalog.find(key.topic);
      if (topic == nullptr) continue;
      const ShareRoute route = co_await route_share(home, key, Creating::no);
      StoredShare stored;
      ErrorCode error = ErrorCode::none;
      if (route.shard != nullptr)
        stored =
            co_await on(home, *route.shard, find_share(route.shard, route.partition, key, &error));
      Shard& shard = home.broker().home_of({key.topic, key.partition});
      const PartitionKey at{key.topic, key.partition};
      const Offset end = co_await on(home, shard, high_watermark_on(&shard, at));
      if (out.topics.empty() || out.topics.back().topic_id != key.topic)
        out.topics.push_back({topic->name, topic->id, {}});
      auto& row = out.topics.back().partitions.emplace_back();
      row.partition_index = key.partition;
      row.start_offset = stored.state.start();
      row.error_code = error;
      if (stored.state.start() >= 0 && end >= 0)
        row.lag =
            std::max<std::int64_t>(0, end - stored.state.start() - stored.state.finished_count());
    }
  }
  co_return response;
}

Task<protocol::AlterShareGroupOffsetsResponse> handle_alter_share_group_offsets(
    Request& request, const protocol::AlterShareGroupOffsetsRequest& message) {
  protocol::AlterShareGroupOffsetsResponse response;
  const Catalog& catalog = request.arena.keep(request.catalog);
  Shard& home = request.shard;
  if (message.group_id.empty()) {
    response.error_code = ErrorCode::invalid_group_id;
    co_return response;
  }
  if (co_await describe_members(home, message.group_id)) {
    response.error_code = ErrorCode::non_empty_group;
    response.error_message = "The group has members.";
    co_return response;
  }
  for (const auto& topic : message.topics) {
    const Topic* known = catalog.find(topic.topic_name);
    auto& out = response.responses.emplace_back();
    out.topic_name = topic.topic_name;
    if (known != nullptr) out.topic_id = known->id;
    for (const auto& partition : topic.partitions) {
      auto& row = out.partitions.emplace_back();
      row.partition_index = partition.partition_index;
      if (known == nullptr || partition.partition_index < 0 ||
          partition.partition_index >= known->partition_count) {
        row.error_code = ErrorCode::unknown_topic_or_partition;
        continue;
      }
      const ShareKey key{std::string(message.group_id), known->id, partition.partition_index};
      const ShareRoute route = co_await route_share(home, key, Creating::yes);
      if (route.shard == nullptr) {
        row.error_code = route.error;
        continue;
      }
      const Offset start = std::max<Offset>(0, partition.start_offset);
      const auto begun =
          co_await on(home, *route.shard, begin_share(route.shard, route.partition, key, start));
      row.error_code = begun.error;
      co_await drop_share(home, key);
    }
  }
  co_return response;
}

Task<protocol::DeleteShareGroupOffsetsResponse> handle_delete_share_group_offsets(
    Request& request, const protocol::DeleteShareGroupOffsetsRequest& message) {
  protocol::DeleteShareGroupOffsetsResponse response;
  const Catalog& catalog = request.arena.keep(request.catalog);
  Shard& home = request.shard;
  const SharePresence presence = co_await share_presence(home, message.group_id);
  if (presence != SharePresence::empty) {
    const bool there = presence == SharePresence::members;
    response.error_code = there ? ErrorCode::non_empty_group : ErrorCode::group_id_not_found;
    response.error_message = there ? "The group has members." : "The group is not known.";
    co_return response;
  }
  const auto keys = co_await stored_keys(home, message.group_id);
  for (const auto& topic : message.topics) {
    const Topic* known = catalog.find(topic.topic_name);
    auto& out = response.responses.emplace_back();
    out.topic_name = topic.topic_name;
    if (known == nullptr) {
      out.error_code = ErrorCode::unknown_topic_or_partition;
      continue;
    }
    out.topic_id = known->id;
    for (const ShareKey& key : keys) {
      if (!(key.topic == known->id)) continue;
      const ErrorCode error = co_await forget_one(home, key);
      if (error != ErrorCode::none) out.error_code = error;
    }
  }
  co_return response;
}

}  // namespace sluice::broker
