#include "broker/command_line.hpp"

#include "broker/api_reference.hpp"
#include "broker/command_flags.hpp"
#include "broker/config_print.hpp"
#include "broker/version.hpp"

#include <CLI/CLI.hpp>

#include <optional>

namespace sluice::broker {
namespace {

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

// What `config …`, `apis` and --check-config print; nullopt: the broker is to run.
std::optional<std::string> asked_text(const CommandFlags& flags, const Options& options) {
  if (flags.reference->parsed()) return print_reference();
  if (flags.apis->parsed()) return print_api_reference();
  if (flags.example->parsed()) return print_example_file(options);
  if (flags.json) return print_options_json(options);
  if (flags.check_config || flags.dump->parsed()) return print_options(options);
  return std::nullopt;
}

Result<> load_flags(Options& options, const CommandFlags& flags) {
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

Result<Options> load_all(const CommandFlags& flags, const Environment& environment) {
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

CommandLine parse_command_line(int argc, const char* const* argv, const Environment& environment) {
  CLI::App app;
  CommandFlags flags;
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
