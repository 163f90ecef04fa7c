#include "broker/dispatch.hpp"

#include "broker/admin/cluster.hpp"
#include "broker/broker.hpp"
#include "broker/handlers/admin_handlers.hpp"
#include "broker/handlers/handlers.hpp"
#include "broker/handlers/schedule_handlers.hpp"
#include "broker/handlers/share_handlers.hpp"
#include "broker/metrics/note_errors.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

namespace sluice::broker {
namespace {

using protocol::ApiKey;

struct Handler {
  ApiKey key;
  Task<Served> (*serve)(Request& request);
};

template <class T>
struct Unwrap {
  using type = T;
};
template <class T>
struct Unwrap<Task<T>> {
  using type = T;
};

void warn_malformed(Request& request, protocol::WireError error) {
  Shard& shard = request.shard;
  ++shard.counters().refused_malformed;
  shard.logger().warn("connection closed: a request does not parse; its client is at fault",
                      {{"client", request.peer.client_host},
                       {"api", request.parsed.api->name},
                       {"version", request.version()},
                       {"error", protocol::make_error_code(error).message()}});
}

// Decode, handle, encode. A handler that returns Served has encoded its own reply.
template <class Message, auto handle>
Task<Served> serve(Request& request) {
  Message message;
  const auto decoded = protocol::decode(request.parsed.body, request.version(), message);
  // Kafka does not look behind the message it expects, and librdkafka 2.16 leaves bytes there.
  const bool usable =
      decoded == protocol::WireError::none || decoded == protocol::WireError::trailing_bytes;
  if (!usable) {
    warn_malformed(request, decoded);
    co_return Served::close;
  }
  request.times.decoded = request.shard.timers().now();
  using Reply = typename Unwrap<decltype(handle(request, message))>::type;
  if constexpr (std::is_same_v<Reply, Served>) {
    co_return co_await handle(request, message);
  } else {
    const Reply reply = co_await handle(request, message);
    note_errors(request, reply);
    const auto encoded = protocol::encode_response(
        reply, request.version(), request.parsed.header.correlation_id, request.reply);
    if (encoded == protocol::WireError::none) co_return Served::replied;
    request.shard.logger().error("a reply could not be encoded",
                                 {{"api", request.parsed.api->name},
                                  {"version", request.version()},
                                  {"error", protocol::make_error_code(encoded).message()}});
    co_return Served::close;
  }
}

// Every API this broker serves. ApiVersions is read off this table.
constexpr std::array handlers{
    Handler{ApiKey::produce, serve<protocol::ProduceRequest, handle_produce>},
    Handler{ApiKey::fetch, serve<protocol::FetchRequest, handle_fetch>},
    Handler{ApiKey::list_offsets, serve<protocol::ListOffsetsRequest, handle_list_offsets>},
    Handler{ApiKey::metadata, serve<protocol::MetadataRequest, handle_metadata>},
    Handler{ApiKey::offset_commit, serve<protocol::OffsetCommitRequest, handle_offset_commit>},
    Handler{ApiKey::offset_fetch, serve<protocol::OffsetFetchRequest, handle_offset_fetch>},
    Handler{ApiKey::find_coordinator,
            serve<protocol::FindCoordinatorRequest, handle_find_coordinator>},
    Handler{ApiKey::join_group, serve<protocol::JoinGroupRequest, handle_join_group>},
    Handler{ApiKey::heartbeat, serve<protocol::HeartbeatRequest, handle_heartbeat>},
    Handler{ApiKey::leave_group, serve<protocol::LeaveGroupRequest, handle_leave_group>},
    Handler{ApiKey::sync_group, serve<protocol::SyncGroupRequest, handle_sync_group>},
    Handler{ApiKey::describe_groups,
            serve<protocol::DescribeGroupsRequest, handle_describe_groups>},
    Handler{ApiKey::list_groups, serve<protocol::ListGroupsRequest, handle_list_groups>},
    Handler{ApiKey::api_versions, serve<protocol::ApiVersionsRequest, handle_api_versions>},
    Handler{ApiKey::create_topics, serve<protocol::CreateTopicsRequest, handle_create_topics>},
    Handler{ApiKey::delete_topics, serve<protocol::DeleteTopicsRequest, handle_delete_topics>},
    Handler{ApiKey::delete_records, serve<protocol::DeleteRecordsRequest, handle_delete_records>},
    Handler{ApiKey::init_producer_id,
            serve<protocol::InitProducerIdRequest, handle_init_producer_id>},
    Handler{ApiKey::offset_for_leader_epoch,
            serve<protocol::OffsetForLeaderEpochRequest, handle_offset_for_leader_epoch>},
    Handler{ApiKey::describe_acls, serve<protocol::DescribeAclsRequest, handle_describe_acls>},
    Handler{ApiKey::create_acls, serve<protocol::CreateAclsRequest, handle_create_acls>},
    Handler{ApiKey::delete_acls, serve<protocol::DeleteAclsRequest, handle_delete_acls>},
    Handler{ApiKey::describe_configs,
            serve<protocol::DescribeConfigsRequest, handle_describe_configs>},
    Handler{ApiKey::alter_configs, serve<protocol::AlterConfigsRequest, handle_alter_configs>},
    Handler{ApiKey::alter_replica_log_dirs,
            serve<protocol::AlterReplicaLogDirsRequest, handle_alter_replica_log_dirs>},
    Handler{ApiKey::describe_log_dirs,
            serve<protocol::DescribeLogDirsRequest, handle_describe_log_dirs>},
    Handler{ApiKey::create_partitions,
            serve<protocol::CreatePartitionsRequest, handle_create_partitions>},
    Handler{ApiKey::delete_groups, serve<protocol::DeleteGroupsRequest, handle_delete_groups>},
    Handler{ApiKey::elect_leaders, serve<protocol::ElectLeadersRequest, handle_elect_leaders>},
    Handler{ApiKey::incremental_alter_configs,
            serve<protocol::IncrementalAlterConfigsRequest, handle_incremental_alter_configs>},
    Handler{
        ApiKey::alter_partition_reassignments,
        serve<protocol::AlterPartitionReassignmentsRequest, handle_alter_partition_reassignments>},
    Handler{
        ApiKey::list_partition_reassignments,
        serve<protocol::ListPartitionReassignmentsRequest, handle_list_partition_reassignments>},
    Handler{ApiKey::offset_delete, serve<protocol::OffsetDeleteRequest, handle_offset_delete>},
    Handler{ApiKey::describe_client_quotas,
            serve<protocol::DescribeClientQuotasRequest, handle_describe_client_quotas>},
    Handler{ApiKey::describe_user_scram_credentials,
            serve<protocol::DescribeUserScramCredentialsRequest,
                  handle_describe_user_scram_credentials>},
    Handler{ApiKey::describe_cluster,
            serve<protocol::DescribeClusterRequest, handle_describe_cluster>},
    Handler{ApiKey::describe_producers,
            serve<protocol::DescribeProducersRequest, handle_describe_producers>},
    Handler{ApiKey::consumer_group_describe,
            serve<protocol::ConsumerGroupDescribeRequest, handle_consumer_group_describe>},
    Handler{ApiKey::list_config_resources,
            serve<protocol::ListConfigResourcesRequest, handle_list_config_resources>},
    Handler{ApiKey::describe_topic_partitions,
            serve<protocol::DescribeTopicPartitionsRequest, handle_describe_topic_partitions>},
    Handler{ApiKey::share_group_heartbeat,
            serve<protocol::ShareGroupHeartbeatRequest, handle_share_group_heartbeat>},
    Handler{ApiKey::share_group_describe,
            serve<protocol::ShareGroupDescribeRequest, handle_share_group_describe>},
    Handler{ApiKey::share_fetch, serve<protocol::ShareFetchRequest, handle_share_fetch>},
    Handler{ApiKey::share_acknowledge,
            serve<protocol::ShareAcknowledgeRequest, handle_share_acknowledge>},
    Handler{ApiKey::describe_share_group_offsets,
            serve<protocol::DescribeShareGroupOffsetsRequest, handle_describe_share_group_offsets>},
    Handler{ApiKey::alter_share_group_offsets,
            serve<protocol::AlterShareGroupOffsetsRequest, handle_alter_share_group_offsets>},
    Handler{ApiKey::delete_share_group_offsets,
            serve<protocol::DeleteShareGroupOffsetsRequest, handle_delete_share_group_offsets>},
    Handler{ApiKey::describe_queue, serve<protocol::DescribeQueueRequest, handle_describe_queue>},
    Handler{ApiKey::alter_queue, serve<protocol::AlterQueueRequest, handle_alter_queue>},
    Handler{ApiKey::list_schedules, serve<protocol::ListSchedulesRequest, handle_list_schedules>},
    Handler{ApiKey::cancel_schedules,
            serve<protocol::CancelSchedulesRequest, handle_cancel_schedules>},
};

const Handler* find_handler(ApiKey key) {
  const auto at = std::ranges::lower_bound(handlers, key, {}, &Handler::key);
  return at != handlers.end() && at->key == key ? &*at : nullptr;
}
static_assert(std::ranges::is_sorted(handlers, {}, &Handler::key));

}  // namespace

Task<Served> dispatch(Request& request, protocol::WireError parse_error) {
  const auto key = static_cast<ApiKey>(request.parsed.header.api_key);
  if (parse_error == protocol::WireError::unsupported_version && key == ApiKey::api_versions)
    co_return answer_unsupported_api_versions(request);
  const Handler* handler = parse_error == protocol::WireError::none ? find_handler(key) : nullptr;
  if (handler != nullptr) co_return co_await handler->serve(request);
  Shard& shard = request.shard;
  ++shard.counters().refused_unsupported;
  shard.logger().warn("connection closed: a request is not served here; docs/compatibility.md",
                      {{"client", request.peer.client_host},
                       {"api_key", request.parsed.header.api_key},
                       {"version", request.parsed.header.version},
                       {"error", parse_error == protocol::WireError::none
                                     ? std::string("the API is not implemented")
                                     : protocol::make_error_code(parse_error).message()}});
  co_return Served::close;
}

bool is_served(ApiKey key) { return find_handler(key) != nullptr; }

}  // namespace sluice::broker
