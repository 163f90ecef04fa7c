#include "client/sender.hpp"

#include "client/stale.hpp"
#include "protocol/messages/init_producer_id.hpp"

#include <algorithm>
#include <string>

namespace sluice::client {
namespace {

using protocol::ErrorCode;

}  // namespace

Task<> Sender::run() {
  while (!stopping_) {
    const auto at = cluster_.now();
    if (accumulator_.expire(at)) report();
    if (accumulator_.identity_needed() && !accumulator_.idle() && !identifying_ &&
        at >= identify_after_) {
      identifying_ = true;
      cluster_.spawn(get_identity());
    }
    const bool leader_unknown = dispatch(at);
    const bool refresh_due = leader_unknown || cluster_.metadata().stale(at);
    if (refresh_due && !refreshing_ && at >= refresh_after_ && !accumulator_.idle()) {
      refreshing_ = true;
      cluster_.spawn(refresh_metadata());
    }
    auto until = accumulator_.next_ready(cluster_.now());
    for (const auto later : {identify_after_, refresh_after_})
      if (later > at) until = std::min(until, later);
    until = std::min(until, at + std::chrono::seconds(60));
    co_await work_.wait(until);
  }
}

void Sender::report() {
  for (const auto& outcome : accumulator_.take_finished()) {
    for (const auto& waiter : std::exchange(outcome->waiters, {}))
      cluster_.host().complete([outcome, waiter] { waiter.done(outcome->of(waiter.place)); });
  }
  finished_.notify();
}

Task<> Sender::get_identity() {
  const auto deadline = cluster_.now() + cluster_.options().request_timeout;
  Error error;
  auto link = co_await cluster_.any(deadline);
  if (!link) {
    error = link.error();
  } else {
    protocol::InitProducerIdRequest request;
    request.transactional_id.reset();
    request.transaction_timeout_ms = -1;
    const auto reply = co_await call<protocol::InitProducerIdResponse>(*link, request, deadline, 5);
    if (!reply)
      error = reply.error();
    else if (reply->body.error_code != ErrorCode::none)
      error = {make_error_code(reply->body.error_code), "InitProducerId"};
    else
      accumulator_.set_identity(reply->body.producer_id, reply->body.producer_epoch);
  }
  if (error.code && !stopping_) {
    if (!retriable(error.code)) {
      accumulator_.abandon(error);
      report();
    }
    identify_after_ = cluster_.now() + cluster_.retry_wait(identity_attempts_++);
  } else {
    identity_attempts_ = 0;
  }
  identifying_ = false;
  work_.notify();
}

Task<> Sender::refresh_metadata() {
  const auto refreshed =
      co_await cluster_.refresh(cluster_.now() + cluster_.options().request_timeout);
  // A leader may stay unknown for a while: ask again, but ever more slowly.
  refresh_after_ = cluster_.now() + cluster_.retry_wait(refresh_attempts_++);
  if (refreshed) metadata_changed_ = true;
  refreshing_ = false;
  work_.notify();
}

bool Sender::dispatch(TimePoint at) {
  bool leader_unknown = false;
  std::map<BrokerId, Batches> requests;
  std::map<BrokerId, std::size_t> sizes;
  for (Accumulator::QueueId id = 0; id < accumulator_.queue_count(); ++id) {
    if (!accumulator_.ready(id, at)) continue;
    const auto& where = accumulator_.where(id);
    const auto* partition = cluster_.metadata().partition(where.topic, where.partition);
    if (!partition || partition->leader < 0) {
      leader_unknown = true;
      continue;
    }
    const BrokerId leader = partition->leader;
    if (in_flight_[leader] >= options_.requests_in_flight) continue;
    auto batch = accumulator_.drain(id);
    const std::size_t size = batch->bytes->size();
    if (!requests[leader].empty() && sizes[leader] + size > options_.request_size_max) {
      ++in_flight_[leader];
      cluster_.spawn(send(this, leader, std::exchange(requests[leader], {})));
      sizes[leader] = 0;
    }
    requests[leader].push_back(std::move(batch));
    sizes[leader] += size;
  }
  for (auto& [leader, batches] : requests) {
    if (batches.empty()) continue;
    ++in_flight_[leader];
    cluster_.spawn(send(this, leader, std::move(batches)));
  }
  return leader_unknown;
}

Task<> Sender::send(Sender* self, BrokerId leader, Batches batches) {
  const auto sent = co_await self->exchange(leader, batches);
  --self->in_flight_[leader];
  if (!sent) {
    // The broker may have gone; another may lead by now.
    self->cluster_.metadata().invalidate();
    for (auto& batch : batches)
      if (batch) self->return_batch(std::move(batch), sent.error());
  }
  self->report();
  self->work_.notify();
}

Task<Result<>> Sender::exchange(BrokerId leader, Batches& batches) {
  const auto deadline = cluster_.now() + cluster_.options().request_timeout;
  auto link = co_await cluster_.node(leader, deadline);
  if (!link) co_return std::unexpected(link.error());
  ProduceCall call{.acks = options_.acks, .timeout = cluster_.options().request_timeout};
  call.items.reserve(batches.size());
  for (const auto& batch : batches) {
    const auto& where = accumulator_.where(batch->queue);
    const auto* info = cluster_.metadata().topic(where.topic);
    call.items.push_back({.topic = where.topic,
                          .topic_id = info ? info->id : TopicId{},
                          .partition = where.partition,
                          .batch = {.bytes = Bytes(*batch->bytes), .owner = batch->bytes}});
  }
  const auto produced = co_await (*link)->produce(call, deadline);
  if (!produced) co_return std::unexpected(produced.error());
  for (std::size_t i = 0; i < batches.size(); ++i) {
    if (options_.acks == Acks::none)
      accumulator_.succeed(std::move(batches[i]), -1, -1);
    else
      settle(std::move(batches[i]), call.items[i]);
  }
  co_return Result<>{};
}

void Sender::settle(Accumulator::BatchPtr batch, const ProduceItem& answer) {
  const auto& where = accumulator_.where(batch->queue);
  if (!answer.answered) {
    const Error missing{make_error_code(Errc::malformed_response),
                        "an answer without one of its partitions"};
    return return_batch(std::move(batch), missing);
  }
  if (answer.error == ErrorCode::none) {
    refresh_attempts_ = 0;
    return accumulator_.succeed(std::move(batch), answer.base_offset, answer.append_time_ms);
  }
  std::string context = where.to_string();
  if (!answer.message.empty()) context += ": " + answer.message;
  const Error error{make_error_code(answer.error), std::move(context)};
  switch (answer.error) {
    case ErrorCode::duplicate_sequence_number:
      return accumulator_.succeed(std::move(batch), -1, -1);
    case ErrorCode::out_of_order_sequence_number:
    case ErrorCode::unknown_producer_id:
    case ErrorCode::invalid_producer_epoch:
      // Behind a batch that failed this is expected, and passes when that one was sent again.
      // From the oldest one it means that the broker forgot us: begin with a new identity.
      if (accumulator_.options().idempotent && !accumulator_.expired(*batch, cluster_.now())) {
        if (accumulator_.is_oldest(*batch)) accumulator_.lose_identity();
        return accumulator_.retry(std::move(batch), cluster_.now());
      }
      return accumulator_.fail(std::move(batch), error);
    default:
      break;
  }
  if (means_stale_metadata(error.code)) cluster_.metadata().invalidate();
  return_batch(std::move(batch), error);
}

void Sender::return_batch(Accumulator::BatchPtr batch, const Error& error) {
  const auto at = cluster_.now();
  if (stopping_ || !retriable(error.code) || accumulator_.expired(*batch, at))
    return accumulator_.fail(std::move(batch), error);
  const auto wait = cluster_.retry_wait(batch->attempts - 1);
  accumulator_.retry(std::move(batch), at + wait, error);
}

}  // namespace sluice::client
