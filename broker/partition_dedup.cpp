// Partition: records whose message id was seen within the topic's window are not stored again
// (sluice.dedup.window.ms).
#include "broker/partition_dedup.hpp"

#include "broker/broker.hpp"
#include "broker/partition.hpp"
#include "broker/replies.hpp"
#include "broker/shard.hpp"
#include "broker/worker.hpp"
#include "protocol/batch_rewrite.hpp"
#include "protocol/compression.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace sluice::broker {
namespace {

using IdsRead = std::expected<void, protocol::BatchError>;
using Filtered = std::expected<protocol::FilteredBatch, protocol::BatchError>;

constexpr std::size_t load_bytes = 1 << 20;
// The least that is read back, however old its records say they are: their timestamps are the
// producers'.
constexpr Offset offsets_back_min = 100'000;
constexpr std::chrono::seconds tell_interval{60};

Task<IdsRead> read_ids_here(protocol::BatchView batch, MessageIds* ids) {
  Bytes area = batch.records();
  std::vector<std::byte> plain;
  if (batch.header.compression() != protocol::Compression::none) {
    protocol::Decompressor decompressor;
    const auto done = decompressor.decompress(batch.header.compression(), area,
                                              protocol::decompressed_size_max_default, plain);
    if (!done) co_return std::unexpected(done.error());
    area = plain;
  }
  co_return read_message_ids(area, batch.header.record_count, *ids);
}

// Drops the records with these offset deltas.
class DeltaFilter final : public protocol::RecordFilter {
 public:
  explicit DeltaFilter(const std::vector<std::int32_t>& dropped) : dropped_(dropped) {}
  bool keep(const protocol::BatchHeader&, const protocol::Record& record) override {
    return !std::ranges::binary_search(dropped_, record.offset_delta);
  }

 private:
  const std::vector<std::int32_t>& dropped_;
};

Task<Filtered> filter_here(protocol::BatchView batch, const std::vector<std::int32_t>* dropped) {
  protocol::Compressor compressor;
  protocol::Decompressor decompressor;
  const protocol::Recoding recoding{compressor, decompressor};
  DeltaFilter filter{*dropped};
  const protocol::FilterOptions options{};
  co_return protocol::filter_batch(batch, filter, options, recoding);
}

// Compressed batches are looked into on the broker's worker thread.
template <class T>
Task<T> where_it_may_take_long(Shard& shard, protocol::Compression codec, Task<T> task) {
  if (codec == protocol::Compression::none) co_return co_await std::move(task);
  co_return co_await on_worker(shard.broker().worker(), std::move(task));
}

// Puts the ids of a stored batch into the window. When it was appended is known only where the
// broker stamps: elsewhere it counts as appended now, so that no id is forgotten too early.
void load_ids(PartitionDedup& dedup, const protocol::BatchHeader& header, TimePoint now,
              std::int64_t now_ms, TimePoint& last) {
  const auto duration = dedup.window.window();
  auto age = std::chrono::milliseconds(0);
  if (header.timestamp_type() == protocol::TimestampType::log_append_time)
    age = std::clamp(
        std::chrono::milliseconds(now_ms - std::max<std::int64_t>(0, header.max_timestamp)), age,
        duration);
  last = std::max<TimePoint>(last, now - age);  // the wall clock may have been set back
  for (const MessageId& id : dedup.ids.ids)
    if (!id.delivered && !dedup.window.find(id.hash, last))
      dedup.window.add(id.hash, header.base_offset + id.offset_delta, last);
}

}  // namespace

bool Partition::dedup_is_current() const {
  return dedup_ && !dedup_->stale && dedup_->end <= log_->log_end_offset() &&
         dedup_->window.window().count() == config_.dedup_window_ms;
}

// The window, read back from the log if need be: once after a start, after the log lost what was
// not durable, and when the setting changed. Inside the turnstile.
Task<ErrorCode> Partition::open_dedup(std::int64_t now_ms) {
  if (dedup_is_current()) co_return ErrorCode::none;
  dedup_.reset();
  const std::chrono::milliseconds duration{config_.dedup_window_ms};
  auto fresh = std::make_unique<PartitionDedup>(
      duration, static_cast<std::size_t>(shard_.options()->dedup_ids_max));
  const TimePoint now = shard_.clock().now();
  const Offset end = log_->log_end_offset();
  auto durable = co_await log_->wait_durable(end);
  if (!durable) co_return kafka_error(durable.error());
  const auto found = co_await log_->find_by_time(now_ms - duration.count());
  if (!found) co_return kafka_error(found.error());
  Offset next = found->offset < 0 ? end : found->offset;
  next = std::max(std::min(next, end - offsets_back_min), log_->log_start_offset());
  TimePoint last{};
  while (next < end) {
    if (closing_) co_return ErrorCode::not_leader_or_follower;
    auto got = co_await log_->read(next, load_bytes);
    if (!got) co_return kafka_error(got.error());
    if (got->empty()) break;
    next = got->next_offset;
    const storage::Slice bytes = storage::contiguous(std::move(*got));
    protocol::BatchIterator batches{bytes.bytes};
    while (const auto batch = batches.next()) {
      if (batch->header.is_control()) continue;
      const auto read = co_await read_ids_here(*batch, &fresh->ids);
      if (read) load_ids(*fresh, batch->header, now, now_ms, last);
    }
    co_await asio::post(shard_.executor(), asio::use_awaitable_t<Executor>{});
  }
  fresh->end = end;
  dedup_ = std::move(fresh);
  co_return ErrorCode::none;
}

