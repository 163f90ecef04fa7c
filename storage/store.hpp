// One shard's part of a data directory: what its logs share (tail cache, descriptors, frontier) and
// the way to open and delete them.
#pragma once

#include "base/clock.hpp"
#include "base/histogram.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "storage/log.hpp"

#include <memory>
#include <string>

namespace sluice::storage {

class FileSystem;
struct StoreParts;

// The durable writes of a shard's logs since it started. A write holds all batches that arrived
// while the one before was under way.
struct WriteStats {
  Histogram latency_us;  // from being given to the disk until it is durable
  Histogram bytes;
};

class Store {
  struct Key {};  // only open() makes one

 public:
  Store(Key, std::shared_ptr<StoreParts> parts);
  // Opens the shard's frontier file, meta/frontier-SHARD, and, if it carries the clean-shutdown
  // mark, withdraws the mark durably before it returns. Where there is none, maintain() makes it,
  // with meta/. The references
  // must outlive the store. `executor` is the shard's.
  static Task<Result<std::unique_ptr<Store>>> open(FileSystem& files, int shard,
                                                   StoreOptions options, Clock& clock,
                                                   Random& random, Logger& logger,
                                                   Executor executor);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Whether the last user of the directory closed it cleanly.
  bool was_clean() const;

  // Opens or creates the directory TOPIC-PARTITION and recovers it. Logs may be opened
  // concurrently.
  Task<Result<std::unique_ptr<Log>>> open_log(PartitionName name, LogOptions options);

  // Deletes a closed partition: rename to TOPIC-PARTITION.ID-delete, directory sync, then unlink.
  Task<Result<>> delete_log(PartitionName name);
  // Finishes deletions that a crash interrupted: call once at start, before logs are opened.
  static Task<Result<>> remove_deleted(FileSystem& files);

  // Call a few times a second: saves the frontier when it is due, looks at the disk's free space.
  Task<Result<>> maintain();

  // Whether less than StoreOptions::disk_reserve_bytes is free, or refuse_records() was called:
  // appends that need space are refused with disk_full, but for logs with a ReserveUse of their
  // own.
  bool disk_low() const;
  // For the owner's own bound of what is stored. Appends into space that is prepared already go on.
  void refuse_records(bool refuse);
  bool refuses_records() const;

  // Bytes the tail cache holds now, and its bound, which may change (memory pressure).
  std::int64_t cached_bytes() const;
  const WriteStats& write_stats() const;
  void set_tail_cache_bytes(std::int64_t bytes);
  // How far sequential readers of closed segments are read ahead for, each. 0: not at all, and
  // reads go in small pieces one after the other, so that writes need not wait for long.
  void set_read_ahead_bytes(std::int64_t bytes);
  // Call every few seconds: frees buffers that were not needed since the last call.
  void give_back_idle_memory();

  // Saves the frontier with the clean-shutdown mark. Requires: all logs that were opened were
  // closed. One that could not be opened, or that nobody opened after an unclean end, is scanned by
  // the next open().
  Task<Result<>> close();

 private:
  std::shared_ptr<StoreParts> parts_;
};

}  // namespace sluice::storage
