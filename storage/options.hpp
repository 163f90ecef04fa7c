// Settings of one log and of one shard's storage, with Kafka's names and defaults where the meaning
// is Kafka's. Plain values: the broker fills them from its configuration.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>

namespace sluice::storage {

inline constexpr std::int64_t unlimited = -1;
inline constexpr std::int64_t never_ms = std::numeric_limits<std::int64_t>::max();

// How far a log may go into StoreOptions::disk_reserve_bytes.
enum class ReserveUse : std::uint8_t { none, half, whole };

// One partition's topic settings. May change while the log is open (Log::set_options).
struct LogOptions {
  std::int64_t segment_bytes = std::int64_t{1} << 30;      // segment.bytes
  std::int64_t segment_ms = 7 * 24 * 3'600'000LL;          // segment.ms
  std::int64_t segment_jitter_ms = 0;                      // segment.jitter.ms
  std::int64_t segment_index_bytes = 10 << 20;             // segment.index.bytes
  std::int64_t index_interval_bytes = 4096;                // index.interval.bytes
  std::int64_t retention_ms = 7 * 24 * 3'600'000LL;        // retention.ms, -1 unlimited
  std::int64_t retention_bytes = unlimited;                // retention.bytes
  bool cleanup_delete = true;                              // cleanup.policy contains delete
  bool cleanup_compact = false;                            // cleanup.policy contains compact
  std::int64_t delete_retention_ms = 24 * 3'600'000LL;     // delete.retention.ms
  double min_cleanable_dirty_ratio = 0.5;                  // min.cleanable.dirty.ratio
  std::int64_t min_compaction_lag_ms = 0;                  // min.compaction.lag.ms
  std::int64_t max_compaction_lag_ms = never_ms;           // max.compaction.lag.ms
  std::int64_t producer_expiration_ms = 24 * 3'600'000LL;  // producer.id.expiration.ms
  ReserveUse reserve_use = ReserveUse::none;
  std::int64_t unwritten_bytes_max = 16 << 20;  // accepted and not yet durable; beyond: no_room
};

// One shard's storage.
struct StoreOptions {
  std::int64_t tail_cache_bytes = 32 << 20;   // what was written lately, kept in memory
  std::int64_t read_ahead_bytes = 4 << 20;    // of each reader that reads on and on
  std::int64_t index_cache_bytes = 8 << 20;   // indexes of closed segments
  std::int64_t descriptors_max = 1024;        // open files of closed segments
  std::int64_t frontier_interval_ms = 1000;   // the saved frontier is at most this far behind
  std::int64_t frontier_bytes = 64 << 20;     // … and at most this many bytes
  std::int64_t snapshot_bytes = 64 << 20;     // between two snapshots of the producers' state
  std::int64_t prepare_bytes_max = 64 << 20;  // largest step in which blocks are made ready
  std::int64_t idle_ms = 2'000;               // then prepared space and buffers are given back
  std::int64_t compaction_memory = 16 << 20;  // offset map of one run of compaction
  std::int64_t disk_reserve_bytes = 0;        // of the file system, not to be taken by records
  std::int64_t slice_us = 500;                // longest run of compaction between two yields
  // Runs work on a thread of low priority: new memory for the tail cache is touched there, not on
  // the shard. Empty: there is no such thread.
  std::function<void(std::function<void()>)> in_background;
};

}  // namespace sluice::storage
