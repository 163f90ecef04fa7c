// Every message of protocol/messages/, as one list of APIs: for code that visits them all, such as
// the table of versions, dispatch and tests. Other code includes the messages it uses.
#pragma once

#include "protocol/messages/add_offsets_to_txn.hpp"
#include "protocol/messages/add_partitions_to_txn.hpp"
#include "protocol/messages/alter_client_quotas.hpp"
#include "protocol/messages/alter_configs.hpp"
#include "protocol/messages/alter_partition_reassignments.hpp"
#include "protocol/messages/alter_queue.hpp"
#include "protocol/messages/alter_replica_log_dirs.hpp"
#include "protocol/messages/alter_share_group_offsets.hpp"
#include "protocol/messages/alter_user_scram_credentials.hpp"
#include "protocol/messages/api_versions.hpp"
#include "protocol/messages/cancel_schedules.hpp"
#include "protocol/messages/consumer_group_describe.hpp"
#include "protocol/messages/consumer_group_heartbeat.hpp"
#include "protocol/messages/create_acls.hpp"
#include "protocol/messages/create_partitions.hpp"
#include "protocol/messages/create_topics.hpp"
#include "protocol/messages/delete_acls.hpp"
#include "protocol/messages/delete_groups.hpp"
#include "protocol/messages/delete_records.hpp"
#include "protocol/messages/delete_share_group_offsets.hpp"
#include "protocol/messages/delete_topics.hpp"
#include "protocol/messages/describe_acls.hpp"
#include "protocol/messages/describe_client_quotas.hpp"
#include "protocol/messages/describe_cluster.hpp"
#include "protocol/messages/describe_configs.hpp"
#include "protocol/messages/describe_groups.hpp"
#include "protocol/messages/describe_log_dirs.hpp"
#include "protocol/messages/describe_producers.hpp"
#include "protocol/messages/describe_queue.hpp"
#include "protocol/messages/describe_quorum.hpp"
#include "protocol/messages/describe_share_group_offsets.hpp"
#include "protocol/messages/describe_topic_partitions.hpp"
#include "protocol/messages/describe_transactions.hpp"
#include "protocol/messages/describe_user_scram_credentials.hpp"
#include "protocol/messages/elect_leaders.hpp"
#include "protocol/messages/end_txn.hpp"
#include "protocol/messages/fetch.hpp"
#include "protocol/messages/find_coordinator.hpp"
#include "protocol/messages/heartbeat.hpp"
#include "protocol/messages/incremental_alter_configs.hpp"
#include "protocol/messages/init_producer_id.hpp"
#include "protocol/messages/join_group.hpp"
#include "protocol/messages/leave_group.hpp"
#include "protocol/messages/list_config_resources.hpp"
#include "protocol/messages/list_groups.hpp"
#include "protocol/messages/list_offsets.hpp"
#include "protocol/messages/list_partition_reassignments.hpp"
#include "protocol/messages/list_schedules.hpp"
#include "protocol/messages/list_transactions.hpp"
#include "protocol/messages/metadata.hpp"
#include "protocol/messages/offset_commit.hpp"
#include "protocol/messages/offset_delete.hpp"
#include "protocol/messages/offset_fetch.hpp"
#include "protocol/messages/offset_for_leader_epoch.hpp"
#include "protocol/messages/produce.hpp"
#include "protocol/messages/sasl_authenticate.hpp"
#include "protocol/messages/sasl_handshake.hpp"
#include "protocol/messages/share_acknowledge.hpp"
#include "protocol/messages/share_fetch.hpp"
#include "protocol/messages/share_group_describe.hpp"
#include "protocol/messages/share_group_heartbeat.hpp"
#include "protocol/messages/sync_group.hpp"
#include "protocol/messages/txn_offset_commit.hpp"
#include "protocol/messages/unregister_broker.hpp"
#include "protocol/messages/update_features.hpp"
#include "protocol/messages/write_txn_markers.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace sluice::protocol {

// A name as a template argument.
template <std::size_t N>
struct ApiName {
  char text[N];
  consteval ApiName(const char (&name)[N]) { std::copy_n(name, N, text); }
};

// A request and its response, under Kafka's name of the pair.
template <ApiName Name, Message Q, Message R>
struct Api {
  using Request = Q;
  using Response = R;
  static constexpr std::string_view name{Name.text};
  static_assert(Q::schema.api_key == R::schema.api_key);
};
template <class... A>
struct ApiList {
  // Calls visit(Api<…>{}) for each.
  template <class Visitor>
  static constexpr void for_each(Visitor&& visit) {
    (visit(A{}), ...);
  }
};

