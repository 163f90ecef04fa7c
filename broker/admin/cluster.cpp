#include "broker/admin/cluster.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace sluice::broker::admin {
namespace {

constexpr const char* no_authorizer = "No Authorizer is configured on the broker";
constexpr const char* not_hosted = "This server does not host this topic-partition.";

bool has_partition(const Catalog& catalog, std::string_view topic, PartitionIndex partition) {
  const Topic* found = catalog.find(topic);
  return found != nullptr && partition >= 0 && partition < found->partition_count;
}

using LogDirTopic = protocol::DescribeLogDirsResponse::Topic;

void add_log_partition(LogDirTopic& row, const Topic& topic, PartitionIndex partition,
                       const Context& context) {
  auto& entry = row.partitions.emplace_back();
  entry.partition_index = partition;
  entry.partition_size = context.partitions.state(topic, partition).size_on_disk;
}

std::vector<LogDirTopic> all_log_topics(const Catalog& catalog, const Context& context) {
  std::vector<LogDirTopic> rows;
  for (const auto& [name, topic] : catalog.topics()) {
    auto& row = rows.emplace_back();
    row.name = name;
    for (PartitionIndex i = 0; i < topic->partition_count; ++i)
      add_log_partition(row, *topic, i, context);
  }
  return rows;
}

}  // namespace

protocol::DescribeLogDirsResponse describe_log_dirs(const protocol::DescribeLogDirsRequest& request,
                                                    DiskSpace space, const Context& context) {
  const Catalog& catalog = context.arena.keep(context.catalog);
  const Options& options = context.arena.keep(context.options);
  protocol::DescribeLogDirsResponse response;
  auto& result = response.results.emplace_back();
  result.log_dir = options.log_dir;
  result.total_bytes = space.total_bytes;
  result.usable_bytes = space.usable_bytes;
  if (!request.topics) {
    result.topics = all_log_topics(catalog, context);
    return response;
  }
  for (const auto& asked : *request.topics) {
    const Topic* topic = catalog.find(asked.topic);
    if (topic == nullptr) continue;
    LogDirTopic row;
    row.name = topic->name;
    for (const PartitionIndex partition : asked.partitions)
      if (has_partition(catalog, asked.topic, partition))
        add_log_partition(row, *topic, partition, context);
    if (!row.partitions.empty()) result.topics.push_back(std::move(row));
  }
  return response;
}

protocol::AlterReplicaLogDirsResponse alter_replica_log_dirs(
    const protocol::AlterReplicaLogDirsRequest& request, const Context& context) {
  protocol::AlterReplicaLogDirsResponse response;
  for (const auto& directory : request.dirs) {
    const bool ours = directory.path == context.options->log_dir;
    for (const auto& topic : directory.topics) {
      auto& result = response.results.emplace_back();
      result.topic_name = topic.name;
      for (const PartitionIndex partition : topic.partitions) {
        ErrorCode code = ErrorCode::none;
        if (!ours)
          code = ErrorCode::log_dir_not_found;
        else if (!has_partition(*context.catalog, topic.name, partition))
          code = ErrorCode::unknown_topic_or_partition;
        result.partitions.push_back({partition, code});
      }
    }
  }
  return response;
}

protocol::ListPartitionReassignmentsResponse list_partition_reassignments() { return {}; }

protocol::AlterPartitionReassignmentsResponse alter_partition_reassignments(
    const protocol::AlterPartitionReassignmentsRequest& request, const Context& context) {
  protocol::AlterPartitionReassignmentsResponse response;
  response.allow_replication_factor_change = request.allow_replication_factor_change;
  for (const auto& topic : request.topics) {
    auto& row = response.responses.emplace_back();
    row.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& entry = row.partitions.emplace_back();
      entry.partition_index = partition.partition_index;
      if (!has_partition(*context.catalog, topic.name, partition.partition_index)) {
        entry.error_code = ErrorCode::unknown_topic_or_partition;
        entry.error_message = not_hosted;
      } else if (!partition.replicas) {
        entry.error_code = ErrorCode::no_reassignment_in_progress;
        entry.error_message = "No partition reassignment is in progress.";
      } else if (*partition.replicas != std::vector<BrokerId>{context.node()}) {
        entry.error_code = ErrorCode::invalid_replica_assignment;
        entry.error_message = "The only possible replica list is this broker.";
      }
    }
  }
  return response;
}

protocol::ElectLeadersResponse elect_leaders(const protocol::ElectLeadersRequest& request,
                                             const Context& context) {
  protocol::ElectLeadersResponse response;
  // All partitions: Kafka lists only those whose leader changed, or failed to.
  if (!request.topic_partitions) return response;
  for (const auto& topic : *request.topic_partitions) {
    auto& row = response.replica_election_results.emplace_back();
    row.topic = topic.topic;
    for (const PartitionIndex partition : topic.partitions) {
      const bool known = has_partition(*context.catalog, topic.topic, partition);
      auto& entry = row.partition_result.emplace_back();
      entry.partition_id = partition;
      entry.error_code =
          known ? ErrorCode::election_not_needed : ErrorCode::unknown_topic_or_partition;
      entry.error_message = known ? "Leader election not needed for topic partition." : not_hosted;
    }
  }
  return response;
}

