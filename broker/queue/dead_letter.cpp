#include "broker/queue/dead_letter.hpp"

#include "broker/broker.hpp"
#include "broker/partition.hpp"
#include "broker/shards.hpp"

#include <array>

namespace sluice::broker {
namespace {

using protocol::ErrorCode;

Task<ErrorCode> append_here(Shard* shard, PartitionKey key, const std::vector<std::byte>* batch) {
  Partition* partition = shard->find(key.topic, key.index);
  if (partition == nullptr) co_return shard->why_missing(key.topic);
  const AppendResult appended = co_await partition->append_own(*batch);
  if (appended.error != ErrorCode::none) co_return appended.error;
  partition = shard->find(key.topic, key.index);
  if (partition == nullptr) co_return shard->why_missing(key.topic);
  co_return co_await partition->wait_durable(appended.durable_end);
}

}  // namespace

void DeadLetterBatch::add(const protocol::NewRecord& record, const DeadLetterInfo& info) {
  const std::array numbers{std::to_string(info.partition), std::to_string(info.offset),
                           std::to_string(info.delivery_count),
                           std::to_string(info.first_failure_ms),
                           std::to_string(info.last_failure_ms)};
  std::vector<protocol::RecordHeader> headers(record.headers.begin(), record.headers.end());
  headers.push_back({"__dlq.errors.topic", as_bytes(info.topic)});
  headers.push_back({"__dlq.errors.partition", as_bytes(numbers[0])});
  headers.push_back({"__dlq.errors.offset", as_bytes(numbers[1])});
  headers.push_back({"__dlq.errors.group", as_bytes(info.group)});
  headers.push_back({"__dlq.errors.delivery.count", as_bytes(numbers[2])});
  headers.push_back({"__dlq.errors.message", as_bytes(info.message)});
  headers.push_back({"__dlq.errors.reason", as_bytes(info.reason)});
  headers.push_back({"__dlq.errors.first.failure.ms", as_bytes(numbers[3])});
  headers.push_back({"__dlq.errors.last.failure.ms", as_bytes(numbers[4])});
  builder_.append({record.timestamp, record.key, record.value, headers});
}

Task<DeadLetterResult> write_dead_letters(Shard& home, std::string dead_letter_topic,
                                          PartitionIndex source_partition,
                                          std::vector<std::byte> batch) {
  DeadLetterResult result;
  const Topic* topic = home.catalog()->find(dead_letter_topic);
  if (topic == nullptr) {
    result.error = ErrorCode::unknown_topic_or_partition;
  } else {
    const PartitionKey key{topic->id, source_partition % topic->partition_count};
    Shard& there = home.broker().home_of(key);
    result.error = co_await on(home, there, append_here(&there, key, &batch));
  }
  if (result.error == ErrorCode::none) co_return result;
  result.message = "The dead-letter topic '" + dead_letter_topic +
                   "' could not be written: " + std::string(protocol::to_string(result.error));
  home.logger().error(
      "dead letters could not be written",
      {{"topic", dead_letter_topic}, {"partition", source_partition}, {"error", result.message}});
  co_return result;
}

}  // namespace sluice::broker
