#include "tools/sluice/trace_context.hpp"

#include <algorithm>

namespace sluice::cli {
namespace {

constexpr std::size_t trace_digits = 32;
constexpr std::size_t span_digits = 16;
constexpr std::size_t traceparent_size = 2 + 1 + trace_digits + 1 + span_digits + 1 + 2;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// So many hexadecimal digits in small letters.
std::optional<std::string> hex(std::string_view text, std::size_t digits) {
  if (text.size() != digits || !std::ranges::all_of(text, is_hex)) return std::nullopt;
  std::string small(text);
  for (char& c : small)
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  return small;
}

bool is_zero(std::string_view digits) {
  return digits.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  if (text.size() < traceparent_size || text[2] != '-' || text[35] != '-' || text[52] != '-')
    return std::nullopt;
  const auto version = hex(text.substr(0, 2), 2);
  const auto trace = hex(text.substr(3, trace_digits), trace_digits);
  const auto span = hex(text.substr(36, span_digits), span_digits);
  const auto flags = hex(text.substr(53, 2), 2);
  if (!version || !trace || !span || !flags || *version == "ff") return std::nullopt;
  if (is_zero(*trace) || is_zero(*span)) return std::nullopt;
  const auto rest = text.substr(traceparent_size);
  if (!rest.empty() && (*version == "00" || rest.front() != '-')) return std::nullopt;
  return TraceContext{.trace_id = *trace, .span_id = *span};
}

std::optional<TraceContext> parse_trace_argument(std::string_view text) {
  if (text.size() != trace_digits) return parse_traceparent(text);
  const auto trace = hex(text, trace_digits);
  if (!trace || is_zero(*trace)) return std::nullopt;
  return TraceContext{.trace_id = *trace, .span_id = {}};
}

}  // namespace sluice::cli