protocol::ConsumerGroupDescribeResponse consumer_group_describe(
    const protocol::ConsumerGroupDescribeRequest& request, const Context& context) {
  protocol::ConsumerGroupDescribeResponse response;
  for (const auto group : request.group_ids) {
    auto& row = response.groups.emplace_back();
    row.group_id = group;
    row.error_code = ErrorCode::group_id_not_found;
    row.error_message = context.arena.keep("Group " + std::string(group) + " not found.");
  }
  return response;
}

protocol::DescribeAclsResponse describe_acls() {
  protocol::DescribeAclsResponse response;
  response.error_code = ErrorCode::security_disabled;
  response.error_message = no_authorizer;
  return response;
}

protocol::CreateAclsResponse create_acls(const protocol::CreateAclsRequest& request) {
  protocol::CreateAclsResponse response;
  for (std::size_t i = 0; i < request.creations.size(); ++i) {
    auto& result = response.results.emplace_back();
    result.error_code = ErrorCode::security_disabled;
    result.error_message = no_authorizer;
  }
  return response;
}

protocol::DeleteAclsResponse delete_acls(const protocol::DeleteAclsRequest& request) {
  protocol::DeleteAclsResponse response;
  for (std::size_t i = 0; i < request.filters.size(); ++i) {
    auto& result = response.filter_results.emplace_back();
    result.error_code = ErrorCode::security_disabled;
    result.error_message = no_authorizer;
  }
  return response;
}

namespace {

Refusal check_quota_filter(const protocol::DescribeClientQuotasRequest& request) {
  constexpr std::array<std::string_view, 3> known{"user", "client-id", "ip"};
  constexpr std::int8_t exact = 0;
  constexpr std::int8_t any = 2;
  std::set<std::string_view> seen;
  for (const auto& component : request.components) {
    const std::string type(component.entity_type);
    if (type.empty())
      return {ErrorCode::invalid_request, "Unexpected empty filter component entity type"};
    if (std::ranges::find(known, component.entity_type) == known.end())
      return {ErrorCode::unsupported_version, "Custom entity type '" + type + "' not supported"};
    if (!seen.insert(component.entity_type).second)
      return {ErrorCode::invalid_request, "Duplicate " + type + " filter component entity type"};
    const bool named = component.match_type == exact;
    if (component.match_type < exact || component.match_type > any ||
        named != component.match.has_value())
      return {ErrorCode::invalid_request,
              "Unexpected match type " + std::to_string(component.match_type)};
  }
  if (seen.contains("ip") && seen.size() > 1)
    return {
        ErrorCode::invalid_request,
        "Invalid entity filter component combination, IP filter component should not be used with "
        "user or clientId filter component."};
  return {};
}

}  // namespace

protocol::DescribeClientQuotasResponse describe_client_quotas(
    const protocol::DescribeClientQuotasRequest& request, const Context& context) {
  protocol::DescribeClientQuotasResponse response;
  if (auto refusal = check_quota_filter(request); refusal.code != ErrorCode::none) {
    refuse(response, std::move(refusal), context.arena);
    response.entries = std::nullopt;
  }
  return response;
}

protocol::DescribeUserScramCredentialsResponse describe_user_scram_credentials(
    const protocol::DescribeUserScramCredentialsRequest& request, const Context& context) {
  protocol::DescribeUserScramCredentialsResponse response;
  if (!request.users || request.users->empty()) return response;
  std::map<std::string_view, int> times;
  for (const auto& user : *request.users) ++times[user.name];
  for (const auto& user : *request.users) {
    int& count = times[user.name];
    if (count == 0) continue;
    const std::string name(user.name);
    auto& row = response.results.emplace_back();
    row.user = user.name;
    refuse(row,
           count > 1
               ? Refusal{ErrorCode::duplicate_resource,
                         "Cannot describe SCRAM credentials for the same user twice in a single "
                         "request: " +
                             name}
               : Refusal{ErrorCode::resource_not_found,
                         "Attempt to describe a user credential that does not exist: " + name},
           context.arena);
    count = 0;
  }
  return response;
}

protocol::DescribeQuorumResponse describe_quorum(const protocol::DescribeQuorumRequest& request,
                                                 Version version, const Context& context) {
  protocol::DescribeQuorumResponse response;
  const auto changes = static_cast<Offset>(context.catalog->version());
  for (const auto& topic : request.topics) {
    auto& row = response.topics.emplace_back();
    row.topic_name = topic.topic_name;
    for (const auto& asked : topic.partitions) {
      auto& entry = row.partitions.emplace_back();
      entry.partition_index = asked.partition_index;
      if (topic.topic_name != "__cluster_metadata" || asked.partition_index != 0) {
        entry.error_code = ErrorCode::unknown_topic_or_partition;
        continue;
      }
      entry.leader_id = context.node();
      entry.leader_epoch = 1;
      entry.high_watermark = changes;
      auto& voter = entry.current_voters.emplace_back();
      voter.replica_id = context.node();
      voter.log_end_offset = changes;
      voter.last_fetch_timestamp = context.now_ms;
      voter.last_caught_up_timestamp = context.now_ms;
    }
  }
  if (version < 2) return response;
  auto& node = response.nodes.emplace_back();
  node.node_id = context.node();
  auto& listener = node.listeners.emplace_back();
  listener.name = "PLAINTEXT";
  listener.host = context.arena.keep(context.self.host);
  listener.port = context.self.port;
  return response;
}

}  // namespace sluice::broker::admin
