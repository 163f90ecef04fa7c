// Why bytes are not the message they should be, or a message cannot be put into bytes.
#pragma once

#include <cstdint>
#include <system_error>

namespace sluice::protocol {

enum class WireError : std::uint8_t {
  none,
  truncated,            // the frame ends inside a field
  bad_length,           // a length or varint that no frame of this size can mean
  too_large,            // the message needs more memory, or bytes, than it may
  null_not_allowed,     // null where the version has none
  not_in_version,       // a field that is set and that the version cannot carry
  unsupported_version,  // outside the message's versions
  duplicate_tag,        // a tagged field came twice
  trailing_bytes,       // the frame goes on after the message
  bad_header,           // a header that belongs to no known API
};

const std::error_category& wire_category();
inline std::error_code make_error_code(WireError error) {
  return {static_cast<int>(error), wire_category()};
}

}  // namespace sluice::protocol

template <>
struct std::is_error_code_enum<sluice::protocol::WireError> : std::true_type {};
