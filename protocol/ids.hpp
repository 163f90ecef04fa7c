// The protocol's numbers by name; public, since callers speak of them.
#pragma once

#include "sluice/ids.hpp"

namespace sluice::protocol {
using sluice::BrokerId;
using sluice::CorrelationId;
using sluice::GenerationId;
using sluice::LeaderEpoch;
using sluice::Offset;
using sluice::PartitionIndex;
using sluice::ProducerEpoch;
using sluice::ProducerId;
using sluice::Sequence;
using sluice::TimestampMs;
using sluice::TopicId;
using sluice::Uuid;
}  // namespace sluice::protocol
