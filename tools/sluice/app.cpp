#include "tools/sluice/app.hpp"

#include "tools/sluice/bench.hpp"
#include "tools/sluice/check.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/completion.hpp"
#include "tools/sluice/context.hpp"
#include "tools/sluice/dlq.hpp"
#include "tools/sluice/families.hpp"
#include "tools/sluice/queue.hpp"

#include <CLI/CLI.hpp>

#include <array>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {
namespace {

using Command = std::function<Exit()>;

// Every option struct lives here while the command runs.
struct Everything {
  CommandLine line;
  Global& global = line.global;
  ProduceOptions produce;
  ConsumeOptions consume;
  DemoOptions demo;
  DlqListOptions dlq_list;
  DlqShowOptions dlq_show;
  DlqRedriveOptions dlq_redrive;
  DlqPurgeOptions dlq_purge;
  QueueShowOptions queue_show;
  QueueChangeOptions queue_release;
  QueueChangeOptions queue_reject;
  std::array<BenchOptions, 4> bench;
};

CLI::App* command(CLI::App& parent, Everything& all, const char* name, const char* about,
                  Command run) {
  CLI::App* sub = parent.add_subcommand(name, about);
  sub->callback([&all, run = std::move(run)] { all.line.chosen = run; });
  return sub;
}

CLI::App* group_of(CLI::App& parent, const char* name, const char* about) {
  CLI::App* sub = parent.add_subcommand(name, about);
  sub->require_subcommand(1);
  return sub;
}

void add_produce(CLI::App& app, Everything& all) {
  auto& o = all.produce;
  auto* sub = command(app, all, "produce",
                      "Publish records: one a line of standard input, or JSON lines (--json)",
                      [&all, &o] { return produce(all.global, o); });
  sub->add_option("TOPIC", o.topic, "Topic to write to (with --json: default is each line's own)");
  sub->add_option("-k,--key", o.key, "Key of every record");
  sub->add_option("-K,--key-separator", o.key_separator, "What separates key and value in a line");
  sub->add_option("-H,--header", o.headers, "NAME=VALUE; may repeat");
  sub->add_option("-p,--partition", o.partition, "Partition (default: by key)")
      ->check(CLI::NonNegativeNumber);
  sub->add_option("-z,--codec", o.codec, "none, gzip, snappy, lz4 or zstd")->capture_default_str();
  sub->add_option("-a,--acks", o.acks, "0, 1 or all")->capture_default_str();
  sub->add_option("-f,--file", o.file, "Read this file (plain or gzip) instead of standard input");
  sub->add_option("-t,--timestamp", o.timestamp_ms,
                  "Timestamp of every record, ms since the epoch");
  sub->add_flag("--null", o.empty_is_null, "An empty value is null (a tombstone)");
  sub->add_flag("--keep-partition", o.keep_partition,
                "With --json: write to the partition that the line names");
  sub->add_option("--linger", o.linger_ms, "How long a batch waits for company, ms")
      ->capture_default_str();
  sub->footer(
      "Examples:\n"
      "  echo 'hello' | sluice produce greetings\n"
      "  echo '42:paid' | sluice produce orders -K : -H type=OrderPaid\n"
      "  sluice consume orders -e --json | sluice produce orders-copy --json");
}

void add_consume(CLI::App& app, Everything& all) {
  auto& o = all.consume;
  auto* sub = command(app, all, "consume", "Read records, alone or as a member of a group",
                      [&all, &o] { return consume(all.global, o); });
  sub->add_option("TOPIC", o.topics, "Topics to read")->required();
  sub->add_option("-p,--partition", o.partitions, "Only these partitions; may repeat");
  sub->add_option("-f,--from", o.from,
                  "start, end, OFFSET, -N (last N), +N (skip N), @TIME (@2015-01-01T12:00, @-15m)");
  sub->add_flag("-e,--until-end", o.until_end, "Stop where the topic ends now");
  sub->add_option("-n,--count", o.count, "Stop after so many records")
      ->check(CLI::NonNegativeNumber);
  sub->add_option("-g,--group", o.group,
                  "Read as a member of this group and commit what was printed");
  sub->add_option("-F,--format", o.format,
                  "%t topic %p partition %o offset %k key %s value %h headers %T time (ms) "
                  "%d time (ISO) %K %S sizes; \\n \\t")
      ->capture_default_str();
  sub->add_option("--assignor", o.assignor, "How the group shares partitions out")
      ->check(CLI::IsMember({"range", "roundrobin", "sticky", "cooperative-sticky"}))
      ->capture_default_str();
  sub->add_flag("--read-committed", o.read_committed,
                "Leave out what open or aborted transactions wrote");
  sub->footer(
      "Examples:\n"
      "  sluice consume orders --from -10 --until-end\n"
      "  sluice consume orders -g billing -F '%k %s\\n'\n"
      "  sluice consume orders --from @-15m --json");
}

void add_dlq(CLI::App& app, Everything& all) {
  CLI::App& dlq = *group_of(app, "dlq", "Dead letters: list, show, send back (redrive), purge");
  add_dlq_list_options(
      *command(dlq, all, "list", "Dead-letter topics: how many, how old, why, from where",
               [&all] { return dlq_list(all.global, all.dlq_list); }),
      all.dlq_list);
  add_dlq_show_options(*command(dlq, all, "show", "Dead letters with what their headers say",
                                [&all] { return dlq_show(all.global, all.dlq_show); }),
                       all.dlq_show);
  add_dlq_redrive_options(
      *command(dlq, all, "redrive", "Send dead letters to their source, or elsewhere, once each",
               [&all] { return dlq_redrive(all.global, all.dlq_redrive); }),
      all.dlq_redrive);
  add_dlq_purge_options(*command(dlq, all, "purge", "Delete dead letters",
                                 [&all] { return dlq_purge(all.global, all.dlq_purge); }),
                        all.dlq_purge);
}

void add_queue(CLI::App& app, Everything& all) {
  using Action = QueueChange::Action;
  CLI::App& queue = *group_of(app, "queue", "What share groups do with their records");
  command(queue, all, "list", "All share groups", [&all] { return queue_list(all.global); });
  add_queue_show_options(
      *command(queue, all, "show", "Records in flight, waiting, by whom, until when",
               [&all] { return queue_show(all.global, all.queue_show); }),
      all.queue_show);
  add_queue_change_options(
      *command(queue, all, "release", "Make records available now, whoever holds them",
               [&all] { return queue_change(all.global, Action::release, all.queue_release); }),
      all.queue_release);
  add_queue_change_options(
      *command(queue, all, "reject", "Give records up: to the dead-letter topic, if there is one",
               [&all] { return queue_change(all.global, Action::reject, all.queue_reject); }),
      all.queue_reject);
}

void add_demo(CLI::App& app, Everything& all) {
  auto& d = all.demo;
  auto* sub =
      command(app, all, "demo", "Publish a file of GitHub events and read them back with a group",
              [&all, &d] { return demo(all.global, d); });
  sub->add_option("FILE,-f,--file", d.file, "JSON lines, plain or gzip")->required();
  sub->add_option("--topic", d.topic, "Topic to write to")->capture_default_str();
  sub->add_option("-g,--group", d.group, "Group to read with")->capture_default_str();
  sub->add_option("-p,--partitions", d.partitions, "Partitions of a new topic")
      ->capture_default_str();
  sub->add_option("-z,--codec", d.codec, "none, gzip, snappy, lz4 or zstd")->capture_default_str();
}

void add_bench(CLI::App& app, Everything& all) {
  CLI::App& bench_group =
      *group_of(app, "bench", "Load on a broker, perhaps beside another one, and what it bears");
  const auto add = [&](std::size_t index, bench::Mode mode, const char* name, const char* about) {
    auto& options = all.bench[index];
    auto* sub = command(bench_group, all, name, about,
                        [&all, &options] { return bench(all.global, options); });
    add_bench_options(*sub, mode, options);
    return sub;
  };
  add(0, bench::Mode::produce, "produce", "Batches as fast as they are acknowledged, or at a rate")
      ->footer(
          "Examples:\n"
          "  sluice bench produce --batch-bytes 64KiB --in-flight 5 --duration 30s\n"
          "  sluice bench produce --batch-bytes 0 --connections 50 --in-flight 1 --partitions 8\n"
          "  sluice bench produce --rate 20000 --peer 127.0.0.1:9093 --rounds 3");
  add(1, bench::Mode::fetch, "fetch", "Reads a topic over and over")
      ->footer("Example:\n  sluice bench fetch --fill 256MiB --fetch-bytes 1MiB --connections 4");
  add(2, bench::Mode::latency, "latency", "From when a record is due to when a consumer has it")
      ->footer("Example:\n  sluice bench latency --rate 10000 --duration 30s --json");
  add(3, bench::Mode::share, "share", "A share group that takes and accepts every record")
      ->footer(
          "Examples:\n"
          "  sluice bench share --fill 512MiB --connections 4\n"
          "  sluice bench share --fill 512MiB --released-percent 1 "
          "--group-config sluice.retry.backoff.ms=100\n"
          "  sluice bench share --rate 10000 --duration 30s");
}

}  // namespace

