#include "tools/sluice/dlq_print.hpp"

#include "protocol/queue_headers.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/record_json.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>
#include <utility>

namespace sluice::cli {
namespace {

std::string time_or_dash(std::int64_t ms) { return ms < 0 ? "-" : iso_time(ms); }

std::string or_dash(std::string_view text) {
  return text.empty() ? "-" : printable(text, Lines::escape);
}

std::string number(std::int64_t count) { return with_commas(static_cast<std::uint64_t>(count)); }

// "rejected 3, delivery-limit 2": most frequent first.
std::string counts_text(std::vector<std::pair<std::string, std::uint64_t>> counts) {
  constexpr std::size_t shown_max = 3;
  std::ranges::sort(counts, [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  std::string text;
  for (std::size_t i = 0; i < std::min(counts.size(), shown_max); ++i)
    text += (i == 0 ? "" : ", ") + counts[i].first + " " + with_commas(counts[i].second);
  if (counts.size() > shown_max) text += ", " + std::to_string(counts.size() - shown_max) + " more";
  return or_dash(text);
}

std::string reasons_text(const DeadLetterSummary& summary) {
  std::vector<std::pair<std::string, std::uint64_t>> counts;
  for (const auto& [reason, count] : summary.reasons) counts.emplace_back(or_dash(reason), count);
  return counts_text(std::move(counts));
}

std::string sources_text(const DeadLetterSummary& summary) {
  std::vector<std::pair<std::string, std::uint64_t>> counts;
  for (const auto& [source, count] : summary.sources)
    counts.emplace_back(or_dash(source.first) + " (" + or_dash(source.second) + ")", count);
  return counts_text(std::move(counts));
}

std::string bytes_text(const std::optional<Bytes>& bytes) {
  if (!bytes) return "null";
  const auto text = as_text(*bytes);
  return is_utf8(text) ? printable(text, Lines::keep) : "base64 " + base64_encode(text);
}

std::optional<std::int64_t> known(std::int64_t value) {
  return value < 0 ? std::nullopt : std::optional(value);
}

std::optional<std::string_view> known(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

constexpr std::string_view state_name(RedriveState state) {
  switch (state) {
    case RedriveState::running:
      return "unfinished";
    case RedriveState::finished:
      return "finished";
    case RedriveState::abandoned:
      return "abandoned";
  }
  return "unknown";
}

}  // namespace

std::string list_text(const std::vector<DlqListing>& topics, Style style) {
  Table table({{"TOPIC"},
               {"DEPTH", Align::right},
               {"REDRIVEN", Align::right},
               {"OLDEST"},
               {"NEWEST"},
               {"REASONS"},
               {"SOURCES (GROUPS)"}});
  for (const auto& [summary, unfinished] : topics)
    table.add({summary.topic, with_commas(summary.depth), with_commas(summary.redriven),
               time_or_dash(summary.oldest_ms), time_or_dash(summary.newest_ms),
               reasons_text(summary), sources_text(summary)});
  return table.to_string(style);
}

std::string list_json(const std::vector<DlqListing>& topics) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const auto& [summary, unfinished] : topics) {
    json.begin_object();
    json.field("topic", summary.topic).field("depth", summary.depth);
    json.field("redriven", summary.redriven);
    json.field("oldest_ms", known(summary.oldest_ms));
    json.field("newest_ms", known(summary.newest_ms));
    json.key("reasons").begin_array();
    for (const auto& [reason, count] : summary.reasons)
      json.begin_object().field("reason", known(reason)).field("count", count).end_object();
    json.end_array();
    json.key("sources").begin_array();
    for (const auto& [source, count] : summary.sources) {
      json.begin_object().field("topic", known(source.first)).field("group", known(source.second));
      json.field("count", count).end_object();
    }
    json.end_array();
    json.field("unfinished_redrive", unfinished);
    json.end_object();
  }
  json.end_array();
  return out + "\n";
}

void append_letter_text(std::string& out, const DeadLetter& letter) {
  const auto& record = letter.record;
  const auto& origin = letter.origin;
  out += std::to_string(record.partition) + ":" + std::to_string(record.offset);
  out += "  " + or_dash(origin.reason);
  if (!origin.message.empty()) out += ": " + printable(origin.message, Lines::keep);
  out += letter.redriven ? "  (redriven)\n" : "\n";
  out += "  source   " + or_dash(origin.topic);
  if (origin.partition >= 0)
    out += " " + std::to_string(origin.partition) + ":" + std::to_string(origin.offset);
  out += "\n  group    " + or_dash(origin.group);
  if (origin.attempts >= 0)
    out +=
        ", " + std::to_string(origin.attempts) + (origin.attempts == 1 ? " attempt" : " attempts");
  if (origin.redrives > 0) out += ", redriven " + std::to_string(origin.redrives) + " times";
  out += "\n  failed   " + time_or_dash(origin.first_failure_ms) + " first, " +
         time_or_dash(origin.last_failure_ms) + " last";
  out += "\n  key      " + bytes_text(record.key);
  out += "\n  value    " + bytes_text(record.value) + "\n";
  for (const auto& header : record.headers)
    if (!header.key.starts_with(protocol::dead_letter_header::prefix))
      out +=
          "  header   " + bytes_text(as_bytes(header.key)) + "=" + bytes_text(header.value) + "\n";
}

void append_letter_json(std::string& out, const DeadLetter& letter) {
  const auto& origin = letter.origin;
  JsonWriter json(out);
  json.begin_object();
  json.field("reason", known(origin.reason)).field("message", known(origin.message));
  json.key("source").begin_object().field("topic", known(origin.topic));
  json.field("partition", known(origin.partition)).field("offset", known(origin.offset));
  json.end_object();
  json.field("group", known(origin.group)).field("attempts", known(origin.attempts));
  json.field("first_failure_ms", known(origin.first_failure_ms));
  json.field("last_failure_ms", known(origin.last_failure_ms));
  json.field("redrives", origin.redrives).field("redriven", letter.redriven);
  json.key("record");
  append_record_json(out, letter.record);
  json.end_object();
}

std::string report_text(const RedriveReport& report, bool dry_run) {
  std::string text;
  if (!dry_run)
    text += "redrive     " + report.id + " of " + report.topic + ", " +
            std::string(state_name(report.state)) + "\n";
  text += (dry_run ? "to redrive  " : "redriven    ") + number(report.counts.redriven);
  std::string targets;
  for (const auto& [topic, count] : report.targets)
    targets += (targets.empty() ? " (" : ", ") + topic + " " + number(count);
  text += targets.empty() ? "\n" : targets + ")\n";
  text += "loop guard  " + number(report.counts.loop_guard) + "\n";
  text += "failed      " + number(report.counts.failed) + "\n";
  text += "left        " + number(report.counts.left()) + "\n";
  if (report.counts.already > 0)
    text += "left out    " + number(report.counts.already) + " redriven before\n";
  for (const auto& failure : report.failures)
    text += "\nfailed " + number(failure.count) + " from " + std::to_string(failure.partition) +
            ":" + std::to_string(failure.offset) + " on: " + failure.why;
  if (!report.failures.empty()) text += "\n";
  return text;
}

std::string report_json(const RedriveReport& report, bool dry_run) {
  std::string out;
  JsonWriter json(out);
  const auto& counts = report.counts;
  json.begin_object();
  json.field("id", known(report.id)).field("topic", report.topic);
  json.field("state", state_name(report.state)).field("dry_run", dry_run);
  json.field("examined", counts.examined).field("redriven_before", counts.already);
  json.field("unselected", counts.unselected).field("redriven", counts.redriven);
  json.field("loop_guard", counts.loop_guard).field("failed", counts.failed);
  json.field("left", counts.left());
  json.key("targets").begin_array();
  for (const auto& [topic, count] : report.targets)
    json.begin_object().field("topic", topic).field("redriven", count).end_object();
  json.end_array();
  json.key("failures").begin_array();
  for (const auto& failure : report.failures) {
    json.begin_object().field("why", failure.why).field("partition", failure.partition);
    json.field("offset", failure.offset).field("count", failure.count).end_object();
  }
  json.end_array();
  json.field("uncertain", report.uncertain);
  json.end_object();
  return out + "\n";
}

}  // namespace sluice::cli
