#include "client/admin_core.hpp"

#include "protocol/messages/create_partitions.hpp"
#include "protocol/messages/create_topics.hpp"
#include "protocol/messages/delete_records.hpp"
#include "protocol/messages/delete_topics.hpp"
#include "protocol/messages/describe_configs.hpp"
#include "protocol/messages/describe_log_dirs.hpp"
#include "protocol/messages/incremental_alter_configs.hpp"
#include "protocol/messages/metadata.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {

Task<Result<ClusterInfo>> AdminCore::describe_cluster(TimePoint until) {
  const auto refreshed = co_await cluster_->refresh(until);
  if (!refreshed) co_return std::unexpected(refreshed.error());
  const auto& known = cluster_->metadata();
  co_return ClusterInfo{known.cluster_id(), known.controller(), known.brokers()};
}

Task<Result<std::vector<TopicInfo>>> AdminCore::topics(
    std::optional<std::vector<std::string>> names, TimePoint until) {
  if (names && names->empty()) co_return std::vector<TopicInfo>{};
  auto link = co_await cluster_->any(until);
  if (!link) co_return std::unexpected(link.error());
  protocol::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  if (names)
    for (const auto& name : *names) request.topics->emplace_back().name = name;
  else
    request.topics.reset();
  const auto reply = co_await call<protocol::MetadataResponse>(*link, request, until);
  if (!reply) co_return std::unexpected(reply.error());
  std::vector<TopicInfo> topics;
  for (const auto& topic : reply->body.topics) topics.push_back(topic_info(topic));
  std::sort(topics.begin(), topics.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  co_return topics;
}

Task<Result<>> AdminCore::create_topic(NewTopic topic, Commit commit, TimePoint until) {
  protocol::CreateTopicsRequest request;
  request.timeout_ms = timeout_ms();
  request.validate_only = commit == Commit::dry_run;
  auto& row = request.topics.emplace_back();
  row.name = topic.name;
  row.num_partitions = topic.partitions;
  row.replication_factor = topic.replication;
  for (const auto& setting : topic.configs) {
    auto& config = row.configs.emplace_back();
    config.name = setting.name;
    if (setting.value)
      config.value = *setting.value;
    else
      config.value.reset();
  }
  const auto reply = co_await ask_controller<protocol::CreateTopicsResponse>(request, until);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->body.topics.size() != 1) co_return fail(Errc::malformed_response, "CreateTopics");
  const auto& answer = reply->body.topics.front();
  co_return outcome(answer.error_code, "create topic " + topic.name, answer.error_message);
}

Task<Result<>> AdminCore::delete_topic(std::string name, TimePoint until) {
  protocol::DeleteTopicsRequest request;
  request.timeout_ms = timeout_ms();
  auto link = co_await cluster_->controller(until);
  if (!link) co_return std::unexpected(link.error());
  const auto version = pick_version(**link, protocol::DeleteTopicsRequest::schema);
  if (!version) co_return std::unexpected(version.error());
  if (*version >= 6)
    request.topics.emplace_back().name = name;
  else
    request.topic_names.push_back(name);
  const auto reply = co_await call<protocol::DeleteTopicsResponse>(*link, request, until);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->body.responses.size() != 1) co_return fail(Errc::malformed_response, "DeleteTopics");
  const auto& answer = reply->body.responses.front();
  co_return outcome(answer.error_code, "delete topic " + name, answer.error_message);
}

Task<Result<>> AdminCore::create_partitions(std::string topic, std::int32_t total, Commit commit,
                                            TimePoint until) {
  protocol::CreatePartitionsRequest request;
  request.timeout_ms = timeout_ms();
  request.validate_only = commit == Commit::dry_run;
  auto& row = request.topics.emplace_back();
  row.name = topic;
  row.count = total;
  row.assignments.reset();
  const auto reply = co_await ask_controller<protocol::CreatePartitionsResponse>(request, until);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->body.results.size() != 1) co_return fail(Errc::malformed_response, "CreatePartitions");
  const auto& answer = reply->body.results.front();
  co_return outcome(answer.error_code, "partitions of topic " + topic, answer.error_message);
}

namespace {

// The value of a synonym in the unit of the config: Kafka's "retention.ms" may come from
// "log.retention.hours".
std::string in_unit_of(std::string_view name, std::string_view synonym, std::string_view value) {
  std::int64_t factor = 1;
  if (name.ends_with(".ms") && synonym.ends_with(".hours")) factor = 3'600'000;
  if (name.ends_with(".ms") && synonym.ends_with(".minutes")) factor = 60'000;
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (factor == 1 || failed != std::errc{} || number < 0) return std::string(value);
  return std::to_string(number * factor);
}

// What applies without a setting of the resource's own.
std::optional<std::string> without_own(ResourceType type,
                                       const protocol::DescribeConfigsResponse::Config& config) {
  const auto own = type == ResourceType::topic   ? ConfigSource::topic
                   : type == ResourceType::group ? ConfigSource::group
                                                 : ConfigSource::dynamic_broker;
  for (const auto& synonym : config.synonyms)
    if (static_cast<ConfigSource>(synonym.source) != own)
      return synonym.value ? std::optional(in_unit_of(config.name, synonym.name, *synonym.value))
                           : std::nullopt;
  if (static_cast<ConfigSource>(config.config_source) == own || !config.value) return std::nullopt;
  return std::string(*config.value);
}

}  // namespace

