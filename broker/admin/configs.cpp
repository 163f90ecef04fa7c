// The changing side: IncrementalAlterConfigs and AlterConfigs.
#include "broker/admin/configs.hpp"

#include "broker/group_config.hpp"
#include "broker/queue/dead_letter_topic.hpp"
#include "broker/topic_config.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace sluice::broker::admin {
namespace {

using protocol::AlterConfigsRequest;
using protocol::AlterConfigsResponse;
using protocol::IncrementalAlterConfigsRequest;
using protocol::IncrementalAlterConfigsResponse;

enum class AlterOperation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

using ResourceKey = std::pair<std::int8_t, std::string_view>;

template <class Request>
std::map<ResourceKey, int> count_resources(const Request& request) {
  std::map<ResourceKey, int> times;
  for (const auto& resource : request.resources)
    ++times[{resource.resource_type, resource.resource_name}];
  return times;
}

std::optional<Refusal> check_topic(std::string_view name, const Catalog& catalog) {
  if (const auto fault = topic_name_fault(name); !fault.empty())
    return Refusal{ErrorCode::invalid_topic_exception,
                   "Topic name is invalid: " + std::string(fault)};
  if (catalog.find(name) == nullptr)
    return Refusal{ErrorCode::unknown_topic_or_partition,
                   "The topic '" + std::string(name) + "' does not exist."};
  return std::nullopt;
}

std::optional<Refusal> check_broker(std::string_view name, BrokerId node) {
  if (name.empty() || name == std::to_string(node)) return std::nullopt;
  return Refusal{ErrorCode::invalid_request,
                 "Unexpected broker id, expected " + std::to_string(node) +
                     " or empty string, but received " + std::string(name)};
}

// Whether the resource exists and has configs that can change.
std::optional<Refusal> check_resource(std::int8_t type, std::string_view name,
                                      const Context& context) {
  switch (static_cast<ResourceType>(type)) {
    case ResourceType::topic:
      return check_topic(name, *context.catalog);
    case ResourceType::broker:
      return check_broker(name, context.node());
    case ResourceType::group:
      if (name.empty()) return Refusal{ErrorCode::invalid_request, "Group name must not be empty"};
      return std::nullopt;
    case ResourceType::broker_logger:
      return Refusal{ErrorCode::invalid_request,
                     "The log level is set at start (sluice.log.level)."};
    case ResourceType::client_metrics:
      return Refusal{ErrorCode::invalid_request,
                     name.empty() ? "Client metrics subscription name must not be empty"
                                  : "Client metrics are not collected by this broker."};
    case ResourceType::unknown:
      break;
  }
  return Refusal{ErrorCode::invalid_request, "Unsupported resource type: " + std::to_string(type)};
}

// Only the keys that `configs` has now and `before` had not, or with another value: what an
// earlier version accepted does not stop a change of something else.
std::optional<Refusal> check_broker_configs(const ConfigMap& configs, const ConfigMap& before,
                                            const Options& options) {
  Options changed = options;
  for (const auto& [name, value] : configs) {
    const auto old = before.find(name);
    if (old != before.end() && old->second == value) continue;
    const auto* row = find_option(name);
    if (row == nullptr) continue;  // unknown names are stored, as Kafka does
    if (row->details.change == Change::needs_restart)
      return Refusal{ErrorCode::invalid_request,
                     "Cannot update these configs dynamically: Set(" + name + ")"};
    if (auto set = set_config(*row, value, changed); !set)
      return Refusal{ErrorCode::invalid_request, set.error().context};
  }
  if (auto ok = check_options(changed); !ok)
    return Refusal{ErrorCode::invalid_request, ok.error().context};
  return std::nullopt;
}

std::optional<Refusal> check_configs(ResourceType type, std::string_view name,
                                     const ConfigMap& configs, const ConfigMap& before,
                                     const Context& context) {
  if (type == ResourceType::broker) return check_broker_configs(configs, before, *context.options);
  auto ok = type == ResourceType::topic ? check_topic_config(*context.options, configs)
                                        : check_group_config(*context.options, configs);
  if (!ok) return Refusal{ErrorCode::invalid_config, ok.error().context};
  return check_dead_letter_topic(type, name, configs, before, context);
}

// The key's row type in the resource's table; unknown when there is none.
ConfigType type_of_key(ResourceType type, std::string_view name) {
  if (type == ResourceType::topic)
    if (const auto* row = find_row<TopicConfig>(topic_config_rows(), name))
      return config_type(*row);
  if (type == ResourceType::broker)
    if (const auto* row = find_option(name)) return config_type(*row);
  return ConfigType::unknown;
}

// The list that append and subtract start from: the override, else the value in effect.
std::vector<std::string> list_before(ResourceType type, std::string_view name,
                                     const ConfigMap& configs, const Context& context) {
  if (const auto own = configs.find(name); own != configs.end()) return split_list(own->second);
  if (type == ResourceType::topic) {
    const auto effective = effective_topic_config(*context.options, {});
    if (const auto* row = find_row<TopicConfig>(topic_config_rows(), name))
      return split_list(config_text(*row, effective).value_or(""));
  }
  return split_list(option_text(*context.options, name).value_or(""));
}

std::optional<Refusal> change_list(ResourceType type,
                                   const IncrementalAlterConfigsRequest::Config& change,
                                   const Context& context, ConfigMap& configs) {
  const bool appends = change.config_operation == static_cast<std::int8_t>(AlterOperation::append);
  const std::string name(change.name);
  if (type_of_key(type, name) != ConfigType::list)
    return Refusal{ErrorCode::invalid_config, std::string("Can't ") +
                                                  (appends ? "APPEND" : "SUBTRACT") + " to key " +
                                                  name + " because its type is not LIST."};
  auto items = list_before(type, name, configs, context);
  for (auto& item : split_list(*change.value)) {
    const auto at = std::ranges::find(items, item);
    if (appends && at == items.end()) items.push_back(std::move(item));
    if (!appends && at != items.end()) items.erase(at);
  }
  configs[name] = join_list(items);
  return std::nullopt;
}

std::optional<Refusal> apply_changes(const IncrementalAlterConfigsRequest::Resource& resource,
                                     const Context& context, ConfigMap& configs) {
  const auto type = static_cast<ResourceType>(resource.resource_type);
  std::set<std::string_view> seen;
  for (const auto& change : resource.configs)
    if (!seen.insert(change.name).second)
      return Refusal{ErrorCode::invalid_request,
                     "Error due to duplicate config keys: " + std::string(change.name)};
  for (const auto& change : resource.configs) {
    const auto operation = static_cast<AlterOperation>(change.config_operation);
    if (operation != AlterOperation::remove && !change.value)
      return Refusal{ErrorCode::invalid_request,
                     "Null value not supported for : " + std::string(change.name)};
    switch (operation) {
      case AlterOperation::set:
        configs[std::string(change.name)] = *change.value;
        break;
      case AlterOperation::remove:
        if (const auto at = configs.find(change.name); at != configs.end()) configs.erase(at);
        break;
      case AlterOperation::append:
      case AlterOperation::subtract:
        if (auto refusal = change_list(type, change, context, configs)) return refusal;
        break;
      default:
        return Refusal{ErrorCode::invalid_request,
                       "Unknown operation type " + std::to_string(change.config_operation)};
    }
  }
  return std::nullopt;
}

std::optional<Refusal> apply_changes(const AlterConfigsRequest::Resource& resource, const Context&,
                                     ConfigMap& configs) {
  configs.clear();
  for (const auto& config : resource.configs) {
    const std::string name(config.name);
    if (!config.value)
      return Refusal{ErrorCode::invalid_request, "Null value not supported for : " + name};
    if (!configs.emplace(name, *config.value).second)
      return Refusal{ErrorCode::invalid_request, "Error due to duplicate config keys: " + name};
  }
  return std::nullopt;
}

// Kafka's order: twice in one request, no such resource, bad changes, bad result.
template <class Resource>
std::optional<Refusal> check_change(const Resource& resource, bool repeated, const Context& context,
                                    const ConfigMap& before, ConfigMap& configs) {
  if (repeated)
    return Refusal{ErrorCode::invalid_request, "Each resource must appear at most once."};
  const auto type = static_cast<ResourceType>(resource.resource_type);
  if (auto refusal = check_resource(resource.resource_type, resource.resource_name, context))
    return refusal;
  if (auto refusal = apply_changes(resource, context, configs)) return refusal;
  return check_configs(type, resource.resource_name, configs, before, context);
}

template <class Response, class Request>
Plan<Response> alter(const Request& request, const Context& context) {
  const Catalog& catalog = context.arena.keep(context.catalog);
  const auto times = count_resources(request);
  Plan<Response> plan;
  for (const auto& resource : request.resources) {
    const auto type = static_cast<ResourceType>(resource.resource_type);
    const std::string_view name = resource.resource_name;
    auto& entry = plan.response.responses.emplace_back();
    entry.resource_type = resource.resource_type;
    entry.resource_name = name;
    const ConfigMap& before = catalog.configs(type, name);
    ConfigMap configs = before;
    const bool repeated = times.at({resource.resource_type, name}) > 1;
    if (auto refusal = check_change(resource, repeated, context, before, configs)) {
      refuse(entry, std::move(*refusal), context.arena);
      continue;
    }
    if (request.validate_only || configs == before) continue;
    plan.add(ReplaceConfigs{type, std::string(name), std::move(configs)},
             plan.response.responses.size() - 1);
  }
  return plan;
}

}  // namespace

