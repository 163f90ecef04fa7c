#include "tools/sluice/check.hpp"

#include "sluice/admin.hpp"
#include "sluice/dead_letters.hpp"
#include "tools/sluice/families.hpp"
#include "tools/sluice/group_details.hpp"
#include "tools/sluice/readiness.hpp"
#include "tools/sluice/text.hpp"
#include "tools/sluice/topic_names.hpp"

#include <chrono>
#include <cstdio>
#include <utility>

namespace sluice::cli {
namespace {

// The thresholds that were given.
struct Limits {
  std::optional<Threshold> lag, lag_seconds, latency_ms, disk_free_percent, dead_letters;
};

Result<Limits> limits_of(const CheckOptions& options) {
  using enum Threshold::Bad;
  Limits limits;
  struct Row {
    const char* name;
    const std::string& text;
    Threshold::Bad bad;
    std::optional<Threshold>& into;
  };
  for (auto& row : {Row{"--lag", options.lag, high, limits.lag},
                    Row{"--lag-seconds", options.lag_seconds, high, limits.lag_seconds},
                    Row{"--latency", options.latency_ms, high, limits.latency_ms},
                    Row{"--disk-free", options.disk_free_percent, low, limits.disk_free_percent},
                    Row{"--dead-letters", options.dead_letters, high, limits.dead_letters}}) {
    if (row.text.empty()) continue;
    row.into = parse_threshold(row.text, row.bad);
    if (!row.into)
      return fail(Errc::invalid_argument, std::string(row.name) + ": '" + row.text +
                                              "' is not WARN,CRIT, e.g. " +
                                              (row.bad == high ? "100,1000" : "20,5"));
  }
  return limits;
}

std::string rounded(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string count_of(double value) { return with_commas(static_cast<std::uint64_t>(value)); }

Measure judged(Measure measure, const std::optional<Threshold>& limit) {
  measure.threshold = limit;
  if (limit && measure.value) measure.verdict = limit->judge(*measure.value);
  return measure;
}

Measure unknown(std::string check_name, std::string subject, const Error& error) {
  return {.check = std::move(check_name),
          .subject = std::move(subject),
          .verdict = Verdict::unknown,
          .message = error.message()};
}

// Whether a broker answers, and how fast the second time, on a connection that stands.
Measure reachable(const Global& global, Admin& admin, const Limits& limits) {
  if (const auto first = admin.cluster(); !first)
    return {
        .check = "reachable",
        .subject = global.brokers,
        .verdict = exit_for(first.error()) == Exit::usage ? Verdict::unknown : Verdict::critical,
        .message = first.error().message()};
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  const auto second = admin.cluster();
  const double ms = std::chrono::duration<double, std::milli>(Clock::now() - began).count();
  if (!second) return unknown("reachable", global.brokers, second.error());
  return judged({.check = "latency",
                 .subject = global.brokers,
                 .value = ms,
                 .unit = "ms",
                 .message = "answers in " + rounded(ms) + " ms"},
                limits.latency_ms);
}

void add_readiness(Admin& admin, std::vector<Measure>& measures) {
  const auto topics = admin.topics();
  if (!topics) {
    measures.push_back(unknown("partitions", "", topics.error()));
    return;
  }
  const auto ready = readiness(*topics);
  measures.push_back({.check = "offline",
                      .value = static_cast<double>(ready.offline),
                      .verdict = ready.offline > 0 ? Verdict::critical : Verdict::ok,
                      .message = std::to_string(ready.offline) + " of " +
                                 std::to_string(ready.partitions) + " partitions have no leader"});
  measures.push_back(
      {.check = "under-replicated",
       .value = static_cast<double>(ready.under_replicated),
       .verdict = ready.under_replicated > 0 ? Verdict::warning : Verdict::ok,
       .message = std::to_string(ready.under_replicated) + " partitions lack replicas"});
}

std::string without_commits(const LagTotal& total) {
  if (total.unknown == 0) return {};
  return ", " + std::to_string(total.unknown) +
         " partitions without a committed offset not counted";
}

void add_lag(const Global& global, Admin& admin, const CheckOptions& options, const Limits& limits,
             std::vector<Measure>& measures) {
  auto ids = options.groups;
  if (ids.empty() && (limits.lag || limits.lag_seconds)) {
    const auto groups = admin.groups();
    if (!groups) measures.push_back(unknown("lag", "", groups.error()));
    if (groups)
      for (const auto& group : *groups)
        if (group.type != "share") ids.push_back(group.id);
  }
  for (const auto& id : ids) {
    const auto details = group_details(admin, global, id, LagSeconds::find);
    if (!details) {
      auto measure = unknown("lag", id, details.error());
      if (details.error().is(ErrorCode::group_id_not_found)) measure.message = "no such group";
      measures.push_back(std::move(measure));
      continue;
    }
    const auto total = details->total();
    if (total.partitions == total.unknown) {
      // Of all groups, those that neither read nor committed anything are none that lag.
      if (total.partitions > 0 || !options.groups.empty())
        measures.push_back({.check = "lag",
                            .subject = id,
                            .verdict = Verdict::unknown,
                            .message = "it has committed no offset"});
      continue;
    }
    const auto records = static_cast<double>(total.records);
    measures.push_back(
        judged({.check = "lag",
                .subject = id,
                .value = records,
                .message = count_of(records) + " records behind" + without_commits(total)},
               limits.lag));
    const auto seconds = total.seconds;
    if (!seconds && !limits.lag_seconds) continue;  // nobody asked for it
    measures.push_back(judged({.check = "lag-seconds",
                               .subject = id,
                               .value = seconds,
                               .unit = "s",
                               .verdict = seconds ? Verdict::ok : Verdict::unknown,
                               .message = seconds ? rounded(*seconds) + " s behind"
                                                  : "the age of its records is not known"},
                              limits.lag_seconds));
  }
}

// A disk whose size the broker does not tell is not known to have room.
void add_disks(Admin& admin, const Limits& limits, std::vector<Measure>& measures) {
  const auto directories = admin.log_directories();
  if (!directories && limits.disk_free_percent)
    measures.push_back(unknown("disk-free", "", directories.error()));
  if (!directories) return;
  for (const auto& directory : *directories) {
    const auto subject = std::to_string(directory.broker) + ":" + directory.path;
    if (directory.error != ErrorCode::none) {
      measures.push_back({.check = "disk-free",
                          .subject = subject,
                          .verdict = Verdict::critical,
                          .message = make_error_code(directory.error).message()});
    } else if (directory.total_bytes > 0) {
      const double percent = 100.0 * static_cast<double>(directory.free_bytes) /
                             static_cast<double>(directory.total_bytes);
      measures.push_back(judged({.check = "disk-free",
                                 .subject = subject,
                                 .value = percent,
                                 .unit = "%",
                                 .message = rounded(percent) + " % of the disk are free"},
                                limits.disk_free_percent));
    } else if (limits.disk_free_percent) {
      measures.push_back({.check = "disk-free",
                          .subject = subject,
                          .verdict = Verdict::unknown,
                          .message = "the broker does not tell the size of the disk"});
    }
  }
}

void add_dead_letters(const Global& global, Admin& admin, const Limits& limits,
                      std::vector<Measure>& measures) {
  if (!limits.dead_letters) return;
  auto letters = DeadLetters::create(global.client_options());
  const auto names = letters ? letters->topics() : std::unexpected(letters.error());
  const auto topics = names ? admin.topics(*names) : std::unexpected(names.error());
  if (!topics) {
    measures.push_back(unknown("dead-letters", "", topics.error()));
    return;
  }
  for (const auto& topic : *topics) {
    const auto first = admin.offsets(every_partition({topic}, OffsetSpec::earliest));
    const auto last = admin.offsets(every_partition({topic}, OffsetSpec::latest));
    if (!first || !last) {
      measures.push_back(unknown("dead-letters", topic.name, first ? last.error() : first.error()));
      continue;
    }
    double depth = 0;
    for (const auto& [where, end] : *last)
      if (const auto start = first->find(where); start != first->end())
        depth += static_cast<double>(end.offset - start->second.offset);
    measures.push_back(judged({.check = "dead-letters",
                               .subject = topic.name,
                               .value = depth,
                               .message = count_of(depth) + " dead letters"},
                              limits.dead_letters));
  }
}

}  // namespace

Exit check(const Global& global, const CheckOptions& options) {
  const auto limits = limits_of(options);
  if (!limits) {
    complain(Exit::usage, limits.error().context);
    return static_cast<Exit>(Verdict::unknown);
  }
  std::vector<Measure> measures;
  auto admin = Admin::create(global.client_options());
  if (!admin) {
    measures.push_back(unknown("reachable", global.brokers, admin.error()));
  } else {
    measures.push_back(reachable(global, *admin, *limits));
    if (measures.front().value) {
      add_readiness(*admin, measures);
      add_disks(*admin, *limits, measures);
      add_lag(global, *admin, options, *limits, measures);
      add_dead_letters(global, *admin, *limits, measures);
    }
  }
  Output out;
  const auto& form = options.output;
  out.write(global.json || form == "json" ? check_json(measures)
            : form == "nagios"            ? check_nagios(measures)
            : form == "prometheus"        ? check_prometheus(measures)
                                          : check_text(measures));
  out.flush();
  if (out.failure() != 0)  // nobody heard the verdict
    return complain_of_output(static_cast<Exit>(Verdict::unknown), out.failure());
  return static_cast<Exit>(worst(measures));
}

void add_check(CLI::App& app, CommandLine& line) {
  const auto added = line.command<CheckOptions>(
      app, "check", "Is the cluster well? For people and for monitoring systems", check);
  auto& o = added.options;
  added
      ->add_option("-g,--group", o.groups,
                   "Group to look at; may repeat (default: all, when a lag has a limit)")
      ->type_name("GROUP");
  added->add_option("--lag", o.lag, "WARN,CRIT records that a group may be behind");
  added->add_option("--lag-seconds", o.lag_seconds, "WARN,CRIT seconds that it may be behind");
  added->add_option("--latency", o.latency_ms, "WARN,CRIT milliseconds for an answer");
  added->add_option("--disk-free", o.disk_free_percent, "WARN,CRIT percent of a broker's disk");
  added->add_option("--dead-letters", o.dead_letters, "WARN,CRIT records in a dead-letter topic");
  added->add_option("-o,--output", o.output, "text, nagios, prometheus or json")
      ->check(CLI::IsMember({"text", "nagios", "prometheus", "json"}))
      ->capture_default_str();
  added->footer(
      "Examples:\n"
      "  sluice check\n"
      "  sluice check -g billing --lag 1000,10000 --lag-seconds 30,300 -o nagios\n"
      "  sluice check --disk-free 20,5 --dead-letters 1,100 -o prometheus\n"
      "Always: a broker answers, every partition has a leader (critical) and its replicas "
      "(warning).\n"
      "Exit status: 0 ok, 1 warning, 2 critical, 3 unknown (a wrong command line, too).");
}

}  // namespace sluice::cli