// Inside the turnstile.
Task<AppendResult> Partition::append_unseen(Bytes records, protocol::CheckedBatch checked,
                                            std::int64_t now_ms) {
  const ErrorCode ready = co_await open_dedup(now_ms);
  if (ready != ErrorCode::none)
    co_return refuse(ready, "The message ids of the window could not be read.");
  const protocol::BatchView view{checked.header, records};
  const auto codec = checked.header.compression();
  const auto read =
      co_await where_it_may_take_long(shard_, codec, read_ids_here(view, &dedup_->ids));
  if (!read)
    co_return refuse(ErrorCode::corrupt_message, std::string(protocol::describe(read.error())));
  if (!dedup_->ids.faults.empty()) {
    AppendResult result =
        refuse(ErrorCode::invalid_record, "A record has a sluice-message-id that cannot be.");
    for (auto& fault : dedup_->ids.faults)
      result.faults.push_back({fault.batch_index, std::move(fault.message)});
    co_return result;
  }
  const TimePoint now = shard_.clock().now();
  const Duplicates duplicates = find_duplicates(dedup_->window, dedup_->ids, now);
  AppendResult result;
  if (duplicates.deltas.empty())
    result = co_await append_checked(records, checked, now_ms);
  else
    result = co_await append_without(&duplicates, records, checked, now_ms);
  if (result.error == ErrorCode::none) remember_ids(duplicates, result.base_offset, now);
  co_return result;
}

// What is left of the batch goes under its producer, sequence and last offset, as compaction would
// leave it; a batch without a producer of which nothing is left does not go at all. It is durable
// only with the first copies of its duplicates.
Task<AppendResult> Partition::append_without(const Duplicates* duplicates, Bytes records,
                                             protocol::CheckedBatch checked, std::int64_t now_ms) {
  const bool nothing_left =
      duplicates->deltas.size() == static_cast<std::size_t>(checked.header.record_count);
  AppendResult result;
  result.log_start_offset = log_->log_start_offset();
  if (nothing_left) {
    if (checked.header.has_producer_id()) {
      const auto empty = protocol::empty_batch(checked.header);
      result = co_await store(empty, -1);
      if (result.error != ErrorCode::none) co_return result;
    }
    result.base_offset = duplicates->base_offset;
  } else {
    const protocol::BatchView view{checked.header, records};
    const auto codec = checked.header.compression();
    const auto rest =
        co_await where_it_may_take_long(shard_, codec, filter_here(view, &duplicates->deltas));
    if (!rest)
      co_return refuse(ErrorCode::corrupt_message, std::string(protocol::describe(rest.error())));
    checked.header = *protocol::parse_batch_header(rest->bytes);
    checked.max_timestamp_is_wrong = false;
    result = co_await append_checked(rest->bytes, checked, now_ms);
    if (result.error != ErrorCode::none) co_return result;
  }
  result.durable_end = std::max(result.durable_end, duplicates->last_copy + 1);
  co_return result;
}

void Partition::remember_ids(const Duplicates& duplicates, Offset base, TimePoint now) {
  for (const MessageId& id : dedup_->ids.ids)
    if (!std::ranges::binary_search(duplicates.deltas, id.offset_delta))
      dedup_->window.add(id.hash, base + id.offset_delta, now);
  const std::uint64_t early = dedup_->window.forgotten_early();
  if (early == dedup_->told || now < dedup_->tell_after) return;
  shard_.logger().warn(
      "message ids were forgotten before their time: more than "
      "sluice.dedup.ids.max within the window",
      {{"topic", topic_->name},
       {"partition", index_},
       {"ids", static_cast<std::int64_t>(early - dedup_->told)}});
  dedup_->told = early;
  dedup_->tell_after = now + tell_interval;
}

}  // namespace sluice::broker
