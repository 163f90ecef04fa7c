#include "client/sender.hpp"

#include "protocol/messages/init_producer_id.hpp"

#include <algorithm>
#include <string>

namespace sluice::client {
namespace {

using protocol::ErrorCode;

TimePoint now() { return SystemClock{}.now(); }

// Produce from version 13 on names topics by id.
constexpr protocol::Version last_version_with_names = 12;

}  // namespace

Task<> Sender::run() {
  while (!stopping_) {
    const auto at = now();
    accumulator_.expire(at);
    if (accumulator_.identity_needed() && !accumulator_.idle() && !identifying_ &&
        at >= identify_after_) {
      identifying_ = true;
      cluster_.loop().spawn(get_identity());
    }
    const bool leader_unknown = dispatch(at);
    const bool refresh_due = leader_unknown || cluster_.metadata().stale(at);
    if (refresh_due && !refreshing_ && at >= refresh_after_ && !accumulator_.idle()) {
      refreshing_ = true;
      cluster_.loop().spawn(refresh_metadata());
    }
    auto until = accumulator_.next_ready(now());
    for (const auto later : {identify_after_, refresh_after_})
      if (later > at) until = std::min(until, later);
    until = std::min(until, at + std::chrono::seconds(60));
    co_await work_.wait(until);
  }
}

Task<> Sender::get_identity() {
  const auto deadline = now() + cluster_.options().request_timeout;
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
      error = {broker_error(static_cast<std::int16_t>(reply->body.error_code)), "InitProducerId"};
    else
      accumulator_.set_identity(reply->body.producer_id, reply->body.producer_epoch);
  }
  if (error.code && !stopping_) {
    if (!retriable(error.code)) accumulator_.abandon(error);
    const auto wait = cluster_.options().retry_backoff * (1 << std::min(identity_attempts_++, 6));
    identify_after_ =
        now() + std::min<std::chrono::milliseconds>(wait, cluster_.options().retry_backoff_max);
  } else {
    identity_attempts_ = 0;
  }
  identifying_ = false;
  work_.notify();
}

Task<> Sender::refresh_metadata() {
  const auto refreshed = co_await cluster_.refresh(now() + cluster_.options().request_timeout);
  // A leader may stay unknown for a while: ask again, but ever more slowly.
  const auto wait = cluster_.options().retry_backoff * (1 << std::min(refresh_attempts_++, 6));
  refresh_after_ =
      now() + std::min<std::chrono::milliseconds>(wait, cluster_.options().retry_backoff_max);
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
    const std::size_t size = batch->bytes.size();
    if (!requests[leader].empty() && sizes[leader] + size > options_.request_size_max) {
      ++in_flight_[leader];
      cluster_.loop().spawn(send(this, leader, std::exchange(requests[leader], {})));
      sizes[leader] = 0;
    }
    requests[leader].push_back(std::move(batch));
    sizes[leader] += size;
  }
  for (auto& [leader, batches] : requests) {
    if (batches.empty()) continue;
    ++in_flight_[leader];
    cluster_.loop().spawn(send(this, leader, std::move(batches)));
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
  self->work_.notify();
}

