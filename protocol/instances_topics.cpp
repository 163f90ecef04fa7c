// The codecs of the messages about topics and partitions; see codec_instances.hpp.
#include "protocol/codec_instances.hpp"
#include "protocol/messages/create_partitions.hpp"
#include "protocol/messages/create_topics.hpp"
#include "protocol/messages/delete_topics.hpp"
#include "protocol/messages/describe_cluster.hpp"
#include "protocol/messages/describe_topic_partitions.hpp"
#include "protocol/messages/metadata.hpp"

namespace sluice::protocol {

template struct Codec<MetadataRequest>;
template struct Codec<MetadataResponse>;
template struct Codec<CreateTopicsRequest>;
template struct Codec<CreateTopicsResponse>;
template struct Codec<DeleteTopicsRequest>;
template struct Codec<DeleteTopicsResponse>;
template struct Codec<CreatePartitionsRequest>;
template struct Codec<CreatePartitionsResponse>;
template struct Codec<DescribeTopicPartitionsRequest>;
template struct Codec<DescribeTopicPartitionsResponse>;
template struct Codec<DescribeClusterRequest>;
template struct Codec<DescribeClusterResponse>;

}  // namespace sluice::protocol
