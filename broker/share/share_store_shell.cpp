#include "broker/share/share_store_shell.hpp"

#include "base/planted_bug.hpp"
#include "broker/broker.hpp"
#include "broker/partition.hpp"
#include "broker/share/share_shell.hpp"

#include <boost/asio/post.hpp>

namespace sluice::broker {
namespace {

// How much is appended until old state is written again, so that the log can be cut behind it.
constexpr std::size_t keep_bytes = 16 << 20;

Task<> resume_on(Shard* home, ShareKey key) {
  home->shares().resume(std::move(key));
  co_return;
}

}  // namespace

ShareStoreShell::ShareStoreShell(Shard& shard, PartitionKey key)
    : shard_(shard),
      key_(key),
      log_(shard, key,
           {.not_stored = "share group state was not stored",
            .not_read = "share group state cannot be read: these share partitions are not served"}),
      tasks_(shard.executor()) {}

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
        const protocol::NewRecord stored = new_record(record, wall_ms);
        if (!builder.empty() && builder.size_with(stored) > StateLog::batch_bytes_max) {
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
  bytes_since_ += batch.size();
  if (planted(PlantedBug::accept_before_durable)) {
    for (const Queued& write : writes) answer(write.id, ErrorCode::none);
  }
  const auto appended = co_await log_.append(std::move(batch));
  for (const Queued& write : writes) {
    if (appended.error == ErrorCode::none)
      store_.on_durable(write.id, appended.base_offset + write.first_record);
    else
      store_.on_failed(write.id);
    answer(write.id, appended.error);
  }
}

void ShareStoreShell::answer(std::uint64_t write, ErrorCode error) {
  const auto waiting = waiting_.find(write);
  if (waiting == waiting_.end()) return;
  waiting->second->done = true;
  waiting->second->error = error;
  waiting->second->ended.notify();
  waiting_.erase(waiting);
}

// State that lies before the horizon is written once more, a share partition at a time; then the
// log is cut behind the oldest that is needed.
Task<> ShareStoreShell::give_up_old() {
  Partition* partition = log_.partition();
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
  const StateLog::Load load_one = [this](const protocol::Record& record, Offset offset) {
    if (record.key) (void)store_.load(*record.key, record.value, offset);
  };
  loaded_ = co_await log_.read(&stopping_, load_one);
  if (!loaded_) co_return;
  for (const ShareKey& key : store_.dead_lettering()) {
    Shard& home = shard_.broker().home_of({key.topic, key.partition});
    co_await on(shard_, home, resume_on(&home, key));
  }
}

}  // namespace sluice::broker
