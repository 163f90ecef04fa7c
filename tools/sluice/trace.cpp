#include "tools/sluice/trace.hpp"

#include "tools/sluice/trace_source.hpp"

#include <CLI/CLI.hpp>

namespace sluice::cli {
namespace {

// What is wrong with the command line; empty: nothing.
std::string misuse_of(const TraceOptions& options) {
  const bool any = options.topic || options.partition || options.offset;
  const bool all = options.topic && options.partition && options.offset;
  if (!options.trace.empty() && any)
    return "a trace id, or --topic, --partition and --offset, not both";
  if (options.trace.empty() && !all)
    return "a trace id is missing, or --topic, --partition and --offset (see 'sluice trace "
           "--help')";
  if (!options.trace.empty() && !parse_trace_argument(options.trace))
    return "'" + options.trace +
           "' is no trace id (32 hexadecimal digits) and no traceparent (00-TRACE-SPAN-01)";
  if (!options.data.empty() && options.from) return "--from is for a cluster, not for --data";
  return {};
}

std::string place_of(const TraceOptions& options) {
  return *options.topic + "-" + std::to_string(*options.partition) + " offset " +
         std::to_string(*options.offset);
}

// The trace of the record that was named. With an empty id when it carries none: then the record
// alone is in it.
std::expected<Trace, Exit> trace_of_record(const Global& global, const TraceOptions& options,
                                           TraceSource& source) {
  const auto limit = static_cast<std::size_t>(options.limit);
  std::optional<TraceContext> context;
  Trace alone({}, limit);
  const Exit done =
      source.find({*options.topic, *options.partition}, *options.offset,
                  [&](const RecordView& record, TraceTime time) {
                    for (const auto& header : record.headers)
                      if (header.key == traceparent_header && header.value && !context)
                        context = parse_traceparent(as_text(*header.value));
                    alone.add(record, time);
                    return true;
                  });
  if (done != Exit::ok) return std::unexpected(done);
  if (alone.records().empty())
    return std::unexpected(complain(Exit::not_found, "no record at " + place_of(options)));
  if (context) return Trace(context->trace_id, limit);
  say(global, place_of(options) + " has no header 'traceparent': only this record is followed");
  return alone;
}

std::expected<TraceReport, Exit> follow(const Global& global, const TraceOptions& options,
                                        TraceSource& source) {
  auto trace = options.trace.empty() ? trace_of_record(global, options, source)
                                     : Trace(parse_trace_argument(options.trace)->trace_id,
                                             static_cast<std::size_t>(options.limit));
  if (!trace) return std::unexpected(trace.error());
  TraceReport report{.trace = std::move(*trace), .topics = source.topics()};
  if (!report.trace.id().empty()) {
    if (const Exit waiting = source.add_waiting(report.trace); waiting != Exit::ok)
      return std::unexpected(waiting);
    const Exit scanned = source.scan(
        [&](const RecordView& record, TraceTime time) { return report.trace.take(record, time); });
    if (scanned != Exit::ok) return std::unexpected(scanned);
  }
  report.trace.sort();
  if (!report.trace.records().empty() && !interrupted()) {
    report.commit_times = source.add_commits(report.trace);
    source.add_details(report.trace);
  }
  report.interrupted = interrupted();
  return report;
}

}  // namespace

Exit trace(const Global& global, const TraceOptions& options) {
  if (const auto wrong = misuse_of(options); !wrong.empty()) return complain(Exit::usage, wrong);
  const auto source = options.data.empty() ? open_cluster_source(global, options)
                                           : open_directory_source(global, options);
  if (!source) return source.error();
  const auto report = follow(global, options, **source);
  if (!report) return report.error();
  if (!report->interrupted && report->trace.empty())
    return complain(Exit::not_found, "no record of trace " + report->trace.id() + " in " +
                                         std::to_string(report->topics) + " topics");
  Output out;
  out.write(global.json ? trace_json(*report) : trace_text(*report));
  out.flush();
  if (report->interrupted) return complain_of_interrupt("not everything was read");
  if (report->trace.full())
    say(global, "there are more records than " + std::to_string(options.limit) + " (--limit)");
  if (!report->commit_times && !report->trace.records().empty())
    say(global, "the offsets topic cannot be read: when groups committed is not known");
  return Exit::ok;
}

void add_trace_options(CLI::App& command, TraceOptions& options) {
  command.add_option("TRACE", options.trace, "Trace id (32 hex digits), or a whole traceparent");
  command.add_option("-t,--topic", options.topic, "The trace of a record: its topic")
      ->type_name("TOPIC");
  command.add_option("-p,--partition", options.partition, "its partition")
      ->check(CLI::NonNegativeNumber);
  command.add_option("-o,--offset", options.offset, "its offset")->check(CLI::NonNegativeNumber);
  command
      .add_option("--among", options.among,
                  "Look in these topics (default: all but the broker's own); may repeat")
      ->type_name("TOPIC");
  command.add_option("--from", options.from,
                     "Look from here on: OFFSET, -N, +N, @TIME (@-1h); default: start");
  command.add_option("--data", options.data, "Look in this data directory, with no broker");
  command.add_option("--limit", options.limit, "Records at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.footer(
      "Examples:\n"
      "  sluice trace 4bf92f3577b34da6a3ce929d0e0e4736 --from @-1h\n"
      "  sluice trace --topic orders --partition 0 --offset 4711\n"
      "  sluice trace --data /var/lib/sluice 00-4bf92f3577b34da6a3ce929d0e0e4736-"
      "00f067aa0ba902b7-01\n"
      "\n"
      "Records come in the order of time, by their producers' clocks, those that wait for their\n"
      "time last. Which of them caused which cannot be told: a traceparent names the trace and\n"
      "the span that sent the record, and only a tracing backend knows that span's parent. What\n"
      "can be told is an earlier record that the same span sent ('as orders-0 offset 7') and the\n"
      "source of a dead letter.");
}

}  // namespace sluice::cli
