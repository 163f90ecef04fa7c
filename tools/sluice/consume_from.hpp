// Where `sluice consume --from` begins.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::cli {

struct ConsumeFrom {
  enum class Kind : std::uint8_t { start, end, offset, last, skip, time };
  Kind kind = Kind::start;
  std::int64_t number = 0;  // offset; records from the end or the start; ms since the epoch
};

// "start", "end", "7" (offset), "-7" (the last seven of each partition), "+7" (all but the first
// seven), "@TIME" (see parse_time). Nothing for anything else.
std::optional<ConsumeFrom> parse_from(std::string_view text, std::int64_t now_ms);

}  // namespace sluice::cli
