// Partition: batches with records that are to wait. They are durable in the schedule store first;
// then the rest of the batch, or an empty one, is appended under the same sequence and offsets.
#include "broker/broker.hpp"
#include "broker/group_config.hpp"
#include "broker/partition.hpp"
#include "broker/queue/dead_letter.hpp"
#include "broker/queue/dead_letter_topic.hpp"
#include "broker/queue/retry_topic.hpp"
#include "broker/queue/schedule_headers.hpp"
#include "broker/queue/schedule_route.hpp"
#include "broker/replies.hpp"
#include "broker/shard.hpp"
#include "broker/worker.hpp"

#include <boost/asio/post.hpp>

namespace sluice::broker {
namespace {

using Divided = std::expected<DividedBatch, protocol::BatchError>;

Task<Divided> divide_here(protocol::BatchView batch, DelayRule* rule) {
  protocol::Compressor compressor;
  protocol::Decompressor decompressor;
  const protocol::Recoding recoding{compressor, decompressor};
  co_return divide_batch(batch, *rule, recoding);
}

// Compressed batches are looked into on the broker's worker thread.
Task<Divided> divide(Shard& shard, protocol::BatchView batch, DelayRule* rule) {
  auto task = divide_here(batch, rule);
  if (batch.header.compression() == protocol::Compression::none) co_return co_await std::move(task);
  co_return co_await on_worker(shard.broker().worker(), std::move(task));
}

GroupConfig group_config(const Shard& shard, std::string_view group) {
  return effective_group_config(*shard.options(),
                                shard.catalog()->configs(ResourceType::group, group));
}

// Two of them could wait for each other's turnstile.
bool is_retry_topic(const Catalog& catalog, std::string_view name) {
  const Topic* topic = catalog.find(name);
  return topic != nullptr &&
         effective_topic_config(TopicConfig{}, topic->overrides).is_retry_topic();
}

// Of a retry topic: the group's own, else that of the topic the records come from. Empty: none.
std::string dead_letter_topic_for(const Shard& shard, const TopicConfig& config) {
  const Catalog& catalog = *shard.catalog();
  const Topic* source = catalog.find(config.retry_source_topic);
  if (source != nullptr) return dead_letter_topic_of(catalog, config.retry_group, *source);
  return group_config(shard, config.retry_group).dead_letter_topic;
}

DeadLetterInfo letter_info(const Exhausted& exhausted, const TopicConfig& config,
                           std::int64_t now_ms) {
  DeadLetterInfo info;
  info.topic = config.retry_source_topic;
  info.partition = exhausted.partition;
  info.offset = exhausted.offset;
  info.group = config.retry_group;
  info.delivery_count = exhausted.attempts + 1;  // the first one was from the source topic
  info.reason = "retry-limit";
  info.message = "Offset delivery count exceeded the threshold.";
  info.first_failure_ms = exhausted.first_failure_ms;
  info.last_failure_ms = now_ms;
  return info;
}

// Where the first batch with records begins.
std::optional<std::size_t> first_with_records(Bytes bytes) {
  protocol::BatchIterator batches{bytes};
  while (const auto batch = batches.next())
    if (batch->header.record_count != 0) return batches.position() - batch->bytes.size();
  return std::nullopt;
}

}  // namespace

// What makes records of this topic wait. Requires: config().delays.
std::unique_ptr<DelayRule> Partition::delay_rule(std::int64_t now_ms) const {
  if (!config_.is_retry_topic()) {
    ScheduleHeaderRule::Settings settings;
    settings.now_ms = now_ms;
    settings.ahead_max_ms = shard_.options()->schedule_max_ms;
    settings.compacted = config_.compacts;
    return std::make_unique<ScheduleHeaderRule>(settings);
  }
  const GroupConfig group = group_config(shard_, config_.retry_group);
  RetryRule::Settings settings;
  settings.identity = {shard_.broker().hash_key(), config_.retry_source_topic, config_.retry_group};
  settings.policy = retry_policy(group);
  const bool gives_up = !dead_letter_topic_for(shard_, config_).empty();
  settings.attempts_max = gives_up ? group.retry_attempts_max : 0;
  settings.now_ms = now_ms;
  settings.partition = index_;
  settings.base_offset = log_->log_end_offset();
  settings.seed = shard_.random().next();
  return std::make_unique<RetryRule>(std::move(settings));
}

// Inside the turnstile, from the look at the producer's state to the append.
Task<AppendResult> Partition::append_dividing(Bytes records, protocol::CheckedBatch checked,
                                              std::int64_t now_ms) {
  const std::unique_ptr<DelayRule> rule = delay_rule(now_ms);
  const protocol::BatchView view{checked.header, records};
  const Divided divided = co_await divide(shard_, view, rule.get());
  if (!divided)
    co_return refuse(ErrorCode::corrupt_message, std::string(protocol::describe(divided.error())));
  if (!divided->faults.empty()) {
    AppendResult result =
        refuse(ErrorCode::invalid_record, "A record asks for a delivery time that cannot be.");
    for (const auto& fault : divided->faults)
      result.faults.push_back({fault.batch_index, fault.message});
    co_return result;
  }
  if (divided->untouched()) co_return co_await append_as_planned(records, checked, now_ms);

  const auto duplicate = log_->find_duplicate(checked.header);
  if (!duplicate) co_return refuse(kafka_error(duplicate.error()), duplicate.error().message());
  const bool stamps = config_.timestamp_type == TimestampType::log_append_time;
  if (*duplicate) co_return accepted(**duplicate, stamps ? now_ms : -1);
  AppendResult aside = co_await set_aside(&*divided, &checked.header);
  if (aside.error != ErrorCode::none) co_return aside;
  if (!divided->rest_has_records) co_return co_await store(divided->rest, stamps ? now_ms : -1);
  checked.header = *protocol::parse_batch_header(divided->rest);
  checked.max_timestamp_is_wrong = false;
  co_return co_await append_as_planned(divided->rest, checked, now_ms);
}

// Some clients take an answer without records for the end of the partition (kafkajs) or for a fault
// (kafka-python 2.0): it begins with a batch that has some, if there is one before `end`.
Task<Result<storage::ReadResult>> Partition::pass_empty_batches(storage::ReadResult first,
                                                                FetchQuery query, Offset end) {
  storage::ReadResult read = first;
  while (!read.empty()) {
    storage::Slice bytes = storage::contiguous(read);
    if (const auto begin = first_with_records(bytes.bytes)) {
      if (*begin == 0) co_return read;
      bytes.bytes = bytes.bytes.subspan(*begin);
      read.size = bytes.size();
      read.slices.assign(1, std::move(bytes));
      co_return read;
    }
    if (read.next_offset >= end) {
      if (query.empty_batches) co_return first;
      break;
    }
    co_await asio::post(shard_.executor(), asio::use_awaitable_t<Executor>{});
    auto more = co_await log_->read(read.next_offset, static_cast<std::size_t>(query.max_bytes),
                                    end, query.least, query.handout);
    if (!more) co_return std::unexpected(more.error());
    read = std::move(*more);
  }
  co_return storage::ReadResult{.next_offset = query.offset};
}

// Durable when it returns; after an error some may be, and come again as duplicates.
Task<DeadLetterResult> Partition::write_letters(const std::vector<DelayedRecord>* exhausted) {
  const CatalogSnapshot catalog = shard_.catalog();
  const std::string topic = dead_letter_topic_for(shard_, config_);
  if (is_retry_topic(*catalog, topic))
    co_return DeadLetterResult{ErrorCode::invalid_config,
                               "The dead-letter topic of the group is a retry topic."};
  const std::size_t size_max = dead_letter_batch_bytes(*catalog, *shard_.options(), topic);
  const std::int64_t now_ms = shard_.clock().wall_ms();
  protocol::BatchBuilder letters;
  for (const DelayedRecord& record : *exhausted) {
    const DeadLetterCopy copy{{record.timestamp_ms, record.key, record.value, record.delay.headers},
                              letter_info(*record.delay.exhausted, config_, now_ms)};
    if (!letters.empty() && letters.size_with(copy.record()) > size_max) {
      DeadLetterResult written =
          co_await write_dead_letters_inside(shard_, topic, index_, letters.finish());
      if (written.error != ErrorCode::none) co_return written;
    }
    letters.append(copy.record());
  }
  co_return co_await write_dead_letters_inside(shard_, topic, index_, letters.finish());
}

// What does not go into this log is durable elsewhere when it returns.
Task<AppendResult> Partition::set_aside(const DividedBatch* divided,
                                        const protocol::BatchHeader* header) {
  if (!divided->exhausted.empty()) {
    DeadLetterResult written = co_await write_letters(&divided->exhausted);
    if (written.error != ErrorCode::none)
      co_return refuse(ErrorCode::kafka_storage_error, std::move(written.message));
  }
  if (divided->waiting.empty()) co_return AppendResult{};
  const ScheduleTarget target{topic_->id, index_};
  const ScheduleSource source{header->producer_id, header->producer_epoch, header->base_sequence,
                              header->crc};
  const ErrorCode kept = co_await keep_records(shard_, &target, &source, &divided->waiting);
  if (kept != ErrorCode::none) co_return refuse(kept, "The records that wait were not stored.");
  co_return AppendResult{};
}

}  // namespace sluice::broker
