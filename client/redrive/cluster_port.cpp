#include "client/redrive/cluster_port.hpp"

#include "client/offsets.hpp"
#include "client/stale.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/messages/init_producer_id.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

constexpr std::size_t read_bytes = 4 * 1024 * 1024;

// What the broker's answer means for the batch.
void take_answer(const ProduceItem& item, RedriveBatch& batch) {
  using Outcome = RedriveBatch::Outcome;
  if (!item.answered) {
    batch.error = {make_error_code(Errc::malformed_response), "an answer without " + batch.topic};
    return;
  }
  std::string context = batch.topic + "-" + std::to_string(batch.partition);
  if (!item.message.empty()) context += ": " + item.message;
  batch.error = {make_error_code(item.error), std::move(context)};
  switch (item.error) {
    case ErrorCode::none:
      batch.base_offset = item.base_offset;
      [[fallthrough]];
    case ErrorCode::duplicate_sequence_number:
      batch.outcome = Outcome::stored;
      return;
    // The partition knows another history of our producer id: nothing more can be said.
    case ErrorCode::out_of_order_sequence_number:
    case ErrorCode::unknown_producer_id:
    case ErrorCode::invalid_producer_epoch:
      return;
    default:
      if (!retriable(batch.error)) batch.outcome = Outcome::refused;
  }
}

}  // namespace

// ---- Reading ----

Result<TopicReader> TopicReader::create(const ClientOptions& options, std::string topic) {
  auto consumer = Consumer::create({.client = options,
                                    .offset_reset = OffsetReset::earliest,
                                    .isolation = Isolation::read_committed,
                                    // All that is asked for is there; the next partition should not
                                    // wait for more of this one.
                                    .fetch_wait = std::chrono::milliseconds(10),
                                    .partition_bytes_max = read_bytes,
                                    .prefetch_bytes = 2 * read_bytes});
  if (!consumer) return std::unexpected(consumer.error());
  return TopicReader(std::move(*consumer), std::move(topic), options.request_timeout);
}

Result<> TopicReader::go_to(PartitionIndex partition, Offset from) {
  if (partition == partition_ && from == position_) return {};
  const TopicPartition where{topic_, partition};
  if (partition != partition_) {
    const auto assigned = consumer_.assign({where});
    if (!assigned) return assigned;
    partition_ = partition;
  }
  position_ = from;
  return consumer_.seek(where, from);
}

Result<Consumer::Records> TopicReader::read(PartitionIndex partition, Offset from, Offset end,
                                            const Loop& loop) {
  const auto before_end = [end](Consumer::Records records) {
    const auto last = std::ranges::lower_bound(records, end, {}, &RecordView::offset);
    return records.first(static_cast<std::size_t>(last - records.begin()));
  };
  const bool here = partition == partition_ && !polled_.empty() && from >= polled_.front().offset &&
                    from < position_;
  if (here) {
    const auto first = std::ranges::lower_bound(polled_, from, {}, &RecordView::offset);
    const auto rest =
        before_end(polled_.subspan(static_cast<std::size_t>(first - polled_.begin())));
    if (!rest.empty() || position_ >= end) return rest;
    from = position_;
  }
  polled_ = {};
  const auto placed = go_to(partition, from);
  if (!placed) return std::unexpected(placed.error());
  const TopicPartition where{topic_, partition};
  const TimePoint deadline = loop.now() + patience_;
  while (position_ < end) {
    // In short turns: records up to `end` may be gone, which only the position tells.
    const auto turn = std::min<TimePoint>(deadline, loop.now() + std::chrono::milliseconds(200));
    const auto records = consumer_.poll(Deadline(turn));
    if (!records && (!retriable(records.error()) || loop.now() >= deadline))
      return std::unexpected(records.error());
    position_ = std::max(position_, consumer_.positions()[where]);
    if (records && !records->empty()) {
      polled_ = *records;
      return before_end(polled_);
    }
    if (position_ < end && loop.now() >= deadline)
      return fail(Errc::timed_out, "read " + where.to_string());
  }
  return Consumer::Records{};
}

// ---- Asking ----

