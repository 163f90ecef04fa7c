// The client's way to one broker. What a client asks goes through here: over TCP (connection.hpp),
// into a broker of the same process (broker/embed), or over a simulated network in tests.
//
// Any request can be exchanged as a frame. The two that carry record batches have a typed form too,
// so that a channel without a network need neither serialise the request nor copy the batches; what
// they do by default is to exchange a frame.
//
// A channel belongs to one loop and is used only there.
// Internal: public headers do not include this.
#pragma once

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/task.hpp"
#include "client/address.hpp"
#include "protocol/gather.hpp"
#include "protocol/record_data.hpp"
#include "protocol/schema.hpp"
#include "sluice/error.hpp"
#include "sluice/types.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::client {

// A received frame without its length; what is decoded from it borrows from here.
struct Frame {
  std::shared_ptr<std::byte[]> data;
  std::size_t size = 0;
  Bytes bytes() const { return {data.get(), size}; }
};

// A whole frame to send, length included: bytes that it owns, and references to record batches.
// Only Produce has such references, so everything else lies in owned().
using Request = protocol::GatherBuffer;

// One partition's batch on its way, and what the broker answered.
struct ProduceItem {
  std::string_view topic;  // borrowed until the call ends
  TopicId topic_id;        // zero: not known
  PartitionIndex partition = 0;
  // One whole record batch. A channel that still needs it when the call has ended (a request that
  // timed out may lie in a queue) keeps the owner.
  protocol::RecordsSlice batch;

  bool answered = false;  // what follows was set
  ErrorCode error = ErrorCode::none;
  std::string message;  // in the broker's words; mostly empty
  Offset base_offset = -1;
  TimestampMs append_time_ms = -1;  // set when the broker stamps records itself
};
// Items of one topic stand together.
struct ProduceCall {
  Acks acks = Acks::all;
  std::chrono::milliseconds timeout{30'000};  // for the broker, with Acks::all
  std::vector<ProduceItem> items;
};

struct AbortedTransaction {
  ProducerId producer_id = -1;
  Offset first_offset = -1;
};

// One partition to read from, and what the broker answered.
struct FetchItem {
  std::string_view topic;  // borrowed until the call ends
  TopicId topic_id;        // zero: not known
  PartitionIndex partition = 0;
  Offset offset = 0;
  std::size_t bytes_max = 0;

  bool answered = false;  // what follows was set
  ErrorCode error = ErrorCode::none;
  Offset high_watermark = -1;
  Offset last_stable_offset = -1;  // -1: the same
  std::vector<AbortedTransaction> aborted;
  // Record batches in order of offsets. No batch is split between two slices; the last slice may
  // end within a batch, which is then asked for again. The first batch may begin before `offset`.
  // The owners keep the bytes alive for as long as records that were polled point into them.
  std::vector<protocol::RecordsSlice> records;
};
// Items of one topic stand together.
struct FetchCall {
  std::chrono::milliseconds wait{500};  // how long the broker may wait for bytes_min
  std::size_t bytes_min = 1;
  std::size_t bytes_max = 50 * 1024 * 1024;
  Isolation isolation = Isolation::read_uncommitted;
  std::vector<FetchItem> items;
};

class Channel {
 public:
  virtual ~Channel() = default;

  // Connects and learns the broker's API versions. Called once.
  // Errors: a socket error; Errc::timed_out, ::disconnected, ::malformed_response.
  virtual Task<Result<>> open(TimePoint deadline) = 0;
  virtual bool is_open() const = 0;
  // Fails everything that waits with Errc::disconnected. Idempotent.
  virtual void close() = 0;

  virtual const Address& address() const = 0;
  virtual const std::string& client_id() const = 0;
  // The broker's range for an API; empty when it has none.
  virtual protocol::Versions versions(std::int16_t api_key) const = 0;
  std::int32_t next_correlation_id() { return ++last_correlation_id_; }

  // Sends one request (under `correlation_id`) and waits for its
  // answer. Answers come in the order of the requests.
  // Errors: Errc::timed_out (and the channel is closed), ::disconnected.
  virtual Task<Result<Frame>> exchange(Request request, std::int32_t correlation_id,
                                       TimePoint deadline) = 0;
  // Sends a request that is never answered (Produce with Acks::none), waits until it is written.
  virtual Task<Result<>> send(Request request, TimePoint deadline) = 0;

  // Hands batches to their partitions and fills the answers in; with Acks::none there are none.
  // `call` lives until the task has ended. Error: the request failed as a whole, as exchange().
  virtual Task<Result<>> produce(ProduceCall& call, TimePoint deadline);
  // Reads from partitions and fills the answers in. Errors: as exchange(), and what the broker
  // answers to the request as a whole.
  virtual Task<Result<>> fetch(FetchCall& call, TimePoint deadline);

 private:
  std::int32_t last_correlation_id_ = 0;
};

}  // namespace sluice::client
