// Keys, values and headers as text for people, and as JSON that loses nothing.
#pragma once

#include "base/bytes.hpp"
#include "tools/sluice/json.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::cli {

// As in record_json.hpp: bytes that are not UTF-8 are base64 under NAME_base64, null is null.
void append_bytes_field(JsonWriter& json, std::string_view name, const std::optional<Bytes>& bytes);

// `"text"` with escapes, "base64:…", or "null".
std::string shown_bytes(const std::optional<Bytes>& bytes);
// The same, with "…" for what is beyond `width` columns, about.
std::string shown_bytes(const std::optional<Bytes>& bytes, std::size_t width);

// `text` without a last character that was cut in two.
std::string_view whole_characters(std::string_view text);

}  // namespace sluice::cli
