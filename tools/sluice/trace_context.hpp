// The header `traceparent` of W3C Trace Context: VERSION-TRACE-PARENT-FLAGS in hexadecimal, of 2,
// 32, 16 and 2 digits. In a record, PARENT is the span that sent it. What a consumer of it sends
// carries the same TRACE and a span of its own: which record it answers is not in the header.
// Source: https://www.w3.org/TR/trace-context/, 3.2.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::cli {

inline constexpr std::string_view traceparent_header = "traceparent";

struct TraceContext {
  std::string trace_id;  // 32 lower-case hexadecimal digits
  std::string span_id;   // 16; empty where only a trace id was given
};

// Nothing when it is none: another form, version ff, or an id of zeros only. Of versions later than
// 00 more may follow. Capitals are taken for small letters.
std::optional<TraceContext> parse_traceparent(std::string_view text);
// The same, or a trace id alone.
std::optional<TraceContext> parse_trace_argument(std::string_view text);

}  // namespace sluice::cli
