#include "broker/config_print.hpp"

#include "base/quoted.hpp"
#include "broker/group_config.hpp"
#include "broker/options_load.hpp"
#include "broker/topic_config.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

constexpr std::size_t file_columns = 96;

// Values have no control characters but those that a file or the environment put there.
std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

std::string toml_value(const ConfigValue& value) {
  const std::string text = config_text(value).value_or("");
  if (std::holds_alternative<std::vector<std::string>>(value)) {
    std::string list;
    for (const auto& item : std::get<std::vector<std::string>>(value))
      list += (list.empty() ? "" : ", ") + quoted(item);
    return "[" + list + "]";
  }
  return config_type(value) == ConfigType::string ? quoted(text) : text;
}

// Keys that begin another key cannot stand unquoted beside it in TOML.
std::string toml_key(std::string_view name) {
  const std::string below = std::string(name) + ".";
  const bool begins_another = std::ranges::any_of(
      option_rows(), [&](const auto& row) { return row.name.starts_with(below); });
  return begins_another ? quoted(name) : std::string(name);
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

std::string_view kind_text(ConfigType type) {
  switch (type) {
    case ConfigType::boolean:
      return "true or false";
    case ConfigType::int16:
    case ConfigType::int32:
    case ConfigType::int64:
      return "integer";
    case ConfigType::real:
      return "number";
    case ConfigType::list:
      return "list";
    default:
      return "text";
  }
}

std::string_view change_text(Change change) {
  return change == Change::dynamic ? "live" : "needs restart";
}

// "integer, from 1 to 5 ms", "one of text,json", "list of compact,delete".
std::string kind_and_bounds(ConfigType type, const ConfigDetails& details) {
  std::string text(kind_text(type));
  if (!details.allowed.empty()) text = type == ConfigType::list ? "list of" : "one of";
  if (const auto bounds = bounds_text(details); !bounds.empty())
    text.append(details.allowed.empty() ? ", " : " ").append(bounds);
  return text;
}

// Adds `text` as comment lines, broken between words.
void append_comment(std::string& file, std::string_view text) {
  std::size_t column = file_columns + 1;
  for (std::string_view rest = text; !rest.empty();) {
    const auto space = rest.find(' ');
    const auto word = rest.substr(0, space);
    if (column + 1 + word.size() > file_columns) {
      if (column <= file_columns) file += '\n';
      file += '#';
      column = 1;
    }
    file.append(" ").append(word);
    column += 1 + word.size();
    rest = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
  }
  file += '\n';
}

// Text inside a cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '*' || c == '_' || c == '<') out += '\\';
    out += c;
  }
  return out;
}

std::string code(std::string_view text) {
  std::string out = "`";
  return out.append(text).append("`");
}

template <class S>
void append_rows(std::string& text, std::span<const ConfigRow<S>> rows, bool of_broker) {
  text += of_broker ? "| key | default | values | change | meaning |\n|---|---|---|---|---|\n"
                    : "| key | default | values | meaning |\n|---|---|---|---|\n";
  const S defaults{};
  for (const auto& row : rows) {
    const auto value = config_text(row, defaults);
    text.append("| ").append(code(row.name)).append(" | ");
    text += !value ? "not set" : value->empty() ? "empty" : code(*value);
    text.append(" | ").append(kind_and_bounds(config_type(row), row.details)).append(" | ");
    if (of_broker) text.append(change_text(row.details.change)).append(" | ");
    text.append(cell(row.details.about));
    if (!row.details.synonyms.empty()) {
      std::string names;
      for (const auto& synonym : config_synonyms(row.details.synonyms))
        names.append(names.empty() ? "" : ", ").append(code(synonym.name));
      text.append(" Broker's default: ").append(names).append(".");
    }
    text += " |\n";
  }
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

std::string print_options_json(const Options& options) {
  std::string text;
  for (const auto& row : option_rows()) {
    const auto value = config_text(row, options);
    const auto set = options.settings.find(row.name);
    text.append(text.empty() ? "{\n  " : ",\n  ").append(quoted(row.name));
    text.append(": {\"value\": ").append(value ? quoted(*value) : "null");
    text.append(", \"source\": ");
    text.append(quoted(set == options.settings.end() ? "default" : set->second.origin));
    text.append(", \"live\": ");
    text.append(row.details.change == Change::dynamic ? "true}" : "false}");
  }
  return text + "\n}\n";
}

std::string print_example_file(const Options& options) {
  std::string file;
  append_comment(
      file,
      "Configuration of sluiced: every key, with its default. To change one, take the # "
      "off its last line. \"live\": it changes while the broker runs, by SIGHUP "
      "(systemctl reload sluice) after a change here, or as a dynamic broker config; the "
      "others need a restart. The variable in the second line, if it is set, wins over "
      "this file. Check with: sluiced --config FILE --check-config");
  const Options defaults;
  for (const auto& row : option_rows()) {
    const bool given = options.settings.contains(row.name);
    const auto value = config_value(row, given ? options : defaults);
    file += '\n';
    append_comment(file, row.details.about);
    append_comment(file, kind_and_bounds(config_type(row), row.details) + "; " +
                             std::string(change_text(row.details.change)) + "; " +
                             environment_name(row.name) + (config_text(value) ? "" : "; not set"));
    file.append(given ? "" : "#").append(toml_key(row.name)).append(" =");
    if (config_text(value)) file.append(" ").append(toml_value(value));
    file += '\n';
  }
  return file;
}

std::string print_reference() {
  std::string text = R"(# Configuration

<!-- Made by `sluiced config reference`; the option tables of broker/ are the source. -->

Sources, later ones win: defaults, the TOML file (`--config FILE` or `SLUICE_CONFIG`), the environment, flags
(`--set KEY=VALUE`); dynamic broker configs (`kafka-configs.sh`, `sluice`) come on top. A key in the environment is
written in capitals, with `_` for `.` and `-`, after `SLUICE_`; a leading `sluice.` is left out: `log.retention.ms` is
`SLUICE_LOG_RETENTION_MS`, `sluice.shards` is `SLUICE_SHARDS`. An unknown key and a bad value are refused with
their place.

    sluiced config example                    # a file with every key, commented
    sluiced --config FILE --check-config      # check; print every key with its source
    sluiced --config FILE config dump --json  # the same for programs

`live` keys can be changed while the broker runs, by a dynamic broker config. For the others, and for any change of
the file, the broker has to be started again.

In TOML a dot opens a table, so a key that is also the beginning of another is quoted: `"max.connections" = 100`.

## Broker

)";
  append_rows(text, option_rows(), true);
  text += R"(
## Topics

Set for one topic, at its creation or later; they change while the broker runs.

)";
  append_rows(text, topic_config_rows(), false);
  text += R"(
## Groups

Set for one group (resource type GROUP of the Admin API); they change while the broker runs.

)";
  append_rows(text, group_config_rows(), false);
  return text;
}

}  // namespace sluice::broker
