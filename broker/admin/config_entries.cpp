// The reading side: DescribeConfigs and ListConfigResources.
#include "broker/admin/configs.hpp"
#include "broker/group_config.hpp"
#include "broker/topic_config.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace sluice::broker::admin {
namespace {

using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;

constexpr const char* not_hosted = "This server does not host this topic-partition.";

std::optional<std::string_view> keep(std::optional<std::string> text, ReplyArena& arena) {
  if (!text) return std::nullopt;
  return arena.keep(std::move(*text));
}

// What the sources say about broker options `names`, the strongest source first, as Kafka orders
// them: every name in one source before the next source.
std::vector<ConfigEntry::Synonym> broker_synonyms(std::span<const ConfigSynonym> names,
                                                  const Context& context) {
  static const Options defaults;
  std::vector<ConfigEntry::Synonym> found;
  const auto add_dynamic = [&](std::string_view resource, ConfigSource source) {
    const auto& configs = context.catalog->configs(ResourceType::broker, resource);
    for (const auto& name : names)
      if (const auto at = configs.find(name.name); at != configs.end())
        found.push_back({name.name, at->second, source});
  };
  add_dynamic(context.arena.keep(std::to_string(context.node())), ConfigSource::dynamic_broker);
  add_dynamic("", ConfigSource::dynamic_default_broker);
  for (const auto& name : names) {
    const auto at = context.options->settings.find(name.name);
    if (at != context.options->settings.end())
      found.push_back({name.name, at->second.text, ConfigSource::static_broker});
  }
  for (const auto& name : names)
    if (const auto text = keep(option_text(defaults, name.name), context.arena))
      found.push_back({name.name, *text, ConfigSource::default_value});
  return found;
}

ConfigEntry broker_entry(const ConfigRow<Options>& row, const Context& context) {
  ConfigEntry entry;
  entry.name = row.name;
  entry.type = config_type(row);
  entry.read_only = row.details.change == Change::needs_restart;
  entry.documentation = row.details.about;
  entry.value = keep(config_text(row, *context.options), context.arena);
  const ConfigSynonym self{row.name, 1};
  entry.synonyms = broker_synonyms({&self, 1}, context);
  if (!entry.synonyms.empty()) entry.source = entry.synonyms.front().source;
  return entry;
}

std::vector<ConfigEntry> broker_entries(const Context& context) {
  std::vector<ConfigEntry> entries;
  for (const auto& row : option_rows()) entries.push_back(broker_entry(row, context));
  // Names that mean nothing here but were set: Kafka shows them too.
  const auto own = std::to_string(context.node());
  for (const auto& [name, value] : context.catalog->configs(ResourceType::broker, own)) {
    if (find_option(name) != nullptr) continue;
    ConfigEntry entry{name, value, ConfigSource::dynamic_broker};
    entry.synonyms.push_back({name, value, entry.source});
    entries.push_back(std::move(entry));
  }
  return entries;
}

// Only what is set for all brokers.
std::vector<ConfigEntry> cluster_wide_entries(const Context& context) {
  std::vector<ConfigEntry> entries;
  for (const auto& [name, value] : context.catalog->configs(ResourceType::broker, "")) {
    ConfigEntry entry{name, value, ConfigSource::dynamic_default_broker};
    if (const auto* row = find_option(name)) {
      entry.type = config_type(*row);
      entry.documentation = row->details.about;
    }
    entry.synonyms.push_back({name, value, entry.source});
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<ConfigEntry> group_entries(std::string_view group, const Context& context) {
  const GroupConfig defaults = effective_group_config(*context.options, {});
  const auto& overrides = context.catalog->configs(ResourceType::group, group);
  std::vector<ConfigEntry> entries;
  for (const auto& row : group_config_rows()) {
    ConfigEntry entry{row.name};
    entry.type = config_type(row);
    entry.documentation = row.details.about;
    const auto standard = keep(config_text(row, defaults), context.arena);
    if (const auto at = overrides.find(row.name); at != overrides.end())
      entry.synonyms.push_back({row.name, at->second, ConfigSource::group});
    entry.synonyms.push_back({row.name, standard, ConfigSource::default_value});
    entry.value = entry.synonyms.front().value;
    entry.source = entry.synonyms.front().source;
    entries.push_back(std::move(entry));
  }
  return entries;
}

// One logger, whose level is set at start.
std::vector<ConfigEntry> logger_entries(const Context& context) {
  std::string level = context.options->log_level;
  std::ranges::transform(level, level.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  ConfigEntry entry{"root", context.arena.keep(std::move(level)), ConfigSource::broker_logger};
  entry.type = ConfigType::string;
  entry.read_only = true;
  entry.documentation = "Least severe level of log lines; set by sluice.log.level.";
  entry.synonyms.push_back({entry.name, entry.value, entry.source});
  return {std::move(entry)};
}

std::optional<Refusal> check_broker_name(std::string_view name, const Context& context) {
  BrokerId id = no_broker;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc{} || end != name.data() + name.size())
    return Refusal{ErrorCode::invalid_request,
                   "Broker id must be an integer, but it is: " + std::string(name)};
  if (id != context.node())
    return Refusal{ErrorCode::invalid_request,
                   "Unexpected broker id, expected " + std::to_string(context.node()) +
                       " or empty string, but received " + std::string(name)};
  return std::nullopt;
}

// Fills `entries`, or returns why not.
std::optional<Refusal> entries_of(const DescribeConfigsRequest::Resource& resource,
                                  const Context& context, std::vector<ConfigEntry>& entries) {
  const std::string_view name = resource.resource_name;
  switch (static_cast<ResourceType>(resource.resource_type)) {
    case ResourceType::topic: {
      if (const auto fault = topic_name_fault(name); !fault.empty())
        return Refusal{ErrorCode::invalid_topic_exception,
                       "Topic name is invalid: " + std::string(fault)};
      const Topic* topic = context.catalog->find(name);
      if (topic == nullptr) return Refusal{ErrorCode::unknown_topic_or_partition, not_hosted};
      entries = topic_config_entries(topic->overrides, context);
      return std::nullopt;
    }
    case ResourceType::broker:
      if (name.empty()) {
        entries = cluster_wide_entries(context);
        return std::nullopt;
      }
      if (auto refusal = check_broker_name(name, context)) return refusal;
      entries = broker_entries(context);
      return std::nullopt;
    case ResourceType::broker_logger:
      if (auto refusal = check_broker_name(name, context)) return refusal;
      entries = logger_entries(context);
      return std::nullopt;
    case ResourceType::client_metrics:
      if (name.empty())
        return Refusal{ErrorCode::invalid_request,
                       "Client metrics subscription name must not be empty"};
      return std::nullopt;
    case ResourceType::group:
      if (name.empty()) return Refusal{ErrorCode::invalid_request, "Group name must not be empty"};
      entries = group_entries(name, context);
      return std::nullopt;
    case ResourceType::unknown:
      break;
  }
  return Refusal{ErrorCode::invalid_request,
                 "Unsupported resource type: " + std::to_string(resource.resource_type)};
}

DescribeConfigsResponse::Config reported(const ConfigEntry& entry,
                                         const DescribeConfigsRequest& request) {
  DescribeConfigsResponse::Config config;
  config.name = entry.name;
  config.value = entry.value;
  config.read_only = entry.read_only;
  config.config_source = static_cast<std::int8_t>(entry.source);
  config.config_type = static_cast<std::int8_t>(entry.type);
  config.documentation = std::nullopt;
  if (request.include_documentation) config.documentation = entry.documentation;
  if (!request.include_synonyms) return config;
  for (const auto& synonym : entry.synonyms)
    config.synonyms.push_back(
        {synonym.name, synonym.value, static_cast<std::int8_t>(synonym.source)});
  return config;
}

}  // namespace

std::vector<ConfigEntry> topic_config_entries(const ConfigMap& overrides, const Context& context) {
  const auto effective = effective_topic_config(*context.options, overrides);
  std::vector<ConfigEntry> entries;
  entries.reserve(topic_config_rows().size());
  for (const auto& row : topic_config_rows()) {
    ConfigEntry entry{row.name};
    entry.value = keep(config_text(row, effective), context.arena);
    entry.type = config_type(row);
    entry.documentation = row.details.about;
    entry.synonyms = broker_synonyms(config_synonyms(row.details.synonyms), context);
    if (const auto own = overrides.find(row.name); own != overrides.end()) {
      const ConfigEntry::Synonym set{row.name, context.arena.keep(own->second),
                                     ConfigSource::topic};
      entry.synonyms.insert(entry.synonyms.begin(), set);
    }
    if (!entry.synonyms.empty()) entry.source = entry.synonyms.front().source;
    entries.push_back(std::move(entry));
  }
  return entries;
}

DescribeConfigsResponse describe_configs(const DescribeConfigsRequest& request,
                                         const Context& context) {
  (void)context.arena.keep(context.catalog);
  (void)context.arena.keep(context.options);
  DescribeConfigsResponse response;
  std::set<std::pair<std::int8_t, std::string_view>> seen;
  for (const auto& resource : request.resources) {
    if (!seen.emplace(resource.resource_type, resource.resource_name).second) continue;
    auto& result = response.results.emplace_back();
    result.resource_type = resource.resource_type;
    result.resource_name = resource.resource_name;
    std::vector<ConfigEntry> entries;
    if (auto refusal = entries_of(resource, context, entries)) {
      refuse(result, std::move(*refusal), context.arena);
      continue;
    }
    const auto& keys = resource.configuration_keys;
    const bool all = !keys || keys->empty();
    for (const auto& entry : entries)
      if (all || std::ranges::find(*keys, entry.name) != keys->end())
        result.configs.push_back(reported(entry, request));
  }
  return response;
}

protocol::ListConfigResourcesResponse list_config_resources(
    const protocol::ListConfigResourcesRequest& request, Version version, const Context& context) {
  const Catalog& catalog = context.arena.keep(context.catalog);
  constexpr ResourceType known[] = {ResourceType::topic, ResourceType::broker,
                                    ResourceType::broker_logger, ResourceType::client_metrics,
                                    ResourceType::group};
  std::vector<ResourceType> types;
  for (const auto type : request.resource_types) types.push_back(static_cast<ResourceType>(type));
  if (version == 0) types = {ResourceType::client_metrics};
  if (types.empty()) types.assign(std::begin(known), std::end(known));

  protocol::ListConfigResourcesResponse response;
  const auto add = [&](std::string_view name, ResourceType type) {
    response.config_resources.push_back({name, static_cast<std::int8_t>(type)});
  };
  for (const auto type : types) {
    if (std::ranges::find(known, type) == std::end(known)) {
      response.config_resources.clear();
      response.error_code = ErrorCode::unsupported_version;
      return response;
    }
    if (type == ResourceType::topic)
      for (const auto& [name, topic] : catalog.topics()) add(name, type);
    if (type == ResourceType::broker || type == ResourceType::broker_logger)
      add(context.arena.keep(std::to_string(context.node())), type);
    if (type == ResourceType::group)
      for (const auto& [name, configs] : catalog.resources(type)) add(name, type);
  }
  return response;
}

}  // namespace sluice::broker::admin
