#include "tools/sluice/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numeric>

namespace sluice::cli {
namespace {

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row.back();
}

// Length of the well-formed sequence that `bytes` begins with; 0 when there is none.
std::size_t utf8_sequence(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  const unsigned second = at(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
    return 0;
  return size;
}

// Bytes at the start of `bytes` that are ASCII, looked at eight at a time.
std::size_t ascii_prefix(std::string_view bytes) {
  std::size_t size = 0;
  for (std::uint64_t eight = 0; size + sizeof eight <= bytes.size(); size += sizeof eight) {
    std::memcpy(&eight, bytes.data() + size, sizeof eight);
    if ((eight & 0x8080808080808080) != 0) break;
  }
  return size;
}

// Whether a JSON string spells this byte with a backslash.
bool is_escaped(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "00[:00[:00[.000]]]" as milliseconds since midnight.
std::optional<std::int64_t> parse_clock(std::string_view text) {
  std::int64_t ms = 0;
  std::int64_t unit = 3'600'000;
  if (const auto dot = text.find('.'); dot != std::string_view::npos) {
    std::string digits(text.substr(dot + 1));
    digits.resize(3, '0');
    const auto fraction = number(digits);
    if (!fraction || *fraction < 0) return std::nullopt;
    ms += *fraction;
    text = text.substr(0, dot);
  }
  for (int part = 0; part < 3 && !text.empty(); ++part, unit /= 60) {
    const auto colon = std::min(text.find(':'), text.size());
    const auto value = number(text.substr(0, colon));
    if (!value || *value < 0 || *value > (part == 0 ? 23 : 59)) return std::nullopt;
    ms += *value * unit;
    text.remove_prefix(std::min(colon + 1, text.size()));
  }
  if (!text.empty()) return std::nullopt;
  return ms;
}

std::optional<std::int64_t> parse_calendar(std::string_view text) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = number(text.substr(0, 4));
  const auto month = number(text.substr(5, 2));
  const auto day = number(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch();
  const std::int64_t midnight = std::chrono::milliseconds(days).count();
  text.remove_prefix(10);
  if (text.ends_with('Z')) text.remove_suffix(1);
  if (text.empty()) return midnight;
  if (text[0] != 'T' && text[0] != ' ') return std::nullopt;
  const auto clock = parse_clock(text.substr(1));
  if (!clock) return std::nullopt;
  return midnight + *clock;
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  append_base64(out, bytes);
  return out;
}

void append_base64(std::string& out, std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t here = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < here ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j)
      out += j <= here ? base64_digits[group >> (18 - 6 * j) & 63] : '=';
  }
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t group = 0;
    std::size_t padding = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const char c = text[i + j];
      if (c == '=' && j >= 2 && i + 4 == text.size()) {
        ++padding;
        group <<= 6;
        continue;
      }
      const auto digit = base64_digits.find(c);
      if (digit == std::string_view::npos || padding > 0) return std::nullopt;
      group = group << 6 | static_cast<std::uint32_t>(digit);
    }
    for (std::size_t j = 0; j + padding < 3; ++j)
      out += static_cast<char>(group >> (16 - 8 * j) & 0xff);
  }
  return out;
}

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    if (const std::size_t size = ascii_prefix(bytes); size > 0) {
      bytes.remove_prefix(size);
      continue;
    }
    const std::size_t size = utf8_sequence(bytes);
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto next = std::find_if(text.begin(), text.end(), is_escaped);
    const auto plain = static_cast<std::size_t>(next - text.begin());
    out += text.substr(0, plain);
    if (plain == text.size()) break;
    const char c = text[plain];
    text.remove_prefix(plain + 1);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        char escape[7];
        std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
        out += escape;
    }
  }
  out += '"';
}

// So many letters of a name that was begun tell which it is.
constexpr std::size_t begun_min = 3;

