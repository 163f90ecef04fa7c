// DescribeGroups, ListGroups, DeleteGroups.
#include "broker/broker.hpp"
#include "broker/group_route.hpp"
#include "broker/handlers/handlers.hpp"
#include "broker/handlers/share_handlers.hpp"
#include "broker/offsets_records.hpp"
#include "broker/share/share_route.hpp"

#include <algorithm>
#include <cctype>
#include <map>

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
// What one partition of __consumer_offsets knows.
struct Listing {
  GroupListReply classic;
  std::vector<std::string> share;  // those with members
};
Task<Listing> call_list(GroupShell* shell, const GroupListFilter* filter) {
  Listing listing;
  if (shell != nullptr)
    listing = {shell->list(*filter), shell->share_groups().names()};
  else
    listing.classic.error = ErrorCode::coordinator_load_in_progress;
  co_return listing;
}
using Names = std::vector<std::string_view>;
Task<DeleteGroupsReply> call_delete(GroupShell* shell, const Names* names) {
  if (shell != nullptr) co_return co_await shell->delete_groups(*names);
  DeleteGroupsReply reply;
  for (const std::string_view name : *names)
    reply.groups.push_back({std::string(name), ErrorCode::coordinator_load_in_progress});
  co_return reply;
}

bool wanted(const std::vector<std::string_view>& filter, std::string_view word) {
  return filter.empty() || std::ranges::any_of(filter, [&](std::string_view one) {
           return std::ranges::equal(one, word, [](unsigned char a, unsigned char b) {
             return std::tolower(a) == std::tolower(b);
           });
         });
}

// Those with members, and those that have nothing but state.
Task<> list_share_groups(Request& request, const GroupListFilter& filter,
                         const std::vector<std::shared_ptr<const Listing>>& listings,
                         protocol::ListGroupsResponse& response) {
  if (!wanted(filter.types, "share")) co_return;
  std::map<std::string, bool> groups;  // whether it has members
  const auto stored = co_await stored_groups(request.shard);
  for (const std::string& name : stored) groups[name] = false;
  for (const auto& listing : listings)
    for (const std::string& name : listing->share) groups[name] = true;
  for (const auto& [name, has_members] : groups) {
    const std::string_view state = has_members ? "Stable" : "Empty";
    if (!wanted(filter.states, state)) continue;
    auto& out = response.groups.emplace_back();
    out.group_id = request.arena.keep(name);
    out.protocol_type = "share";
    if (request.version() >= 4) out.group_state = state;
    if (request.version() >= 5) out.group_type = "share";
  }
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
  std::vector<std::shared_ptr<const Listing>> listings;
  for (PartitionIndex index = 0; topic != nullptr && index < topic->partition_count; ++index) {
    const GroupRoute route{&request.shard.broker().home_of({topic->id, index}), index,
                           ErrorCode::none};
    listings.push_back(std::make_shared<const Listing>(
        co_await call_group(request.shard, route, call_list, &filter)));
  }
  co_await list_share_groups(request, filter, listings, response);
  for (const auto& listing : listings) {
    const GroupListReply& reply = request.arena.keep(listing).classic;
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
    if (error == ErrorCode::group_id_not_found) {
      const SharePresence presence = co_await share_presence(request.shard, name);
      if (presence == SharePresence::members)
        error = ErrorCode::non_empty_group;
      else if (presence == SharePresence::empty)
        error = co_await delete_share_group(request.shard, name);
    }
    response.results.push_back({name, error});
  }
  co_return response;
}

}  // namespace sluice::broker
