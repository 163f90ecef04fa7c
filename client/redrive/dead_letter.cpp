// What the headers of a dead letter say, and which dead letters a filter wants.
#include "client/redrive/json_field.hpp"
#include "protocol/queue_headers.hpp"
#include "sluice/dead_letters.hpp"
#include "sluice/error.hpp"

#include <algorithm>
#include <charconv>

namespace sluice {
namespace {

namespace dead_letter_header = protocol::dead_letter_header;

template <class Number>
void read_number(std::string_view text, Number& number) {
  Number value{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec == std::errc{} && end == text.data() + text.size()) number = value;
}

bool any_of(const std::vector<std::string>& wanted, std::string_view name) {
  return wanted.empty() || std::ranges::find(wanted, name) != wanted.end();
}

bool has_header(const RecordView& record, const DeadLetterFilter::Pair& wanted) {
  bool same = false;
  for (const auto& header : record.headers)
    if (header.key == wanted.first) same = header.value && as_text(*header.value) == wanted.second;
  return same;
}

}  // namespace

DeadLetterOrigin dead_letter_origin(const RecordView& record) {
  DeadLetterOrigin origin;
  for (const auto& header : record.headers) {
    if (!header.value) continue;
    const auto value = as_text(*header.value);
    const std::string_view name = header.key;
    if (name == protocol::redrive_count_header) read_number(value, origin.redrives);
    if (name == dead_letter_header::topic)
      origin.topic = value;
    else if (name == dead_letter_header::partition)
      read_number(value, origin.partition);
    else if (name == dead_letter_header::offset)
      read_number(value, origin.offset);
    else if (name == dead_letter_header::group)
      origin.group = value;
    else if (name == dead_letter_header::reason)
      origin.reason = value;
    else if (name == dead_letter_header::message)
      origin.message = value;
    else if (name == dead_letter_header::delivery_count)
      read_number(value, origin.attempts);
    else if (name == dead_letter_header::first_failure)
      read_number(value, origin.first_failure_ms);
    else if (name == dead_letter_header::last_failure)
      read_number(value, origin.last_failure_ms);
  }
  return origin;
}

Result<> DeadLetterFilter::check() const {
  for (const auto& [path, value] : fields)
    if (!client::is_json_path(path))
      return fail(Errc::invalid_argument, "'" + path + "' is no JSON path like order.items[0].sku");
  return {};
}

bool DeadLetterFilter::matches(const RecordView& record, const DeadLetterOrigin& origin) const {
  if (!any_of(sources, origin.topic) || !any_of(groups, origin.group) ||
      !any_of(reasons, origin.reason))
    return false;
  const auto time = origin.last_failure_ms >= 0 ? origin.last_failure_ms : record.timestamp_ms;
  if ((since_ms && time < *since_ms) || (until_ms && time >= *until_ms)) return false;
  if (key && (!record.key || as_text(*record.key) != *key)) return false;
  const auto header_matches = [&](const Pair& wanted) { return has_header(record, wanted); };
  if (!std::ranges::all_of(headers, header_matches)) return false;
  return std::ranges::all_of(fields, [&](const Pair& wanted) {
    return record.value &&
           client::json_field(as_text(*record.value), wanted.first) == wanted.second;
  });
}

}  // namespace sluice
