// What the log refuses and why. The broker maps these to Kafka's error codes, in one place.
#pragma once

#include "base/result.hpp"

#include <string_view>

namespace sluice::storage {

enum class Errc {
  closed = 1,              // the log is closed or being closed
  fenced,                  // a write failed: appends are refused until the log reopened itself
  no_room,                 // not now: wait for room_for(size), then append again
  disk_full,               // space could not be reserved; nothing was lost, try again later
  batch_too_large,         // larger than a segment may be
  offset_out_of_range,     // below the log start, or beyond the log end
  damaged,                 // the stored bytes are not the batch they should be
  out_of_order_sequence,   // idempotence: a batch of this producer is missing before this one
  invalid_producer_epoch,  // idempotence: a newer instance of the producer has written
  unknown_format,          // a file of a newer or foreign format; nothing was changed
  segment_gone,            // inside storage: retention or compaction replaced it, look again
  bad_checkpoint,          // a small text or snapshot file is garbled
};

std::string_view describe(Errc error);
const std::error_category& storage_error_category();
// Lets an Errc become a sluice::Error: `return fail(Errc::fenced, path)`.
inline std::error_code make_error_code(Errc error) {
  return {static_cast<int>(error), storage_error_category()};
}

}  // namespace sluice::storage

template <>
struct std::is_error_code_enum<sluice::storage::Errc> : std::true_type {};
