// The records of the broker's own topics, as JSON for people: offsets and groups, share groups,
// schedules.
#pragma once

#include "base/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::cli {

// What a record of `topic` says, as a JSON object; nothing when the topic is not the broker's own
// or the bytes are of no kind that this version knows.
std::optional<std::string> decode_internal(std::string_view topic, const std::optional<Bytes>& key,
                                           const std::optional<Bytes>& value);

}  // namespace sluice::cli
