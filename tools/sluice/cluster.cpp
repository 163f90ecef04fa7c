#include "sluice/admin.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/readiness.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>

namespace sluice::cli {
namespace {

std::string cluster_json(const ClusterInfo& info, const Readiness& ready,
                         const std::vector<LogDirectory>& directories) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().field("id", info.id).field("controller", info.controller);
  json.field("topics", ready.topics).field("partitions", ready.partitions);
  json.field("under_replicated", ready.under_replicated).field("offline", ready.offline);
  json.key("brokers").begin_array();
  for (const auto& broker : info.brokers) {
    json.begin_object().field("id", broker.id).field("host", broker.host);
    json.field("port", broker.port).field("rack", broker.rack).end_object();
  }
  json.end_array().key("directories").begin_array();
  for (const auto& directory : directories) {
    json.begin_object().field("broker", directory.broker).field("path", directory.path);
    json.field("total_bytes", known(directory.total_bytes));
    json.field("free_bytes", known(directory.free_bytes)).end_object();
  }
  json.end_array().end_object();
  return text + "\n";
}

std::string cluster_text(const ClusterInfo& info, const Readiness& ready,
                         const std::vector<LogDirectory>& directories) {
  Table table({{"BROKER", Align::right}, {"ADDRESS"}, {"RACK"}, {"ROLE"}, {"DISK FREE"}});
  const auto bytes = [](std::int64_t number) {
    return number < 0 ? "?" : human_bytes(static_cast<std::uint64_t>(number));
  };
  for (const auto& broker : info.brokers) {
    std::string disk;
    for (const auto& directory : directories)
      if (directory.broker == broker.id)
        disk += (disk.empty() ? "" : ", ") + bytes(directory.free_bytes) + " of " +
                bytes(directory.total_bytes);
    table.add({std::to_string(broker.id), broker.host + ":" + std::to_string(broker.port),
               broker.rack.value_or("-"), broker.id == info.controller ? "controller" : "-",
               disk.empty() ? "-" : disk});
  }
  std::string text = "cluster     " + info.id;
  text += "\ntopics      " + std::to_string(ready.topics);
  text += "\npartitions  " + std::to_string(ready.partitions) + ", " +
          std::to_string(ready.under_replicated) + " under-replicated, " +
          std::to_string(ready.offline) + " offline\n\n";
  return text + table.to_string(style_for(1));
}

}  // namespace

Readiness readiness(const std::vector<TopicInfo>& topics) {
  Readiness ready{.topics = topics.size()};
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      ++ready.partitions;
      if (partition.leader < 0)
        ++ready.offline;
      else if (partition.in_sync.size() < partition.replicas.size())
        ++ready.under_replicated;
    }
  }
  return ready;
}

Exit cluster(const Global& global) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  const auto info = admin->cluster();
  if (!info) return complain(global, info.error());
  const auto topics = admin->topics();
  if (!topics) return complain(global, topics.error());
  // Not every broker tells its disks; the rest is worth showing all the same.
  const auto directories = admin->log_directories().value_or(std::vector<LogDirectory>{});
  Output out;
  const auto ready = readiness(*topics);
  out.write(global.json ? cluster_json(*info, ready, directories)
                        : cluster_text(*info, ready, directories));
  return Exit::ok;
}

}  // namespace sluice::cli
