#include "sluice/admin.hpp"

#include "client/admin_core.hpp"
#include "protocol/messages/create_partitions.hpp"
#include "protocol/messages/create_topics.hpp"
#include "protocol/messages/delete_records.hpp"
#include "protocol/messages/delete_topics.hpp"
#include "protocol/messages/describe_configs.hpp"
#include "protocol/messages/describe_log_dirs.hpp"
#include "protocol/messages/incremental_alter_configs.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice {

using client::call;
using client::Cluster;
using client::outcome;

std::string_view source_name(ConfigSource source) {
  constexpr std::array<std::string_view, 9> names = {"unknown", "topic",          "broker",
                                                     "cluster", "broker file",    "default",
                                                     "logger",  "client metrics", "group"};
  const auto i = static_cast<std::size_t>(source);
  return i < names.size() ? names[i] : names[0];
}

void client::RetireAdmin::operator()(AdminCore* core) const {
  retire(std::unique_ptr<AdminCore>(core));
}

Admin::Admin(Core core) : core_(std::move(core)) {}
Admin::~Admin() = default;
Admin::Admin(Admin&&) noexcept = default;
Admin& Admin::operator=(Admin&&) noexcept = default;

Result<Admin> Admin::create(ClientOptions options) {
  auto cluster = client::Cluster::create(std::move(options));
  if (!cluster) return std::unexpected(cluster.error());
  return Admin(Core(std::make_unique<client::AdminCore>(std::move(*cluster)).release()));
}

Result<ClusterInfo> Admin::cluster(Deadline deadline) {
  auto& cluster = core_->cluster();
  const auto refreshed = core_->run(cluster.refresh(core_->until(deadline)));
  if (!refreshed) return std::unexpected(refreshed.error());
  return ClusterInfo{cluster.metadata().cluster_id(), cluster.metadata().controller(),
                     cluster.metadata().brokers()};
}

