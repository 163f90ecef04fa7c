// Every message of protocol/messages/, as one list of APIs: for code that visits them all, such as
// the table of versions, dispatch and tests. Other code includes the messages it uses.
#pragma once

#include "protocol/messages/add_offsets_to_txn.hpp"
#include "protocol/messages/add_partitions_to_txn.hpp"
#include "protocol/messages/alter_client_quotas.hpp"
#include "protocol/messages/alter_configs.hpp"
#include "protocol/messages/alter_partition_reassignments.hpp"
#include "protocol/messages/alter_replica_log_dirs.hpp"
#include "protocol/messages/alter_share_group_offsets.hpp"
#include "protocol/messages/alter_user_scram_credentials.hpp"
#include "protocol/messages/api_versions.hpp"
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

namespace sluice::protocol {

// A request and its response.
template <class Q, class R>
struct Api {
  using Request = Q;
  using Response = R;
  static constexpr std::int16_t key = Q::schema.api_key;
  static_assert(key == R::schema.api_key);
};
template <class... A>
struct ApiList {
  // Calls visit(Api<Q, R>{}) for each.
  template <class Visitor>
  static constexpr void for_each(Visitor&& visit) {
    (visit(A{}), ...);
  }
};

// In the order of their keys.
using Apis = ApiList<
    Api<ProduceRequest, ProduceResponse>, Api<FetchRequest, FetchResponse>,
    Api<ListOffsetsRequest, ListOffsetsResponse>, Api<MetadataRequest, MetadataResponse>,
    Api<OffsetCommitRequest, OffsetCommitResponse>, Api<OffsetFetchRequest, OffsetFetchResponse>,
    Api<FindCoordinatorRequest, FindCoordinatorResponse>, Api<JoinGroupRequest, JoinGroupResponse>,
    Api<HeartbeatRequest, HeartbeatResponse>, Api<LeaveGroupRequest, LeaveGroupResponse>,
    Api<SyncGroupRequest, SyncGroupResponse>, Api<DescribeGroupsRequest, DescribeGroupsResponse>,
    Api<ListGroupsRequest, ListGroupsResponse>, Api<SaslHandshakeRequest, SaslHandshakeResponse>,
    Api<ApiVersionsRequest, ApiVersionsResponse>, Api<CreateTopicsRequest, CreateTopicsResponse>,
    Api<DeleteTopicsRequest, DeleteTopicsResponse>,
    Api<DeleteRecordsRequest, DeleteRecordsResponse>,
    Api<InitProducerIdRequest, InitProducerIdResponse>,
    Api<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse>,
    Api<AddPartitionsToTxnRequest, AddPartitionsToTxnResponse>,
    Api<AddOffsetsToTxnRequest, AddOffsetsToTxnResponse>, Api<EndTxnRequest, EndTxnResponse>,
    Api<WriteTxnMarkersRequest, WriteTxnMarkersResponse>,
    Api<TxnOffsetCommitRequest, TxnOffsetCommitResponse>,
    Api<DescribeAclsRequest, DescribeAclsResponse>, Api<CreateAclsRequest, CreateAclsResponse>,
    Api<DeleteAclsRequest, DeleteAclsResponse>,
    Api<DescribeConfigsRequest, DescribeConfigsResponse>,
    Api<AlterConfigsRequest, AlterConfigsResponse>,
    Api<AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse>,
    Api<DescribeLogDirsRequest, DescribeLogDirsResponse>,
    Api<SaslAuthenticateRequest, SaslAuthenticateResponse>,
    Api<CreatePartitionsRequest, CreatePartitionsResponse>,
    Api<DeleteGroupsRequest, DeleteGroupsResponse>, Api<ElectLeadersRequest, ElectLeadersResponse>,
    Api<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>,
    Api<AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse>,
    Api<ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse>,
    Api<OffsetDeleteRequest, OffsetDeleteResponse>,
    Api<DescribeClientQuotasRequest, DescribeClientQuotasResponse>,
    Api<AlterClientQuotasRequest, AlterClientQuotasResponse>,
    Api<DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse>,
    Api<AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse>,
    Api<DescribeQuorumRequest, DescribeQuorumResponse>,
    Api<UpdateFeaturesRequest, UpdateFeaturesResponse>,
    Api<DescribeClusterRequest, DescribeClusterResponse>,
    Api<DescribeProducersRequest, DescribeProducersResponse>,
    Api<UnregisterBrokerRequest, UnregisterBrokerResponse>,
    Api<DescribeTransactionsRequest, DescribeTransactionsResponse>,
    Api<ListTransactionsRequest, ListTransactionsResponse>,
    Api<ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse>,
    Api<ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse>,
    Api<ListConfigResourcesRequest, ListConfigResourcesResponse>,
    Api<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse>,
    Api<ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse>,
    Api<ShareGroupDescribeRequest, ShareGroupDescribeResponse>,
    Api<ShareFetchRequest, ShareFetchResponse>,
    Api<ShareAcknowledgeRequest, ShareAcknowledgeResponse>,
    Api<DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse>,
    Api<AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse>,
    Api<DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse>>;

}  // namespace sluice::protocol