int run(int argc, char** argv) {
  Everything all;
  CLI::App app("sluice: topics, records and groups of a sluiced or any Kafka cluster", "sluice");
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  app.formatter(help_formatter());
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("-b,--brokers", all.global.brokers,
                 "HOST:PORT of one or more brokers, comma-separated")
      ->envname("SLUICE_BROKERS")
      ->capture_default_str();
  app.add_option("--http", all.global.http, "HOST:PORT of a sluiced's HTTP port")
      ->envname("SLUICE_HTTP");
  app.add_option("--context", all.global.context, "Use this context (see 'sluice context')")
      ->envname("SLUICE_CONTEXT");
  app.add_flag("--json", all.global.json, "Machine-readable output (and input of produce)");
  app.add_flag("-q,--quiet", all.global.quiet, "No messages but errors");
  app.add_flag("--no-input", all.global.no_input, "Ask nobody; what needs an answer is refused");
  app.add_option("--timeout", all.global.timeout_seconds, "Seconds until a request is given up")
      ->envname("SLUICE_TIMEOUT")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_topics(app, all.line);
  add_produce(app, all);
  add_consume(app, all);
  add_groups(app, all.line);
  add_dlq(app, all);
  add_queue(app, all);
  add_configs(app, all.line);
  add_cluster(app, all.line);
  add_check(app, all.line);
  add_context(app, all.line);
  add_demo(app, all);
  add_bench(app, all);
  add_completion(app, all.line);
  add_top(app, all.line);
  add_man(app, all.line);
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
    // To a monitoring system the status of a wrong command line would say "critical".
    return app.got_subcommand("check") ? static_cast<int>(Verdict::unknown)
                                       : static_cast<int>(Exit::usage);
  }
  const bool needs_cluster = !app.got_subcommand("context") && !app.got_subcommand("completion") &&
                             !app.got_subcommand("man");
  if (needs_cluster)
    if (const Exit applied = apply_context(app, all.global); applied != Exit::ok)
      return static_cast<int>(applied);
  return static_cast<int>(finish(all.line.chosen()));
}

}  // namespace sluice::cli