// In the order of their keys.
using Apis = ApiList<
    Api<"Produce", ProduceRequest, ProduceResponse>, Api<"Fetch", FetchRequest, FetchResponse>,
    Api<"ListOffsets", ListOffsetsRequest, ListOffsetsResponse>,
    Api<"Metadata", MetadataRequest, MetadataResponse>,
    Api<"OffsetCommit", OffsetCommitRequest, OffsetCommitResponse>,
    Api<"OffsetFetch", OffsetFetchRequest, OffsetFetchResponse>,
    Api<"FindCoordinator", FindCoordinatorRequest, FindCoordinatorResponse>,
    Api<"JoinGroup", JoinGroupRequest, JoinGroupResponse>,
    Api<"Heartbeat", HeartbeatRequest, HeartbeatResponse>,
    Api<"LeaveGroup", LeaveGroupRequest, LeaveGroupResponse>,
    Api<"SyncGroup", SyncGroupRequest, SyncGroupResponse>,
    Api<"DescribeGroups", DescribeGroupsRequest, DescribeGroupsResponse>,
    Api<"ListGroups", ListGroupsRequest, ListGroupsResponse>,
    Api<"SaslHandshake", SaslHandshakeRequest, SaslHandshakeResponse>,
    Api<"ApiVersions", ApiVersionsRequest, ApiVersionsResponse>,
    Api<"CreateTopics", CreateTopicsRequest, CreateTopicsResponse>,
    Api<"DeleteTopics", DeleteTopicsRequest, DeleteTopicsResponse>,
    Api<"DeleteRecords", DeleteRecordsRequest, DeleteRecordsResponse>,
    Api<"InitProducerId", InitProducerIdRequest, InitProducerIdResponse>,
    Api<"OffsetForLeaderEpoch", OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse>,
    Api<"AddPartitionsToTxn", AddPartitionsToTxnRequest, AddPartitionsToTxnResponse>,
    Api<"AddOffsetsToTxn", AddOffsetsToTxnRequest, AddOffsetsToTxnResponse>,
    Api<"EndTxn", EndTxnRequest, EndTxnResponse>,
    Api<"WriteTxnMarkers", WriteTxnMarkersRequest, WriteTxnMarkersResponse>,
    Api<"TxnOffsetCommit", TxnOffsetCommitRequest, TxnOffsetCommitResponse>,
    Api<"DescribeAcls", DescribeAclsRequest, DescribeAclsResponse>,
    Api<"CreateAcls", CreateAclsRequest, CreateAclsResponse>,
    Api<"DeleteAcls", DeleteAclsRequest, DeleteAclsResponse>,
    Api<"DescribeConfigs", DescribeConfigsRequest, DescribeConfigsResponse>,
    Api<"AlterConfigs", AlterConfigsRequest, AlterConfigsResponse>,
    Api<"AlterReplicaLogDirs", AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse>,
    Api<"DescribeLogDirs", DescribeLogDirsRequest, DescribeLogDirsResponse>,
    Api<"SaslAuthenticate", SaslAuthenticateRequest, SaslAuthenticateResponse>,
    Api<"CreatePartitions", CreatePartitionsRequest, CreatePartitionsResponse>,
    Api<"DeleteGroups", DeleteGroupsRequest, DeleteGroupsResponse>,
    Api<"ElectLeaders", ElectLeadersRequest, ElectLeadersResponse>,
    Api<"IncrementalAlterConfigs", IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>,
    Api<"AlterPartitionReassignments", AlterPartitionReassignmentsRequest,
        AlterPartitionReassignmentsResponse>,
    Api<"ListPartitionReassignments", ListPartitionReassignmentsRequest,
        ListPartitionReassignmentsResponse>,
    Api<"OffsetDelete", OffsetDeleteRequest, OffsetDeleteResponse>,
    Api<"DescribeClientQuotas", DescribeClientQuotasRequest, DescribeClientQuotasResponse>,
    Api<"AlterClientQuotas", AlterClientQuotasRequest, AlterClientQuotasResponse>,
    Api<"DescribeUserScramCredentials", DescribeUserScramCredentialsRequest,
        DescribeUserScramCredentialsResponse>,
    Api<"AlterUserScramCredentials", AlterUserScramCredentialsRequest,
        AlterUserScramCredentialsResponse>,
    Api<"DescribeQuorum", DescribeQuorumRequest, DescribeQuorumResponse>,
    Api<"UpdateFeatures", UpdateFeaturesRequest, UpdateFeaturesResponse>,
    Api<"DescribeCluster", DescribeClusterRequest, DescribeClusterResponse>,
    Api<"DescribeProducers", DescribeProducersRequest, DescribeProducersResponse>,
    Api<"UnregisterBroker", UnregisterBrokerRequest, UnregisterBrokerResponse>,
    Api<"DescribeTransactions", DescribeTransactionsRequest, DescribeTransactionsResponse>,
    Api<"ListTransactions", ListTransactionsRequest, ListTransactionsResponse>,
    Api<"ConsumerGroupHeartbeat", ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse>,
    Api<"ConsumerGroupDescribe", ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse>,
    Api<"ListConfigResources", ListConfigResourcesRequest, ListConfigResourcesResponse>,
    Api<"DescribeTopicPartitions", DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse>,
    Api<"ShareGroupHeartbeat", ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse>,
    Api<"ShareGroupDescribe", ShareGroupDescribeRequest, ShareGroupDescribeResponse>,
    Api<"ShareFetch", ShareFetchRequest, ShareFetchResponse>,
    Api<"ShareAcknowledge", ShareAcknowledgeRequest, ShareAcknowledgeResponse>,
    Api<"DescribeShareGroupOffsets", DescribeShareGroupOffsetsRequest,
        DescribeShareGroupOffsetsResponse>,
    Api<"AlterShareGroupOffsets", AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse>,
    Api<"DeleteShareGroupOffsets", DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse>,
    Api<"DescribeQueue", DescribeQueueRequest, DescribeQueueResponse>,
    Api<"AlterQueue", AlterQueueRequest, AlterQueueResponse>,
    Api<"ListSchedules", ListSchedulesRequest, ListSchedulesResponse>,
    Api<"CancelSchedules", CancelSchedulesRequest, CancelSchedulesResponse>>;

}  // namespace sluice::protocol
