#include "broker/admin/topics.hpp"

#include "broker/admin/configs.hpp"
#include "broker/queue/retry_topic.hpp"
#include "broker/topic_config.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

namespace sluice::broker::admin {
namespace {

using protocol::CreatePartitionsRequest;
using protocol::CreatePartitionsResponse;
using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;
using protocol::DeleteTopicsRequest;
using protocol::DeleteTopicsResponse;

// Kafka's bound on the partitions of one request.
constexpr std::int64_t request_partitions_max = 10'000;
constexpr std::string_view metadata_topic = "__cluster_metadata";
constexpr const char* not_hosted = "This server does not host this topic-partition.";

std::optional<Refusal> check_name(std::string_view name, const Catalog& catalog) {
  const std::string quoted(name);
  if (const auto fault = topic_name_fault(name); !fault.empty())
    return Refusal{ErrorCode::invalid_topic_exception,
                   "Topic name is invalid: " + std::string(fault)};
  if (catalog.find(name) != nullptr)
    return Refusal{ErrorCode::topic_already_exists, "Topic '" + quoted + "' already exists."};
  if (const Topic* other = catalog.colliding(name))
    return Refusal{ErrorCode::invalid_topic_exception,
                   "Topic '" + quoted + "' collides with existing topic: " + other->name};
  return std::nullopt;
}

std::optional<Refusal> check_brokers(const std::vector<BrokerId>& brokers, BrokerId node) {
  if (brokers.empty())
    return Refusal{ErrorCode::invalid_replica_assignment,
                   "The manual partition assignment includes an empty replica list."};
  for (const BrokerId broker : brokers)
    if (broker != node)
      return Refusal{ErrorCode::invalid_replica_assignment,
                     "The manual partition assignment includes broker " + std::to_string(broker) +
                         ", but no such broker is registered."};
  if (brokers.size() > 1)
    return Refusal{ErrorCode::invalid_replica_assignment,
                   "The manual partition assignment includes the broker " + std::to_string(node) +
                       " more than once."};
  return std::nullopt;
}

std::optional<Refusal> check_assignments(const CreateTopicsRequest::Topic& topic, BrokerId node) {
  if (topic.replication_factor != -1)
    return Refusal{ErrorCode::invalid_request,
                   "A manual partition assignment was specified, but replication factor was not "
                   "set to -1."};
  if (topic.num_partitions != -1)
    return Refusal{ErrorCode::invalid_request,
                   "A manual partition assignment was specified, but numPartitions was not set to "
                   "-1."};
  std::set<PartitionIndex> seen;
  for (const auto& assignment : topic.assignments) {
    if (!seen.insert(assignment.partition_index).second)
      return Refusal{ErrorCode::invalid_replica_assignment,
                     "Found multiple manual partition assignments for partition " +
                         std::to_string(assignment.partition_index)};
    if (auto refusal = check_brokers(assignment.broker_ids, node)) return refusal;
  }
  if (*seen.begin() != 0 || *seen.rbegin() != static_cast<PartitionIndex>(seen.size()) - 1)
    return Refusal{ErrorCode::invalid_replica_assignment,
                   "partitions should be a consecutive 0-based integer sequence"};
  return std::nullopt;
}

std::optional<Refusal> check_replication(std::int32_t factor, const Options& options) {
  if (factor < -1 || factor == 0)
    return Refusal{ErrorCode::invalid_replication_factor,
                   "Replication factor must be larger than 0, or -1 to use the default value."};
  const std::int32_t wanted = factor == -1 ? options.default_replication_factor : factor;
  if (wanted == 1 || options.replication_factor_clamp) return std::nullopt;
  return Refusal{ErrorCode::invalid_replication_factor,
                 "Unable to replicate the partition " + std::to_string(wanted) +
                     " time(s): The target replication factor of " + std::to_string(wanted) +
                     " cannot be reached because only 1 broker(s) are registered."};
}

std::optional<Refusal> check_configs(const CreateTopicsRequest::Topic& topic,
                                     const Options& options, ConfigMap& overrides) {
  for (const auto& config : topic.configs) {
    if (!config.value)
      return Refusal{ErrorCode::invalid_config,
                     "Null value not supported for topic configs: " + std::string(config.name)};
    overrides[std::string(config.name)] = *config.value;
  }
  if (auto ok = check_topic_config(options, overrides); !ok)
    return Refusal{ErrorCode::invalid_config, ok.error().context};
  return std::nullopt;
}

std::int32_t partition_count(const CreateTopicsRequest::Topic& topic, const Options& options) {
  if (!topic.assignments.empty()) return static_cast<std::int32_t>(topic.assignments.size());
  return topic.num_partitions == -1 ? options.num_partitions : topic.num_partitions;
}

// Everything but the name's uniqueness within the request. Fills `overrides`.
std::optional<Refusal> check_new_topic(const CreateTopicsRequest::Topic& topic,
                                       const Context& context, ConfigMap& overrides) {
  const Options& options = *context.options;
  if (topic.name == metadata_topic)
    return Refusal{ErrorCode::invalid_request,
                   "Creation of internal topic __cluster_metadata is prohibited."};
  if (auto refusal = check_name(topic.name, *context.catalog)) return refusal;
  if (auto refusal = check_configs(topic, options, overrides)) return refusal;
  if (auto refusal =
          check_dead_letter_topic(ResourceType::topic, topic.name, overrides, {}, context))
    return refusal;
  if (!topic.assignments.empty()) return check_assignments(topic, context.node());
  if (auto refusal = check_replication(topic.replication_factor, options)) return refusal;
  if (topic.num_partitions < -1 || topic.num_partitions == 0)
    return Refusal{ErrorCode::invalid_partitions,
                   "Number of partitions was set to an invalid non-positive value."};
  return std::nullopt;
}

std::vector<CreateTopicsResponse::Config> reported_configs(const ConfigMap& overrides,
                                                           const Context& context) {
  std::vector<CreateTopicsResponse::Config> configs;
  for (const auto& entry : topic_config_entries(overrides, context)) {
    auto& config = configs.emplace_back();
    config.name = entry.name;
    config.value = entry.value;
    config.read_only = entry.read_only;
    config.config_source = static_cast<std::int8_t>(entry.source);
  }
  return configs;
}

Refusal too_many(std::int64_t total, std::int64_t bound) {
  return {ErrorCode::policy_violation,
          "Excessively large number of partitions: " + std::to_string(total) + " of at most " +
              std::to_string(bound) + "."};
}

}  // namespace

void refuse(CreateTopicsResponse::Topic& entry, Refusal refusal, ReplyArena& arena) {
  CreateTopicsResponse::Topic refused;
  refused.name = entry.name;
  refused.error_code = refusal.code;
  if (!refusal.message.empty()) refused.error_message = arena.keep(std::move(refusal.message));
  refused.configs = std::nullopt;
  entry = std::move(refused);
}

CreateTopic new_topic(std::string name, std::int32_t partitions, ConfigMap overrides,
                      const Catalog& catalog, Random& random, std::int64_t now_ms) {
  Topic topic{std::move(name), {}, partitions, now_ms, std::move(overrides)};
  // Kafka keeps ids that start with a dash (awkward on command lines) and the first few to itself.
  while (topic.id.is_zero() || topic.id.to_string().starts_with('-') ||
         topic.id.to_string().starts_with("AAAAAAAAAAAAAAAAAAAAA") ||
         catalog.find(topic.id) != nullptr) {
    for (std::size_t at = 0; at < topic.id.octets.size(); at += 8) {
      const auto bits = random.next();
      std::memcpy(topic.id.octets.data() + at, &bits, sizeof bits);
    }
  }
  return {std::move(topic)};
}

std::optional<CreateTopic> retry_topic(std::string_view name, const Catalog& catalog,
                                       Random& random, std::int64_t now_ms) {
  const auto found = find_retry_name(catalog, name);
  if (!found || !topic_name_fault(name).empty() || catalog.colliding(name) != nullptr)
    return std::nullopt;
  ConfigMap overrides = found->source->overrides;
  std::erase_if(overrides, [](const auto& config) { return config.first.starts_with("sluice."); });
  overrides["cleanup.policy"] = "delete";
  overrides["sluice.retry.group"] = std::string(found->group);
  overrides["sluice.retry.source.topic"] = found->source->name;
  return new_topic(std::string(name), found->source->partition_count, std::move(overrides), catalog,
                   random, now_ms);
}

CreateTopic offsets_topic(const Options& options, const Catalog& catalog, Random& random,
                          std::int64_t now_ms) {
  ConfigMap overrides{{"cleanup.policy", "compact"},
                      {"compression.type", "producer"},
                      {"segment.bytes", std::to_string(options.offsets_topic_segment_bytes)}};
  return new_topic("__consumer_offsets", options.offsets_partition_count(), std::move(overrides),
                   catalog, random, now_ms);
}

CreateTopic share_state_topic(const Options& options, const Catalog& catalog, Random& random,
                              std::int64_t now_ms) {
  ConfigMap overrides{{"cleanup.policy", "delete"},
                      {"compression.type", "producer"},
                      {"retention.bytes", "-1"},
                      {"retention.ms", "-1"},
                      {"segment.bytes", std::to_string(16 << 20)}};
  return new_topic("__share_group_state", options.shard_count(), std::move(overrides), catalog,
                   random, now_ms);
}

CreateTopic dead_letter_topic(std::string name, const Options& options, const Catalog& catalog,
                              Random& random, std::int64_t now_ms) {
  ConfigMap overrides{{"errors.deadletterqueue.group.enable", "true"},
                      {"message.timestamp.type", "CreateTime"},
                      {"retention.bytes", "-1"},
                      {"retention.ms", "-1"}};
  return new_topic(std::move(name), options.num_partitions, std::move(overrides), catalog, random,
                   now_ms);
}

CreateTopic schedules_topic(const Options& options, const Catalog& catalog, Random& random,
                            std::int64_t now_ms) {
  ConfigMap overrides{{"cleanup.policy", "delete"},
                      {"compression.type", "producer"},
                      {"index.interval.bytes", std::to_string(16 << 10)},
                      {"retention.bytes", "-1"},
                      {"retention.ms", "-1"},
                      {"segment.bytes", std::to_string(64 << 20)}};
  return new_topic("__sluice_schedules", options.shard_count(), std::move(overrides), catalog,
                   random, now_ms);
}

Plan<CreateTopicsResponse> create_topics(const CreateTopicsRequest& request,
                                         const Context& context) {
  const Options& options = *context.options;
  (void)context.arena.keep(context.catalog);
  std::map<std::string_view, int> times;
  std::int64_t asked_partitions = 0;
  for (const auto& topic : request.topics) {
    ++times[topic.name];
    asked_partitions += std::max(0, partition_count(topic, options));
  }
  Plan<CreateTopicsResponse> plan;
  std::int64_t total = context.catalog->partition_total();
  for (const auto& topic : request.topics) {
    int& count = times[topic.name];
    if (count == 0) continue;  // a duplicate that was answered already
    auto& entry = plan.response.topics.emplace_back();
    entry.name = topic.name;
    ConfigMap overrides;
    std::optional<Refusal> refusal;
    if (asked_partitions > request_partitions_max)
      refusal = too_many(asked_partitions, request_partitions_max);
    else if (count > 1)
      refusal = Refusal{ErrorCode::invalid_request, "Duplicate topic name."};
    else
      refusal = check_new_topic(topic, context, overrides);
    count = 0;
    const std::int32_t partitions = partition_count(topic, options);
    if (!refusal && total + partitions > options.partitions_max)
      refusal = too_many(total + partitions, options.partitions_max);
    if (refusal) {
      refuse(entry, std::move(*refusal), context.arena);
      continue;
    }
    total += partitions;
    entry.num_partitions = partitions;
    entry.replication_factor = 1;
    entry.configs = reported_configs(overrides, context);
    if (request.validate_only) continue;
    auto change = new_topic(std::string(topic.name), partitions, std::move(overrides),
                            *context.catalog, context.random, context.now_ms);
    entry.topic_id = change.topic.id;
    plan.add(std::move(change), plan.response.topics.size() - 1);
  }
  return plan;
}

namespace {

// One topic of a DeleteTopics request, whatever its version.
struct Doomed {
  std::optional<std::string_view> name;
  Uuid id;
};

std::vector<Doomed> doomed_topics(const DeleteTopicsRequest& request, Version version) {
  std::vector<Doomed> doomed;
  if (version >= 6)
    for (const auto& topic : request.topics) doomed.push_back({topic.name, topic.topic_id});
  else
    for (const auto name : request.topic_names) doomed.push_back({name, {}});
  return doomed;
}

std::optional<Refusal> check_doomed(const Doomed& asked, const Topic* topic, bool repeated) {
  const bool by_id = !asked.id.is_zero();
  if (asked.name && by_id)
    return Refusal{ErrorCode::invalid_request, "You may not specify both topic name and topic id."};
  if (!asked.name && !by_id)
    return Refusal{ErrorCode::invalid_request, "Neither topic name nor id were specified."};
  if (repeated)
    return Refusal{ErrorCode::invalid_request,
                   by_id ? "Duplicate topic id." : "Duplicate topic name."};
  if (topic == nullptr)
    return by_id ? Refusal{ErrorCode::unknown_topic_id, "This server does not host this topic ID."}
                 : Refusal{ErrorCode::unknown_topic_or_partition, not_hosted};
  if (is_internal_topic(topic->name))
    return Refusal{ErrorCode::invalid_topic_exception, "An internal topic cannot be deleted."};
  return std::nullopt;
}

}  // namespace

Plan<DeleteTopicsResponse> delete_topics(const DeleteTopicsRequest& request, Version version,
                                         const Context& context) {
  const Catalog& catalog = context.arena.keep(context.catalog);
  const auto doomed = doomed_topics(request, version);
  // A topic may be named twice by its name, by its id, or once by each.
  std::map<std::pair<std::string_view, Uuid>, int> times;
  std::map<const Topic*, int> topic_times;
  const auto find = [&](const Doomed& asked) {
    return asked.name ? catalog.find(*asked.name) : catalog.find(asked.id);
  };
  for (const auto& asked : doomed) {
    ++times[{asked.name.value_or(""), asked.id}];
    ++topic_times[find(asked)];
  }
  Plan<DeleteTopicsResponse> plan;
  for (const auto& asked : doomed) {
    const Topic* topic = find(asked);
    auto& entry = plan.response.responses.emplace_back();
    entry.name = asked.name;
    entry.topic_id = asked.id;
    const bool repeated = times[{asked.name.value_or(""), asked.id}] > 1 ||
                          (topic != nullptr && topic_times[topic] > 1);
    std::optional<Refusal> refusal;
    if (!context.options->delete_topic_enable)
      refusal = version < 3
                    ? Refusal{ErrorCode::invalid_request, "Topic deletion is disabled."}
                    : Refusal{ErrorCode::topic_deletion_disabled, "Topic deletion is disabled."};
    else
      refusal = check_doomed(asked, topic, repeated);
    if (refusal) {
      refuse(entry, std::move(*refusal), context.arena);
      continue;
    }
    entry.name = topic->name;
    entry.topic_id = topic->id;
    plan.add(DeleteTopic{topic->id}, plan.response.responses.size() - 1);
  }
  return plan;
}

namespace {

std::optional<Refusal> check_growth(const CreatePartitionsRequest::Topic& asked, const Topic* topic,
                                    const Context& context) {
  if (topic == nullptr) return Refusal{ErrorCode::unknown_topic_or_partition, not_hosted};
  if (is_internal_topic(topic->name))
    return Refusal{ErrorCode::invalid_topic_exception,
                   "The number of partitions of an internal topic does not change."};
  const std::int32_t now = topic->partition_count;
  if (asked.count == now)
    return Refusal{ErrorCode::invalid_partitions,
                   "Topic already has " + std::to_string(now) + " partition(s)."};
  if (asked.count < now)
    return Refusal{ErrorCode::invalid_partitions, "The topic " + topic->name + " currently has " +
                                                      std::to_string(now) + " partition(s); " +
                                                      std::to_string(asked.count) +
                                                      " would not be an increase."};
  if (asked.assignments) {
    const auto added = static_cast<std::size_t>(asked.count - now);
    if (asked.assignments->size() != added)
      return Refusal{
          ErrorCode::invalid_replica_assignment,
          "Attempted to add " + std::to_string(added) + " additional partition(s), but only " +
              std::to_string(asked.assignments->size()) + " assignment(s) were specified."};
    for (const auto& assignment : *asked.assignments)
      if (auto refusal = check_brokers(assignment.broker_ids, context.node())) return refusal;
  }
  return std::nullopt;
}

}  // namespace

Plan<CreatePartitionsResponse> create_partitions(const CreatePartitionsRequest& request,
                                                 const Context& context) {
  const Catalog& catalog = context.arena.keep(context.catalog);
  std::map<std::string_view, int> times;
  for (const auto& asked : request.topics) ++times[asked.name];
  Plan<CreatePartitionsResponse> plan;
  std::int64_t total = catalog.partition_total();
  std::int64_t added = 0;
  for (const auto& asked : request.topics) {
    int& count = times[asked.name];
    if (count == 0) continue;
    const Topic* topic = catalog.find(asked.name);
    auto& entry = plan.response.results.emplace_back();
    entry.name = asked.name;
    std::optional<Refusal> refusal;
    if (count > 1)
      refusal = Refusal{ErrorCode::invalid_request, "Duplicate topic name."};
    else
      refusal = check_growth(asked, topic, context);
    count = 0;
    if (!refusal) {
      const std::int64_t more = asked.count - topic->partition_count;
      if (added + more > request_partitions_max)
        refusal = too_many(added + more, request_partitions_max);
      else if (total + more > context.options->partitions_max)
        refusal = too_many(total + more, context.options->partitions_max);
      added += more;
    }
    if (refusal) {
      refuse(entry, std::move(*refusal), context.arena);
      continue;
    }
    total += asked.count - topic->partition_count;
    if (!request.validate_only)
      plan.add(GrowTopic{topic->id, asked.count}, plan.response.results.size() - 1);
  }
  return plan;
}

}  // namespace sluice::broker::admin
