#include "broker/queue/dead_letter.hpp"

#include "base/check.hpp"
#include "base/planted_bug.hpp"
#include "broker/broker.hpp"
#include "broker/partition.hpp"
#include "broker/queue/dead_letter_topic.hpp"
#include "broker/shards.hpp"
#include "broker/topic_config.hpp"
#include "protocol/queue_headers.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

constexpr std::size_t headers_added = 9;
constexpr std::size_t copy_batch_bytes = 512 * 1024;

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
  if (appended.error == ErrorCode::none && !planted(PlantedBug::dead_letter_before_durable)) {
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

// Why nothing may go there; empty: it may.
std::string fault_of(const Shard& shard, std::string_view dead_letter_topic) {
  return dead_letter_fault(*shard.catalog(), *shard.options(), {dead_letter_topic, {}});
}

// Requires: the topic is in the catalog.
Task<DeadLetterResult> append_to(Shard& home, const std::string* dead_letter_topic,
                                 PartitionIndex source_partition,
                                 const std::vector<std::byte>* batch) {
  const CatalogSnapshot catalog = home.catalog();
  const Topic* topic = catalog->find(*dead_letter_topic);
  const PartitionKey key{topic->id, source_partition % topic->partition_count};
  Shard& shard = home.broker().home_of(key);
  co_return co_await on(home, shard, append_copies(&shard, key, dead_letter_topic, batch));
}

// The next that looks for it finds it, or why it is not there.
Task<> make_topic(Shard* home, std::string name) {
  (void)co_await home->broker().create_dead_letter_topic(*home, std::move(name));
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
  namespace name = protocol::dead_letter_header;
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
    if (header.key == protocol::dead_letter_header::topic && header.value &&
        as_text(*header.value) == topic)
      return true;
  return false;
}

// ---- Writing ----

std::size_t dead_letter_batch_bytes(const Catalog& catalog, const Options& options,
                                    std::string_view dead_letter_topic) {
  const Topic* topic = catalog.find(dead_letter_topic);
  if (topic == nullptr) return copy_batch_bytes;
  const auto config = effective_topic_config(options, topic->overrides);
  return std::min(copy_batch_bytes,
                  static_cast<std::size_t>(std::max(config.max_message_bytes, 0)));
}

Task<DeadLetterResult> write_dead_letters(Shard& home, std::string dead_letter_topic,
                                          PartitionIndex source_partition,
                                          std::vector<std::byte> batch) {
  std::string fault = fault_of(home, dead_letter_topic);
  if (!fault.empty()) co_return refuse(ErrorCode::invalid_config, std::move(fault));
  ErrorCode made = ErrorCode::none;
  if (home.catalog()->find(dead_letter_topic) == nullptr)
    made = co_await home.broker().create_dead_letter_topic(home, dead_letter_topic);
  if (home.catalog()->find(dead_letter_topic) == nullptr)
    co_return refuse(made == ErrorCode::none ? ErrorCode::unknown_topic_or_partition : made,
                     "The topic '" + dead_letter_topic + "' is missing and could not be created.");
  co_return co_await append_to(home, &dead_letter_topic, source_partition, &batch);
}

Task<DeadLetterResult> write_dead_letters_inside(Shard& home, std::string dead_letter_topic,
                                                 PartitionIndex source_partition,
                                                 std::vector<std::byte> batch) {
  std::string fault = fault_of(home, dead_letter_topic);
  if (!fault.empty()) co_return refuse(ErrorCode::invalid_config, std::move(fault));
  if (home.catalog()->find(dead_letter_topic) == nullptr) {
    home.tasks().spawn(make_topic(&home, dead_letter_topic));
    co_return refuse(ErrorCode::unknown_topic_or_partition,
                     "The topic '" + dead_letter_topic + "' is missing and is being made.");
  }
  co_return co_await append_to(home, &dead_letter_topic, source_partition, &batch);
}

}  // namespace sluice::broker
