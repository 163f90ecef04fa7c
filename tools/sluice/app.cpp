#include "tools/sluice/app.hpp"

#include "tools/sluice/backup.hpp"
#include "tools/sluice/bench.hpp"
#include "tools/sluice/check.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/completion.hpp"
#include "tools/sluice/context.hpp"
#include "tools/sluice/dlq.hpp"
#include "tools/sluice/families.hpp"
#include "tools/sluice/log.hpp"
#include "tools/sluice/publisher.hpp"
#include "tools/sluice/queue.hpp"
#include "tools/sluice/records.hpp"
#include "tools/sluice/schedule.hpp"
#include "tools/sluice/trace.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {
namespace {

// A command whose options another file adds to it.
template <class Options>
void add(CommandLine& line, CLI::App& parent, const char* name, const char* about,
         Exit (*run)(const Global&, const Options&), void (*add_options)(CLI::App&, Options&)) {
  const auto added = line.command<Options>(parent, name, about, run);
  add_options(added.app, added.options);
}

void add_records(CLI::App& app, CommandLine& line) {
  add(line, app, "produce", "Publish records: one a line of standard input, or JSON lines (--json)",
      produce, add_produce_options);
  add(line, app, "consume", "Read records, alone or as a member of a group", consume,
      add_consume_options);
  add(line, app, "search", "Find records by key, value, header or field", search,
      add_search_options);
  add(line, app, "tail", "The last records of topics, and new ones as they come", tail,
      add_tail_options);
  add(line, app, "trace", "Follow one record by its W3C trace id: topics, commits, dead letters",
      trace, add_trace_options);
  add(line, app, "export", "Records of topics into a file: JSON lines or CSV", export_records,
      add_export_options);
  add(line, app, "import", "Records of a file into topics", import_records, add_import_options);
}

void add_backup(CLI::App& app, CommandLine& line) {
  CLI::App& backup =
      CommandLine::family(app, "backup", "Topics and offsets of groups, kept in a directory");
  add(line, backup, "create", "Take a backup, or add what is new to one", backup_create,
      add_backup_create_options);
  add(line, backup, "verify", "Check every byte of a backup", backup_verify,
      add_backup_verify_options);
  add(line, app, "restore", "Topics and offsets from a backup", restore, add_restore_options);
}

void add_dlq(CLI::App& app, CommandLine& line) {
  CLI::App& dlq =
      CommandLine::family(app, "dlq", "Dead letters: list, show, send back (redrive), purge");
  add(line, dlq, "list", "Dead-letter topics: how many, how old, why, from where", dlq_list,
      add_dlq_list_options);
  add(line, dlq, "show", "Dead letters with what their headers say", dlq_show,
      add_dlq_show_options);
  add(line, dlq, "redrive", "Send dead letters to their source, or elsewhere, once each",
      dlq_redrive, add_dlq_redrive_options);
  add(line, dlq, "purge", "Delete dead letters", dlq_purge, add_dlq_purge_options);
}

Exit queue_release(const Global& global, const QueueChangeOptions& options) {
  return queue_change(global, QueueChange::Action::release, options);
}

Exit queue_reject(const Global& global, const QueueChangeOptions& options) {
  return queue_change(global, QueueChange::Action::reject, options);
}

void add_queue(CLI::App& app, CommandLine& line) {
  CLI::App& queue = CommandLine::family(app, "queue", "What share groups do with their records");
  line.command(queue, "list", "All share groups", queue_list)
      .footer("Examples:\n  sluice queue list");
  add(line, queue, "show", "Records in flight, waiting, by whom, until when", queue_show,
      add_queue_show_options);
  add(line, queue, "release", "Make records available now, whoever holds them", queue_release,
      add_queue_change_options);
  add(line, queue, "reject", "Give records up: to the dead-letter topic, if there is one",
      queue_reject, add_queue_reject_options);
}

void add_schedule(CLI::App& app, CommandLine& line) {
  CLI::App& schedule = CommandLine::family(app, "schedule", "Records that wait for their time");
  add(line, schedule, "list", "What waits, until when", schedule_list, add_schedule_list_options);
  add(line, schedule, "cancel", "Do not deliver them", schedule_cancel,
      add_schedule_cancel_options);
}

void add_log(CLI::App& app, CommandLine& line) {
  CLI::App& log = CommandLine::family(
      app, "log", "Look into a data directory, check it, repair it; no broker needed");
  const auto add_one = [&](LogCommand which, const char* name, const char* about,
                           Exit (*run)(const Global&, const LogOptions&)) {
    const auto added = line.command<LogOptions>(log, name, about, run);
    add_log_options(added.app, which, added.options);
  };
  add_one(LogCommand::ls, "ls", "Partitions and their segments: sizes, offsets, times", log_ls);
  add_one(LogCommand::dump, "dump", "Batches and records as they are stored", log_dump);
  add(line, log, "stat",
      "What takes the space: keys, hours, codecs, big records, compaction's gain", log_stat,
      add_log_stat_options);
  add(line, log, "diff", "Compare two logs by offset: what only one has, what differs; 1 if so",
      log_diff, add_log_diff_options);
  add_one(LogCommand::verify, "verify", "Check every CRC, record, index and seal; 1 on damage",
          log_verify);
  add_one(LogCommand::repair, "repair", "Take damage out of a closed directory, keeping it aside",
          log_repair);
  add_one(LogCommand::index, "index", "Write the indexes anew", log_index);
  add_one(LogCommand::cut, "cut", "End a partition before an offset, keeping the rest aside",
          log_cut);
}

void add_demo(CLI::App& app, CommandLine& line) {
  const auto command = line.command<DemoOptions>(
      app, "demo", "Publish a file of GitHub events and read them back with a group", demo);
  auto& o = command.options;
  command->add_option("FILE,-f,--file", o.file, "JSON lines, plain or gzip")->required();
  command->add_option("--topic", o.topic, "Topic to write to")
      ->type_name("TOPIC")
      ->capture_default_str();
  command->add_option("-g,--group", o.group, "Group to read with")
      ->type_name("GROUP")
      ->capture_default_str();
  command->add_option("-p,--partitions", o.partitions, "Partitions of a new topic")
      ->capture_default_str();
  add_codec_option(command.app, o.codec);
  command->footer("Examples:\n  sluice demo github-events-2015-01-01-00.json.gz --topic events");
}

void add_bench(CLI::App& app, CommandLine& line) {
  CLI::App& family = CommandLine::family(
      app, "bench", "Load on a broker, perhaps beside another one, and what it bears");
  const auto add = [&](bench::Mode mode, const char* name, const char* about) {
    const auto added = line.command<BenchOptions>(family, name, about, bench);
    add_bench_options(added.app, mode, added.options);
    return &added.app;
  };
  add(bench::Mode::produce, "produce", "Batches as fast as they are acknowledged, or at a rate")
      ->footer(
          "Examples:\n"
          "  sluice bench produce --batch-bytes 64KiB --in-flight 5 --duration 30s\n"
          "  sluice bench produce --batch-bytes 0 --connections 50 --in-flight 1 --partitions 8\n"
          "  sluice bench produce --rate 20000 --peer 127.0.0.1:9093 --rounds 3");
  add(bench::Mode::fetch, "fetch", "Reads a topic over and over")
      ->footer("Examples:\n  sluice bench fetch --fill 256MiB --fetch-bytes 1MiB --connections 4");
  add(bench::Mode::latency, "latency", "From when a record is due to when a consumer has it")
      ->footer("Examples:\n  sluice bench latency --rate 10000 --duration 30s --json");
  add(bench::Mode::share, "share", "A share group that takes and accepts every record")
      ->footer(
          "Examples:\n"
          "  sluice bench share --fill 512MiB --connections 4\n"
          "  sluice bench share --fill 512MiB --released-percent 1 "
          "--group-config sluice.retry.backoff.ms=100\n"
          "  sluice bench share --rate 10000 --duration 30s");
}

// On the command line; count() knows of the environment's, too.
bool is_typed(const CLI::App& app, const char* option) {
  return std::ranges::find(app.parse_order(), app.get_option(option)) != app.parse_order().end();
}

// Of a command that was not even begun. To a monitoring system that of a wrong command line, or of
// contexts that cannot be read, would say "critical" or "warning".
int status_of_refusal(const CLI::App& app, Exit status) {
  return app.got_subcommand("check") ? static_cast<int>(Verdict::unknown)
                                     : static_cast<int>(status);
}

}  // namespace

