// Text between quotes.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

// Appends `text` as a JSON string, which is a basic string of TOML as well: quotes and backslashes
// behind a backslash, control characters as \u00XX. Other bytes stay as they are.
inline void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out.append("\\u00").append(1, hex[byte >> 4]).append(1, hex[byte & 15]);
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

}  // namespace sluice
