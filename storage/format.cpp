#include "storage/format.hpp"

#include <charconv>

namespace sluice::storage {

std::string offset_file_name(Offset base, std::string_view suffix) {
  const std::string digits = std::to_string(base);
  std::string name(offset_digits - digits.size(), '0');
  name += digits;
  name += suffix;
  return name;
}

std::optional<OffsetFileName> parse_offset_file_name(std::string_view name) {
  if (name.size() <= offset_digits || name[offset_digits] != '.') return std::nullopt;
  OffsetFileName parsed;
  const auto [end, error] = std::from_chars(name.data(), name.data() + offset_digits, parsed.base);
  if (error != std::errc{} || end != name.data() + offset_digits || parsed.base < 0)
    return std::nullopt;
  parsed.suffix = name.substr(offset_digits);
  return parsed;
}

}  // namespace sluice::storage
