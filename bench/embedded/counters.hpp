// What a program costs: allocations, memory, processor time.
#pragma once

#include <cstdint>

namespace sluice::bench {

// Calls of operator new so far, by all threads.
std::uint64_t allocations();
// Memory of this process that is really there.
std::int64_t resident_bytes();
// User and system time of this process.
double processor_seconds();

}  // namespace sluice::bench
