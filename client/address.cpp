#include "client/address.hpp"

#include "sluice/error.hpp"

#include <charconv>

namespace sluice::client {

std::string Address::to_string() const {
  const bool bare_v6 = host.find(':') != std::string::npos;
  return (bare_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Address> parse_address(std::string_view text) {
  Address address{.port = 9092};
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return fail(Errc::invalid_argument, std::string(text));
    address.host = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return fail(Errc::invalid_argument, std::string(text));
      port = text.substr(end + 2);
    }
  } else {
    const auto colon = text.rfind(':');
    address.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
    if (address.host.find(':') != std::string::npos)
      return fail(Errc::invalid_argument,
                  std::string(text) + ": write an IPv6 address as [::1]:9092");
  }
  if (address.host.empty() || (text.ends_with(':')))
    return fail(Errc::invalid_argument, "address '" + std::string(text) + "' is not HOST:PORT");
  if (!port.empty()) {
    const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (ec != std::errc{} || end != port.data() + port.size() || address.port == 0)
      return fail(Errc::invalid_argument, "address '" + std::string(text) + "' has no valid port");
  }
  return address;
}

}  // namespace sluice::client
