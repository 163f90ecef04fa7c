// DescribeGroups, ListGroups, DeleteGroups.
#include "broker/broker.hpp"
#include "broker/group_route.hpp"
#include "broker/handlers/handlers.hpp"
#include "broker/offsets_records.hpp"

namespace sluice::broker {
namespace {

struct DescribeQuestion {
  std::string_view group_id;
  std::int16_t api_version;
};

Task<DescribedGroup> call_describe(GroupShell* shell, const DescribeQuestion* question) {
  if (shell != nullptr) co_return shell->describe(question->group_id, question->api_version);
  DescribedGroup group;
  group.group_id = std::string(question->group_id);
  group.error = ErrorCode::coordinator_load_in_progress;
  co_return group;
}
Task<GroupListReply> call_list(GroupShell* shell, const GroupListFilter* filter) {
  if (shell != nullptr) co_return shell->list(*filter);
  GroupListReply reply;
  reply.error = ErrorCode::coordinator_load_in_progress;
  co_return reply;
}
using Names = std::vector<std::string_view>;
Task<DeleteGroupsReply> call_delete(GroupShell* shell, const Names* names) {
  if (shell != nullptr) co_return co_await shell->delete_groups(*names);
  DeleteGroupsReply reply;
  for (const std::string_view name : *names)
    reply.groups.push_back({std::string(name), ErrorCode::coordinator_load_in_progress});
  co_return reply;
}

}  // namespace

Task<protocol::DescribeGroupsResponse> handle_describe_groups(
    Request& request, const protocol::DescribeGroupsRequest& message) {
  protocol::DescribeGroupsResponse response;
  for (const std::string_view name : message.groups) {
    const DescribeQuestion question{name, request.version()};
    const GroupRoute route = co_await route_group(request.shard, name);
    auto answer = std::make_shared<DescribedGroup>();
    if (route.shard == nullptr)
      answer->error = route.error;
    else
      *answer = co_await call_group(request.shard, route, call_describe, &question);
    const DescribedGroup& group = request.arena.keep(std::shared_ptr<const DescribedGroup>(answer));
    auto& out = response.groups.emplace_back();
    out.error_code = group.error;
    if (request.version() >= 6) out.error_message = group.error_message;
    out.group_id = name;
    out.group_state = group.state;
    out.protocol_type = group.protocol_type;
    out.protocol_data = group.protocol_data;
    for (const DescribedMember& member : group.members)
      out.members.push_back({member.member_id, member.instance_id, member.client_id,
                             member.client_host, member.metadata, member.assignment});
  }
  co_return response;
}

Task<protocol::ListGroupsResponse> handle_list_groups(Request& request,
                                                      const protocol::ListGroupsRequest& message) {
  protocol::ListGroupsResponse response;
  const GroupListFilter filter{message.states_filter, message.types_filter};
  const Topic* topic = request.catalog->find(offsets_topic_name);
  if (topic == nullptr) co_return response;  // no group was ever made
  for (PartitionIndex index = 0; index < topic->partition_count; ++index) {
    Broker& broker = request.shard.broker();
    const PartitionKey key{topic->id, index};
    const GroupRoute route{&broker.shard(broker.shard_of(key)), index, ErrorCode::none};
    auto answer = std::make_shared<GroupListReply>(
        co_await call_group(request.shard, route, call_list, &filter));
    const GroupListReply& reply = request.arena.keep(std::shared_ptr<const GroupListReply>(answer));
    if (reply.error != ErrorCode::none) response.error_code = reply.error;
    for (const ListedGroup& group : reply.groups) {
      auto& out = response.groups.emplace_back();
      out.group_id = group.group_id;
      out.protocol_type = group.protocol_type;
      if (request.version() >= 4) out.group_state = group.state;
      if (request.version() >= 5) out.group_type = group.type;
    }
  }
  co_return response;
}

Task<protocol::DeleteGroupsResponse> handle_delete_groups(
    Request& request, const protocol::DeleteGroupsRequest& message) {
  protocol::DeleteGroupsResponse response;
  for (const std::string_view name : message.groups_names) {
    const Names names{name};
    const GroupRoute route = co_await route_group(request.shard, name);
    ErrorCode error = route.error;
    if (route.shard != nullptr) {
      const DeleteGroupsReply reply =
          co_await call_group(request.shard, route, call_delete, &names);
      error = reply.groups.empty() ? ErrorCode::unknown_server_error : reply.groups.front().error;
    }
    response.results.push_back({name, error});
  }
  co_return response;
}

}  // namespace sluice::broker
