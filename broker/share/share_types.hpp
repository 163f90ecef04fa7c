// What goes into a share partition and comes out of it.
#pragma once

#include "broker/share/retry_policy.hpp"
#include "broker/share/share_failure.hpp"
#include "broker/share/share_state.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::broker {

// Wire values of AcknowledgeTypes.
enum class Acknowledge : std::int8_t { gap = 0, accept = 1, release = 2, reject = 3, renew = 4 };

struct AcknowledgeBatch {
  Offset first = 0;
  Offset last = 0;
  std::span<const std::int8_t> types;   // one for all, or one an offset
  std::chrono::milliseconds delay{-1};  // of a release, instead of the backoff; -1: none is given
  std::string_view reason = {};         // of a release or a reject: why, for people
};
inline constexpr std::chrono::milliseconds delay_max = std::chrono::days(7);

struct ShareSettings {
  std::chrono::milliseconds lock_duration{30'000};
  int deliveries_max = 5;
  std::int64_t locks_max = 2000;     // records acquired at a time
  std::size_t ranges_max = 100'000;  // beyond it only what was acquired before is offered
  RetryPolicy retry;
  bool order_by_key = false;          // records of one key are in flight one at a time
  std::int64_t blocked_max = 10'000;  // records read ahead that wait for others of their key
  bool dead_letters = false;          // what is given up is copied to a dead-letter topic first
};

enum class AcquireMode : std::int8_t { whole_batches = 0, exact_count = 1 };

struct AcquireLimits {
  std::int64_t records_max = 500;
  AcquireMode mode = AcquireMode::whole_batches;
  std::int64_t taken = 0;          // of these, by earlier reads of the same fetch
  std::int64_t range_records = 0;  // a range that has so many ends with its batch; 0: no matter
};

struct RecordKey {
  Offset offset = 0;
  std::optional<std::uint64_t> key_hash;  // nullopt: it has no key
};

// Offsets of one batch of the log.
struct BatchExtent {
  Offset first = 0;
  Offset last = 0;
  std::span<const RecordKey> keys{};  // its records in order, where wants_keys() said so
};

struct AcquiredRange {
  Offset first = 0;
  Offset last = 0;
  std::int16_t deliveries = 0;
  bool operator==(const AcquiredRange&) const = default;
};

struct ShareWrite {
  std::uint64_t id = 0;
  StateChange change;
};

// Given up: to be copied to the dead-letter topic before it is finished.
struct DeadLetter {
  Offset first = 0;
  Offset last = 0;
  std::int16_t deliveries = 0;
  FailurePtr failure;  // never null
};

// By hand, whoever holds the records.
struct HandChange {
  Offset first = 0;
  Offset last = 0;
  Acknowledge how = Acknowledge::release;  // or reject
  std::string_view reason = {};            // of a reject
};
struct HandChanged {
  std::uint64_t write = 0;  // to wait for; 0: none
  std::int64_t records = 0;
};

enum class QueueState : std::uint8_t {
  available,
  waiting,  // for the end of its backoff or delay, or for an earlier record of its key
  acquired,
  settling,  // its outcome is being stored
  dead_lettering,
  finished,
};
std::string_view to_string(QueueState state);

// Offsets that are in one state alike. Lifetime: `member` borrows from the share partition.
struct QueueRange {
  Offset first = 0;
  Offset last = 0;
  QueueState state = QueueState::available;
  std::int16_t deliveries = 0;
  std::string_view member = {};
  std::int64_t until_ms = -1;  // wall clock: end of the lock or of the wait; -1: none
  FailurePtr failure{};
};

// Counts for a person who looks: `sluice queue`, tests.
struct ShareCounts {
  std::int64_t acquired = 0;
  std::int64_t waiting = 0;  // not offered before their time, or until their key is free
  std::int64_t settling = 0;
  std::int64_t dead_lettering = 0;
  std::int64_t finished = 0;  // at or beyond the start
  std::size_t ranges = 0;
};

}  // namespace sluice::broker
