// How long a record waits after a delivery that ended without an outcome (released, lock timeout).
#pragma once

#include "base/random.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace sluice::broker {

struct GroupConfig;

// sluice.retry.backoff.*; `first` 0: no wait, as Kafka.
struct RetryPolicy {
  std::chrono::milliseconds first{0};
  std::chrono::milliseconds longest{300'000};
  double multiplier = 2.0;
  double jitter = 0.2;  // a part of the wait, up or down

  bool operator==(const RetryPolicy&) const = default;
};

RetryPolicy retry_policy(const GroupConfig& config);

// The wait after the `deliveries`-th delivery, from 1. `longest` bounds it before the jitter.
inline std::chrono::milliseconds backoff(const RetryPolicy& policy, int deliveries,
                                         Random& random) {
  if (policy.first.count() <= 0) return std::chrono::milliseconds{0};
  const double longest = static_cast<double>(policy.longest.count());
  const double grown = static_cast<double>(policy.first.count()) *
                       std::pow(policy.multiplier, std::max(0, deliveries - 1));
  double wait = std::min(grown, longest);
  if (policy.jitter > 0) {
    constexpr std::uint64_t steps = 1 << 20;
    const double unit = static_cast<double>(random.below(steps + 1)) / steps;  // 0…1
    wait *= 1 - policy.jitter + 2 * policy.jitter * unit;
  }
  return std::chrono::milliseconds{static_cast<std::int64_t>(wait)};
}

}  // namespace sluice::broker
