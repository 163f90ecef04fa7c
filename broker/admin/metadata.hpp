// Metadata (3), DescribeTopicPartitions (75), DescribeCluster (60): who serves what.
#pragma once

#include "broker/admin/context.hpp"
#include "protocol/messages/describe_cluster.hpp"
#include "protocol/messages/describe_topic_partitions.hpp"
#include "protocol/messages/metadata.hpp"

#include <vector>

namespace sluice::broker::admin {

// The topics this request creates: those it names that do not exist, where the request and
// auto.create.topics.enable allow it, and retry topics (queue/retry_topic.hpp) in any case. Commit
// them, then call metadata() with the new snapshot: a client then sees the topic at once, where
// Kafka answers UNKNOWN_TOPIC_OR_PARTITION first. A commit that fails is not reported: the topic is
// unknown, and the client asks again.
std::vector<CatalogChange> auto_created_topics(const protocol::MetadataRequest& request,
                                               Version version, const Context& context);
// Per topic: UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, INVALID_TOPIC_EXCEPTION, and
// INVALID_REQUEST for a topic id in version 10 or 11.
protocol::MetadataResponse metadata(const protocol::MetadataRequest& request, Version version,
                                    const Context& context);

// Sorted by name; cut at the limit with a cursor to go on from. INVALID_REQUEST for a bad cursor.
protocol::DescribeTopicPartitionsResponse describe_topic_partitions(
    const protocol::DescribeTopicPartitionsRequest& request, const Context& context);

protocol::DescribeClusterResponse describe_cluster(const protocol::DescribeClusterRequest& request,
                                                   Version version, const Context& context);

}  // namespace sluice::broker::admin
