// The keys of a batch's records, as sluice.share.order=key needs them.
#pragma once

#include "broker/share/share_types.hpp"
#include "protocol/record_batch.hpp"

#include <optional>
#include <vector>

namespace sluice::broker {

// In the order of the batch, which is decompressed for it. nullopt: it is damaged.
std::optional<std::vector<RecordKey>> keys_of(const protocol::BatchView& batch);

}  // namespace sluice::broker