std::unique_ptr<CLI::App> make_app(CommandLine& line) {
  auto made = std::make_unique<CLI::App>(
      "sluice: topics, records and groups of a sluiced or any Kafka cluster", "sluice");
  CLI::App& app = *made;
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  app.formatter(help_formatter());
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("-b,--brokers", line.global.brokers,
                 "HOST:PORT of one or more brokers, comma-separated")
      ->envname("SLUICE_BROKERS")
      ->capture_default_str();
  app.add_option("--http", line.global.http, "HOST:PORT of a sluiced's HTTP port")
      ->envname("SLUICE_HTTP");
  app.add_option("--context", line.global.context, "Use this context (see 'sluice context')")
      ->type_name("CONTEXT")
      ->envname("SLUICE_CONTEXT");
  app.add_flag("--json", line.global.json, "Machine-readable output (and input of produce)");
  app.add_flag("-q,--quiet", line.global.quiet, "No messages but errors");
  app.add_flag("--no-input", line.global.no_input, "Ask nobody; what needs an answer is refused");
  app.add_option("--timeout", line.global.timeout_seconds, "Seconds until a request is given up")
      ->envname("SLUICE_TIMEOUT")
      ->check(CLI::PositiveNumber)
      ->check(no_nan())
      ->capture_default_str();
  add_topics(app, line);
  add_records(app, line);
  add_backup(app, line);
  add_groups(app, line);
  add_dlq(app, line);
  add_queue(app, line);
  add_schedule(app, line);
  add_configs(app, line);
  add_cluster(app, line);
  add_check(app, line);
  add_top(app, line);
  add_context(app, line);
  add_log(app, line);
  add_demo(app, line);
  add_bench(app, line);
  add_completion(app, line);
  add_man(app, line);
  app.footer(
      "Examples:\n"
      "  sluice topics create orders -p 6\n"
      "  echo '42:paid' | sluice produce orders -K :\n"
      "  sluice consume orders -g billing\n"
      "  sluice groups describe billing");
  for (auto* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    sub->fallthrough();
    for (auto* inner : sub->get_subcommands([](const CLI::App*) { return true; }))
      inner->fallthrough();
  }
  return made;
}

int run(int argc, char** argv) {
  CommandLine line;
  const auto made = make_app(line);
  CLI::App& app = *made;
  if (argc > 1 && std::string_view(argv[1]) == complete_command)
    return static_cast<int>(complete(app, {argv + 2, argv + argc}));
  if (argc <= 1) {
    std::cerr << app.help();
    return static_cast<int>(Exit::usage);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {  // --help, --version
    std::ostringstream text;
    app.exit(wanted, text);
    Output().write(text.str());
    return static_cast<int>(finish(Exit::ok));
  } catch (const CLI::ParseError& error) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    complain(Exit::usage, misuse(app, words, error));
    return status_of_refusal(app, Exit::usage);
  }
  const bool needs_cluster = !app.got_subcommand("context") && !app.got_subcommand("completion") &&
                             !app.got_subcommand("man") && !app.got_subcommand("log");
  if (needs_cluster)
    if (const Exit applied = apply_context(app, line.global); applied != Exit::ok)
      return status_of_refusal(app, applied);
  // An HTTP port from the environment or a context is not that of brokers that were typed.
  if (is_typed(app, "--brokers") && !is_typed(app, "--http")) line.global.http.clear();
  return static_cast<int>(finish(line.chosen()));
}

}  // namespace sluice::cli