std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates) {
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;  // beyond this it is a guess
  std::optional<std::string> found;
  for (const auto& candidate : candidates) {
    if (word.size() >= begun_min && candidate.starts_with(word)) return candidate;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

std::string with_commas(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string records_text(std::uint64_t number) {
  return with_commas(number) + (number == 1 ? " record" : " records");
}

std::int64_t whole_units(double number, std::int64_t most) {
  if (std::isnan(number)) return 0;
  const auto bound = static_cast<double>(most);
  if (number >= bound) return most;
  return number <= -bound ? -most : static_cast<std::int64_t>(number);
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> units = {"B", "kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < units.size(); ++unit) value /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, "%.*f %s",
                value < 9.995   ? 2
                : value < 99.95 ? 1
                                : 0,
                value, units[unit]);
  return text;
}

std::string human_seconds(std::chrono::nanoseconds time) {
  const double seconds = std::chrono::duration<double>(time).count();
  char text[32];
  if (seconds < 1)
    std::snprintf(text, sizeof text, "%.0f ms", seconds * 1000);
  else
    std::snprintf(text, sizeof text, "%.2f s", seconds);
  return text;
}

std::string iso_time(std::int64_t ms_since_epoch) {
  std::string out;
  append_iso_time(out, ms_since_epoch);
  return out;
}

void append_iso_time(std::string& out, std::int64_t ms_since_epoch) {
  constexpr std::int64_t year_0 = -62'167'219'200'000, year_10000 = 253'402'300'800'000;
  if (ms_since_epoch < year_0 || ms_since_epoch >= year_10000) {
    out += std::to_string(ms_since_epoch);
    return;
  }
  const std::chrono::sys_time<std::chrono::milliseconds> time{
      std::chrono::milliseconds(ms_since_epoch)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const auto ms = (time - day).count();
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(ms / 3'600'000),
                static_cast<int>(ms / 60'000 % 60), static_cast<int>(ms / 1000 % 60),
                static_cast<int>(ms % 1000));
  out += text;
}

std::optional<std::int64_t> parse_time(std::string_view text, std::int64_t now_ms) {
  if (text.starts_with('-') && text.size() > 2) {
    constexpr std::string_view units = "smhd";
    constexpr std::array<std::int64_t, 4> sizes = {1000, 60'000, 3'600'000, 86'400'000};
    const auto unit = units.find(text.back());
    const auto count = number(text.substr(1, text.size() - 2));
    if (unit == std::string_view::npos || !count || *count < 0) return std::nullopt;
    return *count > now_ms / sizes[unit] ? 0 : now_ms - *count * sizes[unit];
  }
  std::int64_t ms = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (ec == std::errc{} && end == text.data() + text.size() && ms >= 0) return ms;
  const auto calendar = parse_calendar(text);
  return calendar ? std::optional(std::max<std::int64_t>(0, *calendar)) : std::nullopt;
}

void escape_controls(std::string& out, std::size_t from, Lines lines) {
  const auto is_control = [&](std::size_t at) {
    const auto c = static_cast<unsigned char>(out[at]);
    if (c == '\n' || c == '\t') return lines == Lines::escape;
    // U+0080 to U+009F, of which one begins a sequence as ESC [ does.
    const bool is_c1 = c >= 0x80 && c <= 0x9f && at > from && out[at - 1] == '\xc2';
    return c < 0x20 || c == 0x7f || is_c1;
  };
  std::size_t at = from;
  while (at < out.size() && !is_control(at)) ++at;
  if (at == out.size()) return;
  std::string escaped;
  for (at = from; at < out.size(); ++at) {
    if (!is_control(at)) {
      escaped += out[at];
      continue;
    }
    char text[8];
    std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned char>(out[at]));
    if (static_cast<unsigned char>(out[at]) >= 0x80) escaped.pop_back();  // its first byte
    escaped += text;
  }
  out.replace(from, std::string::npos, escaped);
}

std::string printable(std::string_view text, Lines lines) {
  std::string out(text);
  escape_controls(out, 0, lines);
  return out;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    unsigned char byte = 0;
    if (c == 'n') {
      out += '\n';
    } else if (c == 't') {
      out += '\t';
    } else if (c == 'r') {
      out += '\r';
    } else if (c == '0') {
      out += '\0';
    } else if (c == '\\') {
      out += '\\';
    } else if (c == 'x' && i + 2 < text.size() &&
               std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr ==
                   text.data() + i + 3) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += '\\';
      out += c;
    }
  }
  return out;
}

}  // namespace sluice::cli
