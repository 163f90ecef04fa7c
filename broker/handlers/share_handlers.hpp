// The handlers of share groups (KIP-932), as the dispatch table names them.
#pragma once

#include "base/task.hpp"
#include "broker/fetch_session.hpp"
#include "broker/request.hpp"
#include "broker/share/share_sessions.hpp"
#include "protocol/messages/all.hpp"

namespace sluice::broker {

Task<protocol::ShareGroupHeartbeatResponse> handle_share_group_heartbeat(
    Request& request, const protocol::ShareGroupHeartbeatRequest& message);
Task<protocol::ShareGroupDescribeResponse> handle_share_group_describe(
    Request& request, const protocol::ShareGroupDescribeRequest& message);
// Encodes its own reply: it splices record data.
Task<Served> handle_share_fetch(Request& request, const protocol::ShareFetchRequest& message);
Task<protocol::ShareAcknowledgeResponse> handle_share_acknowledge(
    Request& request, const protocol::ShareAcknowledgeRequest& message);
Task<protocol::DescribeShareGroupOffsetsResponse> handle_describe_share_group_offsets(
    Request& request, const protocol::DescribeShareGroupOffsetsRequest& message);
Task<protocol::AlterShareGroupOffsetsResponse> handle_alter_share_group_offsets(
    Request& request, const protocol::AlterShareGroupOffsetsRequest& message);
Task<protocol::DeleteShareGroupOffsetsResponse> handle_delete_share_group_offsets(
    Request& request, const protocol::DeleteShareGroupOffsetsRequest& message);

// Ours, in queue_admin.cpp.
Task<protocol::DescribeQueueResponse> handle_describe_queue(
    Request& request, const protocol::DescribeQueueRequest& message);
Task<protocol::AlterQueueResponse> handle_alter_queue(Request& request,
                                                      const protocol::AlterQueueRequest& message);

// What the session holds is available again when it returns. On `home`.
Task<> release_share_session(Shard& home, ShareSession session);

// For ListGroups and DeleteGroups: whether the share group has members, or has state.
enum class SharePresence : std::uint8_t { none, empty, members };
Task<SharePresence> share_presence(Shard& home, std::string_view group);
// Requires: it has no members. Forgets all of its state.
Task<ErrorCode> delete_share_group(Shard& home, std::string_view group);

}  // namespace sluice::broker
