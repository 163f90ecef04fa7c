// Times that somebody configures or asks for, which may be "for ever".
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace sluice {

// So many milliseconds, a hundred years at most. For times that are configured or asked for: "for
// ever" is 2^63 - 1 there, and would overflow when it is added to a moment or taken as nanoseconds.
constexpr std::chrono::milliseconds long_time(std::int64_t ms) {
  constexpr std::chrono::milliseconds century = std::chrono::years(100);
  return std::min(std::chrono::milliseconds(ms), century);
}

}  // namespace sluice
