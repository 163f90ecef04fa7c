#include "broker/queue/retry_topic.hpp"

#include "broker/queue/schedule_headers.hpp"
#include "broker/topic_config.hpp"
#include "protocol/queue_headers.hpp"

#include <array>
#include <charconv>

namespace sluice::broker {
namespace {

bool has_retry(const Topic& topic) {
  return effective_topic_config(TopicConfig{}, topic.overrides).retry_enable;
}

std::string hex(std::uint64_t value) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = digits[value >> (60 - 4 * i) & 15];
  return text;
}

// The part before the MAC.
std::string head_of(const RetryStamp& stamp) {
  return std::to_string(stamp.attempt) + ":" + std::to_string(stamp.partition) + ":" +
         std::to_string(stamp.offset) + ":" + std::to_string(stamp.first_ms);
}

// Names hold neither of the separators' zero bytes: no two identities hash the same text.
std::string mac_of(std::string_view head, const RetryIdentity& identity) {
  std::string text = "sluice-retry";
  for (const std::string_view part :
       {std::string_view(identity.source), std::string_view(identity.group), head}) {
    text += '\0';
    text += part;
  }
  return hex(siphash(identity.key, as_bytes(text)));
}

template <class Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.starts_with(':')) return false;
  text.remove_prefix(1);
  return true;
}

// What the broker wrote the last time, and writes anew.
bool is_own_header(std::string_view key) {
  return key == protocol::retry_attempt_header || key == protocol::scheduled_for_header ||
         key == protocol::schedule_id_header;
}

}  // namespace

std::optional<RetryName> find_retry_name(const Catalog& catalog, std::string_view name) {
  if (!name.ends_with(retry_topic_suffix)) return std::nullopt;
  const std::string_view pair = name.substr(0, name.size() - retry_topic_suffix.size());
  for (auto dot = pair.rfind('.'); dot != std::string_view::npos && dot != 0;
       dot = pair.rfind('.', dot - 1)) {
    const std::string_view group = pair.substr(dot + 1);
    const Topic* source = catalog.find(pair.substr(0, dot));
    if (!group.empty() && source != nullptr && has_retry(*source)) return RetryName{source, group};
  }
  return std::nullopt;
}

std::string write_retry_stamp(const RetryStamp& stamp, const RetryIdentity& identity) {
  const std::string head = head_of(stamp);
  return head + ":" + mac_of(head, identity);
}

std::optional<RetryStamp> read_retry_stamp(std::string_view text, const RetryIdentity& identity) {
  const auto mac = text.rfind(':');
  if (mac == std::string_view::npos) return std::nullopt;
  if (text.substr(mac + 1) != mac_of(text.substr(0, mac), identity)) return std::nullopt;
  RetryStamp stamp;
  const bool whole = take_number(text, stamp.attempt) && take_number(text, stamp.partition) &&
                     take_number(text, stamp.offset) && take_number(text, stamp.first_ms);
  return whole ? std::optional(stamp) : std::nullopt;
}

std::expected<std::optional<Delay>, std::string> RetryRule::look(const protocol::BatchHeader&,
                                                                 const protocol::Record& record,
                                                                 std::deque<std::string>& texts) {
  std::optional<RetryStamp> before;
  Delay delay;
  for (const protocol::RecordHeader& header : record.headers) {
    if (header.key == protocol::retry_attempt_header && header.value)
      before = read_retry_stamp(as_text(*header.value), settings_.identity);
    if (!is_own_header(header.key)) delay.headers.push_back(header);
  }
  RetryStamp stamp = before.value_or(RetryStamp{
      0, settings_.partition, settings_.base_offset + record.offset_delta, settings_.now_ms});
  if (settings_.attempts_max > 0 && stamp.attempt >= settings_.attempts_max) {
    delay.exhausted = Exhausted{stamp.attempt, stamp.partition, stamp.offset, stamp.first_ms};
    return delay;
  }
  ++stamp.attempt;
  delay.due_ms = settings_.now_ms + backoff(settings_.policy, stamp.attempt, random_).count();
  texts.push_back(write_retry_stamp(stamp, settings_.identity));
  delay.headers.push_back({protocol::retry_attempt_header, as_bytes(texts.back())});
  return delay;
}

}  // namespace sluice::broker
