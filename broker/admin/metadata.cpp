#include "broker/admin/metadata.hpp"

#include "broker/admin/topics.hpp"

#include <algorithm>
#include <set>
#include <span>

namespace sluice::broker::admin {
namespace {

using protocol::MetadataRequest;
using protocol::MetadataResponse;

bool asks_for_all(const MetadataRequest& request, Version version) {
  return !request.topics || (version == 0 && request.topics->empty());
}

bool may_auto_create(const MetadataRequest& request, Version version, const Context& context) {
  return context.options->auto_create_topics_enable &&
         (version < 4 || request.allow_auto_topic_creation);
}

// Works for the partitions of Metadata and of DescribeTopicPartitions.
template <class Partition>
Partition partition_row(const Topic& topic, PartitionIndex index, const Context& context) {
  const auto state = context.partitions.state(topic, index);
  Partition row;
  row.partition_index = index;
  row.leader_id = context.node();
  row.leader_epoch = state.leader_epoch;
  row.replica_nodes = {context.node()};
  row.isr_nodes = {context.node()};
  if constexpr (requires { row.eligible_leader_replicas; }) {
    row.eligible_leader_replicas.emplace();  // none, where null would be "unknown": Java's Admin
    row.last_known_elr.emplace();            // reads the list without a look
  }
  if (!state.available) {
    row.error_code = ErrorCode::leader_not_available;
    row.leader_id = no_broker;
    row.offline_replicas = {context.node()};
  }
  return row;
}

MetadataResponse::Topic topic_row(const Topic& topic, bool operations, const Context& context) {
  MetadataResponse::Topic row;
  row.name = topic.name;
  row.topic_id = topic.id;
  row.is_internal = is_internal_topic(topic.name);
  row.partitions.reserve(static_cast<std::size_t>(topic.partition_count));
  for (PartitionIndex i = 0; i < topic.partition_count; ++i)
    row.partitions.push_back(partition_row<MetadataResponse::Partition>(topic, i, context));
  if (operations) row.topic_authorized_operations = topic_operations;
  return row;
}

MetadataResponse::Topic faulty_row(const MetadataRequest::Topic& asked, ErrorCode code) {
  MetadataResponse::Topic row;
  row.error_code = code;
  row.name = asked.name;
  row.topic_id = asked.topic_id;
  return row;
}

ErrorCode unknown_name(std::string_view name, bool auto_create, const Catalog& catalog) {
  if (!topic_name_fault(name).empty()) return ErrorCode::invalid_topic_exception;
  if (auto_create && catalog.colliding(name) != nullptr) return ErrorCode::invalid_topic_exception;
  return ErrorCode::unknown_topic_or_partition;
}

MetadataResponse::Topic asked_row(const MetadataRequest::Topic& asked, Version version,
                                  bool auto_create, bool operations, const Context& context) {
  const Catalog& catalog = *context.catalog;
  if (version == 10 || version == 11) {
    if (!asked.name || !asked.topic_id.is_zero()) {
      auto row = faulty_row(asked, ErrorCode::invalid_request);
      if (!row.name) row.name = "";  // these versions cannot say null
      return row;
    }
  }
  if (version >= 12 && !asked.name) {
    const Topic* topic = asked.topic_id.is_zero() ? nullptr : catalog.find(asked.topic_id);
    if (topic == nullptr) return faulty_row(asked, ErrorCode::unknown_topic_id);
    return topic_row(*topic, operations, context);
  }
  const std::string_view name = asked.name.value_or("");
  const Topic* topic = catalog.find(name);
  if (topic == nullptr) return faulty_row(asked, unknown_name(name, auto_create, catalog));
  return topic_row(*topic, operations, context);
}

// Each topic once, in the order of the request.
std::vector<const MetadataRequest::Topic*> distinct_topics(
    std::span<const MetadataRequest::Topic> asked) {
  std::vector<const MetadataRequest::Topic*> distinct;
  std::set<std::pair<std::string_view, Uuid>> seen;
  for (const auto& topic : asked)
    if (seen.emplace(topic.name.value_or(""), topic.topic_id).second) distinct.push_back(&topic);
  return distinct;
}

}  // namespace

std::vector<CatalogChange> auto_created_topics(const MetadataRequest& request, Version version,
                                               const Context& context) {
  std::vector<CatalogChange> changes;
  if (asks_for_all(request, version)) return changes;
  const bool any_topic = may_auto_create(request, version, context);
  const Catalog& catalog = *context.catalog;
  const Options& options = *context.options;
  std::int64_t partitions = catalog.partition_total();
  for (const auto* asked : distinct_topics(*request.topics)) {
    if (!asked->name || !asked->topic_id.is_zero() || catalog.find(*asked->name) != nullptr)
      continue;
    const std::string_view name = *asked->name;
    if (!topic_name_fault(name).empty() || catalog.colliding(name) != nullptr) continue;
    CreateTopic change;
    // The source's config is leave enough: librdkafka's consumers let nothing be made.
    if (auto retry = retry_topic(name, catalog, context.random, context.now_ms))
      change = std::move(*retry);
    else if (!any_topic)
      continue;
    else if (name == "__consumer_offsets")
      change = offsets_topic(options, catalog, context.random, context.now_ms);
    else if (is_internal_topic(name))
      continue;
    else
      change = new_topic(std::string(name), options.num_partitions, {}, catalog, context.random,
                         context.now_ms);
    partitions += change.topic.partition_count;
    if (partitions > options.partitions_max) break;
    changes.emplace_back(std::move(change));
  }
  return changes;
}

MetadataResponse metadata(const MetadataRequest& request, Version version, const Context& context) {
  const Catalog& catalog = context.arena.keep(context.catalog);
  const Options& options = context.arena.keep(context.options);
  MetadataResponse response;
  MetadataResponse::Broker self;
  self.node_id = context.node();
  self.host = context.arena.keep(context.self.host);
  self.port = context.self.port;
  if (options.broker_rack) self.rack = *options.broker_rack;
  response.brokers.push_back(self);
  response.cluster_id = context.cluster_id;
  response.controller_id = context.node();
  const bool operations = version >= 8 && request.include_topic_authorized_operations;
  if (version >= 8 && version <= 10 && request.include_cluster_authorized_operations)
    response.cluster_authorized_operations = cluster_operations;

  if (asks_for_all(request, version)) {
    response.topics.reserve(catalog.topics().size());
    for (const auto& [name, topic] : catalog.topics())
      response.topics.push_back(topic_row(*topic, operations, context));
    return response;
  }
  const bool auto_create = may_auto_create(request, version, context);
  for (const auto* asked : distinct_topics(*request.topics))
    response.topics.push_back(asked_row(*asked, version, auto_create, operations, context));
  return response;
}

namespace {

using protocol::DescribeTopicPartitionsRequest;
using protocol::DescribeTopicPartitionsResponse;

DescribeTopicPartitionsResponse refuse_all(const DescribeTopicPartitionsRequest& request) {
  DescribeTopicPartitionsResponse response;
  for (const auto& topic : request.topics) {
    auto& row = response.topics.emplace_back();
    row.error_code = ErrorCode::invalid_request;
    row.name = topic.name;
  }
  return response;
}

}  // namespace

DescribeTopicPartitionsResponse describe_topic_partitions(
    const DescribeTopicPartitionsRequest& request, const Context& context) {
  const Catalog& catalog = context.arena.keep(context.catalog);
  const auto& cursor = request.cursor;
  std::set<std::string_view> names;
  for (const auto& topic : request.topics) names.insert(topic.name);
  if (cursor) {
    const bool listed = names.empty() || names.contains(cursor->topic_name);
    if (!listed || cursor->partition_index < 0) return refuse_all(request);
  }
  if (request.topics.empty())
    for (const auto& [name, topic] : catalog.topics()) names.insert(name);
  if (cursor) names.erase(names.begin(), names.lower_bound(cursor->topic_name));

  std::int32_t left = std::max(1, std::min(request.response_partition_limit,
                                           context.options->max_request_partition_size_limit));
  DescribeTopicPartitionsResponse response;
  for (const auto name : names) {
    const Topic* topic = catalog.find(name);
    PartitionIndex first = cursor && cursor->topic_name == name ? cursor->partition_index : 0;
    if (left == 0) {
      response.next_cursor = DescribeTopicPartitionsResponse::Cursor{name, first};
      break;
    }
    auto& row = response.topics.emplace_back();
    row.name = name;
    if (topic == nullptr) {
      row.error_code = unknown_name(name, false, catalog);
      continue;
    }
    row.topic_id = topic->id;
    row.is_internal = is_internal_topic(name);
    row.topic_authorized_operations = topic_operations;
    for (; first < topic->partition_count && left > 0; ++first, --left)
      row.partitions.push_back(
          partition_row<DescribeTopicPartitionsResponse::Partition>(*topic, first, context));
    if (first < topic->partition_count) {
      response.next_cursor = DescribeTopicPartitionsResponse::Cursor{name, first};
      break;
    }
  }
  return response;
}

protocol::DescribeClusterResponse describe_cluster(const protocol::DescribeClusterRequest& request,
                                                   Version version, const Context& context) {
  constexpr std::int8_t brokers = 1;
  constexpr std::int8_t controllers = 2;
  const Options& options = context.arena.keep(context.options);
  protocol::DescribeClusterResponse response;
  response.cluster_id = context.cluster_id;
  if (version >= 1 && request.endpoint_type != brokers) {
    response.endpoint_type = request.endpoint_type;
    response.error_code = request.endpoint_type == controllers
                              ? ErrorCode::mismatched_endpoint_type
                              : ErrorCode::unsupported_endpoint_type;
    response.error_message = request.endpoint_type == controllers
                                 ? "The request was sent to an endpoint of the wrong type."
                                 : "Unsupported endpoint type.";
    return response;
  }
  response.controller_id = context.node();
  protocol::DescribeClusterResponse::Broker self;
  self.broker_id = context.node();
  self.host = context.arena.keep(context.self.host);
  self.port = context.self.port;
  if (options.broker_rack) self.rack = *options.broker_rack;
  response.brokers.push_back(self);
  if (request.include_cluster_authorized_operations)
    response.cluster_authorized_operations = cluster_operations;
  return response;
}

}  // namespace sluice::broker::admin
