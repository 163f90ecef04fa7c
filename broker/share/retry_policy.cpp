#include "broker/share/retry_policy.hpp"

#include "broker/group_config.hpp"

namespace sluice::broker {

RetryPolicy retry_policy(const GroupConfig& config) {
  return {.first = std::chrono::milliseconds(config.retry_backoff_ms),
          .longest = std::chrono::milliseconds(config.retry_backoff_max_ms),
          .multiplier = config.retry_backoff_multiplier,
          .jitter = config.retry_backoff_jitter};
}

}  // namespace sluice::broker
