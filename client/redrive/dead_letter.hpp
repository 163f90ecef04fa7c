// The headers that dead letters and redriven records carry.
#pragma once

#include <string_view>

namespace sluice::client {

// What a broker adds to a dead letter; a redrive takes them off. The first four names are Kafka's
// (KIP-1191).
inline constexpr std::string_view dead_letter_header_prefix = "__dlq.errors.";
// How often the record was redriven, as decimal text; replaced by each redrive.
inline constexpr std::string_view redrive_count_header = "sluice-redrive-count";

}  // namespace sluice::client
