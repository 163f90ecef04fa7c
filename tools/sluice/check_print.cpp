// What `sluice check` makes of its measures, and how it tells them.
#include "tools/sluice/check.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/table.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>

namespace sluice::cli {
namespace {

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.10g", value);
  return text;
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = failed == std::errc{} && end == text.data() + text.size();
  return whole && value >= 0 ? std::optional(value) : std::nullopt;
}

std::string lower(std::string_view text) {
  std::string small(text);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return small;
}

// A value of a Prometheus label.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

std::string labels(const Measure& measure) {
  return "{check=\"" + escaped(measure.check) + "\",subject=\"" + escaped(measure.subject) + "\"}";
}

// "'lag_billing'=12;5;10;0"; a low limit is written as a range.
std::string performance(const Measure& measure) {
  std::string name = measure.check + (measure.subject.empty() ? "" : "_" + measure.subject);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '\'' || c == '=' || c == '|'; }, '_');
  std::string text = "'" + name + "'=" + number(*measure.value) + measure.unit;
  if (measure.threshold) {
    const std::string range = measure.threshold->bad == Threshold::Bad::low ? ":" : "";
    text += ";" + number(measure.threshold->warning) + range + ";" +
            number(measure.threshold->critical) + range + ";0";
  }
  return text;
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  constexpr std::string_view names[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
  return names[static_cast<std::size_t>(verdict)];
}

Verdict Threshold::judge(double value) const {
  const auto reached = [&](double limit) {
    return bad == Bad::high ? value >= limit : value <= limit;
  };
  return reached(critical) ? Verdict::critical : reached(warning) ? Verdict::warning : Verdict::ok;
}

std::optional<Threshold> parse_threshold(std::string_view text, Threshold::Bad bad) {
  const auto comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const auto warning = parse_number(text.substr(0, comma));
  const auto critical = parse_number(text.substr(comma + 1));
  if (!warning || !critical) return std::nullopt;
  const bool in_order = bad == Threshold::Bad::high ? *warning <= *critical : *warning >= *critical;
  return in_order ? std::optional(Threshold{*warning, *critical, bad}) : std::nullopt;
}

Verdict worst(const std::vector<Measure>& measures) {
  constexpr int severity[] = {0, 2, 3, 1};  // ok, warning, critical, unknown
  Verdict found = Verdict::ok;
  for (const auto& measure : measures)
    if (severity[static_cast<int>(measure.verdict)] > severity[static_cast<int>(found)])
      found = measure.verdict;
  return found;
}

std::string check_text(const std::vector<Measure>& measures) {
  Table table({{"STATUS"}, {"CHECK"}, {"OF"}, {"WHAT"}});
  for (const auto& measure : measures)
    table.add({std::string(verdict_name(measure.verdict)), measure.check,
               measure.subject.empty() ? "-" : measure.subject, measure.message});
  return std::string(verdict_name(worst(measures))) + "\n\n" + table.to_string();
}

std::string check_nagios(const std::vector<Measure>& measures) {
  const Verdict verdict = worst(measures);
  std::string what, values;
  for (const auto& measure : measures) {
    if (measure.verdict != Verdict::ok)
      what += (what.empty() ? "" : "; ") + measure.check +
              (measure.subject.empty() ? "" : " " + measure.subject) + ": " + measure.message;
    if (measure.value) values += (values.empty() ? "" : " ") + performance(measure);
  }
  std::replace(what.begin(), what.end(), '|', '/');  // begins performance data
  if (what.empty()) what = std::to_string(measures.size()) + " checks";
  return "SLUICE " + std::string(verdict_name(verdict)) + " - " + what +
         (values.empty() ? "" : " | " + values) + "\n";
}

std::string check_prometheus(const std::vector<Measure>& measures) {
  std::string text =
      "# HELP sluice_check_status 0 ok, 1 warning, 2 critical, 3 unknown.\n"
      "# TYPE sluice_check_status gauge\n";
  for (const auto& measure : measures)
    text += "sluice_check_status" + labels(measure) + " " +
            std::to_string(static_cast<int>(measure.verdict)) + "\n";
  text +=
      "# HELP sluice_check_value What was measured, in the unit of the check.\n"
      "# TYPE sluice_check_value gauge\n";
  for (const auto& measure : measures)
    if (measure.value)
      text += "sluice_check_value" + labels(measure) + " " + number(*measure.value) + "\n";
  return text;
}

std::string check_json(const std::vector<Measure>& measures) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().field("status", lower(verdict_name(worst(measures))));
  json.key("checks").begin_array();
  for (const auto& measure : measures) {
    const auto& limit = measure.threshold;
    json.begin_object().field("check", measure.check).field("subject", measure.subject);
    json.field("status", lower(verdict_name(measure.verdict)));
    json.field("value", measure.value).field("unit", measure.unit);
    json.field("warning", limit ? std::optional(limit->warning) : std::nullopt);
    json.field("critical", limit ? std::optional(limit->critical) : std::nullopt);
    json.field("message", measure.message).end_object();
  }
  json.end_array().end_object();
  return text + "\n";
}

}  // namespace sluice::cli