Task<Result<>> Sender::exchange(BrokerId leader, Batches& batches) {
  const auto deadline = now() + cluster_.options().request_timeout;
  auto link = co_await cluster_.node(leader, deadline);
  if (!link) co_return std::unexpected(link.error());
  protocol::ProduceRequest request;
  request.acks = static_cast<std::int16_t>(options_.acks);
  request.timeout_ms = static_cast<std::int32_t>(cluster_.options().request_timeout.count());
  auto limit = protocol::Versions::newest;
  for (const auto& batch : batches) {
    const auto& where = accumulator_.where(batch->queue);
    if (request.topic_data.empty() || request.topic_data.back().name != where.topic) {
      auto& topic = request.topic_data.emplace_back();
      topic.name = where.topic;
      if (const auto* info = cluster_.metadata().topic(where.topic)) topic.topic_id = info->id;
      if (topic.topic_id.is_zero()) limit = last_version_with_names;
    }
    auto& partition = request.topic_data.back().partition_data.emplace_back();
    partition.index = where.partition;
    partition.records = protocol::Records(Bytes(batch->bytes));
  }
  if (options_.acks != Acks::none) {
    const auto reply = co_await call<protocol::ProduceResponse>(*link, request, deadline, limit);
    if (!reply) co_return std::unexpected(reply.error());
    settle(reply->body, batches);
    co_return Result<>{};
  }
  const auto version = pick_version(**link, protocol::ProduceRequest::schema, limit);
  if (!version) co_return std::unexpected(version.error());
  auto encoded = encode_request(**link, request, *version, (*link)->next_correlation_id());
  if (!encoded) co_return std::unexpected(encoded.error());
  const auto written = co_await (*link)->send(std::move(*encoded), deadline);
  if (!written) co_return std::unexpected(written.error());
  for (auto& batch : batches) accumulator_.succeed(std::move(batch), -1, -1);
  co_return Result<>{};
}

void Sender::settle(const protocol::ProduceResponse& response, Batches& batches) {
  for (const auto& topic : response.responses) {
    for (const auto& answer : topic.partition_responses) {
      for (auto& batch : batches) {
        if (!batch) continue;
        const auto& where = accumulator_.where(batch->queue);
        if (where.partition != answer.index) continue;
        if (topic.name.empty()) {
          const auto* info = cluster_.metadata().topic(topic.topic_id);
          if (!info || info->name != where.topic) continue;
        } else if (topic.name != where.topic) {
          continue;
        }
        settle_one(std::move(batch), answer);
        break;
      }
    }
  }
  const Error missing{make_error_code(Errc::malformed_response),
                      "an answer without one of its partitions"};
  for (auto& batch : batches)
    if (batch) return_batch(std::move(batch), missing);
}

void Sender::settle_one(Accumulator::BatchPtr batch,
                        const protocol::ProduceResponse::Partition& answer) {
  const auto& where = accumulator_.where(batch->queue);
  std::string context = where.topic + "-" + std::to_string(where.partition);
  if (answer.error_message) context += ": " + std::string(*answer.error_message);
  const Error error{broker_error(static_cast<std::int16_t>(answer.error_code)), std::move(context)};
  switch (answer.error_code) {
    case ErrorCode::none:
      refresh_attempts_ = 0;
      return accumulator_.succeed(std::move(batch), answer.base_offset, answer.log_append_time_ms);
    case ErrorCode::duplicate_sequence_number:
      return accumulator_.succeed(std::move(batch), -1, -1);
    case ErrorCode::out_of_order_sequence_number:
    case ErrorCode::unknown_producer_id:
    case ErrorCode::invalid_producer_epoch:
      // Behind a batch that failed this is expected, and passes when that one was sent again.
      // From the oldest one it means that the broker forgot us: begin with a new identity.
      if (accumulator_.options().idempotent && !accumulator_.expired(*batch, now())) {
        if (accumulator_.is_oldest(*batch)) accumulator_.lose_identity();
        return accumulator_.retry(std::move(batch), now());
      }
      return accumulator_.fail(std::move(batch), error);
    default:
      break;
  }
  if (means_stale_metadata(error.code)) cluster_.metadata().invalidate();
  return_batch(std::move(batch), error);
}

void Sender::return_batch(Accumulator::BatchPtr batch, const Error& error) {
  const auto at = now();
  if (stopping_ || !retriable(error.code) || accumulator_.expired(*batch, at))
    return accumulator_.fail(std::move(batch), error);
  const auto wait = std::min<std::chrono::milliseconds>(
      cluster_.options().retry_backoff * (1 << std::min(batch->attempts - 1, 6)),
      cluster_.options().retry_backoff_max);
  accumulator_.retry(std::move(batch), at + wait, error);
}

}  // namespace sluice::client
