// What the system knows of this process.
#pragma once

#include <cstdint>
#include <optional>

namespace sluice::broker {

struct ProcessFacts {
  std::int64_t resident_bytes = 0;
  double cpu_seconds = 0;                // user and system
  std::optional<std::int64_t> open_fds;  // nullopt: the kernel is too old to tell at once (6.2)
  std::int64_t max_fds = 0;
};

// Reads small files of /proc.
ProcessFacts process_facts();

}  // namespace sluice::broker
