#include "broker/queue/dead_letter_topic.hpp"

#include "broker/options.hpp"
#include "broker/topic_config.hpp"

namespace sluice::broker {
namespace {

constexpr int chain_max = 32;  // dead-letter topics of dead-letter topics

std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

std::string name_fault(const Options& options, std::string_view name) {
  if (const auto fault = topic_name_fault(name); !fault.empty())
    return "The topic name is invalid: " + std::string(fault) + ".";
  if (name.starts_with("__")) return "A dead-letter topic's name must not begin with '__'.";
  if (!name.starts_with(options.dead_letter_topic_prefix))
    return "A dead-letter topic's name must begin with " +
           quoted(options.dead_letter_topic_prefix) +
           " (errors.deadletterqueue.topic.name.prefix).";
  return {};
}

std::string topic_fault(const Options& options, const Topic& topic) {
  const TopicConfig config = effective_topic_config(options, topic.overrides);
  if (!config.dead_letter_enable)
    return "The topic " + quoted(topic.name) +
           " does not take dead letters: set errors.deadletterqueue.group.enable=true on it.";
  if (config.compacts)
    return "The topic " + quoted(topic.name) +
           " is compacted, which would remove dead letters: set cleanup.policy=delete on it.";
  return {};
}

// Whether what is dead-lettered from `from` on, topic by topic, comes to `source` again.
bool comes_back(const Catalog& catalog, std::string_view from, std::string_view source) {
  const Topic* topic = catalog.find(from);
  for (int i = 0; topic != nullptr && i < chain_max; ++i) {
    const auto next = topic->overrides.find(topic_dead_letter_key);
    if (next == topic->overrides.end()) return false;
    if (next->second == source) return true;
    topic = catalog.find(next->second);
  }
  return topic != nullptr;
}

}  // namespace

std::string dead_letter_topic_of(const Catalog& catalog, std::string_view group,
                                 const Topic& source) {
  const ConfigMap& configs = catalog.configs(ResourceType::group, group);
  if (const auto own = configs.find(group_dead_letter_key); own != configs.end())
    return own->second;
  const auto of_topic = source.overrides.find(topic_dead_letter_key);
  return of_topic == source.overrides.end() ? std::string{} : of_topic->second;
}

std::string dead_letter_fault(const Catalog& catalog, const Options& options,
                              const DeadLetterRoute& route) {
  if (auto fault = name_fault(options, route.to); !fault.empty()) return fault;
  if (route.to == route.source) return "A topic cannot be its own dead-letter topic.";
  const Topic* topic = catalog.find(route.to);
  if (topic == nullptr) {
    if (options.dead_letter_auto_create_topics) return {};
    return "The topic " + quoted(route.to) +
           " does not exist: create it with errors.deadletterqueue.group.enable=true, or set the "
           "broker's errors.deadletterqueue.auto.create.topics.enable=true.";
  }
  if (auto fault = topic_fault(options, *topic); !fault.empty()) return fault;
  if (!route.source.empty() && comes_back(catalog, route.to, route.source))
    return "Dead letters would come back to " + quoted(route.source) +
           ": the dead-letter topic of " + quoted(route.to) + " leads there.";
  return {};
}

}  // namespace sluice::broker
