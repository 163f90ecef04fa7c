// Where a broker listens.
#pragma once

#include "sluice/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::client {

struct Address {
  std::string host;
  std::uint16_t port = 0;
  std::string to_string() const;
  friend bool operator==(const Address&, const Address&) = default;
};
// "HOST:PORT" or "[V6]:PORT"; the port defaults to 9092. Errors: Errc::invalid_argument.
Result<Address> parse_address(std::string_view text);

}  // namespace sluice::client
