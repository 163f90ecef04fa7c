// Producer: sends records to topics in batches; idempotent and in order by default.
//
// By default blocking and without threads of its own: the work is done inside send(), wait(),
// flush() and poll(), on the caller's thread, one at a time. A program that pauses between sends
// calls poll() now and then, or flush(), so that a last batch does not stay behind. On a Runtime
// (sluice/runtime.hpp) the work is done by its thread, and any thread may call.
//
//   auto producer = Producer::create({.client = {.brokers = {"127.0.0.1:9092"}}});
//   auto sent = producer->send({.topic = "orders", .key = as_bytes("42"), .value =
//   as_bytes("paid")}); auto flushed = producer->flush(); sent->result()->offset …
#pragma once

#include "sluice/completion.hpp"
#include "sluice/error.hpp"
#include "sluice/export.hpp"
#include "sluice/result.hpp"
#include "sluice/types.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace sluice {

namespace client {
struct BatchOutcome;
class ProducerCore;
// Ends a client; inside a completion without waiting for it.
struct SLUICE_EXPORT RetireProducer {
  void operator()(ProducerCore* core) const;
};
}  // namespace client

struct ProducerOptions {
  ClientOptions client;
  Acks acks = Acks::all;
  bool idempotent = true;  // needs Acks::all; without it a retry may write a batch twice
  // Requests on their way to one broker; at most 5 with idempotence, which keeps order in any case.
  // Without it a retry may put a batch behind later ones, unless this is 1.
  int max_in_flight = 5;
  Codec codec = Codec::none;
  std::chrono::milliseconds linger{5};         // how long a batch waits for company
  std::size_t batch_size = 64 * 1024;          // bytes before compression
  std::size_t request_size_max = 1024 * 1024;  // of one request; no record may be larger
  std::size_t buffer_memory = 32 * 1024 * 1024;
  std::chrono::milliseconds delivery_timeout{120'000};  // from send() to the last retry
};

// Borrowed until send() returns.
struct ProducerRecord {
  std::string_view topic;
  std::optional<PartitionIndex> partition = std::nullopt;  // else by key, else sticky
  std::optional<Bytes> key = std::nullopt;
  std::optional<Bytes> value = std::nullopt;
  std::span<const Header> headers = {};
  std::optional<std::int64_t> timestamp_ms = std::nullopt;  // else now

  // What a sluice does with records of its queue topics; sent as headers of these names, so that
  // other brokers store them and do nothing.
  // sluice-deliver-at: appended at this time, ms since the epoch (sluice.schedule.enable).
  std::optional<std::int64_t> deliver_at_ms = std::nullopt;
  // sluice-delay-ms: the same, so long after the broker got it. Not both.
  std::optional<std::chrono::milliseconds> delay = std::nullopt;
  // sluice-message-id, 1 to 255 bytes: stored once within sluice.dedup.window.ms.
  std::optional<std::string_view> message_id = std::nullopt;
};

struct RecordMetadata {
  PartitionIndex partition = -1;
  Offset offset = -1;  // -1 with Acks::none
  std::int64_t timestamp_ms = -1;
};

// What becomes of one record. A value; may outlive the producer.
class SLUICE_EXPORT Delivery {
 public:
  Delivery() = default;
  bool done() const;
  // Requires: done(). Errors: the broker's; Errc::timed_out after the delivery timeout;
  // Errc::closed.
  Result<RecordMetadata> result() const;

 private:
  friend class Producer;
  Delivery(std::shared_ptr<const client::BatchOutcome> batch, std::int32_t index,
           PartitionIndex partition, std::int64_t timestamp_ms);
  std::shared_ptr<const client::BatchOutcome> batch_;
  std::int32_t index_ = 0;
  PartitionIndex partition_ = -1;
  std::int64_t timestamp_ms_ = -1;
};

class SLUICE_EXPORT Producer {
 public:
  // Connects at first use. Errors: Errc::invalid_argument.
  static Result<Producer> create(ProducerOptions options);
  // Gives up what was not flushed.
  ~Producer();
  Producer(Producer&&) noexcept;
  Producer& operator=(Producer&&) noexcept;

  // Puts a record into its batch; waits only for the metadata of a new topic, or while the buffer
  // is full, at most until the deadline.
  // Errors: Errc::unknown_topic (or no such partition), ::invalid_argument (a delivery time, delay
  // or message id that cannot be), ::record_too_large, ::buffer_full, ::unreachable, ::timed_out.
  Result<Delivery> send(const ProducerRecord& record, Deadline deadline = {});
  // Waits for one record. Errors: as Delivery::result(), and Errc::timed_out at the deadline.
  Result<RecordMetadata> wait(const Delivery& delivery, Deadline deadline = {});
  // Waits until all records sent so far are done, well or not. Error: Errc::timed_out. The default
  // deadline is the delivery timeout.
  Result<> flush(Deadline deadline = {});
  // Sends without waiting for room or metadata: copies the record if it must, and reports once it
  // is delivered or given up, at the latest after the delivery timeout. Error Errc::buffer_full at
  // once when as many records wait for room as buffer_memory has.
  void send(const ProducerRecord& record, Done<RecordMetadata> done, Deadline deadline = {});
  // As flush() above, and reports its end.
  void flush(Done<> done, Deadline deadline = {});
  // Does what is due without waiting: sends batches whose linger is over, takes answers.
  void poll();
  // Partitions of a topic, from the broker when not known yet.
  Result<std::int32_t> partition_count(std::string_view topic, Deadline deadline = {});
  // Flushes and disconnects. Later calls fail with Errc::closed.
  Result<> close(Deadline deadline = {});

 private:
  using Core = std::unique_ptr<client::ProducerCore, client::RetireProducer>;
  explicit Producer(Core core);
  Core core_;
};

}  // namespace sluice
