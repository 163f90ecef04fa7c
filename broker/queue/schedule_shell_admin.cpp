// ScheduleShell: listing and cancelling.
#include "broker/queue/schedule_shell.hpp"
#include "broker/queue/schedule_shell_call.hpp"
#include "broker/replies.hpp"
#include "protocol/batch_builder.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

constexpr std::size_t cancelled_at_once = 16 * 1024;  // noted in one record

bool matches(const KeptRecord& record, const ScheduleFilter& filter) {
  if (filter.topic && record.entry.target.topic != *filter.topic) return false;
  return !filter.key ||
         (record.entry.key && std::ranges::equal(*record.entry.key, Bytes{*filter.key}));
}

ScheduleRow row_of(const KeptRecord& record, PartitionIndex store) {
  ScheduleRow row;
  row.id = {store, record.origin()};
  row.target = record.entry.target;
  row.due_ms = record.entry.due_ms;
  if (record.entry.key) row.key.emplace(record.entry.key->begin(), record.entry.key->end());
  row.value_size = record.value ? static_cast<std::int32_t>(record.value->size()) : -1;
  return row;
}

}  // namespace

Task<ScheduleListing> ScheduleShell::list(const ScheduleFilter* filter, Offset from,
                                          std::size_t limit) {
  ScheduleListing listing;
  listing.error = co_await wait_loaded();
  if (listing.error != ErrorCode::none) co_return listing;
  const Call call{*this};
  ScheduleReader reader{log_};
  listing.waiting = store_.count();
  for (auto at = store_.next_waiting(from); at && !stopping_; at = store_.next_waiting(*at + 1)) {
    if (listing.rows.size() == limit) {
      listing.next = *at;
      break;
    }
    const auto got = co_await reader.read(*at);
    if (!got) {
      if (!store_.waits(*at)) continue;  // delivered meanwhile, and the log was cut
      listing.error = kafka_error(got.error());
      break;
    }
    if (*got && store_.waits(*at) && matches(**got, *filter))
      listing.rows.push_back(row_of(**got, key_.index));
  }
  co_return listing;
}

Task<ScheduleCancelled> ScheduleShell::cancel(const ScheduleFilter* filter) {
  ScheduleCancelled cancelled;
  cancelled.error = co_await wait_loaded();
  if (cancelled.error != ErrorCode::none) co_return cancelled;
  const Call call{*this};
  ScheduleReader reader{log_};
  for (auto at = store_.next_waiting(0); at;) {
    std::vector<Offset> found;
    for (; at && found.size() < cancelled_at_once; at = store_.next_waiting(*at + 1)) {
      const auto got = co_await reader.read(*at);
      if (!got && store_.waits(*at)) cancelled.error = kafka_error(got.error());
      if (got && *got && matches(**got, *filter) && store_.take(*at)) found.push_back(*at);
    }
    if (found.empty()) continue;
    const ErrorCode error = co_await end_by_cancel(&found);
    if (error == ErrorCode::none) cancelled.count += static_cast<std::int64_t>(found.size());
    if (error != ErrorCode::none) cancelled.error = error;
    if (error != ErrorCode::none) break;
  }
  co_return cancelled;
}

Task<ScheduleCancelled> ScheduleShell::cancel_origins(const std::vector<Offset>* origins) {
  ScheduleCancelled cancelled;
  cancelled.error = co_await wait_loaded();
  if (cancelled.error != ErrorCode::none) co_return cancelled;
  const Call call{*this};
  std::vector<Offset> found;
  for (const Offset origin : *origins) {
    const auto at = co_await find_origin(origin);
    if (!at) cancelled.error = kafka_error(at.error());
    if (at && *at && store_.take(**at)) found.push_back(**at);
  }
  if (found.empty()) co_return cancelled;
  const ErrorCode error = co_await end_by_cancel(&found);
  if (error == ErrorCode::none)
    cancelled.count = static_cast<std::int64_t>(found.size());
  else
    cancelled.error = error;
  co_return cancelled;
}

// Where the record lies that was stored at `origin` first; nullopt: it does not wait.
Task<Result<std::optional<Offset>>> ScheduleShell::find_origin(Offset origin) {
  ScheduleReader reader{log_};
  if (store_.waits(origin)) {
    const auto got = co_await reader.read(origin);
    if (!got) co_return std::unexpected(got.error());
    if (*got && (*got)->origin() == origin) co_return origin;
    co_return std::nullopt;
  }
  for (auto at = store_.next_copy(origin); at; at = store_.next_copy(*at + 1)) {
    const auto got = co_await reader.read(*at);
    if (!got) co_return std::unexpected(got.error());
    if (*got && (*got)->origin() == origin) co_return *at;
  }
  co_return std::nullopt;
}

// Requires: they are taken.
Task<ErrorCode> ScheduleShell::end_by_cancel(const std::vector<Offset>* offsets) {
  const Blob key = encode_done_key();
  const Blob value = encode_done(*offsets);
  protocol::BatchBuilder builder;
  builder.append({shard_.clock().wall_ms(), Bytes{key}, Bytes{value}, {}});
  std::vector<std::byte> batch = builder.finish();
  bytes_since_cut_ += batch.size();
  const auto appended = co_await log_.append(std::move(batch));
  for (const Offset offset : *offsets) {
    if (appended.error == ErrorCode::none)
      store_.finished(offset);
    else
      store_.put_back(offset, shard_.clock().wall_ms());  // too early is looked at again
  }
  co_await cut_log();
  co_return appended.error;
}

}  // namespace sluice::broker
