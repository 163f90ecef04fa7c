// Records on their way into batches and batches on their way to brokers, without I/O.
//
// One queue a partition. append() fills the queue's last batch; drain() takes the batches that may
// be sent now; each of them comes back through succeed(), retry() or fail(). Order is kept: a
// partition whose batch must be sent again sends nothing else until all that it has in flight came
// back.
//
// Idempotence (KIP-98): batches are numbered when they are first drained, and keep producer id,
// epoch and sequence over retries. When a numbered batch is given up, its numbers are missing for
// ever, so a new identity is needed: identity_needed() says so once nothing is in flight.
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "client/batch_outcome.hpp"
#include "protocol/batch_builder.hpp"
#include "sluice/types.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::client {

// Kafka keeps the last five batches of a producer.
inline constexpr int in_flight_idempotent_max = 5;

struct AccumulatorOptions {
  std::size_t batch_size = 16 * 1024;        // bytes before compression
  std::size_t batch_size_max = 1024 * 1024;  // no single record may be larger
  std::chrono::milliseconds linger{5};
  std::size_t buffer_memory = 32 * 1024 * 1024;
  std::chrono::milliseconds delivery_timeout{120'000};
  Codec codec = Codec::none;
  bool idempotent = true;
  int in_flight_per_partition = in_flight_idempotent_max;
};

class Accumulator {
 public:
  using QueueId = std::size_t;

  struct Batch {
    QueueId queue = 0;
    // The finished record batch; null until drained. A channel may keep it longer than we do.
    std::shared_ptr<std::vector<std::byte>> bytes;
    std::shared_ptr<BatchOutcome> outcome = std::make_shared<BatchOutcome>();
    TimePoint created{};
    std::size_t charged = 0;  // of buffer_memory
    std::int32_t record_count = 0;
    Error last_error;  // of the latest attempt
    int attempts = 0;
    bool due = false;         // a flush asked for it
    std::uint64_t order = 0;  // among the batches of its queue
    std::int32_t base_sequence = -1;
    protocol::BatchBuilder builder;
  };
  using BatchPtr = std::unique_ptr<Batch>;

  struct Appended {
    std::shared_ptr<BatchOutcome> outcome;
    std::int32_t index = 0;    // of the record in its batch
    bool began_batch = false;  // the next time that something is due may have changed
    bool batch_ready = false;  // another batch of this queue has become full
  };

  explicit Accumulator(AccumulatorOptions options) : options_(options) {}

  QueueId add_queue(TopicPartition where);
  std::size_t queue_count() const { return queues_.size(); }
  const TopicPartition& where(QueueId id) const { return queues_[id].where; }

  // Whether a record of `size` bytes fits in the memory left.
  bool has_room(std::size_t size) const;
  // Adds to the queue's last batch or begins another.
  // Errors: Errc::record_too_large; Errc::buffer_full (see has_room).
  Result<Appended> append(QueueId id, const protocol::NewRecord& record, TimePoint now);

  // All that is queued now is due at once.
  void begin_flush();
  // Whether this queue has a batch that may be sent now.
  bool ready(QueueId id, TimePoint now) const;
  // When a queue that is not ready may become so without further appends; max() if never.
  TimePoint next_ready(TimePoint now) const;
  // Takes the next batch of a ready queue, numbered and finished.
  BatchPtr drain(QueueId id);

  void succeed(BatchPtr batch, Offset base_offset, std::int64_t append_time_ms);
  // Queues the batch again, in its place, to be sent not before `at`; `reason` is told if its time
  // runs out meanwhile.
  void retry(BatchPtr batch, TimePoint at, const Error& reason = {});
  void fail(BatchPtr batch, const Error& error);
  // Fails what has waited longer than the delivery timeout; returns whether there was any. Batches
  // in flight are not touched.
  bool expire(TimePoint now);
  bool expired(const Batch& batch, TimePoint now) const {
    return now >= batch.created + options_.delivery_timeout;
  }
  // Fails all that is queued.
  void abandon(const Error& error);

  // Batches that came to their end and that somebody waits for; cleared by reading.
  std::vector<std::shared_ptr<BatchOutcome>> take_finished() {
    return std::exchange(finished_, {});
  }

  // Whether the batch is the oldest of its partition that the broker has not confirmed.
  bool is_oldest(const Batch& batch) const;

  // A producer id must be had before anything more is drained.
  bool identity_needed() const {
    return options_.idempotent && (identity_lost_ || producer_id_ < 0) && in_flight_ == 0;
  }
  // Numbers run from 0 again in all partitions, also those of batches that are queued.
  void set_identity(ProducerId id, ProducerEpoch epoch);
  // The broker does not know us any more, or a number was lost.
  void lose_identity() { identity_lost_ = true; }
  ProducerId producer_id() const { return producer_id_; }
  ProducerEpoch producer_epoch() const { return producer_epoch_; }

  std::size_t memory_used() const { return memory_used_; }
  std::size_t in_flight() const { return in_flight_; }
  // Nothing queued and nothing in flight.
  bool idle() const { return queued_ == 0 && in_flight_ == 0; }
  const AccumulatorOptions& options() const { return options_; }

 private:
  struct Queue {
    TopicPartition where;
    std::deque<BatchPtr> batches;  // oldest first; only the last takes records
    std::vector<std::uint64_t> orders_in_flight;
    std::uint64_t next_order = 0;
    std::int32_t next_sequence = 0;
    bool retrying = false;
    TimePoint not_before{};
  };

  bool usable_identity() const {
    return !options_.idempotent || (!identity_lost_ && producer_id_ >= 0);
  }
  TimePoint due_at(const Queue& queue) const;
  BatchPtr new_batch(QueueId id, TimePoint now);
  void number(Queue& queue, Batch& batch);
  void leave_flight(const Batch& batch);
  void finish(BatchPtr batch, const Error* error);

  AccumulatorOptions options_;
  std::deque<Queue> queues_;
  std::vector<BatchPtr> spare_;  // builders keep their memory
  std::vector<std::shared_ptr<BatchOutcome>> finished_;
  protocol::Compressor compressor_;
  std::size_t memory_used_ = 0;
  std::size_t queued_ = 0;
  std::size_t in_flight_ = 0;
  ProducerId producer_id_ = -1;
  ProducerEpoch producer_epoch_ = -1;
  bool identity_lost_ = false;
};

}  // namespace sluice::client
