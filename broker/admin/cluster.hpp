// What one broker answers to questions about replicas, directories, security and quotas: exactly
// what Kafka answers where there is nothing to tell, so that its tools work.
#pragma once

#include "broker/admin/context.hpp"
#include "protocol/messages/alter_partition_reassignments.hpp"
#include "protocol/messages/alter_replica_log_dirs.hpp"
#include "protocol/messages/consumer_group_describe.hpp"
#include "protocol/messages/create_acls.hpp"
#include "protocol/messages/delete_acls.hpp"
#include "protocol/messages/describe_acls.hpp"
#include "protocol/messages/describe_client_quotas.hpp"
#include "protocol/messages/describe_log_dirs.hpp"
#include "protocol/messages/describe_quorum.hpp"
#include "protocol/messages/describe_user_scram_credentials.hpp"
#include "protocol/messages/elect_leaders.hpp"
#include "protocol/messages/list_partition_reassignments.hpp"

namespace sluice::broker::admin {

// Bytes of the file system that holds the data directory; -1: unknown.
struct DiskSpace {
  std::int64_t total_bytes = -1;
  std::int64_t usable_bytes = -1;
};
// Unknown partitions are left out, as Kafka does.
protocol::DescribeLogDirsResponse describe_log_dirs(const protocol::DescribeLogDirsRequest& request,
                                                    DiskSpace space, const Context& context);
// A move within the one directory is done already; any other directory is LOG_DIR_NOT_FOUND.
protocol::AlterReplicaLogDirsResponse alter_replica_log_dirs(
    const protocol::AlterReplicaLogDirsRequest& request, const Context& context);

protocol::ListPartitionReassignmentsResponse list_partition_reassignments();
protocol::AlterPartitionReassignmentsResponse alter_partition_reassignments(
    const protocol::AlterPartitionReassignmentsRequest& request, const Context& context);
protocol::ElectLeadersResponse elect_leaders(const protocol::ElectLeadersRequest& request,
                                             const Context& context);

// No KIP-848 group exists: GROUP_ID_NOT_FOUND for each, after which admin clients ask
// DescribeGroups.
protocol::ConsumerGroupDescribeResponse consumer_group_describe(
    const protocol::ConsumerGroupDescribeRequest& request, const Context& context);

// No authorizer: SECURITY_DISABLED.
protocol::DescribeAclsResponse describe_acls();
protocol::CreateAclsResponse create_acls(const protocol::CreateAclsRequest& request);
protocol::DeleteAclsResponse delete_acls(const protocol::DeleteAclsRequest& request);

// None are set. UNSUPPORTED_VERSION for an unknown entity type, INVALID_REQUEST for a bad filter.
protocol::DescribeClientQuotasResponse describe_client_quotas(
    const protocol::DescribeClientQuotasRequest& request, const Context& context);
protocol::DescribeUserScramCredentialsResponse describe_user_scram_credentials(
    const protocol::DescribeUserScramCredentialsRequest& request, const Context& context);

// This broker, leader of __cluster_metadata-0.
protocol::DescribeQuorumResponse describe_quorum(const protocol::DescribeQuorumRequest& request,
                                                 Version version, const Context& context);

}  // namespace sluice::broker::admin
