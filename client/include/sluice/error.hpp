// What can go wrong in a call of the client: its own errors, and those that a broker answered.
//
//   if (!sent) {
//     if (sent.error().is(Errc::timed_out)) …                       // what happened
//     if (sent.error().is(ErrorCode::topic_authorization_failed)) … // what the broker said
//     if (retriable(sent.error())) …                                // whether to try again
//     log(sent.error().message());                                  // where, and what, for people
//   }
#pragma once

#include "sluice/error_code.hpp"
#include "sluice/export.hpp"
#include "sluice/result.hpp"

#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace sluice {

// What can go wrong on this side of the wire.
enum class Errc {
  timed_out = 1,       // the deadline passed; what was asked may still happen
  unreachable,         // no broker could be connected to
  disconnected,        // the connection ended before the answer
  unsupported,         // the broker knows no version of the request that we know
  malformed_response,  // the broker's answer could not be decoded
  invalid_argument,    // the caller's mistake; the context says which
  unknown_topic,       // no such topic or partition, after a refresh
  record_too_large,    // exceeds request_size_max or the buffer
  buffer_full,         // the accumulator stayed full up to the deadline
  corrupt_batch,       // a fetched batch fails its checksum or cannot be decompressed
  no_offset,           // the group has no committed offset and the reset policy is none
  closed,              // the object was closed
  cancelled,           // the caller asked to stop waiting; what was asked may still happen
};

// Values are those of Errc.
SLUICE_EXPORT const std::error_category& client_category();
// Values are those of ErrorCode.
SLUICE_EXPORT const std::error_category& broker_category();

inline std::error_code make_error_code(Errc e) { return {static_cast<int>(e), client_category()}; }
inline std::error_code make_error_code(ErrorCode e) {
  return {static_cast<int>(e), broker_category()};
}
inline std::error_code broker_error(std::int16_t code) { return {code, broker_category()}; }

inline std::unexpected<Error> fail(Errc code, std::string context = {}) {
  return fail(make_error_code(code), std::move(context));
}

// Whether the same call may succeed when it is made again, perhaps a little later.
SLUICE_EXPORT bool retriable(const std::error_code& code);
inline bool retriable(const Error& error) { return retriable(error.code); }

}  // namespace sluice

template <>
struct std::is_error_code_enum<sluice::Errc> : std::true_type {};
template <>
struct std::is_error_code_enum<sluice::ErrorCode> : std::true_type {};
