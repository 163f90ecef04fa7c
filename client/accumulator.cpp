#include "client/accumulator.hpp"

#include "base/check.hpp"
#include "sluice/error.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

// Builders kept for reuse; more than this many batches at once is a burst.
constexpr std::size_t spare_max = 64;

void renumber(std::vector<std::byte>& bytes, ProducerId id, ProducerEpoch epoch,
              std::int32_t sequence) {
  namespace at = protocol::batch_layout;
  store_big_endian(bytes.data() + at::producer_id, id);
  store_big_endian(bytes.data() + at::producer_epoch, epoch);
  store_big_endian(bytes.data() + at::base_sequence, sequence);
  protocol::refresh_batch_crc(bytes);
}

}  // namespace

Accumulator::QueueId Accumulator::add_queue(TopicPartition where) {
  queues_.emplace_back().where = std::move(where);
  return queues_.size() - 1;
}

bool Accumulator::has_room(std::size_t size) const {
  return memory_used_ + size + protocol::batch_header_size <= options_.buffer_memory;
}

Accumulator::BatchPtr Accumulator::new_batch(QueueId id, TimePoint now) {
  BatchPtr batch;
  if (spare_.empty()) {
    batch = std::make_unique<Batch>();
  } else {
    batch = std::move(spare_.back());
    spare_.pop_back();
    batch->outcome = std::make_shared<BatchOutcome>();
  }
  batch->builder.reset({.compression = static_cast<protocol::Compression>(options_.codec)});
  batch->queue = id;
  batch->created = now;
  batch->order = queues_[id].next_order++;
  return batch;
}

Result<Accumulator::Appended> Accumulator::append(QueueId id, const protocol::NewRecord& record,
                                                  TimePoint now) {
  SLUICE_CHECK(id < queues_.size());
  Queue& queue = queues_[id];
  const bool open = !queue.batches.empty() && !queue.batches.back()->bytes;
  const bool fits = open && queue.batches.back()->builder.size_with(record) <= options_.batch_size;
  if (!fits) {
    const std::size_t size = protocol::batch_header_size + protocol::record_size(record, 0, 0);
    if (size > options_.batch_size_max || size > options_.buffer_memory)
      return sluice::fail(Errc::record_too_large,
                          std::to_string(size) + " bytes to " + queue.where.topic);
    if (!has_room(size - protocol::batch_header_size))
      return sluice::fail(Errc::buffer_full, queue.where.topic);
    queue.batches.push_back(new_batch(id, now));
    ++queued_;
  }
  Batch& batch = *queue.batches.back();
  const std::int32_t index = batch.record_count++;
  batch.builder.append(record);
  memory_used_ += batch.builder.size() - batch.charged;
  batch.charged = batch.builder.size();
  const bool filled_last = !fits && queue.batches.size() > 1;
  return Appended{.outcome = batch.outcome,
                  .index = index,
                  .began_batch = !fits,
                  .batch_ready = filled_last || batch.charged >= options_.batch_size};
}

void Accumulator::begin_flush() {
  for (auto& queue : queues_)
    for (auto& batch : queue.batches) batch->due = true;
}

// When the front batch wants to go, whatever holds it back. Requires: a batch.
TimePoint Accumulator::due_at(const Queue& queue) const {
  const Batch& front = *queue.batches.front();
  const bool full = queue.batches.size() > 1 || front.charged >= options_.batch_size;
  const bool pressed = memory_used_ > options_.buffer_memory / 4 * 3;
  const bool now = full || front.due || front.attempts > 0 || pressed;
  return std::max(now ? TimePoint{} : front.created + options_.linger, queue.not_before);
}

bool Accumulator::ready(QueueId id, TimePoint now) const {
  const Queue& queue = queues_[id];
  if (queue.batches.empty() || !usable_identity()) return false;
  const auto in_flight = static_cast<int>(queue.orders_in_flight.size());
  if (queue.retrying ? in_flight > 0 : in_flight >= options_.in_flight_per_partition) return false;
  return now >= due_at(queue);
}

TimePoint Accumulator::next_ready(TimePoint now) const {
  TimePoint next = TimePoint::max();
  for (const auto& queue : queues_) {
    if (queue.batches.empty()) continue;
    const auto at = due_at(queue);
    if (at > now) next = std::min(next, at);
    next =
        std::min(next, std::max(now, queue.batches.front()->created + options_.delivery_timeout));
  }
  return next;
}

