// The codecs of the messages about scheduled delivery; see codec_instances.hpp.
#include "protocol/codec_instances.hpp"
#include "protocol/messages/cancel_schedules.hpp"
#include "protocol/messages/list_schedules.hpp"

namespace sluice::protocol {

template struct Codec<ListSchedulesRequest>;
template struct Codec<ListSchedulesResponse>;
template struct Codec<CancelSchedulesRequest>;
template struct Codec<CancelSchedulesResponse>;

}  // namespace sluice::protocol
