#include "tools/sluice/bench_report.hpp"

#include "tools/sluice/json.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

namespace sluice::bench {
namespace {

using cli::JsonWriter;

double us(std::int64_t ns) { return static_cast<double>(ns) / 1e3; }

std::string number(double value) {
  char text[48];
  if (value >= 1000) return cli::with_commas(static_cast<std::uint64_t>(std::llround(value)));
  std::snprintf(text, sizeof text, value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value);
  return text;
}

// Of the JSON: three digits behind the point are more than any of the figures is worth.
double rounded(double value) { return std::round(value * 1000) / 1000; }

void write_figures(JsonWriter& json, const Figures& figures) {
  json.field("mb_per_s", rounded(figures.mb_per_s));
  json.field("records_per_s", rounded(figures.records_per_s));
  json.field("requests_per_s", rounded(figures.requests_per_s));
  json.key("latency_us").begin_object();
  json.field("p50", rounded(figures.p50_us)).field("p90", rounded(figures.p90_us));
  json.field("p99", rounded(figures.p99_us)).field("p999", rounded(figures.p999_us));
  json.field("max", rounded(figures.max_us)).field("mean", rounded(figures.mean_us));
  json.end_object();
  std::optional<double> cpu;
  if (figures.cpu_s_per_gb) cpu = rounded(*figures.cpu_s_per_gb);
  json.field("broker_cpu_s_per_gb", cpu);
  json.field("unsent", figures.unsent).field("lost", figures.lost);
}

void write_settings(JsonWriter& json, const Settings& settings) {
  json.key("settings").begin_object();
  json.field("batch_bytes", settings.batch_bytes).field("record_bytes", settings.record_bytes);
  json.field("in_flight", settings.in_flight).field("connections", settings.connections);
  json.field("partitions", settings.partitions).field("acks", int{settings.acks});
  json.field("rate", settings.rate).field("duration_s", settings.duration_seconds);
  json.field("warmup_s", settings.warmup_seconds).field("fetch_bytes", settings.fetch_bytes);
  json.field("from", settings.from).field("bytes", settings.total_bytes);
  json.field("passes", settings.passes).field("fill", settings.fill_bytes);
  json.field("check", settings.check);
  json.key("topic_config").begin_object();
  for (const auto& [name, value] : settings.topic_configs) json.field(name, value);
  json.end_object();
  json.end_object();
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Figures figures_of(const Round& round) {
  const auto& latency = round.latency;
  return {.mb_per_s = round.mb_per_second(),
          .records_per_s = round.records_per_second(),
          .requests_per_s = round.requests_per_second(),
          .p50_us = us(latency.percentile(0.5)),
          .p90_us = us(latency.percentile(0.9)),
          .p99_us = us(latency.percentile(0.99)),
          .p999_us = us(latency.percentile(0.999)),
          .max_us = us(latency.max()),
          .mean_us = latency.mean() / 1e3,
          .cpu_s_per_gb = round.cpu_seconds_per_gb(),
          .unsent = round.unsent,
          .lost = round.lost};
}

Figures figures_of(const Series& series) {
  std::vector<Figures> all;
  for (const auto& round : series.rounds) all.push_back(figures_of(round));
  Figures middle;
  for (const auto member : {&Figures::mb_per_s, &Figures::records_per_s, &Figures::requests_per_s,
                            &Figures::p50_us, &Figures::p90_us, &Figures::p99_us, &Figures::p999_us,
                            &Figures::max_us, &Figures::mean_us}) {
    std::vector<double> values;
    for (const auto& figures : all) values.push_back(figures.*member);
    middle.*member = median(std::move(values));
  }
  std::vector<double> cpu;
  for (const auto& figures : all) {
    if (figures.cpu_s_per_gb) cpu.push_back(*figures.cpu_s_per_gb);
    middle.unsent += figures.unsent;
    middle.lost += figures.lost;
  }
  if (!cpu.empty()) middle.cpu_s_per_gb = median(std::move(cpu));
  return middle;
}

std::string_view name_of(Mode mode) {
  switch (mode) {
    case Mode::produce:
      return "produce";
    case Mode::fetch:
      return "fetch";
    case Mode::latency:
      return "latency";
    case Mode::share:
      return "share";
  }
  return "";
}

std::string table_of(const std::vector<Series>& series, cli::Style style) {
  const bool compared = series.size() > 1;
  std::vector<cli::Column> columns{{""}};
  for (const auto& one : series) columns.push_back({one.broker, cli::Align::right});
  if (compared) columns.push_back({"RATIO", cli::Align::right});
  cli::Table table(std::move(columns));
  std::vector<Figures> figures;
  for (const auto& one : series) figures.push_back(figures_of(one));

  const auto row = [&](const char* title, auto value_of) {
    std::vector<std::optional<double>> values;
    for (const auto& one : figures) values.emplace_back(value_of(one));
    if (std::ranges::none_of(values, [](const auto& v) { return v.has_value(); })) return;
    std::vector<std::string> cells{title};
    for (const auto& value : values) cells.push_back(value ? number(*value) : "-");
    if (compared) {
      const bool both = values[0] && values[1] && *values[1] > 0;
      cells.push_back(both ? number(*values[0] / *values[1]) : "-");
    }
    table.add(std::move(cells));
  };
  row("MB/s", [](const Figures& f) { return f.mb_per_s; });
  row("records/s", [](const Figures& f) { return f.records_per_s; });
  row("requests/s", [](const Figures& f) { return f.requests_per_s; });
  const bool timed = std::ranges::any_of(figures, [](const Figures& f) { return f.max_us > 0; });
  if (timed) {  // nothing is answered with acks 0
    row("p50 us", [](const Figures& f) { return f.p50_us; });
    row("p90 us", [](const Figures& f) { return f.p90_us; });
    row("p99 us", [](const Figures& f) { return f.p99_us; });
    row("p99.9 us", [](const Figures& f) { return f.p999_us; });
    row("max us", [](const Figures& f) { return f.max_us; });
  }
  row("broker CPU s/GB", [](const Figures& f) { return f.cpu_s_per_gb; });
  const auto some = [](std::uint64_t count) {
    return count == 0 ? std::optional<double>() : static_cast<double>(count);
  };
  row("due, not done", [&](const Figures& f) { return some(f.unsent); });
  row("lost", [&](const Figures& f) { return some(f.lost); });
  return table.to_string(style);
}

std::string json_of(const Settings& settings, const std::vector<Series>& series) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.field("schema", 1).field("mode", name_of(settings.mode));
  write_settings(json, settings);
  json.key("brokers").begin_array();
  for (const auto& one : series) {
    json.begin_object().field("address", one.broker);
    json.key("median").begin_object();
    write_figures(json, figures_of(one));
    json.end_object();
    json.key("rounds").begin_array();
    for (const auto& round : one.rounds) {
      json.begin_object().field("seconds", rounded(round.seconds));
      json.field("bytes", round.bytes).field("records", round.records);
      json.field("requests", round.requests);
      write_figures(json, figures_of(round));
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array();
  if (series.size() > 1) {
    const auto ours = figures_of(series[0]);
    const auto theirs = figures_of(series[1]);
    const auto ratio = [&](const char* name, double a, double b) {
      std::optional<double> value;
      if (b > 0) value = rounded(a / b);
      json.field(name, value);
    };
    json.key("ratio").begin_object();
    ratio("mb_per_s", ours.mb_per_s, theirs.mb_per_s);
    ratio("p50", ours.p50_us, theirs.p50_us);
    ratio("p99", ours.p99_us, theirs.p99_us);
    json.end_object();
  }
  json.end_object();
  out += '\n';
  return out;
}

}  // namespace sluice::bench
