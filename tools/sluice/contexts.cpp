#include "tools/sluice/contexts.hpp"

#include "sluice/error.hpp"
#include "tools/files/whole_file.hpp"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <toml++/toml.h>

namespace sluice::cli {
namespace {

std::optional<double> positive(std::string_view text) {
  double number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = failed == std::errc{} && end == text.data() + text.size();
  return whole && number > 0 ? std::optional(number) : std::nullopt;
}

Result<Context> context_of(const std::string& name, const toml::table& table) {
  Context context;
  for (const auto& [key, node] : table) {
    std::string text;
    if (const auto value = node.value<std::string>())
      text = *value;
    else if (const auto number = node.value<double>())
      text = std::to_string(*number);
    auto set = set_field(context, key.str(), text);
    if (!set) return fail(Errc::invalid_argument, "context '" + name + "': " + set.error().context);
  }
  return context;
}

toml::table table_of(const Context& context) {
  toml::table table;
  if (context.brokers) table.insert("brokers", *context.brokers);
  if (context.http) table.insert("http", *context.http);
  if (context.timeout_seconds) table.insert("timeout", *context.timeout_seconds);
  return table;
}

}  // namespace

const std::vector<std::string>& context_fields() {
  static const std::vector<std::string> names = {"brokers", "http", "timeout"};
  return names;
}

Result<> set_field(Context& context, std::string_view name, const std::string& value) {
  const auto text = value.empty() ? std::nullopt : std::optional(value);
  if (name == "brokers") {
    context.brokers = text;
  } else if (name == "http") {
    context.http = text;
  } else if (name == "timeout") {
    context.timeout_seconds = text ? positive(*text) : std::nullopt;
    if (text && !context.timeout_seconds)
      return fail(Errc::invalid_argument, "timeout '" + value + "' is no positive number");
  } else {
    return fail(Errc::invalid_argument,
                "no field '" + std::string(name) + "', there are brokers, http, timeout");
  }
  return {};
}

std::optional<std::filesystem::path> contexts_path() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && *config == '/')
    return std::filesystem::path(config) / "sluice" / "contexts.toml";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return std::nullopt;
  return std::filesystem::path(home) / ".config" / "sluice" / "contexts.toml";
}

Result<Contexts> load_contexts(const std::filesystem::path& path) {
  std::error_code missing;
  if (!std::filesystem::exists(path, missing) && !missing) return Contexts{};
  std::ifstream file(path);
  if (!file) return fail_errno(errno, path.string());
  std::ostringstream text;
  text << file.rdbuf();
  Contexts contexts;
  try {
    const toml::table table = toml::parse(text.str());
    contexts.current = table["current"].value_or(std::string());
    if (const auto* all = table["contexts"].as_table()) {
      for (const auto& [name, node] : *all) {
        if (!node.is_table()) continue;
        auto context = context_of(std::string(name.str()), *node.as_table());
        if (!context)
          return fail(Errc::invalid_argument, path.string() + ": " + context.error().context);
        contexts.all.emplace(name.str(), std::move(*context));
      }
    }
  } catch (const toml::parse_error& error) {
    return fail(Errc::invalid_argument, path.string() + ":" +
                                            std::to_string(error.source().begin.line) + ": " +
                                            std::string(error.description()));
  }
  return contexts;
}

Result<> save_contexts(const std::filesystem::path& path, const Contexts& contexts) {
  toml::table all;
  for (const auto& [name, context] : contexts.all) all.insert(name, table_of(context));
  toml::table table;
  if (!contexts.current.empty()) table.insert("current", contexts.current);
  table.insert("contexts", std::move(all));
  std::error_code failed;
  std::filesystem::create_directories(path.parent_path(), failed);
  if (failed) return std::unexpected(Error{failed, path.parent_path().string()});
  std::ostringstream text;
  text << table << '\n';
  return write_durably(path.string(), text.str(), ".new");
}

}  // namespace sluice::cli
