// The part of Admin that tells of records that wait and cancels them, by messages of our own.
#include "client/admin_core.hpp"
#include "protocol/messages/cancel_schedules.hpp"
#include "protocol/messages/list_schedules.hpp"

#include <utility>

namespace sluice::client {
namespace {

template <class Request>
void set_filter(Request& request, const ScheduleFilter& filter) {
  if (!filter.topic.empty()) request.topic_name = filter.topic;
  if (filter.key) request.key = as_bytes(*filter.key);
}

Schedule schedule_of(const protocol::ListSchedulesResponse::Schedule& row) {
  Schedule schedule{.id = std::string(row.id),
                    .where = {std::string(row.topic_name), row.partition_index},
                    .deliver_at_ms = row.deliver_at_ms,
                    .key = {},
                    .value_size = row.value_size};
  if (row.key) schedule.key = as_text(*row.key);
  return schedule;
}

}  // namespace

Task<Result<SchedulePage>> AdminCore::schedules(ScheduleFilter filter, std::int32_t limit,
                                                std::optional<std::string> cursor,
                                                TimePoint until) {
  protocol::ListSchedulesRequest request;
  set_filter(request, filter);
  request.limit = limit;
  if (cursor) request.cursor = *cursor;
  const auto reply = co_await ask_controller<protocol::ListSchedulesResponse>(request, until);
  if (!reply) co_return std::unexpected(reply.error());
  const auto& body = reply->body;
  const auto good = outcome(body.error_code, "schedules", body.error_message);
  if (!good) co_return std::unexpected(good.error());
  SchedulePage page;
  page.pending = body.pending;
  if (body.next_cursor) page.next = std::string(*body.next_cursor);
  page.schedules.reserve(body.schedules.size());
  for (const auto& row : body.schedules) page.schedules.push_back(schedule_of(row));
  co_return page;
}

Task<Result<std::int64_t>> AdminCore::cancel_schedules(std::vector<std::string> ids,
                                                       ScheduleFilter filter, TimePoint until) {
  protocol::CancelSchedulesRequest request;
  request.ids.assign(ids.begin(), ids.end());
  set_filter(request, filter);
  const auto reply = co_await ask_controller<protocol::CancelSchedulesResponse>(request, until);
  if (!reply) co_return std::unexpected(reply.error());
  const auto& body = reply->body;
  const auto good = outcome(body.error_code, "schedules", body.error_message);
  if (!good) co_return std::unexpected(good.error());
  co_return body.cancelled;
}

}  // namespace sluice::client