Task<Result<std::vector<ConfigEntry>>> AdminCore::configs(Resource resource, TimePoint until) {
  protocol::DescribeConfigsRequest request;
  request.include_synonyms = true;
  auto& row = request.resources.emplace_back();
  row.resource_type = static_cast<std::int8_t>(resource.type);
  row.resource_name = resource.name;
  row.configuration_keys.reset();
  const auto reply =
      co_await ask_owner<protocol::DescribeConfigsResponse>(resource, request, until);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->body.results.size() != 1) co_return fail(Errc::malformed_response, "DescribeConfigs");
  const auto& answer = reply->body.results.front();
  const auto good = outcome(answer.error_code, "configs of " + resource.name, answer.error_message);
  if (!good) co_return std::unexpected(good.error());
  std::vector<ConfigEntry> entries;
  for (const auto& config : answer.configs)
    entries.push_back(
        {.name = std::string(config.name),
         .value = config.value ? std::optional(std::string(*config.value)) : std::nullopt,
         .default_value = without_own(resource.type, config),
         .source = static_cast<ConfigSource>(config.config_source),
         .read_only = config.read_only,
         .sensitive = config.is_sensitive});
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  co_return entries;
}

Task<Result<>> AdminCore::alter_configs(Resource resource, std::vector<ConfigSetting> settings,
                                        Commit commit, TimePoint until) {
  constexpr std::int8_t set = 0;
  constexpr std::int8_t remove = 1;
  protocol::IncrementalAlterConfigsRequest request;
  request.validate_only = commit == Commit::dry_run;
  auto& row = request.resources.emplace_back();
  row.resource_type = static_cast<std::int8_t>(resource.type);
  row.resource_name = resource.name;
  for (const auto& setting : settings) {
    auto& config = row.configs.emplace_back();
    config.name = setting.name;
    config.config_operation = setting.value ? set : remove;
    if (setting.value)
      config.value = *setting.value;
    else
      config.value.reset();
  }
  const auto reply =
      co_await ask_owner<protocol::IncrementalAlterConfigsResponse>(resource, request, until);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->body.responses.size() != 1)
    co_return fail(Errc::malformed_response, "IncrementalAlterConfigs");
  const auto& answer = reply->body.responses.front();
  co_return outcome(answer.error_code, "configs of " + resource.name, answer.error_message);
}

Task<Result<Admin::Sizes>> AdminCore::sizes(TimePoint until) {
  const auto known = co_await describe_cluster(until);
  if (!known) co_return std::unexpected(known.error());
  std::map<TopicPartition, std::int64_t> sizes;
  for (const auto& broker : known->brokers) {
    protocol::DescribeLogDirsRequest request;
    request.topics.reset();
    const auto reply =
        co_await ask_node<protocol::DescribeLogDirsResponse>(broker.id, request, until);
    if (!reply) co_return std::unexpected(reply.error());
    for (const auto& directory : reply->body.results)
      for (const auto& topic : directory.topics)
        for (const auto& partition : topic.partitions)
          sizes[{std::string(topic.name), partition.partition_index}] += partition.partition_size;
  }
  co_return sizes;
}

Task<Result<std::vector<LogDirectory>>> AdminCore::log_directories(TimePoint until) {
  const auto known = co_await describe_cluster(until);
  if (!known) co_return std::unexpected(known.error());
  std::vector<LogDirectory> directories;
  for (const auto& broker : known->brokers) {
    const protocol::DescribeLogDirsRequest request;  // of no topic
    const auto reply =
        co_await ask_node<protocol::DescribeLogDirsResponse>(broker.id, request, until);
    if (!reply) co_return std::unexpected(reply.error());
    for (const auto& directory : reply->body.results)
      directories.push_back({.broker = broker.id,
                             .path = std::string(directory.log_dir),
                             .error = directory.error_code,
                             .total_bytes = directory.total_bytes,
                             .free_bytes = directory.usable_bytes});
  }
  co_return directories;
}

Task<Result<Admin::FoundOffsets>> AdminCore::offsets(std::map<TopicPartition, std::int64_t> at,
                                                     TimePoint until) {
  co_return co_await list_offsets(*cluster_, std::move(at), Isolation::read_uncommitted, until);
}

Task<Result<Admin::Offsets>> AdminCore::delete_records(Admin::Offsets before, TimePoint until) {
  std::map<BrokerId, protocol::DeleteRecordsRequest> requests;
  for (const auto& [where, offset] : before) {
    const auto known = co_await cluster_->ensure_topic(where.topic, until);
    if (!known) co_return std::unexpected(known.error());
    const auto* partition = cluster_->metadata().partition(where.topic, where.partition);
    if (!partition) co_return fail(Errc::unknown_topic, where.to_string());
    auto& request = requests[partition->leader];
    request.timeout_ms = timeout_ms();
    if (request.topics.empty() || request.topics.back().name != where.topic)
      request.topics.emplace_back().name = where.topic;
    auto& row = request.topics.back().partitions.emplace_back();
    row.partition_index = where.partition;
    row.offset = offset;
  }
  std::map<TopicPartition, Offset> first_offsets;
  for (const auto& [leader, request] : requests) {
    const auto reply = co_await ask_node<protocol::DeleteRecordsResponse>(leader, request, until);
    if (!reply) co_return std::unexpected(reply.error());
    for (const auto& topic : reply->body.topics) {
      for (const auto& row : topic.partitions) {
        const auto good = outcome(row.error_code, "delete records of " + std::string(topic.name) +
                                                      "-" + std::to_string(row.partition_index));
        if (!good) co_return std::unexpected(good.error());
        first_offsets[{std::string(topic.name), row.partition_index}] = row.low_watermark;
      }
    }
  }
  co_return first_offsets;
}

}  // namespace sluice::client
