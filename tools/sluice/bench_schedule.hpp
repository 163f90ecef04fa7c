// When the requests of an open loop are due: fixed before the run, whatever the broker does. A
// latency is measured from here, so that a broker that stalls cannot hide what it made wait.
#pragma once

#include <cstdint>

namespace sluice::bench {

class Schedule {
 public:
  // `start_ns` on the steady clock; `per_second` > 0.
  Schedule(std::int64_t start_ns, double per_second)
      : start_(start_ns), interval_(1e9 / per_second) {}

  std::int64_t due(std::uint64_t event) const {
    return start_ + static_cast<std::int64_t>(static_cast<double>(event) * interval_);
  }
  // How many events are due at `now_ns` or earlier.
  std::uint64_t due_count(std::int64_t now_ns) const {
    if (now_ns < start_) return 0;
    auto count = static_cast<std::uint64_t>(static_cast<double>(now_ns - start_) / interval_);
    while (due(count) <= now_ns) ++count;
    while (count > 0 && due(count - 1) > now_ns) --count;
    return count;
  }

 private:
  std::int64_t start_;
  double interval_;  // ns
};

}  // namespace sluice::bench
