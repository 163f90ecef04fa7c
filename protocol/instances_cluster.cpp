// The codecs of the messages about replicas, directories and brokers; see codec_instances.hpp.
#include "protocol/codec_instances.hpp"
#include "protocol/messages/alter_partition_reassignments.hpp"
#include "protocol/messages/alter_replica_log_dirs.hpp"
#include "protocol/messages/describe_log_dirs.hpp"
#include "protocol/messages/describe_quorum.hpp"
#include "protocol/messages/elect_leaders.hpp"
#include "protocol/messages/list_partition_reassignments.hpp"
#include "protocol/messages/unregister_broker.hpp"

namespace sluice::protocol {

template struct Codec<AlterReplicaLogDirsRequest>;
template struct Codec<AlterReplicaLogDirsResponse>;
template struct Codec<DescribeLogDirsRequest>;
template struct Codec<DescribeLogDirsResponse>;
template struct Codec<ElectLeadersRequest>;
template struct Codec<ElectLeadersResponse>;
template struct Codec<AlterPartitionReassignmentsRequest>;
template struct Codec<AlterPartitionReassignmentsResponse>;
template struct Codec<ListPartitionReassignmentsRequest>;
template struct Codec<ListPartitionReassignmentsResponse>;
template struct Codec<DescribeQuorumRequest>;
template struct Codec<DescribeQuorumResponse>;
template struct Codec<UnregisterBrokerRequest>;
template struct Codec<UnregisterBrokerResponse>;

}  // namespace sluice::protocol
