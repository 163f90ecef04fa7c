#include "client/channel.hpp"

#include "client/call.hpp"
#include "protocol/messages/fetch.hpp"
#include "protocol/messages/produce.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

// Produce and Fetch from version 13 on name topics by id.
constexpr protocol::Version last_version_with_names = 12;

// Rows of one topic stand together: a new one begins where the name changes.
template <class Topics>
auto& topic_row(Topics& topics, std::string_view& last, std::string_view name) {
  if (topics.empty() || last != name) topics.emplace_back();
  last = name;
  return topics.back();
}

template <class Items>
protocol::Version version_limit(const Items& items) {
  const bool ids = std::none_of(items.begin(), items.end(),
                                [](const auto& item) { return item.topic_id.is_zero(); });
  return ids ? protocol::Versions::newest : last_version_with_names;
}

// The item that an answer's row is about. Rows mostly come in the order of the items, so the search
// begins behind the last one found. Null for a row that nobody asked for.
template <class Items>
auto* find_item(Items& items, std::size_t& next, std::string_view name, const TopicId& id,
                PartitionIndex partition) {
  for (std::size_t tried = 0; tried < items.size(); ++tried) {
    auto& item = items[(next + tried) % items.size()];
    const bool same_topic = name.empty() ? item.topic_id == id : item.topic == name;
    if (item.partition != partition || !same_topic) continue;
    next += tried + 1;
    return &item;
  }
  return static_cast<decltype(&items[0])>(nullptr);
}

protocol::ProduceRequest to_request(const ProduceCall& call) {
  protocol::ProduceRequest request;
  request.acks = static_cast<std::int16_t>(call.acks);
  request.timeout_ms = static_cast<std::int32_t>(call.timeout.count());
  std::string_view last;
  for (const auto& item : call.items) {
    auto& topic = topic_row(request.topic_data, last, item.topic);
    topic.name = item.topic;
    topic.topic_id = item.topic_id;
    auto& partition = topic.partition_data.emplace_back();
    partition.index = item.partition;
    partition.records.emplace().slices.push_back(item.batch);
  }
  return request;
}

void take_answers(const protocol::ProduceResponse& response, ProduceCall& call) {
  std::size_t next = 0;
  for (const auto& topic : response.responses) {
    for (const auto& row : topic.partition_responses) {
      auto* item = find_item(call.items, next, topic.name, topic.topic_id, row.index);
      if (!item) continue;
      item->answered = true;
      item->error = row.error_code;
      item->message = row.error_message.value_or("");
      item->base_offset = row.base_offset;
      item->append_time_ms = row.log_append_time_ms;
    }
  }
}

protocol::FetchRequest to_request(const FetchCall& call) {
  protocol::FetchRequest request;
  request.max_wait_ms = static_cast<std::int32_t>(call.wait.count());
  request.min_bytes = static_cast<std::int32_t>(call.bytes_min);
  request.max_bytes = static_cast<std::int32_t>(call.bytes_max);
  request.isolation_level = static_cast<std::int8_t>(call.isolation);
  std::string_view last;
  for (const auto& item : call.items) {
    auto& topic = topic_row(request.topics, last, item.topic);
    topic.topic = item.topic;
    topic.topic_id = item.topic_id;
    auto& partition = topic.partitions.emplace_back();
    partition.partition = item.partition;
    partition.fetch_offset = item.offset;
    partition.partition_max_bytes = static_cast<std::int32_t>(item.bytes_max);
  }
  return request;
}

void take_answers(const protocol::FetchResponse& response, const Frame& frame, FetchCall& call) {
  std::size_t next = 0;
  for (const auto& topic : response.responses) {
    for (const auto& row : topic.partitions) {
      auto* item = find_item(call.items, next, topic.topic, topic.topic_id, row.partition_index);
      if (!item) continue;
      item->answered = true;
      item->error = row.error_code;
      item->high_watermark = row.high_watermark;
      item->last_stable_offset = row.last_stable_offset;
      if (row.aborted_transactions)
        for (const auto& aborted : *row.aborted_transactions)
          item->aborted.push_back({aborted.producer_id, aborted.first_offset});
      if (row.records && !row.records->bytes.empty())
        item->records.push_back({.bytes = row.records->bytes, .owner = frame.data});
    }
  }
}

}  // namespace

Task<Result<>> Channel::produce(ProduceCall& call, TimePoint deadline) {
  const protocol::ProduceRequest request = to_request(call);
  const auto limit = version_limit(call.items);
  if (call.acks != Acks::none) {
    const auto reply = co_await ask<protocol::ProduceResponse>(*this, request, deadline, limit);
    if (!reply) co_return std::unexpected(reply.error());
    take_answers(reply->body, call);
    co_return Result<>{};
  }
  const auto version = pick_version(*this, protocol::ProduceRequest::schema, limit);
  if (!version) co_return std::unexpected(version.error());
  auto encoded = encode_request(*this, request, *version, next_correlation_id());
  if (!encoded) co_return std::unexpected(encoded.error());
  co_return co_await send(std::move(*encoded), deadline);
}

Task<Result<>> Channel::fetch(FetchCall& call, TimePoint deadline) {
  const protocol::FetchRequest request = to_request(call);
  const auto reply =
      co_await ask<protocol::FetchResponse>(*this, request, deadline, version_limit(call.items));
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->body.error_code != ErrorCode::none)
    co_return sluice::fail(make_error_code(reply->body.error_code), "fetch");
  take_answers(reply->body, reply->frame, call);
  co_return Result<>{};
}

}  // namespace sluice::client