Result<std::optional<std::int32_t>> ClusterPort::partition_count(const std::string& topic) {
  const auto known = cluster_.loop().run(cluster_.ensure_topic(topic, deadline()));
  if (!known && known.error().is(Errc::unknown_topic)) return std::optional<std::int32_t>();
  if (!known) return std::unexpected(known.error());
  const auto* info = cluster_.metadata().topic(topic);
  return std::optional(static_cast<std::int32_t>(info->partitions.size()));
}

Task<Result<Offset>> ClusterPort::end_of(TopicPartition where) {
  std::map<TopicPartition, std::int64_t> wanted;
  wanted[where] = static_cast<std::int64_t>(OffsetSpec::latest);
  const auto found =
      co_await list_offsets(cluster_, std::move(wanted), Isolation::read_uncommitted, deadline());
  if (!found) co_return std::unexpected(found.error());
  co_return found->at(where).offset;
}

Result<Offset> ClusterPort::end_offset(const TopicPartition& where) {
  return cluster_.loop().run(end_of(where));
}

Task<Result<std::optional<Offset>>> ClusterPort::find_batch(TopicPartition where, Offset from,
                                                            ProducerId id, ProducerEpoch epoch,
                                                            Sequence sequence) {
  const auto end = co_await end_of(where);
  if (!end) co_return std::unexpected(end.error());
  const TimePoint until = deadline();
  for (Offset next = from; next < *end;) {
    const auto* partition = cluster_.metadata().partition(where.topic, where.partition);
    const auto* info = cluster_.metadata().topic(where.topic);
    if (!partition || !info) co_return fail(Errc::unknown_topic, where.to_string());
    const TopicId topic_id = info->id;
    auto link = co_await cluster_.node(partition->leader, until);
    if (!link) co_return std::unexpected(link.error());
    FetchCall call{.wait = std::chrono::milliseconds(100)};
    call.items.push_back({.topic = where.topic,
                          .topic_id = topic_id,
                          .partition = where.partition,
                          .offset = next,
                          .bytes_max = read_bytes});
    const auto fetched = co_await (*link)->fetch(call, until);
    if (!fetched) co_return std::unexpected(fetched.error());
    const auto& item = call.items.front();
    if (item.error != ErrorCode::none) {
      cluster_.metadata().invalidate();
      co_return sluice::fail(make_error_code(item.error), "look into " + where.to_string());
    }
    for (const auto& slice : item.records) {
      protocol::BatchIterator batches(slice.bytes);
      while (const auto batch = batches.next()) {
        const auto& header = batch->header;
        if (header.producer_id == id && header.producer_epoch == epoch &&
            header.base_sequence == sequence)
          co_return header.base_offset;
        next = std::max(next, header.next_offset());
      }
    }
    if (next < *end && cluster_.now() >= until)
      co_return fail(Errc::timed_out, "look into " + where.to_string());
  }
  co_return std::nullopt;
}

Result<std::optional<Offset>> ClusterPort::find(const TopicPartition& where, Offset from,
                                                ProducerId id, ProducerEpoch epoch,
                                                Sequence sequence) {
  return cluster_.loop().run(find_batch(where, from, id, epoch, sequence));
}

// ---- Sending ----

Task<Result<>> ClusterPort::send_to(BrokerId leader, std::vector<RedriveBatch*> batches) {
  const TimePoint until = deadline();
  auto link = co_await cluster_.node(leader, until);
  if (!link) co_return std::unexpected(link.error());
  ProduceCall call{.timeout = cluster_.options().request_timeout};
  for (const auto* batch : batches) {
    const auto* info = cluster_.metadata().topic(batch->topic);
    call.items.push_back({.topic = batch->topic,
                          .topic_id = info ? info->id : TopicId{},
                          .partition = batch->partition,
                          .batch = {.bytes = Bytes(*batch->bytes), .owner = batch->bytes}});
  }
  const auto produced = co_await (*link)->produce(call, until);
  if (!produced) co_return produced;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    take_answer(call.items[i], *batches[i]);
    if (batches[i]->error.code && means_stale_metadata(batches[i]->error.code))
      cluster_.metadata().invalidate();
  }
  co_return Result<>{};
}

