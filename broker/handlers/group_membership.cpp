// JoinGroup, SyncGroup, Heartbeat, LeaveGroup, FindCoordinator.
#include "broker/broker.hpp"
#include "broker/group_route.hpp"
#include "broker/handlers/handlers.hpp"

namespace sluice::broker {
namespace {

template <class Reply>
Reply no_coordinator(ErrorCode error) {
  Reply reply;
  reply.error = error;
  return reply;
}

Task<JoinReply> call_join(GroupShell* shell, const JoinRequest* join) {
  if (shell == nullptr)
    co_return no_coordinator<JoinReply>(ErrorCode::coordinator_load_in_progress);
  co_return co_await shell->join(*join);
}
Task<SyncReply> call_sync(GroupShell* shell, const SyncRequest* sync) {
  if (shell == nullptr)
    co_return no_coordinator<SyncReply>(ErrorCode::coordinator_load_in_progress);
  co_return co_await shell->sync(*sync);
}
Task<LeaveReply> call_leave(GroupShell* shell, const LeaveRequest* leave) {
  if (shell == nullptr)
    co_return no_coordinator<LeaveReply>(ErrorCode::coordinator_load_in_progress);
  co_return co_await shell->leave(*leave);
}
Task<ErrorCode> call_heartbeat(GroupShell* shell, const GroupHeartbeat* heartbeat) {
  co_return shell == nullptr ? ErrorCode::coordinator_load_in_progress
                             : shell->heartbeat(*heartbeat);
}

JoinRequest make_join(const Request& request, const protocol::JoinGroupRequest& message) {
  JoinRequest join;
  join.api_version = request.version();
  join.group_id = message.group_id;
  join.session_timeout = std::chrono::milliseconds(message.session_timeout_ms);
  join.rebalance_timeout = std::chrono::milliseconds(message.rebalance_timeout_ms);
  join.member_id = message.member_id;
  join.instance_id = message.group_instance_id;
  join.client_id = request.client_id();
  join.client_host = request.peer.client_host;
  join.protocol_type = message.protocol_type;
  for (const auto& one : message.protocols) join.protocols.push_back({one.name, one.metadata});
  return join;
}

// Enumerators of FindCoordinatorRequest.key_type.
enum class CoordinatorKind : std::int8_t { group = 0, transaction = 1, share = 2 };

struct Found {
  ErrorCode error = ErrorCode::none;
  std::string_view message;
};

Task<Found> find_one(Request& request, std::string_view key, std::int8_t kind) {
  switch (static_cast<CoordinatorKind>(kind)) {
    case CoordinatorKind::group: {
      const GroupRoute route = co_await route_group(request.shard, key);
      co_return Found{route.error, {}};
    }
    case CoordinatorKind::transaction:
      co_return Found{ErrorCode::transactional_id_authorization_failed,
                      "Transactions are not supported."};
    case CoordinatorKind::share:
      break;
  }
  co_return Found{ErrorCode::invalid_request, "There is no coordinator of this kind."};
}

}  // namespace

Task<protocol::FindCoordinatorResponse> handle_find_coordinator(
    Request& request, const protocol::FindCoordinatorRequest& message) {
  protocol::FindCoordinatorResponse response;
  const Endpoint self =
      advertised_endpoint(*request.options, request.peer.listener, request.peer.local);
  const std::string_view host = request.arena.keep(self.host);
  const bool batched = request.version() >= 4;
  std::vector<std::string_view> keys = message.coordinator_keys;
  if (!batched) keys.assign(1, message.key);
  for (const std::string_view key : keys) {
    const Found found = co_await find_one(request, key, message.key_type);
    const bool good = found.error == ErrorCode::none;
    const std::int32_t node = good ? request.options->node_id : -1;
    const std::string_view at = good ? host : std::string_view{};
    const std::int32_t port = good ? self.port : -1;
    std::optional<std::string_view> why;
    if (!found.message.empty()) why = found.message;
    if (batched) {
      auto& out = response.coordinators.emplace_back();
      out.key = key;
      out.node_id = node;
      out.host = at;
      out.port = port;
      out.error_code = found.error;
      out.error_message = why;
    } else {
      response.node_id = node;
      response.host = at;
      response.port = port;
      response.error_code = found.error;
      response.error_message = why;
    }
  }
  co_return response;
}

Task<protocol::JoinGroupResponse> handle_join_group(Request& request,
                                                    const protocol::JoinGroupRequest& message) {
  const JoinRequest join = make_join(request, message);
  const GroupRoute route = co_await route_group(request.shard, message.group_id);
  auto answer = std::make_shared<JoinReply>();
  if (route.shard == nullptr)
    answer->error = route.error;
  else
    *answer = co_await call_group(request.shard, route, call_join, &join);
  const JoinReply& reply = request.arena.keep(std::shared_ptr<const JoinReply>(answer));

  protocol::JoinGroupResponse response;
  response.error_code = reply.error;
  response.generation_id = reply.generation;
  if (request.version() >= 7) {
    response.protocol_type = reply.protocol_type;
    response.protocol_name = reply.protocol_name;
  } else {
    response.protocol_name =
        reply.protocol_name ? std::string_view(*reply.protocol_name) : std::string_view{};
  }
  response.leader = reply.leader;
  if (request.version() >= 9) response.skip_assignment = reply.skip_assignment;
  response.member_id = reply.member_id;
  for (const JoinedMember& member : reply.members)
    response.members.push_back({member.member_id, member.instance_id, member.metadata});
  co_return response;
}

Task<protocol::SyncGroupResponse> handle_sync_group(Request& request,
                                                    const protocol::SyncGroupRequest& message) {
  SyncRequest sync;
  sync.api_version = request.version();
  sync.group_id = message.group_id;
  sync.generation = message.generation_id;
  sync.member_id = message.member_id;
  sync.instance_id = message.group_instance_id;
  sync.protocol_type = message.protocol_type;
  sync.protocol_name = message.protocol_name;
  for (const auto& one : message.assignments)
    sync.assignments.push_back({one.member_id, one.assignment});
  const GroupRoute route = co_await route_group(request.shard, message.group_id);
  auto answer = std::make_shared<SyncReply>();
  if (route.shard == nullptr)
    answer->error = route.error;
  else
    *answer = co_await call_group(request.shard, route, call_sync, &sync);
  const SyncReply& reply = request.arena.keep(std::shared_ptr<const SyncReply>(answer));

  protocol::SyncGroupResponse response;
  response.error_code = reply.error;
  if (request.version() >= 5) {
    response.protocol_type = reply.protocol_type;
    response.protocol_name = reply.protocol_name;
  }
  response.assignment = reply.assignment;
  co_return response;
}

Task<protocol::HeartbeatResponse> handle_heartbeat(Request& request,
                                                   const protocol::HeartbeatRequest& message) {
  GroupHeartbeat heartbeat;
  heartbeat.group_id = message.group_id;
  heartbeat.generation = message.generation_id;
  heartbeat.member_id = message.member_id;
  heartbeat.instance_id = message.group_instance_id;
  const GroupRoute route = co_await route_group(request.shard, message.group_id);
  protocol::HeartbeatResponse response;
  response.error_code = route.error;
  if (route.shard != nullptr)
    response.error_code = co_await call_group(request.shard, route, call_heartbeat, &heartbeat);
  co_return response;
}

Task<protocol::LeaveGroupResponse> handle_leave_group(Request& request,
                                                      const protocol::LeaveGroupRequest& message) {
  LeaveRequest leave;
  leave.group_id = message.group_id;
  if (request.version() < 3) leave.members.push_back({message.member_id, std::nullopt});
  for (const auto& member : message.members)
    leave.members.push_back({member.member_id, member.group_instance_id});
  const GroupRoute route = co_await route_group(request.shard, message.group_id);
  auto answer = std::make_shared<LeaveReply>();
  if (route.shard == nullptr)
    answer->error = route.error;
  else
    *answer = co_await call_group(request.shard, route, call_leave, &leave);
  const LeaveReply& reply = request.arena.keep(std::shared_ptr<const LeaveReply>(answer));

  protocol::LeaveGroupResponse response;
  response.error_code = request.version() < 3 ? reply.single_error() : reply.error;
  if (request.version() >= 3)
    for (const LeftMember& member : reply.members)
      response.members.push_back({member.member_id, member.instance_id, member.error});
  co_return response;
}

}  // namespace sluice::broker
