#include "protocol/ids.hpp"

#include "sluice/export.hpp"

#include <string_view>

namespace sluice {

SLUICE_EXPORT std::string Uuid::to_string() const {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  std::uint32_t bits = 0;
  int held = 0;
  for (const std::byte octet : octets) {
    bits = bits << 8 | std::to_integer<std::uint32_t>(octet);
    for (held += 8; held >= 6; held -= 6) text += digits[bits >> (held - 6) & 0x3f];
  }
  text += digits[bits << (6 - held) & 0x3f];
  return text;
}

}  // namespace sluice
