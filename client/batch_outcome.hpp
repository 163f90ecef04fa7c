// What became of one batch; shared with the deliveries of its records, which any thread may read.
#pragma once

#include "sluice/completion.hpp"
#include "sluice/producer.hpp"

#include <atomic>
#include <cstdint>
#include <vector>

namespace sluice::client {

// Where one record lies in its batch, and what is known of it without the broker.
struct RecordPlace {
  std::int32_t index = 0;
  PartitionIndex partition = -1;
  TimestampMs timestamp_ms = -1;
};

struct BatchOutcome {
  // Set last, read first: whoever sees it sees the rest.
  std::atomic<bool> done{false};
  Error error;                      // set: all records of the batch failed with it
  Offset base_offset = -1;          // -1: not known (acks = 0, or a duplicate the broker forgot)
  TimestampMs append_time_ms = -1;  // set when the broker stamps records itself

  struct Waiter {
    RecordPlace place;
    Done<RecordMetadata> done;
  };
  std::vector<Waiter> waiters;  // of the loop alone

  // Requires: done.
  Result<RecordMetadata> of(const RecordPlace& place) const {
    if (error.code) return std::unexpected(error);
    RecordMetadata metadata{.partition = place.partition, .timestamp_ms = place.timestamp_ms};
    if (base_offset >= 0) metadata.offset = base_offset + place.index;
    if (append_time_ms >= 0) metadata.timestamp_ms = append_time_ms;
    return metadata;
  }
};

}  // namespace sluice::client
