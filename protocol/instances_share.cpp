// The codecs of the messages about share groups and queues; see codec_instances.hpp.
#include "protocol/codec_instances.hpp"
#include "protocol/messages/alter_queue.hpp"
#include "protocol/messages/alter_share_group_offsets.hpp"
#include "protocol/messages/delete_share_group_offsets.hpp"
#include "protocol/messages/describe_queue.hpp"
#include "protocol/messages/describe_share_group_offsets.hpp"
#include "protocol/messages/share_acknowledge.hpp"
#include "protocol/messages/share_fetch.hpp"
#include "protocol/messages/share_group_describe.hpp"
#include "protocol/messages/share_group_heartbeat.hpp"

namespace sluice::protocol {

template struct Codec<ShareGroupHeartbeatRequest>;
template struct Codec<ShareGroupHeartbeatResponse>;
template struct Codec<ShareGroupDescribeRequest>;
template struct Codec<ShareGroupDescribeResponse>;
template struct Codec<ShareFetchRequest>;
template struct Codec<ShareFetchResponse>;
template struct Codec<ShareAcknowledgeRequest>;
template struct Codec<ShareAcknowledgeResponse>;
template struct Codec<DescribeShareGroupOffsetsRequest>;
template struct Codec<DescribeShareGroupOffsetsResponse>;
template struct Codec<AlterShareGroupOffsetsRequest>;
template struct Codec<AlterShareGroupOffsetsResponse>;
template struct Codec<DeleteShareGroupOffsetsRequest>;
template struct Codec<DeleteShareGroupOffsetsResponse>;
template struct Codec<DescribeQueueRequest>;
template struct Codec<DescribeQueueResponse>;
template struct Codec<AlterQueueRequest>;
template struct Codec<AlterQueueResponse>;

}  // namespace sluice::protocol
