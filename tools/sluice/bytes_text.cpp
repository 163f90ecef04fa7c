#include "tools/sluice/bytes_text.hpp"

#include <algorithm>

namespace sluice::cli {

void append_bytes_field(JsonWriter& json, std::string_view name,
                        const std::optional<Bytes>& bytes) {
  if (!bytes)
    json.field(name, std::optional<std::string>{});
  else if (is_utf8(as_text(*bytes)))
    json.field(name, as_text(*bytes));
  else
    json.field(std::string(name) + "_base64", base64_encode(as_text(*bytes)));
}

std::string shown_bytes(const std::optional<Bytes>& bytes) {
  if (!bytes) return "null";
  std::string out;
  if (is_utf8(as_text(*bytes)))
    append_json_string(out, as_text(*bytes));
  else
    out = "base64:" + base64_encode(as_text(*bytes));
  return out;
}

std::string shown_bytes(const std::optional<Bytes>& bytes, std::size_t width) {
  if (!bytes || bytes->size() <= width) return shown_bytes(bytes);
  return shown_bytes(as_bytes(whole_characters(as_text(bytes->first(width))))) + "…";
}

std::string_view whole_characters(std::string_view text) {
  constexpr std::size_t character_max = 4;  // bytes
  for (std::size_t cut = 0; cut < std::min(character_max, text.size()); ++cut)
    if (const auto whole = text.substr(0, text.size() - cut); is_utf8(whole)) return whole;
  return text;
}

}  // namespace sluice::cli
