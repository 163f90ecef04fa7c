#include "broker/command_line.hpp"

#include "broker/api_reference.hpp"
#include "broker/config_print.hpp"
#include "broker/version.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>

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

struct Flags {
  std::string config;
  std::string data;
  std::vector<std::string> listen;
  std::string http;
  std::vector<std::string> set;
  bool check_config = false;
  bool json = false;
  CLI::App* dump = nullptr;
  CLI::App* example = nullptr;
  CLI::App* reference = nullptr;
  CLI::App* apis = nullptr;
  bool show_version = false;
};

CommandLine refused(const Error& error) {
  CommandLine line;
  line.action = CommandLine::Action::exit;
  line.output = "sluiced: " + error.message() + "\n";
  line.exit_code = 2;
  return line;
}

CommandLine printed(std::string text) {
  CommandLine line;
  line.action = CommandLine::Action::exit;
  line.output = std::move(text);
  return line;
}

void describe_flags(CLI::App& app, Flags& flags) {
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

// What `config …`, `apis` and --check-config print; nullopt: the broker is to run.
std::optional<std::string> asked_text(const Flags& flags, const Options& options) {
  if (flags.reference->parsed()) return print_reference();
  if (flags.apis->parsed()) return print_api_reference();
  if (flags.example->parsed()) return print_example_file(options);
  if (flags.json) return print_options_json(options);
  if (flags.check_config || flags.dump->parsed()) return print_options(options);
  return std::nullopt;
}

Result<> load_flags(Options& options, const Flags& flags) {
  if (!flags.data.empty())
    if (auto ok = set_option(options, "log.dir", flags.data, "--data"); !ok) return ok;
  if (!flags.listen.empty())
    if (auto ok = set_option(options, "listeners", join_list(flags.listen), "--listen"); !ok)
      return ok;
  if (!flags.http.empty())
    if (auto ok = set_option(options, "sluice.http.listen", flags.http, "--http"); !ok) return ok;
  for (const auto& pair : flags.set) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(ConfigErrc::bad_usage, "--set " + pair + ": expected KEY=VALUE");
    const auto key = std::string_view(pair).substr(0, equals);
    const auto text = std::string_view(pair).substr(equals + 1);
    if (auto ok = set_option(options, key, text, "--set"); !ok) return ok;
  }
  return {};
}

Result<Options> load_all(const Flags& flags, const Environment& environment) {
  Options options;
  std::string file = flags.config;
  for (const auto& [name, value] : environment)
    if (file.empty() && name == "SLUICE_CONFIG") file = value;
  if (!file.empty())
    if (auto ok = load_toml_file(options, file); !ok) return std::unexpected(ok.error());
  if (auto ok = load_environment(options, environment); !ok) return std::unexpected(ok.error());
  if (auto ok = load_flags(options, flags); !ok) return std::unexpected(ok.error());
  if (options.log_dir.empty()) options.log_dir = default_data_directory();
  if (auto ok = check_options(options); !ok) return std::unexpected(ok.error());
  return options;
}

}  // namespace

void describe_command_line(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  describe_flags(app, *flags);
  app.final_callback([flags] {});  // the options point into them
}

CommandLine parse_command_line(int argc, const char* const* argv, const Environment& environment) {
  CLI::App app;
  Flags flags;
  describe_flags(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return printed(app.help());
  } catch (const CLI::ParseError& error) {
    return refused({ConfigErrc::bad_usage, std::string(error.what()) + " (see sluiced --help)"});
  }
  if (flags.show_version) return printed("sluiced " + std::string(version) + "\n");

  auto options = load_all(flags, environment);
  if (!options) return refused(options.error());
  if (auto text = asked_text(flags, *options)) return printed(std::move(*text));
  CommandLine line;
  line.options = std::move(*options);
  return line;
}

}  // namespace sluice::broker
