// Produce: each partition's batch goes to its shard, in the order of the requests; the reply leaves
// when all of them are durable.
#include "broker/broker.hpp"
#include "broker/handlers/admin_handlers.hpp"
#include "broker/handlers/handlers.hpp"
#include "broker/metrics/note_errors.hpp"
#include "broker/partition.hpp"
#include "broker/partition_rows.hpp"
#include "broker/topic_lookup.hpp"
#include "protocol/record_batch.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

using protocol::ProduceRequest;
using protocol::ProduceResponse;

// One partition's part of a request, and what became of it.
struct Item {
  PartitionKey key;
  int shard = -1;  // -1: refused before it got there
  Bytes records;
  AppendResult result;
  TimePoint accepted{};
  TimePoint durable{};
};

enum class Wait : std::uint8_t { accepted, durable };

struct Rules {
  std::int16_t version;
  std::int16_t acks;
  Wait wait;
};

using Work = ShardRows<Item>;

void refuse(Item& item, ErrorCode error, std::string message = {}) {
  item.result.error = error;
  item.result.message = std::move(message);
}

bool is_transactional(Bytes records) {
  const auto header = protocol::parse_batch_header(records);
  return header && header->is_transactional();
}

// What can be refused without looking at the partition.
Item make_item(const Request& request, const ProduceRequest& message,
               const ProduceRequest::Topic& topic, const ProduceRequest::Partition& partition) {
  Item item;
  const bool by_id = request.version() >= 13;
  const TopicLookup found =
      look_up(*request.catalog, topic.name, topic.topic_id, by_id, partition.index);
  const bool transactional =
      message.transactional_id || (partition.records && is_transactional(partition.records->bytes));
  if (transactional) {
    refuse(item, ErrorCode::transactional_id_authorization_failed,
           "Transactions are not supported.");
  } else if (found.topic == nullptr) {
    refuse(item, found.error);
  } else if (message.acks < -1 || message.acks > 1) {
    refuse(item, ErrorCode::invalid_required_acks);
  } else if (is_internal_topic(found.topic->name) && request.client_id() != "__admin_client") {
    refuse(item, ErrorCode::invalid_topic_exception, "The topic is internal.");
  } else if (!partition.records || partition.records->empty()) {
    refuse(item, ErrorCode::invalid_record, "There is no record batch for this partition.");
  } else {
    item.key = {found.topic->id, partition.index};
    item.shard = request.shard.broker().shard_of(item.key);
    item.records = partition.records->bytes;
  }
  return item;
}

std::vector<Item> make_items(const Request& request, const ProduceRequest& message) {
  std::vector<Item> items;
  for (const auto& topic : message.topic_data)
    for (const auto& partition : topic.partition_data)
      items.push_back(make_item(request, message, topic, partition));
  return items;
}

bool is_of_unknown_topic(const Item& item) {
  return item.result.error == ErrorCode::unknown_topic_or_partition;
}

// Runs on the partition's shard. The append begins before the first suspension of this task, so
// that tasks that were sent in order append in order.
Task<> append_item(Shard* shard, Item* item, Rules rules) {
  Partition* partition = shard->find(item->key.topic, item->key.index);
  if (partition == nullptr) {
    refuse(*item, shard->why_missing(item->key.topic));
    co_return;
  }
  if (rules.acks == -1 && partition->config().min_insync_replicas > 1) {
    refuse(*item, ErrorCode::not_enough_replicas, "One broker is one in-sync replica.");
    co_return;
  }
  item->result = co_await partition->append(item->records, rules.version);
  item->accepted = shard->timers().now();
  if (item->result.error != ErrorCode::none || rules.wait == Wait::accepted) co_return;
  partition = shard->find(item->key.topic, item->key.index);
  const ErrorCode durable = partition == nullptr
                                ? ErrorCode::not_leader_or_follower
                                : co_await partition->wait_durable(item->result.durable_end);
  item->durable = shard->timers().now();
  if (durable != ErrorCode::none) refuse(*item, durable, "The write failed.");
}

