#include "broker/options_load.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <toml++/toml.h>
#include <unistd.h>

extern char** environ;  // POSIX, environ(7)

namespace sluice::broker {
namespace {

constexpr std::string_view prefix = "SLUICE_";

std::unexpected<Error> refuse_file(std::string_view name, const toml::source_region& where,
                                   std::string_view why) {
  std::string context(name);
  if (where.begin.line > 0) context.append(":").append(std::to_string(where.begin.line));
  return fail(ConfigErrc::bad_file, context.append(": ").append(why));
}

std::string place(std::string_view name, const toml::node& node) {
  return std::string(name).append(":").append(std::to_string(node.source().begin.line));
}

// Text in Kafka's spelling; nullopt for a date, a table, a list inside a list.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* real = node.as_floating_point()) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out.precision(17);
    out << real->get();
    return out.str();
  }
  return std::nullopt;
}

std::optional<std::string> node_text(const toml::node& node) {
  const auto* array = node.as_array();
  if (array == nullptr) return scalar_text(node);
  std::vector<std::string> items;
  for (const auto& element : *array) {
    auto item = scalar_text(element);
    if (!item || item->contains(',')) return std::nullopt;
    items.push_back(std::move(*item));
  }
  return join_list(items);
}

Result<> load_table(Options& options, const toml::table& table, const std::string& above,
                    std::string_view name) {
  for (const auto& [key, node] : table) {
    const std::string full =
        above.empty() ? std::string(key.str()) : above + "." + std::string(key.str());
    if (const auto* inner = node.as_table()) {
      if (auto ok = load_table(options, *inner, full, name); !ok) return ok;
      continue;
    }
    const auto text = node_text(node);
    if (!text)
      return refuse_file(name, node.source(),
                         full + ": expected text, a number, true, false or a list of them");
    if (auto ok = set_option(options, full, *text, place(name, node)); !ok) return ok;
  }
  return {};
}

// The first belong to the tool `sluice`, which people run from the same shell. Kubernetes tells
// every container of a namespace about a service named "sluice" by the others.
bool is_not_ours(std::string_view variable) {
  constexpr std::array<std::string_view, 5> others{
      "SLUICE_BROKERS", "SLUICE_HTTP", "SLUICE_CONTEXT", "SLUICE_TIMEOUT", "SLUICE_PORT"};
  return std::ranges::find(others, variable) != others.end() ||
         variable.starts_with("SLUICE_PORT_") || variable.starts_with("SLUICE_SERVICE_");
}

std::string unknown_variable(std::string_view variable) {
  std::vector<std::string> names;
  for (const auto& row : option_rows()) names.push_back(environment_name(row.name));
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::string context = "environment " + std::string(variable);
  if (const auto near = nearest(variable, views); !near.empty())
    context.append(" (did you mean ").append(near).append("?)");
  return context;
}

}  // namespace

Environment process_environment() {
  Environment variables;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view entry = *at;
    const auto equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return variables;
}

std::string environment_name(std::string_view key) {
  if (key.starts_with("sluice.")) key.remove_prefix(7);
  std::string name(prefix);
  for (const char c : key) {
    if (c >= 'a' && c <= 'z')
      name += static_cast<char>(c - 'a' + 'A');
    else
      name += c == '.' || c == '-' ? '_' : c;
  }
  return name;
}

Result<> load_toml(Options& options, std::string_view text, std::string_view name) {
  toml::table table;
  try {
    table = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    std::string why(error.description());
    // max.connections is a key and the beginning of max.connections.per.ip, which TOML's dotted
    // keys cannot both be.
    if (why.contains("redefine"))
      why += "; write a key that is also the beginning of another in quotes";
    return refuse_file(name, error.source(), why);
  }
  return load_table(options, table, "", name);
}

Result<> load_toml_file(Options& options, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || file.bad()) return fail_errno(errno, "read configuration file " + path);
  return load_toml(options, text.str(), path);
}

Result<> load_environment(Options& options, const Environment& environment) {
  for (const auto& [variable, text] : environment) {
    if (!variable.starts_with(prefix) || variable == "SLUICE_CONFIG" || is_not_ours(variable))
      continue;
    const auto rows = option_rows();
    const auto row = std::ranges::find_if(
        rows, [&](const auto& each) { return environment_name(each.name) == variable; });
    if (row == rows.end()) return fail(ConfigErrc::unknown_key, unknown_variable(variable));
    if (auto ok = set_option(options, row->name, text, "environment " + variable); !ok) return ok;
  }
  return {};
}

}  // namespace sluice::broker
