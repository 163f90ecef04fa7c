#include "broker/command_flags.hpp"

#include <CLI/CLI.hpp>

namespace sluice::broker {
namespace {

constexpr const char* examples = R"(
Examples:
  sluiced
      data in ~/.local/share/sluice, clients on 127.0.0.1:9092
  sluiced --data /srv/events --listen :9092
      another directory, every network address
  sluiced --listen 127.0.0.1:0
      a free port, told on standard output
  sluiced --config /etc/sluice/sluice.toml --set num.partitions=4
  SLUICE_LOG_RETENTION_HOURS=24 sluiced
      any key as an environment variable
  sluiced --config sluice.toml --check-config
      check, print every key with its source, and exit; config dump --json: as JSON
  sluiced config example > sluice.toml
      a file to start from: every key, explained

Later sources win: defaults, file, environment, flags.)";

}  // namespace

void describe_flags(CLI::App& app, CommandFlags& flags) {
  app.name("sluiced")->description("A lightweight, Kafka-compatible event-log broker");
  app.add_option("--config", flags.config, "Configuration file (TOML); also SLUICE_CONFIG")
      ->type_name("FILE");
  app.add_option("--data", flags.data, "Data directory (log.dir)")->type_name("DIR");
  app.add_option("--listen", flags.listen, "Address for Kafka clients (listeners); may be repeated")
      ->type_name("HOST:PORT")
      ->expected(1)
      ->take_all();
  app.add_option("--http", flags.http,
                 "Address for health and metrics by HTTP (sluice.http.listen); off without it")
      ->type_name("HOST:PORT");
  app.add_option("--set", flags.set, "Any configuration key; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  app.add_flag("--check-config", flags.check_config, "Check the configuration, print it and exit");
  app.add_flag("--version", flags.show_version, "Print the version and exit");
  app.footer(examples);
  CLI::App* config =
      app.add_subcommand("config", "Print the configuration, or what there is of it");
  config->require_subcommand(1)->fallthrough();
  flags.dump = config->add_subcommand("dump", "Every key with its value and source")->fallthrough();
  flags.dump->add_flag("--json", flags.json, "As JSON");
  flags.example =
      config->add_subcommand("example", "A commented file; what flags set is not commented out")
          ->fallthrough();
  flags.reference = config->add_subcommand("reference", "All keys in Markdown")->fallthrough();
  flags.apis =
      app.add_subcommand("apis", "The Kafka APIs that are served, beside Kafka's, in Markdown");
}

}  // namespace sluice::broker
