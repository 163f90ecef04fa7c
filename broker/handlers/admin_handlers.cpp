#include "broker/handlers/admin_handlers.hpp"

#include "broker/admin/cluster.hpp"
#include "broker/admin/configs.hpp"
#include "broker/admin/context.hpp"
#include "broker/admin/metadata.hpp"
#include "broker/admin/topics.hpp"
#include "broker/broker.hpp"
#include "broker/partition.hpp"
#include "broker/queue/retry_topic.hpp"
#include "broker/shards.hpp"

#include <unordered_map>

namespace sluice::broker {
namespace {

// What the shards told about their partitions when it was made.
class PartitionPicture final : public admin::PartitionFacts {
 public:
  admin::PartitionState state(const Topic& topic, PartitionIndex partition) const override {
    const auto at = states_.find(PartitionKey{topic.id, partition});
    if (at != states_.end()) return at->second;
    admin::PartitionState missing;
    missing.available = false;
    return missing;
  }

  // On `shard`: adds its partitions of `topic`, or all of them when null.
  Task<> add(Shard* shard, const Topic* topic) {
    if (topic == nullptr) {
      for (const auto& [key, partition] : shard->partitions()) add_one(key, *partition);
      co_return;
    }
    for (PartitionIndex index = 0; index < topic->partition_count; ++index)
      if (Partition* partition = shard->find(topic->id, index))
        add_one({topic->id, index}, *partition);
  }

