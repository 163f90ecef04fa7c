// How much the cache may hold while memory is short: taken as it fills, given back under pressure.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::broker {

// Bytes; of the container where there is one, else of the machine.
struct MemoryState {
  std::int64_t total = 0;
  std::int64_t available = 0;    // without the page cache, which goes when asked
  double stalled_percent = 0.0;  // of the last 10 s in which some task waited for memory (PSI)
};

// What the kernel says now. Values that cannot be read are such that nothing is given back.
MemoryState memory_state();

// The bound to follow `now`, one step a second: down by a quarter under pressure, not below a
// sixteenth of `wanted`; back up by a sixteenth of `wanted` while there is plenty.
std::int64_t next_cache_bound(std::int64_t wanted, std::int64_t now, const MemoryState& memory);

// "some avg10" of a pressure file's text (/proc/pressure/memory); 0 if there is none.
double stalled_percent_of(std::string_view pressure);

}  // namespace sluice::broker
