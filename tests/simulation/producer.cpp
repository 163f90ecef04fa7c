#include "tests/simulation/producer.hpp"

#include "protocol/batch_builder.hpp"
#include "protocol/messages/init_producer_id.hpp"
#include "protocol/messages/produce.hpp"

namespace sluice::simulation {

using protocol::ErrorCode;

Task<> Producer::run() {
  ++world_.producing;
  while (!done()) {
    const bool ready = co_await prepare();
    if (!ready) continue;
    co_await produce_batch();
    if (random_.below(3) == 0) co_await pause(std::chrono::milliseconds(10));
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
  co_return true;
}

std::vector<std::byte> Producer::encode(const Place& place, const SentBatch& batch) {
  protocol::BatchOptions options;
  if (idempotent_) {
    options.producer_id = producer_id_;
    options.producer_epoch = producer_epoch_;
    options.base_sequence = sequences_[place];
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

Task<> Producer::produce_batch() {
  const Place place = places_[random_.below(places_.size())];
  SentBatch batch{
      {number_, next_record_}, static_cast<std::uint32_t>(1 + random_.below(4)), idempotent_};
  next_record_ += batch.count;
  world_.ledger.sent(place, batch);
  const auto bytes = encode(place, batch);
  while (!world_.verdict.failed()) {
    const bool confirmed = co_await attempt(place, batch, bytes);
    if (confirmed) break;
    co_await pause(std::chrono::milliseconds(2));
  }
  if (idempotent_) sequences_[place] += static_cast<Sequence>(batch.count);
}

Task<bool> Producer::attempt(const Place& place, const SentBatch& batch, Bytes bytes) {
  protocol::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 5'000;
  request.topic_data.push_back({place.topic, {}, {{place.partition, protocol::Records{bytes}}}});
  const auto answer = co_await ask<protocol::ProduceResponse>(request, 9);
  if (!answer) co_return false;
  const auto& row = answer->body.responses.at(0).partition_responses.at(0);
  if (row.error_code == ErrorCode::none) {
    world_.ledger.acked(place, batch, row.base_offset);
    co_return true;
  }
  if (!is_retriable(row.error_code))
    world_.verdict.fail("produce to " + place.text() + " answered " +
                        std::string(to_string(row.error_code)));
  co_return false;
}

}  // namespace sluice::simulation
