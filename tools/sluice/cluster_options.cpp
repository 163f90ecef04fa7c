#include "tools/sluice/commands.hpp"
#include "tools/sluice/families.hpp"

namespace sluice::cli {
namespace {

template <class Options>
void add_resource(CLI::App& command, Options& options) {
  command.add_option("KIND", options.kind, "topic, broker or group")->required();
  command.add_option("NAME", options.name, "Topic, broker number or group")->required();
}

}  // namespace

void add_configs(CLI::App& app, CommandLine& line) {
  CLI::App& configs = CommandLine::family(app, "configs", "Show, set and unset configuration");
  const auto get = line.command<ConfigsGetOptions>(
      configs, "get", "Values with defaults and where they come from", configs_get);
  get->alias("describe");
  add_resource(get.app, get.options);
  get->add_option("KEY", get.options.keys, "Only these (default: those that are set)");
  get->add_flag("-a,--all", get.options.all, "Defaults too");
  get->footer(
      "Examples:\n"
      "  sluice configs get topic orders\n"
      "  sluice configs get broker 1 --all\n"
      "  sluice configs get topic orders retention.ms --json");

  const auto set = line.command<ConfigsChangeOptions>(
      configs, "set", "Set configs; shows what changes", configs_set);
  add_resource(set.app, set.options);
  set->add_option("CONFIG", set.options.changes, "NAME=VALUE")->required();
  set->add_flag("-n,--dry-run", set.options.dry_run, "Only check, and show what would change");
  set->footer("Examples:\n  sluice configs set topic orders retention.ms=86400000 --dry-run");

  const auto unset = line.command<ConfigsChangeOptions>(
      configs, "unset", "Take configs back to their defaults; shows what changes", configs_unset);
  add_resource(unset.app, unset.options);
  unset->add_option("KEY", unset.options.changes, "Name of the config")->required();
  unset->add_flag("-n,--dry-run", unset.options.dry_run, "Only check, and show what would change");
  unset->footer("Examples:\n  sluice configs unset topic orders retention.ms");
}

void add_cluster(CLI::App& app, CommandLine& line) {
  line.command(app, "cluster", "Brokers, disks, and what is not ready", cluster)
      .footer("Examples:\n  sluice cluster\n  sluice -b other:9092 cluster --json");
}

}  // namespace sluice::cli