namespace {

Task<Result<std::vector<TopicInfo>>> ask_topics(Cluster& cluster,
                                                std::optional<std::vector<std::string>> names,
                                                TimePoint deadline) {
  auto link = co_await cluster.any(deadline);
  if (!link) co_return std::unexpected(link.error());
  protocol::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  if (names)
    for (const auto& name : *names) request.topics->emplace_back().name = name;
  else
    request.topics.reset();
  const auto reply = co_await call<protocol::MetadataResponse>(*link, request, deadline);
  if (!reply) co_return std::unexpected(reply.error());
  std::vector<TopicInfo> topics;
  for (const auto& topic : reply->body.topics) topics.push_back(client::topic_info(topic));
  std::sort(topics.begin(), topics.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  co_return topics;
}

}  // namespace

Result<std::vector<TopicInfo>> Admin::topics(Deadline deadline) {
  return core_->run(ask_topics(core_->cluster(), std::nullopt, core_->until(deadline)));
}

Result<std::vector<TopicInfo>> Admin::topics(const std::vector<std::string>& names,
                                             Deadline deadline) {
  if (names.empty()) return std::vector<TopicInfo>{};
  return core_->run(ask_topics(core_->cluster(), names, core_->until(deadline)));
}

Result<> Admin::create_topic(const NewTopic& topic, Commit commit, Deadline deadline) {
  protocol::CreateTopicsRequest request;
  request.timeout_ms = core_->timeout_ms();
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
  const auto reply = core_->ask_controller<protocol::CreateTopicsResponse>(request, deadline);
  if (!reply) return std::unexpected(reply.error());
  if (reply->body.topics.size() != 1) return fail(Errc::malformed_response, "CreateTopics");
  const auto& answer = reply->body.topics.front();
  return outcome(answer.error_code, "create topic " + topic.name, answer.error_message);
}

Result<> Admin::delete_topic(const std::string& name, Deadline deadline) {
  protocol::DeleteTopicsRequest request;
  request.timeout_ms = core_->timeout_ms();
  const auto version = core_->controller_version(protocol::DeleteTopicsRequest::schema, deadline);
  if (!version) return std::unexpected(version.error());
  if (*version >= 6)
    request.topics.emplace_back().name = name;
  else
    request.topic_names.push_back(name);
  const auto reply = core_->ask_controller<protocol::DeleteTopicsResponse>(request, deadline);
  if (!reply) return std::unexpected(reply.error());
  if (reply->body.responses.size() != 1) return fail(Errc::malformed_response, "DeleteTopics");
  const auto& answer = reply->body.responses.front();
  return outcome(answer.error_code, "delete topic " + name, answer.error_message);
}

Result<> Admin::create_partitions(const std::string& topic, std::int32_t total, Commit commit,
                                  Deadline deadline) {
  protocol::CreatePartitionsRequest request;
  request.timeout_ms = core_->timeout_ms();
  request.validate_only = commit == Commit::dry_run;
  auto& row = request.topics.emplace_back();
  row.name = topic;
  row.count = total;
  row.assignments.reset();
  const auto reply = core_->ask_controller<protocol::CreatePartitionsResponse>(request, deadline);
  if (!reply) return std::unexpected(reply.error());
  if (reply->body.results.size() != 1) return fail(Errc::malformed_response, "CreatePartitions");
  const auto& answer = reply->body.results.front();
  return outcome(answer.error_code, "partitions of topic " + topic, answer.error_message);
}

Result<std::vector<ConfigEntry>> Admin::configs(const Resource& resource, Deadline deadline) {
  protocol::DescribeConfigsRequest request;
  auto& row = request.resources.emplace_back();
  row.resource_type = static_cast<std::int8_t>(resource.type);
  row.resource_name = resource.name;
  row.configuration_keys.reset();
  const auto reply =
      core_->ask_owner<protocol::DescribeConfigsResponse>(resource, request, deadline);
  if (!reply) return std::unexpected(reply.error());
  if (reply->body.results.size() != 1) return fail(Errc::malformed_response, "DescribeConfigs");
  const auto& answer = reply->body.results.front();
  const auto good = outcome(answer.error_code, "configs of " + resource.name, answer.error_message);
  if (!good) return std::unexpected(good.error());
  std::vector<ConfigEntry> entries;
  for (const auto& config : answer.configs)
    entries.push_back(
        {.name = std::string(config.name),
         .value = config.value ? std::optional(std::string(*config.value)) : std::nullopt,
         .source = static_cast<ConfigSource>(config.config_source),
         .read_only = config.read_only,
         .sensitive = config.is_sensitive});
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Result<> Admin::alter_configs(const Resource& resource, const std::vector<ConfigSetting>& settings,
                              Commit commit, Deadline deadline) {
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
      core_->ask_owner<protocol::IncrementalAlterConfigsResponse>(resource, request, deadline);
  if (!reply) return std::unexpected(reply.error());
  if (reply->body.responses.size() != 1)
    return fail(Errc::malformed_response, "IncrementalAlterConfigs");
  const auto& answer = reply->body.responses.front();
  return outcome(answer.error_code, "configs of " + resource.name, answer.error_message);
}

Result<std::map<TopicPartition, std::int64_t>> Admin::sizes(Deadline deadline) {
  const auto known = cluster(deadline);
  if (!known) return std::unexpected(known.error());
  std::map<TopicPartition, std::int64_t> sizes;
  for (const auto& broker : known->brokers) {
    protocol::DescribeLogDirsRequest request;
    request.topics.reset();
    const auto reply =
        core_->ask_node<protocol::DescribeLogDirsResponse>(broker.id, request, deadline);
    if (!reply) return std::unexpected(reply.error());
    for (const auto& directory : reply->body.results)
      for (const auto& topic : directory.topics)
        for (const auto& partition : topic.partitions)
          sizes[{std::string(topic.name), partition.partition_index}] += partition.partition_size;
  }
  return sizes;
}

Result<std::map<TopicPartition, TimestampOffset>> Admin::offsets(
    const std::map<TopicPartition, std::int64_t>& at, Deadline deadline) {
  return core_->run(client::list_offsets(core_->cluster(), at, Isolation::read_uncommitted,
                                         core_->until(deadline)));
}

Result<std::map<TopicPartition, Offset>> Admin::delete_records(
    const std::map<TopicPartition, Offset>& before, Deadline deadline) {
  std::map<BrokerId, protocol::DeleteRecordsRequest> requests;
  auto& cluster = core_->cluster();
  for (const auto& [where, offset] : before) {
    const auto known = core_->run(cluster.ensure_topic(where.topic, core_->until(deadline)));
    if (!known) return std::unexpected(known.error());
    const auto* partition = cluster.metadata().partition(where.topic, where.partition);
    if (!partition) return fail(Errc::unknown_topic, where.to_string());
    auto& request = requests[partition->leader];
    request.timeout_ms = core_->timeout_ms();
    if (request.topics.empty() || request.topics.back().name != where.topic)
      request.topics.emplace_back().name = where.topic;
    auto& row = request.topics.back().partitions.emplace_back();
    row.partition_index = where.partition;
    row.offset = offset;
  }
  std::map<TopicPartition, Offset> first_offsets;
  for (const auto& [leader, request] : requests) {
    const auto reply = core_->ask_node<protocol::DeleteRecordsResponse>(leader, request, deadline);
    if (!reply) return std::unexpected(reply.error());
    for (const auto& topic : reply->body.topics) {
      for (const auto& row : topic.partitions) {
        const auto good = outcome(row.error_code, "delete records of " + std::string(topic.name) +
                                                      "-" + std::to_string(row.partition_index));
        if (!good) return std::unexpected(good.error());
        first_offsets[{std::string(topic.name), row.partition_index}] = row.low_watermark;
      }
    }
  }
  return first_offsets;
}

}  // namespace sluice
