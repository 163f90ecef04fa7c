// The C interface: producers.
#include "client/c/handles.hpp"

#include <memory>
#include <utility>

using namespace sluice::c;

namespace {

sluice::Bytes bytes(const void* data, std::size_t size) {
  return {static_cast<const std::byte*>(data), size};
}

std::optional<sluice::Bytes> bytes_or_null(const void* data, std::size_t size) {
  if (!data) return std::nullopt;
  return bytes(data, size);
}

// Forgets deliveries that are done and keeps the first failure; those that wait stay in order.
void settle(sluice_producer& producer) {
  while (!producer.others.empty() && producer.others.front().done()) {
    const auto result = producer.others.front().result();
    if (!result && !producer.failed) producer.failed = result.error();
    producer.others.pop_front();
  }
}

}  // namespace

extern "C" {

int sluice_producer_open(sluice_broker* broker, const char* settings, sluice_producer** producer) {
  *producer = std::make_unique<sluice_producer>().release();
  sluice::ProducerOptions options;
  options.client = broker->client;
  const auto read = read_settings(options, text_or_nothing(settings));
  if (!read) return done((*producer)->error, read);
  auto made = sluice::Producer::create(std::move(options));
  if (made) (*producer)->producer = std::move(*made);
  return done((*producer)->error, made);
}

const char* sluice_producer_error(const sluice_producer* producer) {
  return producer->error.c_str();
}

void sluice_producer_close(sluice_producer* producer) {
  const std::unique_ptr<sluice_producer> owned(producer);
  if (owned && owned->producer) static_cast<void>(owned->producer->close());
}

int sluice_set_partition(sluice_producer* producer, int32_t partition) {
  producer->partition = partition;
  return 0;
}

int sluice_set_timestamp(sluice_producer* producer, int64_t milliseconds) {
  producer->timestamp_ms = milliseconds;
  return 0;
}

int sluice_add_header(sluice_producer* producer, const char* name, const void* value, size_t size) {
  auto& header = producer->headers.emplace_back(name, std::nullopt);
  if (value) header.value.emplace(static_cast<const char*>(value), size);
  return 0;
}

int sluice_produce(sluice_producer* producer, const char* topic, const void* key, size_t key_size,
                   const void* value, size_t value_size, uint64_t* ticket) {
  if (!producer->producer) return closed(producer->error);
  std::vector<sluice::Header> headers;
  for (const auto& header : producer->headers)
    headers.push_back({header.name, header.value ? std::optional(sluice::as_bytes(*header.value))
                                                 : std::nullopt});
  const auto sent = producer->producer->send({.topic = topic,
                                              .partition = producer->partition,
                                              .key = bytes_or_null(key, key_size),
                                              .value = bytes_or_null(value, value_size),
                                              .headers = headers,
                                              .timestamp_ms = producer->timestamp_ms});
  producer->headers.clear();
  producer->partition.reset();
  producer->timestamp_ms.reset();
  settle(*producer);
  if (!sent) return done(producer->error, sent);
  if (ticket) {
    *ticket = producer->next_ticket++;
    producer->tickets.emplace(*ticket, *sent);
  } else {
    producer->others.push_back(*sent);
  }
  return done(producer->error, sent);
}

int sluice_wait(sluice_producer* producer, uint64_t ticket, int timeout_ms, int32_t* partition,
                int64_t* offset) {
  if (!producer->producer) return closed(producer->error);
  const auto found = producer->tickets.find(ticket);
  if (found == producer->tickets.end())
    return failed(producer->error, {sluice::Errc::invalid_argument, "no such ticket"});
  const auto result = producer->producer->wait(found->second, deadline(timeout_ms));
  if (found->second.done()) producer->tickets.erase(found);
  if (result && partition) *partition = result->partition;
  if (result && offset) *offset = result->offset;
  return done(producer->error, result);
}

int sluice_flush(sluice_producer* producer, int timeout_ms) {
  if (!producer->producer) return closed(producer->error);
  const auto flushed = producer->producer->flush(deadline(timeout_ms));
  settle(*producer);
  if (!flushed) return done(producer->error, flushed);
  const auto failure = std::exchange(producer->failed, std::nullopt);
  return failure ? failed(producer->error, *failure) : done(producer->error, flushed);
}

}  // extern "C"
