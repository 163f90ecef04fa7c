#include "tools/sluice/bytes_text.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/text.hpp"
#include "tools/sluice/trace.hpp"

#include <algorithm>
#include <set>

namespace sluice::cli {
namespace {

constexpr std::size_t key_width = 40;

std::string place_text(const TopicPartition& where, Offset offset) {
  return where.topic + "-" + std::to_string(where.partition) + " offset " + std::to_string(offset);
}

std::optional<Bytes> bytes_of(const std::optional<std::string>& text) {
  return text ? std::optional(as_bytes(*text)) : std::nullopt;
}

std::string after_text(std::int64_t from_ms, std::int64_t to_ms) {
  if (from_ms < 0 || to_ms < from_ms) return {};
  return " (" + human_seconds(std::chrono::milliseconds(to_ms - from_ms)) + " later)";
}

std::string stored_text(const TraceRecord& record) {
  if (record.time == TraceTime::log_append) return iso_time(record.timestamp_ms);
  std::int64_t least = record.scheduled_for_ms.value_or(-1);
  if (record.letter) least = std::max(least, record.letter->last_failure_ms);
  if (least >= 0) return "not before " + iso_time(least);
  return "the log does not tell";
}

std::string deliveries_text(std::int32_t count) {
  return std::to_string(count) + (count == 1 ? " delivery" : " deliveries");
}

std::string letter_text(const TraceLetter& letter) {
  std::string text = place_text(letter.source, letter.offset);
  if (!letter.group.empty()) text += ", group " + letter.group;
  if (!letter.reason.empty()) text += ", " + letter.reason;
  if (letter.attempts >= 0) text += ", " + deliveries_text(letter.attempts);
  if (!letter.message.empty()) text += ": " + shown_bytes(as_bytes(letter.message), 80);
  return text;
}

std::string commit_text(const TraceRecord& record, const TraceCommit& commit) {
  if (!commit.committed)
    return "  not yet    " + commit.group + ", at offset " + std::to_string(commit.offset) + "\n";
  std::string text = "  committed  ";
  if (commit.at_ms < 0)
    text += "by now";
  else
    text += (commit.exact ? "" : "by ") + iso_time(commit.at_ms) +
            after_text(record.timestamp_ms, commit.at_ms);
  text += ", group " + commit.group;
  if (commit.set_back) text += ", set back since";
  return text + "\n";
}

std::string delivery_text(const TraceDelivery& delivery) {
  std::string text = "  queue      " + delivery.state + ", share group " + delivery.group;
  if (delivery.deliveries > 0) text += ", " + deliveries_text(delivery.deliveries);
  if (delivery.until_ms >= 0) text += ", until " + iso_time(delivery.until_ms);
  return text + "\n";
}

// What follows the place in the first line.
std::string head_text(const TraceRecord& record) {
  return "  key " + shown_bytes(bytes_of(record.key), key_width) + "  value " +
         (record.value_bytes < 0 ? "null"
                                 : human_bytes(static_cast<std::uint64_t>(record.value_bytes))) +
         "\n";
}

std::string span_text(const Trace& trace, const TraceRecord& record) {
  if (record.span_id.empty()) return {};
  std::string text = "  span       " + record.span_id;
  if (const auto* first = trace.same_span_before(record))
    text += ", as " + place_text(first->where, first->offset);
  return text + "\n";
}

void append_text(std::string& out, const Trace& trace, const TraceRecord& record) {
  out += "\n" + place_text(record.where, record.offset) + head_text(record);
  if (record.time == TraceTime::log_append)
    out += "  produced   the log does not tell\n";
  else
    out += "  produced   " + iso_time(record.timestamp_ms) + ", by the producer's clock\n";
  out += span_text(trace, record);
  if (record.letter) out += "  letter of  " + letter_text(*record.letter) + "\n";
  if (record.scheduled_for_ms)
    out += "  scheduled  for " + iso_time(*record.scheduled_for_ms) + "\n";
  if (record.retry_attempt) out += "  retry      " + std::to_string(*record.retry_attempt) + "\n";
  if (record.redrives > 0) out += "  redriven   " + std::to_string(record.redrives) + " times\n";
  out += "  stored     " + stored_text(record) + "\n";
  for (const auto& commit : record.commits) out += commit_text(record, commit);
  for (const auto& delivery : record.deliveries) out += delivery_text(delivery);
}

void append_waiting_text(std::string& out, const Trace& trace, const TraceWaiting& waiting) {
  out += "\n" + waiting.where.to_string() + head_text(waiting) + "  waiting    until " +
         iso_time(waiting.scheduled_for_ms.value_or(-1)) + ", schedule " + waiting.schedule_id +
         "\n" + "  produced   " + iso_time(waiting.timestamp_ms) + ", by the producer's clock\n" +
         span_text(trace, waiting);
  if (waiting.retry_attempt) out += "  retry      " + std::to_string(*waiting.retry_attempt) + "\n";
}

std::string summary(const TraceReport& report) {
  const auto& records = report.trace.records();
  const auto& waiting = report.trace.waiting();
  std::set<std::string> topics;
  for (const auto& record : records) topics.insert(record.where.topic);
  std::string text = report.trace.id().empty() ? "no trace" : "trace " + report.trace.id();
  text += ": " + records_text(records.size()) + " in " + with_commas(topics.size()) +
          (topics.size() == 1 ? " topic" : " topics");
  if (records.size() > 1)
    text += ", " + human_seconds(std::chrono::milliseconds(records.back().moment_ms() -
                                                           records.front().moment_ms()));
  if (!waiting.empty())
    text += "; " + with_commas(waiting.size()) + (waiting.size() == 1 ? " waits" : " wait");
  return text + "\n";
}

// ---- JSON ----

std::optional<std::int64_t> known(std::int64_t value) {
  return value < 0 ? std::nullopt : std::optional(value);
}

void append_place(JsonWriter& json, std::string_view name, const TopicPartition& where,
                  Offset offset) {
  json.key(name)
      .begin_object()
      .field("topic", where.topic)
      .field("partition", where.partition)
      .field("offset", offset)
      .end_object();
}

void append_letter(JsonWriter& json, const TraceLetter& letter) {
  json.begin_object();
  append_place(json, "source", letter.source, letter.offset);
  json.field("group", letter.group)
      .field("reason", letter.reason)
      .field("message", letter.message)
      .field("deliveries", known(letter.attempts))
      .field("last_failure", known(letter.last_failure_ms))
      .end_object();
}

void append_commits(JsonWriter& json, const TraceRecord& record) {
  json.key("commits").begin_array();
  for (const TraceCommit& commit : record.commits)
    json.begin_object()
        .field("group", commit.group)
        .field("committed", commit.committed)
        .field("offset", commit.offset)
        .field("timestamp", known(commit.at_ms))
        .field("exact", commit.exact)
        .field("set_back", commit.set_back)
        .end_object();
  json.end_array();
  json.key("queues").begin_array();
  for (const TraceDelivery& delivery : record.deliveries)
    json.begin_object()
        .field("group", delivery.group)
        .field("state", delivery.state)
        .field("deliveries", delivery.deliveries)
        .field("until", known(delivery.until_ms))
        .end_object();
  json.end_array();
}

// Key, value and span.
void append_content(JsonWriter& json, const Trace& trace, const TraceRecord& record) {
  append_bytes_field(json, "key", bytes_of(record.key));
  json.field("value_bytes", known(record.value_bytes));
  if (record.span_id.empty())
    json.field("span_id", std::optional<std::string>{});
  else
    json.field("span_id", record.span_id);
  if (const auto* first = trace.same_span_before(record))
    append_place(json, "same_span_as", first->where, first->offset);
  else
    json.field("same_span_as", std::optional<std::string>{});
}

void append_waiting(JsonWriter& json, const Trace& trace, const TraceWaiting& waiting) {
  json.begin_object()
      .field("topic", waiting.where.topic)
      .field("partition", waiting.where.partition)
      .field("id", waiting.schedule_id)
      .field("until", waiting.scheduled_for_ms)
      .field("produced", known(waiting.timestamp_ms));
  append_content(json, trace, waiting);
  json.field("retry_attempt", waiting.retry_attempt).end_object();
}

void append_json(JsonWriter& json, const Trace& trace, const TraceRecord& record) {
  const bool appended = record.time == TraceTime::log_append;
  json.begin_object()
      .field("topic", record.where.topic)
      .field("partition", record.where.partition)
      .field("offset", record.offset)
      .field("produced", appended ? std::nullopt : known(record.timestamp_ms))
      .field("stored", appended ? known(record.timestamp_ms) : std::nullopt);
  append_content(json, trace, record);
  json.field("scheduled_for", record.scheduled_for_ms)
      .field("retry_attempt", record.retry_attempt)
      .field("redrives", record.redrives);
  json.key("dead_letter");
  if (record.letter)
    append_letter(json, *record.letter);
  else
    json.raw_json("null");
  append_commits(json, record);
  json.end_object();
}

}  // namespace

std::string trace_text(const TraceReport& report) {
  std::string out = summary(report);
  for (const auto& record : report.trace.records()) append_text(out, report.trace, record);
  for (const auto& waiting : report.trace.waiting())
    append_waiting_text(out, report.trace, waiting);
  return out;
}

std::string trace_json(const TraceReport& report) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  if (report.trace.id().empty())
    json.field("trace_id", std::optional<std::string>{});
  else
    json.field("trace_id", report.trace.id());
  json.field("complete", !report.interrupted && !report.trace.full())
      .field("commit_times", report.commit_times)
      .field("topics_searched", report.topics);
  json.key("records").begin_array();
  for (const auto& record : report.trace.records()) append_json(json, report.trace, record);
  json.end_array();
  json.key("waiting").begin_array();
  for (const auto& waiting : report.trace.waiting()) append_waiting(json, report.trace, waiting);
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace sluice::cli
