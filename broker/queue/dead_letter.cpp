#include "broker/queue/dead_letter.hpp"

#include "base/check.hpp"
#include "broker/broker.hpp"
#include "broker/partition.hpp"
#include "broker/queue/dead_letter_topic.hpp"
#include "broker/shards.hpp"

namespace sluice::broker {
namespace {

constexpr std::size_t headers_added = 9;

std::string_view default_message(std::string_view reason) {
  return reason == "rejected" ? "Offset rejected by client."
                              : "Offset delivery count exceeded the threshold.";
}

DeadLetterResult refuse(ErrorCode error, std::string message) {
  return {error, std::move(message), -1};
}

// On the partition's shard.
Task<DeadLetterResult> append_copies(Shard* shard, PartitionKey key, const std::string* topic,
                                     const std::vector<std::byte>* batch) {
  Partition* partition = shard->find(key.topic, key.index);
  if (partition == nullptr)
    co_return refuse(shard->why_missing(key.topic), "A partition of '" + *topic + "' is not open.");
  if (batch->size() > static_cast<std::size_t>(partition->config().max_message_bytes))
    co_return refuse(ErrorCode::message_too_large,
                     "A record with its dead-letter headers is " + std::to_string(batch->size()) +
                         " bytes: raise max.message.bytes of '" + *topic + "'.");
  AppendResult appended = co_await partition->append_own(*batch);
  if (appended.error == ErrorCode::none) {
    partition = shard->find(key.topic, key.index);
    appended.error = partition == nullptr ? ErrorCode::not_leader_or_follower
                                          : co_await partition->wait_durable(appended.durable_end);
  }
  if (appended.error != ErrorCode::none)
    co_return refuse(appended.error, "Writing to '" + *topic + "' failed: " +
                                         (appended.message.empty()
                                              ? std::string(protocol::to_string(appended.error))
                                              : std::move(appended.message)));
  co_return DeadLetterResult{ErrorCode::none, {}, appended.base_offset};
}

}  // namespace

// ---- The copy ----

DeadLetterCopy::DeadLetterCopy(const protocol::Record& record, std::int64_t timestamp_ms,
                               const DeadLetterInfo& info) {
  headers_.reserve(record.headers.size() + headers_added);
  for (const protocol::RecordHeader& header : record.headers) headers_.push_back(header);
  record_ = {.timestamp = timestamp_ms, .key = record.key, .value = record.value};
  finish(info);
}

DeadLetterCopy::DeadLetterCopy(const protocol::NewRecord& record, const DeadLetterInfo& info)
    : record_(record) {
  headers_.reserve(record.headers.size() + headers_added);
  headers_.assign(record.headers.begin(), record.headers.end());
  finish(info);
}

void DeadLetterCopy::finish(const DeadLetterInfo& info) {
  const std::string_view message =
      info.message.empty() ? default_message(info.reason) : info.message;
  const auto add = [&](std::string_view name, std::string_view value) {
    headers_.push_back({name, as_bytes(value)});
  };
  namespace name = dead_letter_header;
  add(name::topic, info.topic);
  add(name::partition, number(info.partition));
  add(name::offset, number(info.offset));
  add(name::group, info.group);
  add(name::delivery_count, number(info.delivery_count));
  add(name::message, message);
  add(name::reason, info.reason);
  add(name::first_failure, number(info.first_failure_ms));
  add(name::last_failure, number(info.last_failure_ms));
  record_.headers = headers_;
}

std::string_view DeadLetterCopy::number(std::int64_t value) {
  SLUICE_CHECK(numbers_used_ < numbers_.size());
  return numbers_[numbers_used_++] = std::to_string(value);
}

bool came_from(const protocol::Record& record, std::string_view topic) {
  for (const protocol::RecordHeader& header : record.headers)
    if (header.key == dead_letter_header::topic && header.value && as_text(*header.value) == topic)
      return true;
  return false;
}

// ---- Writing ----

Task<DeadLetterResult> write_dead_letters(Shard& home, std::string dead_letter_topic,
                                          PartitionIndex source_partition,
                                          std::vector<std::byte> batch) {
  CatalogSnapshot catalog = home.catalog();
  const DeadLetterRoute route{dead_letter_topic, {}};
  std::string fault = dead_letter_fault(*catalog, *home.options(), route);
  if (!fault.empty()) co_return refuse(ErrorCode::invalid_config, std::move(fault));
  const Topic* topic = catalog->find(dead_letter_topic);
  if (topic == nullptr) {
    const ErrorCode made = co_await home.broker().create_dead_letter_topic(home, dead_letter_topic);
    catalog = home.catalog();
    topic = catalog->find(dead_letter_topic);
    if (topic == nullptr)
      co_return refuse(
          made == ErrorCode::none ? ErrorCode::unknown_topic_or_partition : made,
          "The topic '" + dead_letter_topic + "' is missing and could not be created.");
  }
  const PartitionKey key{topic->id, source_partition % topic->partition_count};
  Shard& shard = home.broker().home_of(key);
  co_return co_await on(home, shard, append_copies(&shard, key, &dead_letter_topic, &batch));
}

}  // namespace sluice::broker
