#include "protocol/wire_error.hpp"

#include <string>

namespace sluice::protocol {
namespace {

const char* describe(WireError error) {
  switch (error) {
    case WireError::none:
      return "no error";
    case WireError::truncated:
      return "the frame ends inside a field";
    case WireError::bad_length:
      return "a length does not fit the frame";
    case WireError::too_large:
      return "the message is too large";
    case WireError::null_not_allowed:
      return "null is not allowed in this version";
    case WireError::not_in_version:
      return "a field is set that this version lacks";
    case WireError::unsupported_version:
      return "unsupported version";
    case WireError::duplicate_tag:
      return "a tagged field occurs twice";
    case WireError::trailing_bytes:
      return "bytes follow the message";
    case WireError::bad_header:
      return "unknown API key";
  }
  return "unknown wire error";
}

class WireCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "wire"; }
  std::string message(int value) const override { return describe(static_cast<WireError>(value)); }
};

}  // namespace

const std::error_category& wire_category() {
  static const WireCategory category;
  return category;
}

}  // namespace sluice::protocol
