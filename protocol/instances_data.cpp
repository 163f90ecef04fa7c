// The codecs of the messages about records and their offsets; see codec_instances.hpp.
#include "protocol/codec_instances.hpp"
#include "protocol/messages/delete_records.hpp"
#include "protocol/messages/describe_producers.hpp"
#include "protocol/messages/fetch.hpp"
#include "protocol/messages/list_offsets.hpp"
#include "protocol/messages/offset_for_leader_epoch.hpp"
#include "protocol/messages/produce.hpp"

namespace sluice::protocol {

template struct Codec<ProduceRequest>;
template struct Codec<ProduceResponse>;
template struct Codec<FetchRequest>;
template struct Codec<FetchResponse>;
template struct Codec<ListOffsetsRequest>;
template struct Codec<ListOffsetsResponse>;
template struct Codec<DeleteRecordsRequest>;
template struct Codec<DeleteRecordsResponse>;
template struct Codec<OffsetForLeaderEpochRequest>;
template struct Codec<OffsetForLeaderEpochResponse>;
template struct Codec<DescribeProducersRequest>;
template struct Codec<DescribeProducersResponse>;

}  // namespace sluice::protocol
