#include "protocol/queue_headers.hpp"
#include "sluice/admin.hpp"
#include "sluice/dead_letters.hpp"
#include "sluice/record.hpp"
#include "tools/sluice/trace.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace sluice::cli {
namespace {

template <class Number>
std::optional<Number> leading_number(const std::optional<Bytes>& bytes) {
  if (!bytes) return std::nullopt;
  const auto text = as_text(*bytes);
  Number number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  return ec == std::errc{} ? std::optional(number) : std::nullopt;
}

// Of a name that repeats the first counts, as tracing libraries read it.
std::optional<TraceContext> context_of(const RecordView& record) {
  for (const auto& header : record.headers)
    if (header.key == traceparent_header && header.value)
      return parse_traceparent(as_text(*header.value));
  return std::nullopt;
}

std::optional<TraceLetter> letter_of(const DeadLetterOrigin& origin) {
  if (origin.topic.empty()) return std::nullopt;
  return TraceLetter{.source = {std::string(origin.topic), origin.partition},
                     .offset = origin.offset,
                     .group = std::string(origin.group),
                     .reason = std::string(origin.reason),
                     .message = std::string(origin.message),
                     .attempts = origin.attempts,
                     .last_failure_ms = origin.last_failure_ms};
}

}  // namespace

std::optional<TraceDelivery> delivery_of(const QueuePartition& queue, Offset offset) {
  if (queue.error != ErrorCode::none || queue.start < 0) return std::nullopt;
  if (offset < queue.start) return TraceDelivery{.state = "finished"};
  if (offset >= queue.end) return TraceDelivery{.state = "not offered yet"};
  for (const QueueRange& range : queue.ranges)
    if (offset >= range.first && offset <= range.last)
      return TraceDelivery{
          .state = range.state, .deliveries = range.delivery_count, .until_ms = range.until_ms};
  return std::nullopt;  // the broker left ranges out
}

std::int64_t TraceRecord::moment_ms() const {
  std::int64_t moment = std::max(timestamp_ms, scheduled_for_ms.value_or(-1));
  return letter ? std::max(moment, letter->last_failure_ms) : moment;
}

bool Trace::take(const RecordView& record, TraceTime time) {
  const auto context = context_of(record);
  if (!context || context->trace_id != id_) return true;
  if (records_.size() >= limit_) {
    full_ = true;
    return false;
  }
  add(record, time);
  return true;
}

namespace {

TraceRecord record_of(const RecordView& record, TraceTime time) {
  const auto context = context_of(record);
  const auto origin = dead_letter_origin(record);
  TraceRecord found{
      .where = {std::string(record.topic), record.partition},
      .offset = record.offset,
      .timestamp_ms = record.timestamp_ms,
      .time = time,
      .key = record.key ? std::optional(std::string(as_text(*record.key))) : std::nullopt,
      .value_bytes = record.value ? static_cast<std::int64_t>(record.value->size()) : -1,
      .span_id = context ? context->span_id : std::string(),
      .redrives = origin.redrives,
      .letter = letter_of(origin)};
  for (const auto& header : record.headers) {
    if (header.key == protocol::scheduled_for_header)
      found.scheduled_for_ms = leading_number<std::int64_t>(header.value);
    if (header.key == protocol::retry_attempt_header)
      found.retry_attempt = leading_number<std::int32_t>(header.value);
    if (header.key == protocol::schedule_id_header && header.value)
      found.schedule_id = as_text(*header.value);
  }
  return found;
}

}  // namespace

void Trace::add(const RecordView& record, TraceTime time) {
  records_.push_back(record_of(record, time));
}

void Trace::wait(const RecordView& record, std::int64_t due_ms, std::string schedule_id) {
  const auto context = context_of(record);
  if (!context || context->trace_id != id_) return;
  if (waiting_.size() >= limit_) {
    full_ = true;
    return;
  }
  auto& waiting = waiting_.emplace_back(record_of(record, TraceTime::create));
  waiting.scheduled_for_ms = due_ms;
  waiting.schedule_id = std::move(schedule_id);
}

void Trace::waits_no_more(const std::string& schedule_id) {
  std::erase_if(waiting_, [&](const auto& one) { return one.schedule_id == schedule_id; });
}

void Trace::sort() {
  // What was delivered while the topics were read was seen twice.
  for (const TraceRecord& record : records_)
    std::erase_if(waiting_, [&](const TraceWaiting& one) {
      return one.schedule_id == record.schedule_id && one.where == record.where;
    });
  std::ranges::sort(waiting_, {}, &TraceRecord::moment_ms);
  const auto place = [](const TraceRecord& record) {
    return std::tuple(record.moment_ms(), record.letter.has_value(), record.where, record.offset);
  };
  std::ranges::sort(records_, {}, place);
  for (std::size_t i = 0; i < records_.size(); ++i) places_[records_[i].where].push_back(i);
}

TraceCommit& Trace::commit_of(TraceRecord& record, const std::string& group) {
  const auto at = std::ranges::lower_bound(record.commits, group, {}, &TraceCommit::group);
  if (at != record.commits.end() && at->group == group) return *at;
  return *record.commits.insert(at, {.group = group});
}

void Trace::commit(const SeenCommit& seen) {
  const auto found = places_.find(seen.where);
  if (found == places_.end()) return;
  for (const std::size_t i : found->second) {
    TraceRecord& record = records_[i];
    const bool past = seen.offset > record.offset;
    auto& commit = commit_of(record, seen.group);
    commit.set_back = commit.committed && !past;
    if (commit.committed) continue;
    // Compaction keeps a group's newest commit and all behind it: where an older one is left, none
    // between the two is missing.
    commit.exact = past && seen.at_ms >= 0 && (seen.all_before_known || commit.offset >= 0);
    commit.committed = past;
    commit.offset = seen.offset;
    commit.at_ms = seen.at_ms;
  }
}

const TraceRecord* Trace::same_span_before(const TraceRecord& record) const {
  if (record.span_id.empty()) return nullptr;
  for (const TraceRecord& other : records_) {
    if (&other == &record) return nullptr;
    if (other.span_id == record.span_id) return &other;
  }
  return nullptr;
}

}  // namespace sluice::cli
