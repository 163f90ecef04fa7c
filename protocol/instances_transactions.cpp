// The codecs of the messages about producers and transactions; see codec_instances.hpp.
#include "protocol/codec_instances.hpp"
#include "protocol/messages/add_offsets_to_txn.hpp"
#include "protocol/messages/add_partitions_to_txn.hpp"
#include "protocol/messages/describe_transactions.hpp"
#include "protocol/messages/end_txn.hpp"
#include "protocol/messages/init_producer_id.hpp"
#include "protocol/messages/list_transactions.hpp"
#include "protocol/messages/write_txn_markers.hpp"

namespace sluice::protocol {

template struct Codec<InitProducerIdRequest>;
template struct Codec<InitProducerIdResponse>;
template struct Codec<AddPartitionsToTxnRequest>;
template struct Codec<AddPartitionsToTxnResponse>;
template struct Codec<AddOffsetsToTxnRequest>;
template struct Codec<AddOffsetsToTxnResponse>;
template struct Codec<EndTxnRequest>;
template struct Codec<EndTxnResponse>;
template struct Codec<WriteTxnMarkersRequest>;
template struct Codec<WriteTxnMarkersResponse>;
template struct Codec<DescribeTransactionsRequest>;
template struct Codec<DescribeTransactionsResponse>;
template struct Codec<ListTransactionsRequest>;
template struct Codec<ListTransactionsResponse>;

}  // namespace sluice::protocol
