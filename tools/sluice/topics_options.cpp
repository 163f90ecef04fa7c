#include "tools/sluice/commands.hpp"
#include "tools/sluice/families.hpp"

namespace sluice::cli {
namespace {

void add_create(CLI::App& topics, CommandLine& line) {
  const auto create =
      line.command<TopicsCreateOptions>(topics, "create", "Create topics", topics_create);
  auto& o = create.options;
  create->add_option("NAME", o.names, "Topics to create")->required();
  create
      ->add_option("-p,--partitions", o.partitions, "Number of partitions (default: the broker's)")
      ->check(CLI::Range(1, 100'000));
  create
      ->add_option("-r,--replicas", o.replication,
                   "Copies of each partition (default: the broker's)")
      ->check(CLI::Range(1, 100));
  create->add_option("-c,--config", o.configs, "NAME=VALUE, e.g. retention.ms=3600000; may repeat");
  create->add_flag("--if-not-exists", o.if_not_exists, "An existing topic is no error");
  create->add_flag("-n,--dry-run", o.dry_run, "Only check");
  create->footer(
      "Examples:\n"
      "  sluice topics create orders -p 6\n"
      "  sluice topics create accounts -c cleanup.policy=compact --dry-run");
}

void add_delete(CLI::App& topics, CommandLine& line) {
  const auto remove = line.command<TopicsDeleteOptions>(
      topics, "delete", "Delete topics with all their records", topics_delete);
  auto& o = remove.options;
  remove->add_option("TOPIC", o.names, "Topics to delete")->required();
  remove->add_flag("--if-exists", o.if_exists, "A missing topic is no error");
  add_confirmation(remove.app, o.confirmation);
  remove->footer(
      "Examples:\n"
      "  sluice topics delete orders-copy\n"
      "  sluice topics delete orders-copy --confirm=orders-copy");
}

void add_alter(CLI::App& topics, CommandLine& line) {
  const auto alter = line.command<TopicsAlterOptions>(
      topics, "alter", "Add partitions, change config", topics_alter);
  auto& o = alter.options;
  alter->add_option("TOPIC", o.name, "Topic to change")->required();
  alter->add_option("-p,--partitions", o.partitions, "New number of partitions; it only grows")
      ->check(CLI::Range(1, 100'000));
  alter->add_option("-c,--config", o.configs, "NAME=VALUE; may repeat");
  alter->add_option("--unset", o.unset, "Config to take back to its default; may repeat");
  alter->add_flag("-n,--dry-run", o.dry_run, "Only check");
  alter->footer("Examples:\n  sluice topics alter orders -p 12 -c retention.ms=86400000");
}

void add_truncate(CLI::App& topics, CommandLine& line) {
  const auto truncate = line.command<TopicsTruncateOptions>(
      topics, "truncate", "Delete the first records of a topic", topics_truncate);
  auto& o = truncate.options;
  truncate->add_option("TOPIC", o.topic, "Topic to cut")->required();
  truncate
      ->add_option("--before", o.before,
                   "What lies before it goes: OFFSET, 'end' (all records), or @TIME (@-7d, "
                   "@2026-01-31T12:30:00Z)")
      ->required();
  truncate->add_option("-p,--partition", o.partitions, "Only these partitions; may repeat")
      ->check(CLI::NonNegativeNumber);
  truncate->add_flag("-n,--dry-run", o.dry_run, "Only show what would go");
  add_confirmation(truncate.app, o.confirmation);
  truncate->footer(
      "Examples:\n"
      "  sluice topics truncate orders --before @-7d --dry-run\n"
      "  sluice topics truncate orders --before end --confirm=orders");
}

}  // namespace

void add_topics(CLI::App& app, CommandLine& line) {
  CLI::App& topics =
      CommandLine::family(app, "topics", "List, create, describe, alter, truncate, delete topics");
  const auto list = line.command<TopicsListOptions>(
      topics, "list", "All topics: partitions, records, size, last write", topics_list);
  list->add_flag("--internal", list.options.internal, "Show the broker's own topics too");
  list->footer("Examples:\n  sluice topics list\n  sluice topics list --internal --json");
  add_create(topics, line);
  const auto describe = line.command<TopicsDescribeOptions>(
      topics, "describe", "Partitions, offsets, sizes and config of topics", topics_describe);
  describe->add_option("TOPIC", describe.options.names, "Topics to describe")->required();
  describe->footer("Examples:\n  sluice topics describe orders");
  add_alter(topics, line);
  add_truncate(topics, line);
  add_delete(topics, line);
}

}  // namespace sluice::cli
