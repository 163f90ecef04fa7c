#include "client/queue_headers.hpp"

#include "protocol/queue_headers.hpp"
#include "sluice/error.hpp"

#include <charconv>
#include <cstdint>

namespace sluice::client {
namespace {

constexpr std::size_t message_id_size_max = 255;
constexpr std::size_t number_header_size = 45;  // name, number and lengths

bool asks(const ProducerRecord& record) {
  return record.deliver_at_ms || record.delay || record.message_id;
}

}  // namespace

Result<> QueueHeaders::check(const ProducerRecord& record) {
  if (!asks(record)) return {};
  if (record.deliver_at_ms && record.delay)
    return fail(Errc::invalid_argument, "a delivery time and a delay");
  if (record.deliver_at_ms && *record.deliver_at_ms < 0)
    return fail(Errc::invalid_argument, "a delivery time before 1970");
  if (record.delay && record.delay->count() < 0)
    return fail(Errc::invalid_argument, "a negative delay");
  const auto& id = record.message_id;
  if (id && (id->empty() || id->size() > message_id_size_max))
    return fail(Errc::invalid_argument, "a message id has 1 to 255 bytes");
  return {};
}

std::size_t QueueHeaders::size_estimate(const ProducerRecord& record) {
  std::size_t size = record.deliver_at_ms || record.delay ? number_header_size : 0;
  if (record.message_id) size += number_header_size + record.message_id->size();
  return size;
}

QueueHeaders::QueueHeaders(const ProducerRecord& record) : all_(record.headers) {
  if (!asks(record)) return;
  made_.assign(record.headers.begin(), record.headers.end());
  const auto add_number = [this](std::string_view name, std::int64_t number) {
    const auto end = std::to_chars(number_.data(), number_.data() + number_.size(), number).ptr;
    made_.push_back({name, as_bytes(std::string_view(number_.data(), end))});
  };
  if (record.deliver_at_ms) add_number(protocol::deliver_at_header, *record.deliver_at_ms);
  if (record.delay) add_number(protocol::delay_header, record.delay->count());
  if (record.message_id)
    made_.push_back({protocol::message_id_header, as_bytes(*record.message_id)});
  all_ = made_;
}

}  // namespace sluice::client
