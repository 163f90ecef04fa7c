#include "broker/queue/schedule_headers.hpp"

#include "protocol/queue_headers.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::broker {
namespace {

std::unexpected<std::string> refuse(std::string_view name, std::string_view header,
                                    std::string_view rest) {
  return std::unexpected(std::string(name) + ": " + std::string(header) + " " + std::string(rest));
}

bool is_control(std::string_view key) {
  return key == protocol::deliver_at_header || key == protocol::delay_header;
}

// Milliseconds. Text that is no number is not repeated: it may be anything.
std::expected<std::int64_t, std::string> number_of(const protocol::RecordHeader& header) {
  const std::string_view text = header.value ? as_text(*header.value) : std::string_view();
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  const bool decimal =
      !digits.empty() && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!decimal)
    return refuse("DELIVERY_TIME_NOT_A_NUMBER", header.key,
                  "must be decimal digits: a number of milliseconds");
  if (negative) return refuse("DELIVERY_TIME_NEGATIVE", header.key, "must be at least 0");
  std::int64_t number = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc{})
    return refuse("DELIVERY_TIME_TOO_FAR", header.key, "does not fit 64 bits");
  return number;
}

}  // namespace

std::expected<std::optional<Delay>, std::string> ScheduleHeaderRule::look(
    const protocol::BatchHeader&, const protocol::Record& record, std::deque<std::string>&) {
  std::optional<protocol::RecordHeader> control;
  for (const protocol::RecordHeader& header : record.headers) {
    if (!is_control(header.key)) continue;
    if (control)
      return refuse("DELIVERY_TIME_TWICE", header.key, "is a second time of delivery: give one");
    control = header;
  }
  if (!control) return std::nullopt;
  if (settings_.compacted)
    return refuse("DELIVERY_TIME_ON_COMPACTED_TOPIC", control->key,
                  "cannot be kept: a compacted topic takes no scheduled records");
  const auto number = number_of(*control);
  if (!number) return std::unexpected(number.error());
  const bool relative = control->key == protocol::delay_header;
  const std::int64_t ahead = relative ? *number : *number - settings_.now_ms;
  if (ahead > settings_.ahead_max_ms)
    return refuse("DELIVERY_TIME_TOO_FAR", control->key,
                  "is further away than sluice.schedule.max.ms (" +
                      std::to_string(settings_.ahead_max_ms) + " ms)");
  Delay delay;
  delay.due_ms = relative ? settings_.now_ms + *number : *number;
  for (const protocol::RecordHeader& header : record.headers)
    if (!is_control(header.key)) delay.headers.push_back(header);
  return delay;
}

}  // namespace sluice::broker