std::optional<Refusal> check_dead_letter_topic(ResourceType type, std::string_view name,
                                               const ConfigMap& configs, const ConfigMap& before,
                                               const Context& context) {
  const bool of_topic = type == ResourceType::topic;
  const std::string_view key = of_topic ? topic_dead_letter_key : group_dead_letter_key;
  const auto wanted = configs.find(key);
  if (wanted == configs.end() || wanted->second.empty()) return std::nullopt;
  const auto old = before.find(key);
  if (old != before.end() && old->second == wanted->second) return std::nullopt;
  const DeadLetterRoute route{wanted->second, of_topic ? name : std::string_view{}};
  std::string fault = dead_letter_fault(*context.catalog, *context.options, route);
  if (fault.empty()) return std::nullopt;
  return Refusal{
      ErrorCode::invalid_config,
      "Invalid value " + wanted->second + " for configuration " + std::string(key) + ": " + fault};
}

Plan<IncrementalAlterConfigsResponse> incremental_alter_configs(
    const IncrementalAlterConfigsRequest& request, const Context& context) {
  return alter<IncrementalAlterConfigsResponse>(request, context);
}

Plan<AlterConfigsResponse> alter_configs(const AlterConfigsRequest& request,
                                         const Context& context) {
  return alter<AlterConfigsResponse>(request, context);
}

}  // namespace sluice::broker::admin
