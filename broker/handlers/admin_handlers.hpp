// The admin APIs (broker/admin/) as the dispatch table names them: those that only read take a
// picture of the partitions first; those that change something run on shard 0, one at a time.
#pragma once

#include "base/task.hpp"
#include "broker/request.hpp"
#include "protocol/messages/all.hpp"

namespace sluice::broker {

// An ApiVersions request in a version above ours: answered in version 0 with
// UNSUPPORTED_VERSION and our range (KIP-511).
Served answer_unsupported_api_versions(Request& request);

Task<protocol::ApiVersionsResponse> handle_api_versions(
    Request& request, const protocol::ApiVersionsRequest& message);
// Makes those of the names that are of retry topics and do not exist, as Metadata does, and renews
// the request's catalog. Lifetime: `names` is borrowed until it returns.
Task<> create_retry_topics(Request& request, const std::vector<std::string_view>* names);
Task<protocol::MetadataResponse> handle_metadata(Request& request,
                                                 const protocol::MetadataRequest& message);
Task<protocol::DescribeTopicPartitionsResponse> handle_describe_topic_partitions(
    Request& request, const protocol::DescribeTopicPartitionsRequest& message);
Task<protocol::DescribeClusterResponse> handle_describe_cluster(
    Request& request, const protocol::DescribeClusterRequest& message);
Task<protocol::DescribeLogDirsResponse> handle_describe_log_dirs(
    Request& request, const protocol::DescribeLogDirsRequest& message);

Task<protocol::CreateTopicsResponse> handle_create_topics(
    Request& request, const protocol::CreateTopicsRequest& message);
Task<protocol::DeleteTopicsResponse> handle_delete_topics(
    Request& request, const protocol::DeleteTopicsRequest& message);
Task<protocol::CreatePartitionsResponse> handle_create_partitions(
    Request& request, const protocol::CreatePartitionsRequest& message);
Task<protocol::AlterConfigsResponse> handle_alter_configs(
    Request& request, const protocol::AlterConfigsRequest& message);
Task<protocol::IncrementalAlterConfigsResponse> handle_incremental_alter_configs(
    Request& request, const protocol::IncrementalAlterConfigsRequest& message);

Task<protocol::DescribeConfigsResponse> handle_describe_configs(
    Request& request, const protocol::DescribeConfigsRequest& message);
Task<protocol::ListConfigResourcesResponse> handle_list_config_resources(
    Request& request, const protocol::ListConfigResourcesRequest& message);
Task<protocol::ConsumerGroupDescribeResponse> handle_consumer_group_describe(
    Request& request, const protocol::ConsumerGroupDescribeRequest& message);
Task<protocol::DescribeAclsResponse> handle_describe_acls(
    Request& request, const protocol::DescribeAclsRequest& message);
Task<protocol::CreateAclsResponse> handle_create_acls(Request& request,
                                                      const protocol::CreateAclsRequest& message);
Task<protocol::DeleteAclsResponse> handle_delete_acls(Request& request,
                                                      const protocol::DeleteAclsRequest& message);
Task<protocol::AlterReplicaLogDirsResponse> handle_alter_replica_log_dirs(
    Request& request, const protocol::AlterReplicaLogDirsRequest& message);
Task<protocol::ElectLeadersResponse> handle_elect_leaders(
    Request& request, const protocol::ElectLeadersRequest& message);
Task<protocol::AlterPartitionReassignmentsResponse> handle_alter_partition_reassignments(
    Request& request, const protocol::AlterPartitionReassignmentsRequest& message);
Task<protocol::ListPartitionReassignmentsResponse> handle_list_partition_reassignments(
    Request& request, const protocol::ListPartitionReassignmentsRequest& message);
Task<protocol::DescribeClientQuotasResponse> handle_describe_client_quotas(
    Request& request, const protocol::DescribeClientQuotasRequest& message);
Task<protocol::DescribeUserScramCredentialsResponse> handle_describe_user_scram_credentials(
    Request& request, const protocol::DescribeUserScramCredentialsRequest& message);

}  // namespace sluice::broker
