#include "broker/command_line.hpp"

#include "broker/version.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
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
      check, print every key with its source, and exit

Later sources win: defaults, file, environment, flags.)";

struct Flags {
  std::string config;
  std::string data;
  std::vector<std::string> listen;
  std::string http;
  std::vector<std::string> set;
  bool check_config = false;
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

std::string toml_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// A value as TOML writes it; text has no control characters, since every key's values are checked.
std::string toml_value(const ConfigValue& value) {
  const std::string text = config_text(value).value_or("");
  if (std::holds_alternative<std::vector<std::string>>(value)) {
    std::string list;
    for (const auto& item : std::get<std::vector<std::string>>(value))
      list += (list.empty() ? "" : ", ") + toml_string(item);
    return "[" + list + "]";
  }
  return config_type(value) == ConfigType::string ? toml_string(text) : text;
}

// Keys that begin another key cannot stand unquoted beside it in TOML.
std::string toml_key(std::string_view name) {
  const std::string below = std::string(name) + ".";
  const bool begins_another = std::ranges::any_of(
      option_rows(), [&](const auto& row) { return row.name.starts_with(below); });
  return begins_another ? toml_string(name) : std::string(name);
}

std::string bounds_text(const ConfigDetails& details) {
  using Limits = std::numeric_limits<std::int64_t>;
  if (!details.allowed.empty()) return std::string(details.allowed);
  std::string text;
  if (details.min != Limits::min()) text = "from " + std::to_string(details.min);
  if (details.max != Limits::max())
    text += (text.empty() ? "to " : " to ") + std::to_string(details.max);
  if (!details.unit.empty()) text.append(text.empty() ? "" : " ").append(details.unit);
  return text;
}

}  // namespace

std::string print_options(const Options& options) {
  std::string text;
  for (const auto& row : option_rows()) {
    const auto value = config_value(row, options);
    const auto set = options.settings.find(row.name);
    const std::string key = toml_key(row.name);
    if (config_text(value))
      text.append(key).append(" = ").append(toml_value(value));
    else
      text.append("# ").append(key).append(" is unset");
    text.append("  # ").append(set == options.settings.end() ? "default" : set->second.origin);
    if (const auto bounds = bounds_text(row.details); !bounds.empty())
      text.append("; ").append(bounds);
    if (row.details.change == Change::dynamic) text.append("; dynamic");
    text += '\n';
  }
  return text;
}

CommandLine parse_command_line(int argc, const char* const* argv, const Environment& environment) {
  CLI::App app("A lightweight, Kafka-compatible event-log broker.", "sluiced");
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
  if (flags.check_config) return printed(print_options(*options));
  CommandLine line;
  line.options = std::move(*options);
  return line;
}

}  // namespace sluice::broker
