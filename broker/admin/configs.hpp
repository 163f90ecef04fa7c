// DescribeConfigs (32), IncrementalAlterConfigs (44), AlterConfigs (33), ListConfigResources (74).
#pragma once

#include "broker/admin/context.hpp"
#include "protocol/messages/alter_configs.hpp"
#include "protocol/messages/describe_configs.hpp"
#include "protocol/messages/incremental_alter_configs.hpp"
#include "protocol/messages/list_config_resources.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace sluice::broker::admin {

// One config as it is: value, where it comes from, and what it hides.
struct ConfigEntry {
  struct Synonym {
    std::string_view name;
    std::optional<std::string_view> value;
    ConfigSource source;
  };
  std::string_view name;
  std::optional<std::string_view> value;
  ConfigSource source = ConfigSource::default_value;
  ConfigType type = ConfigType::unknown;
  bool read_only = false;
  std::string_view documentation;
  std::vector<Synonym> synonyms;  // the first is where the value comes from
};
// All configs of a topic with these overrides, existing or about to be created. Values are kept in
// the context's arena.
std::vector<ConfigEntry> topic_config_entries(const ConfigMap& overrides, const Context& context);

protocol::DescribeConfigsResponse describe_configs(const protocol::DescribeConfigsRequest& request,
                                                   const Context& context);

// Version 0 lists client-metrics resources, of which there are none.
protocol::ListConfigResourcesResponse list_config_resources(
    const protocol::ListConfigResourcesRequest& request, Version version, const Context& context);

Plan<protocol::IncrementalAlterConfigsResponse> incremental_alter_configs(
    const protocol::IncrementalAlterConfigsRequest& request, const Context& context);
// Replaces the whole set of a resource.
Plan<protocol::AlterConfigsResponse> alter_configs(const protocol::AlterConfigsRequest& request,
                                                   const Context& context);

// The rules of a dead-letter topic's name (dead_letter_fault) for what `configs` has and `before`
// had not: what an earlier change set does not stop a change of something else.
std::optional<Refusal> check_dead_letter_topic(ResourceType type, std::string_view name,
                                               const ConfigMap& configs, const ConfigMap& before,
                                               const Context& context);

}  // namespace sluice::broker::admin
