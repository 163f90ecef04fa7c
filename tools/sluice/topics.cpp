#include "sluice/admin.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/outcome.hpp"
#include "tools/sluice/text.hpp"
#include "tools/sluice/topic_names.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

namespace sluice::cli {
namespace {

std::string join(const std::vector<BrokerId>& ids) {
  std::string text;
  for (const auto id : ids) text += (text.empty() ? "" : ",") + std::to_string(id);
  return text;
}

bool is_missing(const Error& error) { return exit_for(error) == Exit::not_found; }

Result<std::vector<ConfigSetting>> settings_of(const std::vector<std::string>& configs) {
  std::vector<ConfigSetting> settings;
  for (const auto& text : configs) {
    auto parts = name_and_value(text);
    if (!parts) return fail(Errc::invalid_argument, "config '" + text + "' is not NAME=VALUE");
    settings.push_back({parts->first, parts->second});
  }
  return settings;
}

Exit create_all(const Global& global, const TopicsCreateOptions& options, Admin& admin,
                const std::vector<ConfigSetting>& settings, Outcome& outcome) {
  const auto commit = options.dry_run ? Commit::dry_run : Commit::yes;
  for (const auto& name : options.names) {
    const NewTopic topic{.name = name,
                         .partitions = options.partitions,
                         .replication = static_cast<std::int16_t>(options.replication),
                         .configs = settings};
    const auto created = admin.create_topic(topic, commit);
    const auto exists = make_error_code(ErrorCode::topic_already_exists);
    if (!created && options.if_not_exists && created.error().code == exists) {
      outcome.add(name, "exists", "topic '" + name + "' exists already");
      continue;
    }
    if (!created) return complain(global, created.error());
    outcome.add(name, "created",
                options.dry_run
                    ? "topic '" + name + "' could be created"
                    : "created topic '" + name + "'; write to it: sluice produce " + name);
  }
  return Exit::ok;
}

Exit delete_all(const Global& global, const TopicsDeleteOptions& options, Admin& admin,
                Outcome& outcome) {
  for (const auto& name : options.names) {
    const Exit confirmed = confirm(global, "deleting topic '" + name + "' with all its records",
                                   name, options.confirmation);
    if (confirmed != Exit::ok) return confirmed;
  }
  for (const auto& name : options.names) {
    const auto deleted = admin.delete_topic(name);
    if (!deleted && is_missing(deleted.error())) {
      if (!options.if_exists) return no_such_topic(admin, name);
      outcome.add(name, "missing", "no topic '" + name + "'");
      continue;
    }
    if (!deleted) return complain(global, deleted.error());
    outcome.add(name, "deleted", "deleted topic '" + name + "'");
  }
  return Exit::ok;
}

Exit alter(const Global& global, const TopicsAlterOptions& options, Admin& admin,
           const std::vector<ConfigSetting>& settings, Outcome& outcome) {
  const auto& name = options.name;
  const auto commit = options.dry_run ? Commit::dry_run : Commit::yes;
  const std::string done = options.dry_run ? "could be changed" : "changed";
  if (!settings.empty()) {
    const auto altered = admin.alter_configs({ResourceType::topic, name}, settings, commit);
    if (!altered && is_missing(altered.error())) return no_such_topic(admin, name);
    if (!altered) return complain(global, altered.error());
    outcome.add(name, "configured", "config of topic '" + name + "' " + done,
                [&](JsonWriter& json) {
                  json.key("configs").begin_object();
                  for (const auto& setting : settings) json.field(setting.name, setting.value);
                  json.end_object();
                });
  }
  if (options.partitions >= 0) {
    const auto grown = admin.create_partitions(name, options.partitions, commit);
    if (!grown && is_missing(grown.error())) return no_such_topic(admin, name);
    if (!grown) return complain(global, grown.error());
    const auto partitions = std::to_string(options.partitions);
    outcome.add(name, "grown", "partitions of topic '" + name + "' " + done + " to " + partitions,
                [&](JsonWriter& json) { json.field("partitions", options.partitions); });
  }
  return Exit::ok;
}

}  // namespace

std::optional<std::pair<std::string, std::string>> name_and_value(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Exit topics_create(const Global& global, const TopicsCreateOptions& options) {
  const auto settings = settings_of(options.configs);
  if (!settings) return complain(global, settings.error());
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  Outcome outcome(global, "topic", !options.dry_run);
  return outcome.end(create_all(global, options, *admin, *settings, outcome));
}

Exit topics_delete(const Global& global, const TopicsDeleteOptions& options) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  Outcome outcome(global, "topic");
  return outcome.end(delete_all(global, options, *admin, outcome));
}

Exit topics_alter(const Global& global, const TopicsAlterOptions& options) {
  auto settings = settings_of(options.configs);
  if (!settings) return complain(global, settings.error());
  for (const auto& name : options.unset) settings->push_back({name, std::nullopt});
  if (settings->empty() && options.partitions < 0)
    return complain(Exit::usage, "nothing to change: give --partitions, --config or --unset");
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  Outcome outcome(global, "topic", !options.dry_run);
  return outcome.end(alter(global, options, *admin, *settings, outcome));
}

namespace {

struct TopicDetails {
  TopicInfo info;
  std::vector<ConfigEntry> configs;  // those that are set on the topic
  std::map<TopicPartition, TimestampOffset> first, last;
  std::map<TopicPartition, std::int64_t> sizes;
};

Result<TopicDetails> details_of(Admin& admin, TopicInfo info) {
  TopicDetails details{.info = std::move(info)};
  std::map<TopicPartition, std::int64_t> first, last;
  for (const auto& partition : details.info.partitions) {
    const TopicPartition where{details.info.name, partition.partition};
    first[where] = static_cast<std::int64_t>(OffsetSpec::earliest);
    last[where] = static_cast<std::int64_t>(OffsetSpec::latest);
  }
  auto found_first = admin.offsets(first);
  if (!found_first) return std::unexpected(found_first.error());
  auto found_last = admin.offsets(last);
  if (!found_last) return std::unexpected(found_last.error());
  details.first = std::move(*found_first);
  details.last = std::move(*found_last);
  // Not every broker tells these; the rest is worth showing all the same.
  if (auto sizes = admin.sizes()) details.sizes = std::move(*sizes);
  if (auto configs = admin.configs({ResourceType::topic, details.info.name}))
    for (auto& entry : *configs)
      if (entry.source == ConfigSource::topic) details.configs.push_back(std::move(entry));
  return details;
}

void print_json(JsonWriter& json, const TopicDetails& topic) {
  json.begin_object();
  json.field("name", topic.info.name).field("id", topic.info.id.to_string());
  json.field("internal", topic.info.internal);
  json.key("configs").begin_object();
  for (const auto& entry : topic.configs) json.field(entry.name, entry.value);
  json.end_object();
  json.key("partitions").begin_array();
  for (const auto& partition : topic.info.partitions) {
    const TopicPartition where{topic.info.name, partition.partition};
    json.begin_object();
    json.field("partition", partition.partition).field("leader", partition.leader);
    json.field("leader_epoch", partition.leader_epoch);
    json.field("replicas", partition.replicas).field("in_sync", partition.in_sync);
    json.field("start_offset", topic.first.at(where).offset)
        .field("end_offset", topic.last.at(where).offset);
    if (const auto size = topic.sizes.find(where); size != topic.sizes.end())
      json.field("bytes", size->second);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

void print_text(Output& out, const TopicDetails& topic) {
  std::string configs;
  for (const auto& entry : topic.configs)
    configs += (configs.empty() ? "" : ", ") + entry.name + "=" + entry.value.value_or("(hidden)");
  Table table({{"PARTITION", Align::right},
               {"LEADER", Align::right},
               {"REPLICAS"},
               {"IN SYNC"},
               {"START", Align::right},
               {"END", Align::right},
               {"RECORDS", Align::right},
               {"SIZE", Align::right}});
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  for (const auto& partition : topic.info.partitions) {
    const TopicPartition where{topic.info.name, partition.partition};
    const auto first = topic.first.at(where).offset;
    const auto last = topic.last.at(where).offset;
    const auto size = topic.sizes.find(where);
    records += static_cast<std::uint64_t>(last - first);
    if (size != topic.sizes.end()) bytes += static_cast<std::uint64_t>(size->second);
    table.add(
        {std::to_string(partition.partition), std::to_string(partition.leader),
         join(partition.replicas), join(partition.in_sync), std::to_string(first),
         std::to_string(last), std::to_string(last - first),
         size == topic.sizes.end() ? "-" : human_bytes(static_cast<std::uint64_t>(size->second))});
  }
  out.write("topic    " + topic.info.name + "\nid       " + topic.info.id.to_string() +
            "\nrecords  " + with_commas(records) + " in " + human_bytes(bytes) + "\nconfig   " +
            (configs.empty() ? "all defaults" : configs) + "\n\n" + table.to_string(style_for(1)));
}

}  // namespace

Exit topics_describe(const Global& global, const TopicsDescribeOptions& options) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  auto topics = admin->topics(options.names);
  if (!topics) return complain(global, topics.error());
  std::vector<TopicDetails> found;
  for (auto& topic : *topics) {
    if (topic.error == ErrorCode::unknown_topic_or_partition)
      return no_such_topic(*admin, topic.name);
    if (topic.error != ErrorCode::none)
      return complain(global, {broker_error(static_cast<std::int16_t>(topic.error)), topic.name});
    auto details = details_of(*admin, std::move(topic));
    if (!details) return complain(global, details.error());
    found.push_back(std::move(*details));
  }
  Output out;
  if (global.json) {
    JsonWriter json(out.buffer());
    json.begin_array();
    for (const auto& details : found) print_json(json, details);
    json.end_array();
    out.write("\n");
    return Exit::ok;
  }
  for (const auto& details : found) {
    if (&details != &found.front()) out.write("\n");
    print_text(out, details);
  }
  return Exit::ok;
}

}  // namespace sluice::cli
