// The handlers of the data path and of groups, as the dispatch table names them. Each takes the
// request it answers; views in a reply point into the frame, the request's arena or its catalog.
#pragma once

#include "base/task.hpp"
#include "broker/fetch_session.hpp"
#include "broker/request.hpp"
#include "protocol/messages/all.hpp"

namespace sluice::broker {

// Without the wire, for those who call in the same process (local_session.hpp): views in an answer
// point into the request's arena and catalog, and into the message.
Task<protocol::ProduceResponse> answer_produce(Request& request,
                                               const protocol::ProduceRequest& message);
struct FetchReply {
  FetchSessions::Plan plan;  // holds the names that `body` shows
  protocol::FetchResponse body;
};
Task<FetchReply> answer_fetch(Request& request, const protocol::FetchRequest& message);

// These two encode their own reply: produce may have none, fetch splices record data.
Task<Served> handle_produce(Request& request, const protocol::ProduceRequest& message);
Task<Served> handle_fetch(Request& request, const protocol::FetchRequest& message);

Task<protocol::ListOffsetsResponse> handle_list_offsets(
    Request& request, const protocol::ListOffsetsRequest& message);
Task<protocol::DeleteRecordsResponse> handle_delete_records(
    Request& request, const protocol::DeleteRecordsRequest& message);
Task<protocol::OffsetForLeaderEpochResponse> handle_offset_for_leader_epoch(
    Request& request, const protocol::OffsetForLeaderEpochRequest& message);
Task<protocol::DescribeProducersResponse> handle_describe_producers(
    Request& request, const protocol::DescribeProducersRequest& message);
Task<protocol::InitProducerIdResponse> handle_init_producer_id(
    Request& request, const protocol::InitProducerIdRequest& message);

Task<protocol::FindCoordinatorResponse> handle_find_coordinator(
    Request& request, const protocol::FindCoordinatorRequest& message);
Task<protocol::JoinGroupResponse> handle_join_group(Request& request,
                                                    const protocol::JoinGroupRequest& message);
Task<protocol::SyncGroupResponse> handle_sync_group(Request& request,
                                                    const protocol::SyncGroupRequest& message);
Task<protocol::HeartbeatResponse> handle_heartbeat(Request& request,
                                                   const protocol::HeartbeatRequest& message);
Task<protocol::LeaveGroupResponse> handle_leave_group(Request& request,
                                                      const protocol::LeaveGroupRequest& message);
Task<protocol::OffsetCommitResponse> handle_offset_commit(
    Request& request, const protocol::OffsetCommitRequest& message);
Task<protocol::OffsetFetchResponse> handle_offset_fetch(
    Request& request, const protocol::OffsetFetchRequest& message);
Task<protocol::OffsetDeleteResponse> handle_offset_delete(
    Request& request, const protocol::OffsetDeleteRequest& message);
Task<protocol::DescribeGroupsResponse> handle_describe_groups(
    Request& request, const protocol::DescribeGroupsRequest& message);
Task<protocol::ListGroupsResponse> handle_list_groups(Request& request,
                                                      const protocol::ListGroupsRequest& message);
Task<protocol::DeleteGroupsResponse> handle_delete_groups(
    Request& request, const protocol::DeleteGroupsRequest& message);

}  // namespace sluice::broker
