#include "sluice/admin.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/json.hpp"

#include <algorithm>

namespace sluice::cli {

Exit cluster(const Global& global) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  const auto info = admin->cluster();
  if (!info) return complain(global, info.error());
  Output out;
  if (global.json) {
    JsonWriter json(out.buffer());
    json.begin_object().field("id", info->id).field("controller", info->controller);
    json.key("brokers").begin_array();
    for (const auto& broker : info->brokers) {
      json.begin_object().field("id", broker.id).field("host", broker.host);
      json.field("port", broker.port).field("rack", broker.rack).end_object();
    }
    json.end_array().end_object();
    out.write("\n");
    return Exit::ok;
  }
  Table table({{"BROKER", Align::right}, {"ADDRESS"}, {"RACK"}, {"ROLE"}});
  for (const auto& broker : info->brokers)
    table.add({std::to_string(broker.id), broker.host + ":" + std::to_string(broker.port),
               broker.rack.value_or("-"), broker.id == info->controller ? "controller" : "-"});
  out.write("cluster  " + info->id + "\n\n" + table.to_string(style_for(1)));
  return Exit::ok;
}

Exit configs_describe(const Global& global, const ConfigsDescribeOptions& options) {
  Resource resource{.name = options.name};
  if (options.kind == "broker")
    resource.type = ResourceType::broker;
  else if (options.kind == "group")
    resource.type = ResourceType::group;
  else if (options.kind != "topic")
    return complain(Exit::usage, "'" + options.kind + "' is none of topic, broker, group");
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  auto entries = admin->configs(resource);
  if (!entries) return complain(global, entries.error());
  if (!options.all)
    std::erase_if(*entries, [](const auto& entry) {
      return entry.source == ConfigSource::default_value || entry.source == ConfigSource::unknown;
    });
  Output out;
  if (global.json) {
    JsonWriter json(out.buffer());
    json.begin_array();
    for (const auto& entry : *entries) {
      json.begin_object().field("name", entry.name).field("value", entry.value);
      json.field("source", source_name(entry.source)).field("read_only", entry.read_only);
      json.field("sensitive", entry.sensitive).end_object();
    }
    json.end_array();
    out.write("\n");
    return Exit::ok;
  }
  if (entries->empty()) {
    say(global, "all defaults; --all shows them");
    return Exit::ok;
  }
  Table table({{"NAME"}, {"VALUE"}, {"SOURCE"}});
  for (const auto& entry : *entries)
    table.add(
        {entry.name, entry.value.value_or("(hidden)"), std::string(source_name(entry.source))});
  out.write(table.to_string(style_for(1)));
  return Exit::ok;
}

}  // namespace sluice::cli
