#include "storage/checkpoint.hpp"

#include "storage/error.hpp"

#include <charconv>

namespace sluice::storage {

std::string encode_checkpoint(const std::vector<std::string>& lines) {
  std::string text = "0\n" + std::to_string(lines.size()) + "\n";
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

namespace {
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  while (!line.empty()) {
    const std::size_t end = line.find(' ');
    if (end != 0) fields.push_back(line.substr(0, end));
    if (end == std::string_view::npos) break;
    line.remove_prefix(end + 1);
  }
  return fields;
}
}  // namespace

Result<std::vector<std::vector<std::string_view>>> decode_checkpoint(std::string_view text,
                                                                     std::size_t columns) {
  const auto version = take_line(text);
  if (!version || !parse_number(*version)) return fail(Errc::bad_checkpoint);
  if (*parse_number(*version) != 0) return fail(Errc::unknown_format);
  const auto count_line = take_line(text);
  const auto count = count_line ? parse_number(*count_line) : std::nullopt;
  if (!count || *count < 0) return fail(Errc::bad_checkpoint);
  std::vector<std::vector<std::string_view>> rows;
  while (const auto line = take_line(text)) {
    if (line->empty()) continue;
    rows.push_back(split(*line));
    if (rows.back().size() != columns) return fail(Errc::bad_checkpoint);
  }
  if (static_cast<std::int64_t>(rows.size()) != *count || !text.empty())
    return fail(Errc::bad_checkpoint);
  return rows;
}

}  // namespace sluice::storage