 private:
  void add_one(PartitionKey key, Partition& partition) {
    storage::Log& log = partition.log();
    states_[key] = {log.leader_epoch(), !partition.closing(), log.size_on_disk()};
  }
  std::unordered_map<PartitionKey, admin::PartitionState, PartitionKeyHash> states_;
};

Task<> picture_topic(Request& request, PartitionPicture& picture, const Topic* topic) {
  Broker& broker = request.shard.broker();
  for (int id = 0; id < broker.shard_count(); ++id)
    co_await on(request.shard, broker.shard(id), picture.add(&broker.shard(id), topic));
}

admin::Context make_context(Request& request, const CatalogSnapshot& catalog,
                            const PartitionPicture& picture, Shard& here) {
  Broker& broker = here.broker();
  return {.catalog = catalog,
          .options = here.options(),
          .cluster_id = broker.cluster_id(),
          .self = advertised_endpoint(*here.options(), request.peer.listener, request.peer.local),
          .partitions = picture,
          .random = here.random(),
          .now_ms = here.clock().wall_ms(),
          .arena = request.arena};
}

// An API that reads the catalog and nothing of the partitions.
admin::Context plain_context(Request& request) {
  static const PartitionPicture none;
  return make_context(request, request.catalog, none, request.shard);
}

// Runs on shard 0: computes the changes from the newest catalog, commits them, reports.
template <class Response, class Message>
using MakePlan = admin::Plan<Response> (*)(const Message& message, std::int16_t version,
                                           const admin::Context& context);

template <class Response, class Message>
Task<Response> change_here(Request* request, const Message* message,
                           MakePlan<Response, Message> make_plan) {
  Shard& home = request->shard.broker().shard(0);
  Broker& broker = home.broker();
  if (!broker.changes().try_enter()) co_await broker.changes().enter();
  const Turnstile::Pass pass{broker.changes()};
  const PartitionPicture none;
  const admin::Context context =
      make_context(*request, broker.catalog_store().snapshot(), none, home);
  request->arena.keep(std::shared_ptr<const Catalog>(context.catalog));
  admin::Plan<Response> plan = make_plan(*message, request->version(), context);
  if (!plan.changes.empty()) {
    std::vector<CatalogChange> changes = plan.changes;
    const auto outcome = co_await broker.commit(std::move(changes));
    admin::settle(plan, outcome, request->arena);
  }
  co_return std::move(plan.response);
}

template <class Response, class Message>
Task<Response> change(Request& request, const Message& message,
                      MakePlan<Response, Message> make_plan) {
  co_return co_await on(request.shard, request.shard.broker().shard(0),
                        change_here(&request, &message, make_plan));
}

// ---- Metadata with automatic creation ----

Task<CatalogSnapshot> create_missing(Request* request, const protocol::MetadataRequest* message) {
  Shard& home = request->shard.broker().shard(0);
  Broker& broker = home.broker();
  if (!broker.changes().try_enter()) co_await broker.changes().enter();
  const Turnstile::Pass pass{broker.changes()};
  CatalogSnapshot catalog = broker.catalog_store().snapshot();
  const PartitionPicture none;
  const admin::Context context = make_context(*request, catalog, none, home);
  auto changes = admin::auto_created_topics(*message, request->version(), context);
  if (!changes.empty()) {
    const auto outcome = co_await broker.commit(std::move(changes));
    if (outcome) catalog = outcome->after;
  }
  co_return catalog;
}

}  // namespace

Task<> create_retry_topics(Request& request, const std::vector<std::string_view>* names) {
  protocol::MetadataRequest missing;
  missing.topics.emplace();
  for (const std::string_view name : *names)
    if (request.catalog->find(name) == nullptr && find_retry_name(*request.catalog, name))
      missing.topics->emplace_back().name = name;
  if (missing.topics->empty()) co_return;
  request.catalog = co_await on(request.shard, request.shard.broker().shard(0),
                                create_missing(&request, &missing));
}

Task<protocol::MetadataResponse> handle_metadata(Request& request,
                                                 const protocol::MetadataRequest& message) {
  PartitionPicture picture;
  const admin::Context before = make_context(request, request.catalog, picture, request.shard);
  if (!admin::auto_created_topics(message, request.version(), before).empty())
    request.catalog = co_await on(request.shard, request.shard.broker().shard(0),
                                  create_missing(&request, &message));
  const bool all = !message.topics || (request.version() == 0 && message.topics->empty());
  if (all) {
    co_await picture_topic(request, picture, nullptr);
  } else {
    for (const auto& wanted : *message.topics) {
      const Topic* topic = wanted.name ? request.catalog->find(*wanted.name)
                                       : request.catalog->find(wanted.topic_id);
      if (topic != nullptr) co_await picture_topic(request, picture, topic);
    }
  }
  const admin::Context context = make_context(request, request.catalog, picture, request.shard);
  co_return admin::metadata(message, request.version(), context);
}

Task<protocol::DescribeTopicPartitionsResponse> handle_describe_topic_partitions(
    Request& request, const protocol::DescribeTopicPartitionsRequest& message) {
  PartitionPicture picture;
  if (message.topics.empty()) co_await picture_topic(request, picture, nullptr);
  for (const auto& wanted : message.topics)
    if (const Topic* topic = request.catalog->find(wanted.name))
      co_await picture_topic(request, picture, topic);
  const admin::Context context = make_context(request, request.catalog, picture, request.shard);
  co_return admin::describe_topic_partitions(message, context);
}

Task<protocol::DescribeClusterResponse> handle_describe_cluster(
    Request& request, const protocol::DescribeClusterRequest& message) {
  co_return admin::describe_cluster(message, request.version(), plain_context(request));
}

Task<protocol::DescribeLogDirsResponse> handle_describe_log_dirs(
    Request& request, const protocol::DescribeLogDirsRequest& message) {
  PartitionPicture picture;
  co_await picture_topic(request, picture, nullptr);
  admin::DiskSpace space;
  if (const auto found = co_await request.shard.files().space()) {
    space.total_bytes = static_cast<std::int64_t>(found->total_bytes);
    space.usable_bytes = static_cast<std::int64_t>(found->free_bytes);
  }
  const admin::Context context = make_context(request, request.catalog, picture, request.shard);
  co_return admin::describe_log_dirs(message, space, context);
}

// ---- Changes ----

Task<protocol::CreateTopicsResponse> handle_create_topics(
    Request& request, const protocol::CreateTopicsRequest& message) {
  co_return co_await change<protocol::CreateTopicsResponse, protocol::CreateTopicsRequest>(
      request, message, [](const auto& m, std::int16_t, const admin::Context& context) {
        return admin::create_topics(m, context);
      });
}
Task<protocol::DeleteTopicsResponse> handle_delete_topics(
    Request& request, const protocol::DeleteTopicsRequest& message) {
  co_return co_await change<protocol::DeleteTopicsResponse, protocol::DeleteTopicsRequest>(
      request, message, [](const auto& m, std::int16_t version, const admin::Context& context) {
        return admin::delete_topics(m, version, context);
      });
}
Task<protocol::CreatePartitionsResponse> handle_create_partitions(
    Request& request, const protocol::CreatePartitionsRequest& message) {
  co_return co_await change<protocol::CreatePartitionsResponse, protocol::CreatePartitionsRequest>(
      request, message, [](const auto& m, std::int16_t, const admin::Context& context) {
        return admin::create_partitions(m, context);
      });
}
Task<protocol::AlterConfigsResponse> handle_alter_configs(
    Request& request, const protocol::AlterConfigsRequest& message) {
  co_return co_await change<protocol::AlterConfigsResponse, protocol::AlterConfigsRequest>(
      request, message, [](const auto& m, std::int16_t, const admin::Context& context) {
        return admin::alter_configs(m, context);
      });
}
Task<protocol::IncrementalAlterConfigsResponse> handle_incremental_alter_configs(
    Request& request, const protocol::IncrementalAlterConfigsRequest& message) {
  co_return co_await change<protocol::IncrementalAlterConfigsResponse,
                            protocol::IncrementalAlterConfigsRequest>(
      request, message, [](const auto& m, std::int16_t, const admin::Context& context) {
        return admin::incremental_alter_configs(m, context);
      });
}

// ---- Questions to the catalog ----

Task<protocol::DescribeConfigsResponse> handle_describe_configs(
    Request& request, const protocol::DescribeConfigsRequest& message) {
  co_return admin::describe_configs(message, plain_context(request));
}
Task<protocol::ListConfigResourcesResponse> handle_list_config_resources(
    Request& request, const protocol::ListConfigResourcesRequest& message) {
  co_return admin::list_config_resources(message, request.version(), plain_context(request));
}
Task<protocol::ConsumerGroupDescribeResponse> handle_consumer_group_describe(
    Request& request, const protocol::ConsumerGroupDescribeRequest& message) {
  co_return admin::consumer_group_describe(message, plain_context(request));
}
Task<protocol::DescribeAclsResponse> handle_describe_acls(Request&,
                                                          const protocol::DescribeAclsRequest&) {
  co_return admin::describe_acls();
}
Task<protocol::CreateAclsResponse> handle_create_acls(Request&,
                                                      const protocol::CreateAclsRequest& message) {
  co_return admin::create_acls(message);
}
Task<protocol::DeleteAclsResponse> handle_delete_acls(Request&,
                                                      const protocol::DeleteAclsRequest& message) {
  co_return admin::delete_acls(message);
}
Task<protocol::AlterReplicaLogDirsResponse> handle_alter_replica_log_dirs(
    Request& request, const protocol::AlterReplicaLogDirsRequest& message) {
  co_return admin::alter_replica_log_dirs(message, plain_context(request));
}
Task<protocol::ElectLeadersResponse> handle_elect_leaders(
    Request& request, const protocol::ElectLeadersRequest& message) {
  co_return admin::elect_leaders(message, plain_context(request));
}
Task<protocol::AlterPartitionReassignmentsResponse> handle_alter_partition_reassignments(
    Request& request, const protocol::AlterPartitionReassignmentsRequest& message) {
  co_return admin::alter_partition_reassignments(message, plain_context(request));
}
Task<protocol::ListPartitionReassignmentsResponse> handle_list_partition_reassignments(
    Request&, const protocol::ListPartitionReassignmentsRequest&) {
  co_return admin::list_partition_reassignments();
}
Task<protocol::DescribeClientQuotasResponse> handle_describe_client_quotas(
    Request& request, const protocol::DescribeClientQuotasRequest& message) {
  co_return admin::describe_client_quotas(message, plain_context(request));
}
Task<protocol::DescribeUserScramCredentialsResponse> handle_describe_user_scram_credentials(
    Request& request, const protocol::DescribeUserScramCredentialsRequest& message) {
  co_return admin::describe_user_scram_credentials(message, plain_context(request));
}

}  // namespace sluice::broker
