// Errors of the client: its own, and those that a broker answered.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <system_error>

namespace sluice::client {

// What can go wrong on this side of the wire.
enum class Errc {
  timed_out = 1,       // the deadline passed; what was asked may still happen
  unreachable,         // no broker could be connected to
  disconnected,        // the connection ended before the answer
  unsupported,         // the broker knows no version of the request that we know
  malformed_response,  // the broker's answer could not be decoded
  invalid_argument,    // the caller's mistake; the context says which
  unknown_topic,       // no such topic or partition, after a refresh
  record_too_large,    // exceeds max_request_bytes or the buffer
  buffer_full,         // the accumulator stayed full up to the deadline
  corrupt_batch,       // a fetched batch fails its checksum or cannot be decompressed
  no_offset,           // the group has no committed offset and the reset policy is none
  closed,              // the object was closed
};

const std::error_category& client_category();
// Values are Kafka's error codes (protocol/error_code.hpp).
const std::error_category& broker_category();

inline std::error_code make_error_code(Errc e) { return {static_cast<int>(e), client_category()}; }
inline std::error_code broker_error(std::int16_t code) { return {code, broker_category()}; }

inline std::unexpected<Error> fail(Errc code, std::string context = {}) {
  return sluice::fail(make_error_code(code), std::move(context));
}

// Whether the same call may succeed when it is made again, perhaps after a metadata refresh.
bool retriable(const std::error_code& code);
// Whether the answer means that our metadata (leader, coordinator, topic id) is out of date.
bool means_stale_metadata(const std::error_code& code);

}  // namespace sluice::client

template <>
struct std::is_error_code_enum<sluice::client::Errc> : std::true_type {};
