#include "tests/simulation/producer.hpp"

#include "protocol/batch_builder.hpp"
#include "protocol/messages/init_producer_id.hpp"
#include "tests/simulation/requests.hpp"

namespace sluice::simulation {

using protocol::ErrorCode;

namespace {

constexpr std::size_t in_flight_max = 5;  // batches of one producer in one partition

}  // namespace

Task<> Producer::run() {
  ++world_.producing;
  while (!done()) {
    const bool ready = co_await prepare();
    if (!ready) continue;
    co_await produce();
    if (random_.below(20) == 0) producer_id_ = -1;
    if (random_.below(3) != 0) co_await pause(std::chrono::milliseconds(30));
  }
  disconnect();
  --world_.producing;
}

Task<bool> Producer::prepare() {
  if (!idempotent_ || producer_id_ >= 0) co_return true;
  protocol::InitProducerIdRequest request;
  request.transactional_id.reset();
  request.transaction_timeout_ms = 60'000;
  const auto answer = co_await ask<protocol::InitProducerIdResponse>(request, 4);
  if (!answer || answer->body.error_code != ErrorCode::none) co_return false;
  producer_id_ = answer->body.producer_id;
  producer_epoch_ = answer->body.producer_epoch;
  sequences_.clear();
  co_return true;
}

std::vector<std::byte> Producer::encode(const SentBatch& batch, Sequence sequence) {
  protocol::BatchOptions options;
  if (idempotent_) {
    options.producer_id = producer_id_;
    options.producer_epoch = producer_epoch_;
    options.base_sequence = sequence;
  }
  protocol::BatchBuilder builder(options);
  RecordId id = batch.first;
  for (std::uint32_t i = 0; i < batch.count; ++i, ++id.number) {
    const std::string key = key_of(id);
    const std::string value = value_of(id);
    protocol::NewRecord record;
    record.timestamp = wall_ms();
    record.key = as_bytes(key);
    record.value = as_bytes(value);
    builder.append(record);
  }
  return builder.finish();
}

Task<> Producer::produce() {
  const Place place = places_[random_.below(places_.size())];
  std::vector<Pending> all(idempotent_ ? 1 + random_.below(in_flight_max) : 1);
  const bool begins = !sequences_.contains(place);
  for (Pending& one : all) {
    const auto count = static_cast<std::uint32_t>(1 + random_.below(4));
    one.batch = {{number_, next_record_}, count, idempotent_};
    next_record_ += count;
    world_.ledger.sent(place, one.batch);
    Sequence& sequence = sequences_[place];
    one.bytes = encode(one.batch, sequence);
    sequence += static_cast<Sequence>(count);
  }
  while (!world_.verdict.failed()) {
    std::vector<Pending*> sent;
    TaskGroup attempts{world_.machine.sim().executor()};
    for (Pending& one : all) {
      if (one.confirmed) continue;
      sent.push_back(&one);
      attempts.spawn(attempt(place, &one));
    }
    if (sent.empty()) break;
    co_await attempts.drain();
    if (!judge(place, sent, begins)) {
      producer_id_ = -1;
      break;
    }
    if (!sent.back()->confirmed) co_await pause(std::chrono::milliseconds(2));
  }
}

Task<> Producer::attempt(Place place, Pending* pending) {
  const auto request = produce_request(place, pending->bytes);
  pending->error = ErrorCode::none;
  const auto answer = co_await ask<protocol::ProduceResponse>(request, 9);
  if (!answer) co_return;
  const auto& row = answer->body.responses.at(0).partition_responses.at(0);
  pending->error = row.error_code;
  if (row.error_code != ErrorCode::none) co_return;
  pending->confirmed = true;
  world_.ledger.acked(place, pending->batch, row.base_offset, world_.machine.sim().clock().now());
}

// What follows a batch that was not taken is out of order; nothing else may be. But where the
// broker knows nothing of the producer yet and refuses its first batch (the disk failed), it takes
// the next one for the first, as Kafka does; what was refused stays so then, without having been
// confirmed.
bool Producer::judge(const Place& place, const std::vector<Pending*>& sent, bool begins) {
  bool complete = true;
  for (const Pending* one : sent) {
    const bool out_of_order = one->error == ErrorCode::out_of_order_sequence_number;
    if (out_of_order && begins && world_.machine.disk().counters().faults > 0) return false;
    if (one->error != ErrorCode::none && !is_retriable(one->error) && !(out_of_order && !complete))
      world_.verdict.fail("produce to " + place.text() + " answered " +
                          std::string(to_string(one->error)));
    if (!one->confirmed) complete = false;
  }
  return true;
}

}  // namespace sluice::simulation
