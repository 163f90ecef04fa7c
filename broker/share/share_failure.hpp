// Why and when deliveries of a record failed. Kept only of records that failed; ranges that failed
// together share one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::broker {

// As stored (tag 10003 of a state batch).
enum class FailureReason : std::int8_t {
  released = 0,        // the client gave it back, or its session ended; delivered again
  lock_timeout = 1,    // the lock of the latest delivery ran out
  rejected = 2,        // by the client, or by hand
  delivery_limit = 3,  // the last delivery was released
};

struct Failure {
  std::int64_t first_ms = 0;  // wall clock
  std::int64_t last_ms = 0;
  FailureReason reason = FailureReason::released;
  std::string message;  // what the client said of the latest one; at most message_bytes_max

  static constexpr std::size_t message_bytes_max = 1024;
  bool operator==(const Failure&) const = default;
};

using FailurePtr = std::shared_ptr<const Failure>;  // null: no delivery has failed

inline bool same_failure(const FailurePtr& a, const FailurePtr& b) {
  return a == b || (a && b && *a == *b);
}

// Values of __dlq.errors.reason, and of what DescribeQueue tells.
constexpr std::string_view to_string(FailureReason reason) {
  switch (reason) {
    case FailureReason::lock_timeout:
      return "lock-timeout";
    case FailureReason::rejected:
      return "rejected";
    case FailureReason::delivery_limit:
      return "delivery-limit";
    case FailureReason::released:
      break;
  }
  return "released";
}

}  // namespace sluice::broker
