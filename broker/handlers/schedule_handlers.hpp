// The handlers of scheduled delivery, as the dispatch table names them: sluice's own APIs.
#pragma once

#include "base/task.hpp"
#include "broker/request.hpp"
#include "protocol/messages/all.hpp"

namespace sluice::broker {

// Errors: unknown_topic_or_partition; invalid_request: a limit below 1 or above 10,000, a cursor
// that is none, a key without a topic; those of ScheduleShell.
Task<protocol::ListSchedulesResponse> handle_list_schedules(
    Request& request, const protocol::ListSchedulesRequest& message);
// Errors: as above; invalid_request: an id that is none, ids and a topic, neither of them.
Task<protocol::CancelSchedulesResponse> handle_cancel_schedules(
    Request& request, const protocol::CancelSchedulesRequest& message);

}  // namespace sluice::broker
