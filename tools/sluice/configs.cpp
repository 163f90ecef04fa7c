// `sluice configs`: values with where they come from, and changes that are shown before they are
// made.
#include "sluice/admin.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/topic_names.hpp"

#include <algorithm>
#include <optional>

namespace sluice::cli {
namespace {

struct Change {
  std::string name;
  std::optional<std::string> from;
  std::optional<std::string> to;  // null: the default, which the broker does not say
};

Result<Resource> resource_of(const std::string& kind, const std::string& name) {
  if (kind == "topic") return Resource{ResourceType::topic, name};
  if (kind == "broker" && name.find_first_not_of("0123456789") != std::string::npos)
    return fail(Errc::invalid_argument, "'" + name + "' is no number of a broker");
  if (kind == "broker") return Resource{ResourceType::broker, name};
  if (kind == "group") return Resource{ResourceType::group, name};
  return fail(Errc::invalid_argument, "'" + kind + "' is none of topic, broker, group");
}

bool is_default(const ConfigEntry& entry) {
  return entry.source == ConfigSource::default_value || entry.source == ConfigSource::unknown;
}

const ConfigEntry* find(const std::vector<ConfigEntry>& entries, const std::string& name) {
  const auto at = std::find_if(entries.begin(), entries.end(),
                               [&](const auto& entry) { return entry.name == name; });
  return at == entries.end() ? nullptr : &*at;
}

bool is_among(const std::string& id, const std::vector<BrokerInfo>& brokers) {
  return std::ranges::any_of(brokers,
                             [&](const auto& one) { return std::to_string(one.id) == id; });
}

Exit no_such_key(const std::vector<ConfigEntry>& entries, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.name);
  return no_such("config", name, names);
}

// Reads all configs; says what is wrong when it returns nothing, and with which status.
struct Reading {
  std::vector<ConfigEntry> entries;
  Exit status = Exit::ok;
};
Reading read(const Global& global, Admin& admin, const Resource& resource) {
  auto entries = admin.configs(resource);
  if (entries) return {std::move(*entries)};
  const bool missing = exit_for(entries.error()) == Exit::not_found;
  if (missing && resource.type == ResourceType::topic)
    return {{}, no_such_topic(admin, resource.name)};
  if (resource.type == ResourceType::broker && entries.error().is(Errc::unreachable))
    if (const auto brokers = admin.cluster(); brokers && !is_among(resource.name, brokers->brokers))
      return {{}, complain(Exit::not_found, "no broker " + resource.name)};
  return {{}, complain(global, entries.error())};
}

void print(const Global& global, const std::vector<ConfigEntry>& entries) {
  Output out;
  if (global.json) {
    JsonWriter json(out.buffer());
    json.begin_array();
    for (const auto& entry : entries) {
      json.begin_object().field("name", entry.name).field("value", entry.value);
      json.field("default", entry.default_value).field("source", source_name(entry.source));
      json.field("read_only", entry.read_only).field("sensitive", entry.sensitive).end_object();
    }
    json.end_array();
    out.write("\n");
    return;
  }
  Table table({{"NAME"}, {"VALUE"}, {"DEFAULT"}, {"SOURCE"}});
  const auto shown = [](const ConfigEntry& entry, const std::optional<std::string>& value) {
    return value ? *value : entry.sensitive ? "(hidden)" : "-";
  };
  for (const auto& entry : entries)
    table.add({entry.name, shown(entry, entry.value), shown(entry, entry.default_value),
               std::string(source_name(entry.source))});
  out.write(table.to_string(style_for(1)));
}

void print(const Global& global, const ConfigsChangeOptions& options,
           const std::vector<Change>& changes) {
  Output out;
  if (global.json) {
    JsonWriter json(out.buffer());
    json.begin_object().field("kind", options.kind).field("name", options.name);
    json.field("applied", !options.dry_run).key("changes").begin_array();
    for (const auto& change : changes)
      json.begin_object()
          .field("name", change.name)
          .field("from", change.from)
          .field("to", change.to)
          .end_object();
    json.end_array().end_object();
    out.write("\n");
    return;
  }
  const bool colour = style_for(1) == Style::colour;
  for (const auto& change : changes) {
    const std::string red = colour ? "\x1b[31m" : "", green = colour ? "\x1b[32m" : "";
    const std::string plain = colour ? "\x1b[0m" : "";
    out.write(red + "-" + change.name + "=" + change.from.value_or("(hidden)") + plain + "\n");
    out.write(green + "+" + change.name + "=" + change.to.value_or("(default)") + plain + "\n");
  }
}

enum class Action : std::uint8_t { set, unset };

Exit change(const Global& global, const ConfigsChangeOptions& options, Action action) {
  const auto resource = resource_of(options.kind, options.name);
  if (!resource) return complain(Exit::usage, resource.error().context);
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  const auto reading = read(global, *admin, *resource);
  if (reading.status != Exit::ok) return reading.status;
  std::vector<ConfigSetting> settings;
  std::vector<Change> changes;
  for (const auto& text : options.changes) {
    ConfigSetting setting{.name = text, .value = std::nullopt};
    if (action == Action::set) {
      auto parts = name_and_value(text);
      if (!parts) return complain(Exit::usage, "'" + text + "' is not NAME=VALUE");
      setting = {std::move(parts->first), std::move(parts->second)};
    }
    const auto* entry = find(reading.entries, setting.name);
    if (entry == nullptr) return no_such_key(reading.entries, setting.name);
    const auto to = action == Action::set ? setting.value : entry->default_value;
    if (to != entry->value || entry->sensitive) changes.push_back({setting.name, entry->value, to});
    settings.push_back(std::move(setting));
  }
  const auto commit = options.dry_run ? Commit::dry_run : Commit::yes;
  if (const auto done = admin->alter_configs(*resource, settings, commit); !done)
    return complain(global, done.error());
  print(global, options, changes);
  say(global, changes.empty()   ? "it is so already"
              : options.dry_run ? "nothing was changed; without --dry-run it is done"
                                : "changed " + options.kind + " '" + options.name + "'");
  return Exit::ok;
}

}  // namespace

Exit configs_get(const Global& global, const ConfigsGetOptions& options) {
  const auto resource = resource_of(options.kind, options.name);
  if (!resource) return complain(Exit::usage, resource.error().context);
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  auto reading = read(global, *admin, *resource);
  if (reading.status != Exit::ok) return reading.status;
  auto& entries = reading.entries;
  for (const auto& key : options.keys)
    if (find(entries, key) == nullptr) return no_such_key(entries, key);
  std::erase_if(entries, [&](const auto& entry) {
    const auto& keys = options.keys;
    if (!keys.empty()) return std::find(keys.begin(), keys.end(), entry.name) == keys.end();
    return !options.all && is_default(entry);
  });
  if (entries.empty() && !global.json) {
    say(global, "all defaults; --all shows them");
    return Exit::ok;
  }
  print(global, entries);
  return Exit::ok;
}

Exit configs_set(const Global& global, const ConfigsChangeOptions& options) {
  return change(global, options, Action::set);
}

Exit configs_unset(const Global& global, const ConfigsChangeOptions& options) {
  return change(global, options, Action::unset);
}

}  // namespace sluice::cli
