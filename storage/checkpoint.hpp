// Kafka's checkpoint text: a line with version 0, a line with the count, then that many lines of
// fields separated by spaces.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::storage {

std::string encode_checkpoint(const std::vector<std::string>& lines);
// Each row has exactly `columns` fields, borrowed from `text`. Errors: bad_checkpoint,
// unknown_format for another version.
Result<std::vector<std::vector<std::string_view>>> decode_checkpoint(std::string_view text,
                                                                     std::size_t columns);
std::optional<std::int64_t> parse_number(std::string_view text);

}  // namespace sluice::storage