Task<Result<>> ClusterPort::send_all(std::span<RedriveBatch> batches) {
  std::map<BrokerId, std::vector<RedriveBatch*>> by_leader;
  for (auto& batch : batches) {
    if (batch.outcome != RedriveBatch::Outcome::unknown) continue;
    const auto known = co_await cluster_.ensure_topic(batch.topic, deadline());
    if (!known) {
      batch.error = known.error();
      // A topic that was there may come back; its records wait for it.
      if (known.error().is(Errc::unknown_topic))
        batch.error.code = make_error_code(ErrorCode::unknown_topic_or_partition);
      continue;
    }
    const auto* partition = cluster_.metadata().partition(batch.topic, batch.partition);
    if (partition && partition->leader >= 0) {
      by_leader[partition->leader].push_back(&batch);
      continue;
    }
    cluster_.metadata().invalidate();
    batch.error = {make_error_code(ErrorCode::leader_not_available), batch.topic};
  }
  for (const auto& [leader, mine] : by_leader) {
    const auto sent = co_await send_to(leader, mine);
    if (sent) continue;
    cluster_.metadata().invalidate();
    for (auto* batch : mine) batch->error = sent.error();
  }
  co_return Result<>{};
}

void ClusterPort::send(std::span<RedriveBatch> batches) {
  const auto sent = cluster_.loop().run(send_all(batches));
  if (sent) return;
  for (auto& batch : batches)
    if (batch.outcome == RedriveBatch::Outcome::unknown) batch.error = sent.error();
}

Result<> ClusterPort::save(std::span<const SavedEntry> entries, ProducerId id, ProducerEpoch epoch,
                           Sequence sequence) {
  protocol::BatchBuilder builder(
      {.producer_id = id, .producer_epoch = epoch, .base_sequence = sequence});
  const auto wall = cluster_.loop().clock().wall_ms();
  for (const auto& entry : entries) {
    protocol::NewRecord record{.timestamp = wall, .key = as_bytes(entry.key)};
    if (entry.value) record.value = Bytes(*entry.value);
    builder.append(record);
  }
  RedriveBatch batch{.topic = progress_topic_, .base_sequence = sequence};
  batch.bytes = std::make_shared<std::vector<std::byte>>(builder.finish());
  const TimePoint until = deadline();
  for (int attempt = 0;; ++attempt) {
    send({&batch, 1});
    if (batch.outcome == RedriveBatch::Outcome::stored) return {};
    if (batch.error.is(ErrorCode::invalid_producer_epoch) ||
        batch.error.is(ErrorCode::out_of_order_sequence_number))
      return sluice::fail(make_error_code(ErrorCode::invalid_producer_epoch),
                          "another process took the redrive over");
    if (!retriable(batch.error) || cluster_.now() >= until) return std::unexpected(batch.error);
    wait(cluster_.retry_wait(attempt));
  }
}

Task<Result<>> ClusterPort::pause(std::chrono::milliseconds time) {
  co_await cluster_.loop().timers().wait_for(time);
  co_return Result<>{};
}

void ClusterPort::wait(std::chrono::milliseconds time) {
  const auto waited = cluster_.loop().run(pause(time));
  static_cast<void>(waited);
}

Task<Result<ProducerIdentity>> new_identity(Cluster& cluster, TimePoint deadline) {
  protocol::InitProducerIdRequest request;
  request.transactional_id.reset();
  request.transaction_timeout_ms = -1;
  for (int attempt = 0;; ++attempt) {
    Error error;
    auto link = co_await cluster.any(deadline);
    if (!link) co_return std::unexpected(link.error());
    const auto reply = co_await call<protocol::InitProducerIdResponse>(*link, request, deadline, 5);
    if (!reply)
      error = reply.error();
    else if (reply->body.error_code != ErrorCode::none)
      error = {make_error_code(reply->body.error_code), "InitProducerId"};
    else
      co_return ProducerIdentity{reply->body.producer_id, reply->body.producer_epoch};
    if (!retriable(error) || cluster.now() >= deadline) co_return std::unexpected(error);
    co_await cluster.back_off(attempt, deadline);
  }
}

}  // namespace sluice::client
