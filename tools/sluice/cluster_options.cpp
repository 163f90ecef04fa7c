#include "tools/sluice/commands.hpp"
#include "tools/sluice/families.hpp"

namespace sluice::cli {

void add_configs(CLI::App& app, CommandLine& line) {
  CLI::App& configs = CommandLine::family(app, "configs", "Show configuration");
  const auto describe = line.command<ConfigsDescribeOptions>(
      configs, "describe", "Config of a topic, broker or group", configs_describe);
  auto& o = describe.options;
  describe->add_option("KIND", o.kind, "topic, broker or group")->required();
  describe->add_option("NAME", o.name, "Topic, broker number or group")->required();
  describe->add_flag("-a,--all", o.all, "Defaults too");
}

void add_cluster(CLI::App& app, CommandLine& line) {
  line.command(app, "cluster", "Brokers of the cluster", cluster);
}

}  // namespace sluice::cli