void Accumulator::number(Queue& queue, Batch& batch) {
  batch.base_sequence = queue.next_sequence;
  queue.next_sequence = protocol::add_sequence(queue.next_sequence, batch.record_count);
  if (!batch.bytes)
    batch.builder.set_producer(producer_id_, producer_epoch_, batch.base_sequence);
  else
    renumber(*batch.bytes, producer_id_, producer_epoch_, batch.base_sequence);
}

Accumulator::BatchPtr Accumulator::drain(QueueId id) {
  Queue& queue = queues_[id];
  BatchPtr batch = std::move(queue.batches.front());
  queue.batches.pop_front();
  --queued_;
  if (options_.idempotent && batch->base_sequence < 0) number(queue, *batch);
  if (!batch->bytes)
    batch->bytes = std::make_shared<std::vector<std::byte>>(batch->builder.finish(compressor_));
  queue.retrying = false;  // those behind it follow in the same order
  queue.orders_in_flight.push_back(batch->order);
  ++in_flight_;
  ++batch->attempts;
  return batch;
}

void Accumulator::leave_flight(const Batch& batch) {
  std::erase(queues_[batch.queue].orders_in_flight, batch.order);
  --in_flight_;
}

bool Accumulator::is_oldest(const Batch& batch) const {
  const Queue& queue = queues_[batch.queue];
  for (const auto order : queue.orders_in_flight)
    if (order < batch.order) return false;
  return queue.batches.empty() || queue.batches.front()->order > batch.order;
}

void Accumulator::finish(BatchPtr batch, const Error* error) {
  if (error) {
    batch->outcome->error = *error;
    // Its numbers will be missing: the broker would refuse all that follow.
    if (options_.idempotent && batch->base_sequence >= 0) identity_lost_ = true;
  }
  batch->outcome->done.store(true, std::memory_order_release);
  if (!batch->outcome->waiters.empty()) finished_.push_back(batch->outcome);
  memory_used_ -= batch->charged;
  if (spare_.size() >= spare_max) return;
  batch->bytes.reset();
  batch->outcome.reset();
  batch->charged = 0;
  batch->record_count = 0;
  batch->attempts = 0;
  batch->last_error = {};
  batch->due = false;
  batch->base_sequence = -1;
  spare_.push_back(std::move(batch));
}

void Accumulator::succeed(BatchPtr batch, Offset base_offset, std::int64_t append_time_ms) {
  leave_flight(*batch);
  batch->outcome->base_offset = base_offset;
  batch->outcome->append_time_ms = append_time_ms;
  finish(std::move(batch), nullptr);
}

void Accumulator::fail(BatchPtr batch, const Error& error) {
  leave_flight(*batch);
  finish(std::move(batch), &error);
}

void Accumulator::retry(BatchPtr batch, TimePoint at, const Error& reason) {
  batch->last_error = reason;
  leave_flight(*batch);
  Queue& queue = queues_[batch->queue];
  queue.retrying = true;
  queue.not_before = std::max(queue.not_before, at);
  auto place = queue.batches.begin();
  while (place != queue.batches.end() && (*place)->order < batch->order) ++place;
  queue.batches.insert(place, std::move(batch));
  ++queued_;
}

bool Accumulator::expire(TimePoint now) {
  bool any = false;
  for (auto& queue : queues_) {
    while (!queue.batches.empty() && expired(*queue.batches.front(), now)) {
      BatchPtr batch = std::move(queue.batches.front());
      queue.batches.pop_front();
      --queued_;
      const Error& last = batch->last_error;
      const Error late{make_error_code(Errc::timed_out),
                       last.code ? "delivery; at last " + last.message() : "delivery"};
      finish(std::move(batch), &late);
      any = true;
    }
    if (queue.batches.empty()) queue.retrying = false;
  }
  return any;
}

void Accumulator::abandon(const Error& error) {
  for (auto& queue : queues_) {
    for (auto& batch : std::exchange(queue.batches, {})) {
      --queued_;
      finish(std::move(batch), &error);
    }
  }
}

void Accumulator::set_identity(ProducerId id, ProducerEpoch epoch) {
  SLUICE_CHECK(in_flight_ == 0);
  producer_id_ = id;
  producer_epoch_ = epoch;
  identity_lost_ = false;
  for (auto& queue : queues_) {
    queue.next_sequence = 0;
    queue.retrying = false;
    for (auto& batch : queue.batches) batch->base_sequence = -1;
  }
}

}  // namespace sluice::client
