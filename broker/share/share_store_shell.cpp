#include "broker/share/share_store_shell.hpp"

#include "broker/partition.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/compression.hpp"
#include "protocol/record.hpp"

#include <boost/asio/post.hpp>

namespace sluice::broker {
namespace {

constexpr std::size_t load_bytes = 1 << 20;
constexpr std::size_t batch_bytes_max = 512 * 1024;
// How much is appended until old state is written again, so that the log can be cut behind it.
constexpr std::size_t keep_bytes = 16 << 20;

}  // namespace

ShareStoreShell::ShareStoreShell(Shard& shard, PartitionKey key)
    : shard_(shard), key_(key), tasks_(shard.executor()) {}

void ShareStoreShell::start() { tasks_.spawn(load()); }

Task<> ShareStoreShell::stop() {
  stopping_ = true;
  co_await tasks_.drain();
}

// ---- Storing ----

Task<ShareStoreShell::Begun> ShareStoreShell::begin(ShareKey key, Offset start) {
  Begun begun;
  if (!loaded_ || stopping_) {
    begun.error = ErrorCode::coordinator_load_in_progress;
    co_return begun;
  }
  ShareStoreWrite write = store_.begin(key, start, shard_.clock().wall_ms());
  begun.state_epoch = store_.epoch_of(key);
  begun.error = co_await store(std::move(write));
  co_return begun;
}

Task<ErrorCode> ShareStoreShell::change(ShareKey key, std::int32_t state_epoch,
                                        StateChange change) {
  if (!loaded_ || stopping_) co_return ErrorCode::coordinator_load_in_progress;
  auto write = store_.change(key, state_epoch, change, shard_.clock().wall_ms());
  if (!write) co_return write.error();
  co_return co_await store(std::move(*write));
}

Task<ErrorCode> ShareStoreShell::forget(ShareKey key) {
  if (!loaded_ || stopping_) co_return ErrorCode::coordinator_load_in_progress;
  ShareStoreWrite write = store_.forget(key);
  co_return co_await store(std::move(write));
}

Task<ErrorCode> ShareStoreShell::store(ShareStoreWrite write) {
  Waiting waiting;
  waiting_.emplace(write.id, &waiting);
  queue_.push_back(std::move(write));
  if (!flushing_) {
    flushing_ = true;
    tasks_.spawn(flush());
  }
  while (!waiting.done) co_await waiting.ended.wait();
  co_return waiting.error;
}

// Until nothing is left: each batch takes what arrived while the one before was written.
Task<> ShareStoreShell::flush() {
  co_await asio::post(shard_.executor(), asio::use_awaitable_t<Executor>{});
  while (!queue_.empty()) {
    std::vector<ShareStoreWrite> writes = std::exchange(queue_, {});
    protocol::BatchBuilder builder;
    std::vector<Queued> queued;
    const std::int64_t wall_ms = shard_.clock().wall_ms();
    for (const ShareStoreWrite& one : writes) {
      std::int32_t first = builder.record_count();
      for (const OffsetsRecord& record : one.records) {
        protocol::NewRecord stored;
        stored.timestamp = wall_ms;
        stored.key = Bytes{record.key};
        if (record.value) stored.value = Bytes{*record.value};
        if (!builder.empty() && builder.size_with(stored) > batch_bytes_max) {
          std::vector<std::byte> batch = builder.finish();
          co_await write_batch(std::exchange(queued, {}), std::move(batch));
          first = 0;
        }
        builder.append(stored);
      }
      queued.push_back({one.id, first});
    }
    std::vector<std::byte> batch = builder.finish();
    co_await write_batch(std::move(queued), std::move(batch));
    co_await give_up_old();
  }
  flushing_ = false;
}

Task<> ShareStoreShell::write_batch(std::vector<Queued> writes, std::vector<std::byte> batch) {
  Partition* partition = shard_.find(key_.topic, key_.index);
  ErrorCode error = ErrorCode::not_leader_or_follower;
  Offset base = -1;
  if (partition != nullptr) {
    const AppendResult appended = co_await partition->append_own(batch);
    error = appended.error;
    base = appended.base_offset;
    partition = shard_.find(key_.topic, key_.index);
    if (error == ErrorCode::none && partition != nullptr)
      error = co_await partition->wait_durable(appended.durable_end);
  }
  if (error != ErrorCode::none)
    shard_.logger().error("share group state was not stored",
                          {{"partition", key_.index}, {"error", protocol::to_string(error)}});
  bytes_since_ += batch.size();
  for (const Queued& write : writes) {
    if (error == ErrorCode::none)
      store_.on_durable(write.id, base + write.first_record);
    else
      store_.on_failed(write.id);
    const auto waiting = waiting_.find(write.id);
    if (waiting == waiting_.end()) continue;
    waiting->second->done = true;
    waiting->second->error = error;
    waiting->second->ended.notify();
    waiting_.erase(waiting);
  }
}

// State that lies before the horizon is written once more, a share partition at a time; then the
// log is cut behind the oldest that is needed.
Task<> ShareStoreShell::give_up_old() {
  Partition* partition = shard_.find(key_.topic, key_.index);
  if (partition == nullptr || partition->closing() || stopping_) co_return;
  if (bytes_since_ >= keep_bytes) {
    bytes_since_ = 0;
    horizon_ = partition->log().high_watermark();
    refreshing_ = true;
  }
  if (!refreshing_) co_return;
  const auto oldest = store_.oldest_needed();
  if (oldest && *oldest < horizon_) {
    if (auto write = store_.refresh_oldest(shard_.clock().wall_ms()))
      queue_.push_back(std::move(*write));
    co_return;
  }
  refreshing_ = false;
  const Offset to = oldest.value_or(horizon_);
  auto cut = co_await partition->delete_records(to);
  if (!cut)
    shard_.logger().warn("superseded share group state could not be removed",
                         {{"partition", key_.index}, {"error", cut.error().message()}});
}

// ---- Loading ----

Task<> ShareStoreShell::load() {
  if (!co_await load_batches()) co_return;
  loaded_ = true;
}

Task<bool> ShareStoreShell::load_batches() {
  Partition* partition = shard_.find(key_.topic, key_.index);
  if (partition == nullptr) co_return false;
  storage::Log& log = partition->log();
  Offset next = log.log_start_offset();
  while (next < log.high_watermark() && !stopping_) {
    auto read = co_await log.read(next, load_bytes);
    if (!read) {
      shard_.logger().error(
          "share group state cannot be read: these share partitions are not served",
          {{"partition", key_.index}, {"offset", next}, {"error", read.error().message()}});
      co_return false;
    }
    if (read->empty()) break;
    next = read->next_offset;
    const storage::Slice bytes = storage::contiguous(std::move(*read));
    protocol::BatchIterator batches{bytes.bytes};
    while (const auto batch = batches.next()) load_batch(*batch);
    co_await asio::post(shard_.executor(), asio::use_awaitable_t<Executor>{});
  }
  co_return !stopping_;
}

void ShareStoreShell::load_batch(const protocol::BatchView& batch) {
  if (batch.header.is_control()) return;
  std::vector<std::byte> plain;
  Bytes area = batch.records();
  if (batch.header.compression() != protocol::Compression::none) {
    protocol::Decompressor decompressor;
    if (!decompressor.decompress(batch.header.compression(), area, 64 << 20, plain)) return;
    area = plain;
  }
  protocol::RecordIterator records{area, batch.header.record_count};
  while (const auto record = records.next())
    if (record->key)
      (void)store_.load(*record->key, record->value, protocol::offset_of(*record, batch.header));
}

}  // namespace sluice::broker
