#include "storage/store.hpp"

#include "storage/format.hpp"
#include "storage/log_parts.hpp"

#include <utility>

namespace sluice::storage {

StoreParts::StoreParts(FileSystem& the_files, StoreOptions the_options, Clock& the_clock,
                       Random& the_random, Logger& the_logger, Executor the_executor)
    : files(the_files),
      options(the_options),
      clock(the_clock),
      random(the_random),
      logger(the_logger),
      executor(std::move(the_executor)),
      cache(options.tail_cache_bytes, options.in_background),
      read_buffers(static_cast<std::size_t>(options.tail_cache_bytes)),
      descriptors(options.descriptors_max, &StoreParts::drop_file),
      index_cache(options.index_cache_bytes, &StoreParts::drop_indexes),
      reserve(options.disk_reserve_bytes, logger) {}

Store::Store(Key, std::shared_ptr<StoreParts> parts) : parts_(std::move(parts)) {}
Store::~Store() = default;

Task<Result<std::unique_ptr<Store>>> Store::open(FileSystem& files, int shard, StoreOptions options,
                                                 Clock& clock, Random& random, Logger& logger,
                                                 Executor executor) {
  auto parts = std::make_shared<StoreParts>(files, options, clock, random, logger, executor);
  const std::string path = std::string(meta_directory) + "/frontier-" + std::to_string(shard);
  auto frontier = co_await FrontierFile::open(files, path);
  if (!frontier) co_return std::unexpected(frontier.error());
  parts->frontier = std::move(*frontier);
  // Where there was none, nothing is withdrawn: opening an empty directory waits for no disk.
  if (parts->frontier->existed()) {
    auto saved = co_await parts->frontier->save(FrontierFile::Mark::running);
    if (!saved) co_return std::unexpected(saved.error());
  }
  parts->frontier_saved = clock.now();
  co_return std::make_unique<Store>(Key{}, std::move(parts));
}

bool Store::was_clean() const { return parts_->frontier->was_clean(); }

Task<Result<std::unique_ptr<Log>>> Store::open_log(PartitionName name, LogOptions options) {
  auto parts = std::make_shared<LogParts>(parts_, std::move(name), options);
  auto opened = co_await parts->open();
  if (!opened) {
    opened.error().context = parts->directory + ": " + opened.error().context;
    co_return std::unexpected(opened.error());
  }
  co_return std::make_unique<Log>(Log::Key{}, std::move(parts));
}

Task<Result<>> Store::delete_log(PartitionName name) {
  const std::string directory = name.topic + "-" + std::to_string(name.partition);
  std::string doomed = directory + "." + name.topic_id.to_string();
  doomed += delete_directory_suffix;
  parts_->frontier->erase({name.topic_id, name.partition});
  auto done = co_await parts_->files.rename(directory, doomed);
  if (!done && is_not_found(done.error())) co_return Result<>{};
  if (!done) co_return done;
  done = co_await parts_->files.sync_directory("");
  if (!done) co_return done;
  co_return co_await parts_->files.remove_all(doomed);
}

Task<Result<>> Store::remove_deleted(FileSystem& files) {
  const auto entries = co_await files.list("");
  if (!entries) co_return std::unexpected(entries.error());
  for (const DirectoryEntry& entry : *entries) {
    if (entry.kind != EntryKind::directory || !entry.name.ends_with(delete_directory_suffix))
      continue;
    auto removed = co_await files.remove_all(entry.name);
    if (!removed) co_return removed;
  }
  co_return Result<>{};
}

Task<Result<>> Store::maintain() {
  if (parts_->options.disk_reserve_bytes > 0) {
    if (const auto space = co_await parts_->files.space()) parts_->reserve.look(*space);
  }
  FrontierFile& frontier = *parts_->frontier;
  const TimePoint now = parts_->clock.now();
  const auto interval = std::chrono::milliseconds(parts_->options.frontier_interval_ms);
  const bool due =
      !frontier.on_disk() ||
      (frontier.dirty() && (now - parts_->frontier_saved >= interval ||
                            frontier.bytes_behind() >= parts_->options.frontier_bytes));
  if (!due) co_return Result<>{};
  parts_->frontier_saved = now;
  co_return co_await frontier.save(FrontierFile::Mark::running);
}

bool Store::disk_low() const { return parts_->reserve.low(); }
void Store::refuse_records(bool refuse) { parts_->reserve.set_capped(refuse); }
bool Store::refuses_records() const { return parts_->reserve.capped(); }

std::int64_t Store::cached_bytes() const { return parts_->cache.bytes(); }
const WriteStats& Store::write_stats() const { return parts_->writes; }
void Store::set_tail_cache_bytes(std::int64_t bytes) {
  parts_->cache.set_bytes_max(bytes);
  parts_->read_buffers.set_bytes_max(static_cast<std::size_t>(bytes));
}
void Store::set_read_ahead_bytes(std::int64_t bytes) { parts_->options.read_ahead_bytes = bytes; }
void Store::give_back_idle_memory() {
  parts_->cache.settle();
  parts_->read_buffers.settle();
}

Task<Result<>> Store::close() {
  co_return co_await parts_->frontier->save(FrontierFile::Mark::clean);
}

}  // namespace sluice::storage
