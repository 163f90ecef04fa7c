// Time as the project sees it. Tests replace it (tests/support/sim_clock.hpp).
#pragma once

#include <chrono>
#include <cstdint>

namespace sluice {

// Monotonic time, for deadlines and timeouts. Never stored.
using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::nanoseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  // Milliseconds since the Unix epoch: timestamps of records, retention. May jump.
  virtual std::int64_t wall_ms() const = 0;
};

// The machine's clocks. Thread-safe.
class SystemClock final : public Clock {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
  std::int64_t wall_ms() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace sluice
