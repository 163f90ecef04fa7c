// Small conversions between values and text that the commands share.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

// RFC 4648, with padding.
std::string base64_encode(std::string_view bytes);
void append_base64(std::string& out, std::string_view bytes);
// Nothing when it is not base64.
std::optional<std::string> base64_decode(std::string_view text);

// Whether every byte belongs to a well-formed UTF-8 sequence (no surrogates, nothing overlong).
bool is_utf8(std::string_view bytes);

// Appends `text` as a JSON string, quotes included. Requires: is_utf8(text).
void append_json_string(std::string& out, std::string_view text);

// The candidate nearest to `word`, when it is near enough to be a slip of the keyboard.
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates);

// "1,234,567"
std::string with_commas(std::uint64_t number);
// "1 record", "1,234 records"
std::string records_text(std::uint64_t number);
// A number of whole units between -`most` and `most`: 0 for what is no number.
std::int64_t whole_units(double number, std::int64_t most);
// "17.8 MB": powers of ten, three digits.
std::string human_bytes(std::uint64_t bytes);
// "1.23 s", "45 ms"
std::string human_seconds(std::chrono::nanoseconds time);

// "2015-01-01T00:00:00.000Z"; the number itself when its year has not four digits.
std::string iso_time(std::int64_t ms_since_epoch);
void append_iso_time(std::string& out, std::int64_t ms_since_epoch);
// A moment: milliseconds since the epoch, "2015-01-01", "2015-01-01T12:30[:00[.000]][Z]" (UTC), or
// "-15m" (s, m, h, d before now). A moment before 1970 is 0: no record is older, and what is asked
// of a broker below 0 is no time but a place, such as the end. Nothing when it is none of them.
std::optional<std::int64_t> parse_time(std::string_view text, std::int64_t now_ms);

// What lies behind `from` with \xHH for each byte that a terminal would obey: control characters,
// but with Lines::keep '\n' and '\t'. Text of others can do no more than be read then.
enum class Lines : std::uint8_t { keep, escape };
void escape_controls(std::string& out, std::size_t from, Lines lines);
std::string printable(std::string_view text, Lines lines);

// The escapes \n \t \r \0 \\ \xHH become bytes; anything else stays as it is.
std::string unescape(std::string_view text);

}  // namespace sluice::cli