Task<> append_items(const Work* work, Rules rules) {
  if (work->rows.size() == 1) {
    co_await append_item(work->shard, work->rows.front(), rules);
    co_return;
  }
  TaskGroup tasks{work->shard->executor()};
  for (Item* item : work->rows) tasks.spawn(append_item(work->shard, item, rules));
  co_await tasks.drain();
}

Task<> send(const Work* work, Rules rules) {
  co_await on(*work->home, *work->shard, append_items(work, rules));
}

// Starts the work on every shard before it waits for any of it.
Task<> append_everywhere(Request& request, std::vector<Item>& items, Rules rules) {
  const std::vector<Work> works = by_shard(request.shard, items);
  request.served_by = shard_of_all(works);
  if (works.size() == 1) {
    co_await send(&works.front(), rules);
    co_return;
  }
  TaskGroup tasks{request.shard.executor()};
  for (const Work& work : works) tasks.spawn(send(&work, rules));
  co_await tasks.drain();
}

// A client may produce to a retry topic that nobody has asked for before.
Task<> create_missing_topics(Request& request, const ProduceRequest& message) {
  std::vector<std::string_view> names;
  for (const auto& topic : message.topic_data) names.push_back(topic.name);
  co_await create_retry_topics(request, &names);
}

void fill(ProduceResponse::Partition& row, Item& item, ReplyArena& arena) {
  AppendResult& result = item.result;
  const bool good = result.error == ErrorCode::none;
  row.error_code = result.error;
  row.base_offset = good ? result.base_offset : -1;
  row.log_append_time_ms = good ? result.log_append_time_ms : -1;
  row.log_start_offset = result.log_start_offset;
  if (!result.message.empty()) row.error_message = arena.keep(std::move(result.message));
  for (RecordFault& fault : result.faults)
    row.record_errors.push_back({fault.batch_index, arena.keep(std::move(fault.message))});
}

bool has_error(const ProduceResponse& response) {
  for (const auto& topic : response.responses)
    for (const auto& row : topic.partition_responses)
      if (row.error_code != ErrorCode::none) return true;
  return false;
}

}  // namespace

Task<ProduceResponse> answer_produce(Request& request, const ProduceRequest& message) {
  const bool durable =
      message.acks == -1 || (message.acks == 1 && request.options->acks_one == "durable");
  const Rules rules{request.version(), message.acks, durable ? Wait::durable : Wait::accepted};
  std::vector<Item> items = make_items(request, message);
  if (request.version() < 13 && std::ranges::any_of(items, is_of_unknown_topic)) {
    co_await create_missing_topics(request, message);
    items = make_items(request, message);
  }
  co_await append_everywhere(request, items, rules);
  for (const Item& one : items) {
    request.times.accepted = std::max(request.times.accepted, one.accepted);
    request.times.durable = std::max(request.times.durable, one.durable);
  }

  ProduceResponse response;
  auto item = items.begin();
  for (const auto& topic : message.topic_data) {
    auto& rows = response.responses.emplace_back();
    rows.name = topic.name;
    rows.topic_id = topic.topic_id;
    for (const auto& partition : topic.partition_data) {
      auto& row = rows.partition_responses.emplace_back();
      row.index = partition.index;
      fill(row, *item++, request.arena);
    }
  }
  note_errors(request, response);
  co_return response;
}

Task<Served> handle_produce(Request& request, const ProduceRequest& message) {
  const ProduceResponse response = co_await answer_produce(request, message);
  if (message.acks == 0) co_return has_error(response) ? Served::close : Served::silent;
  const auto error = protocol::encode_response(response, request.version(),
                                               request.parsed.header.correlation_id, request.reply);
  co_return error == protocol::WireError::none ? Served::replied : Served::close;
}

}  // namespace sluice::broker
