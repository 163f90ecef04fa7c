// ListSchedules and CancelSchedules: what waits, and what is to wait no more.
#include "broker/handlers/schedule_handlers.hpp"
#include "broker/queue/schedule_route.hpp"

#include <memory>

namespace sluice::broker {
namespace {

constexpr std::int32_t limit_max = 10'000;

template <class Response>
Response refused(ErrorCode error, std::string_view message) {
  Response response;
  response.error_code = error;
  response.error_message = message;
  return response;
}

// What a topic and a key stand for. Errors: as the handlers'.
ErrorCode make_filter(const Request& request, std::optional<std::string_view> topic_name,
                      std::optional<Bytes> key, ScheduleFilter& filter) {
  if (!topic_name) return key ? ErrorCode::invalid_request : ErrorCode::none;
  const Topic* topic = request.catalog->find(*topic_name);
  if (topic == nullptr) return ErrorCode::unknown_topic_or_partition;
  filter.topic = topic->id;
  if (key) filter.key.emplace(key->begin(), key->end());
  return ErrorCode::none;
}

std::string_view fault_of(ErrorCode error) {
  return error == ErrorCode::invalid_request ? "A key needs its topic." : "There is no such topic.";
}

protocol::ListSchedulesResponse::Schedule row_of(ScheduleRow& found, Request& request) {
  protocol::ListSchedulesResponse::Schedule row;
  row.id = request.arena.keep(to_string(found.id));
  const Topic* topic = request.catalog->find(found.target.topic);
  if (topic != nullptr) row.topic_name = topic->name;  // else: deleted; they go when they are due
  row.partition_index = found.target.partition;
  row.deliver_at_ms = found.due_ms;
  if (found.key)
    row.key = Bytes{request.arena.keep(std::make_shared<const Blob>(std::move(*found.key)))};
  row.value_size = found.value_size;
  return row;
}

}  // namespace

Task<protocol::ListSchedulesResponse> handle_list_schedules(
    Request& request, const protocol::ListSchedulesRequest& message) {
  using Response = protocol::ListSchedulesResponse;
  ScheduleFilter filter;
  const ErrorCode fault = make_filter(request, message.topic_name, message.key, filter);
  if (fault != ErrorCode::none) co_return refused<Response>(fault, fault_of(fault));
  if (message.limit < 1 || message.limit > limit_max)
    co_return refused<Response>(ErrorCode::invalid_request, "The limit is 1 to 10,000.");
  const auto cursor = parse_schedule_id(message.cursor.value_or("0-0"));
  if (!cursor)
    co_return refused<Response>(ErrorCode::invalid_request, "The cursor is not one of a response.");
  const ScheduleCursor from{cursor->partition, cursor->origin};
  auto found = co_await list_schedules(request.shard, &filter, from,
                                       static_cast<std::size_t>(message.limit));
  if (found.error != ErrorCode::none)
    co_return refused<Response>(found.error, "The schedules cannot be read.");
  Response response;
  response.pending = found.waiting;
  if (found.next)
    response.next_cursor =
        request.arena.keep(to_string(ScheduleId{found.next->partition, found.next->offset}));
  for (ScheduleRow& row : found.rows) response.schedules.push_back(row_of(row, request));
  co_return response;
}

Task<protocol::CancelSchedulesResponse> handle_cancel_schedules(
    Request& request, const protocol::CancelSchedulesRequest& message) {
  using Response = protocol::CancelSchedulesResponse;
  if (message.ids.empty() == !message.topic_name)
    co_return refused<Response>(ErrorCode::invalid_request, "Give either ids or a topic.");
  ScheduleFilter filter;
  const ErrorCode fault = make_filter(request, message.topic_name, message.key, filter);
  if (fault != ErrorCode::none) co_return refused<Response>(fault, fault_of(fault));
  std::vector<ScheduleId> ids;
  for (const std::string_view text : message.ids) {
    const auto id = parse_schedule_id(text);
    if (!id)
      co_return refused<Response>(ErrorCode::invalid_request,
                                  "An id is not one of a schedule: PARTITION-OFFSET.");
    ids.push_back(*id);
  }
  ScheduleCancelled cancelled;
  if (ids.empty())
    cancelled = co_await cancel_schedules(request.shard, &filter);
  else
    cancelled = co_await cancel_schedules(request.shard, &ids);
  Response response;
  response.cancelled = cancelled.count;
  response.error_code = cancelled.error;
  if (cancelled.error != ErrorCode::none)
    response.error_message = "Some schedules could not be read or cancelled.";
  co_return response;
}

}  // namespace sluice::broker
