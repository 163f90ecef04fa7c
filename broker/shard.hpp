// One shard: a thread, its event loop, its files, and everything that belongs to it for life:
// partitions, group coordinators, connections. Nothing here is locked; other shards send work by
// Shards::on() (shards.hpp).
#pragma once

#include "base/check.hpp"
#include "base/clock.hpp"
#include "base/event.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/task.hpp"
#include "base/task_group.hpp"
#include "base/timer.hpp"
#include "broker/catalog.hpp"
#include "broker/metrics/request_stats.hpp"
#include "broker/options.hpp"
#include "broker/topic_config.hpp"
#include "broker/turnstile.hpp"
#include "protocol/error_code.hpp"
#include "protocol/ids.hpp"
#include "storage/aligned_buffer.hpp"
#include "storage/file_system.hpp"
#include "storage/store.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sluice::broker {

class Broker;
class Connection;
class DiskCapShell;
class GroupShell;
class Partition;
class ShareShell;
class ScheduleShell;
class ShareStoreShell;

struct PartitionKey {
  TopicId topic;
  PartitionIndex index = 0;
  bool operator==(const PartitionKey&) const = default;
};
struct PartitionKeyHash {
  std::size_t operator()(const PartitionKey& key) const noexcept {
    return std::hash<Uuid>{}(key.topic) * 31 + static_cast<std::size_t>(key.index);
  }
};

// What a shard has done since it started. Read by other shards only through Shards::on().
struct ShardCounters {
  std::uint64_t connections_accepted = 0;
  // Refused, by reason.
  std::uint64_t refused_connections_max = 0;  // max.connections
  std::uint64_t refused_per_ip = 0;           // max.connections.per.ip
  std::uint64_t refused_request_size = 0;     // not a Kafka request, or too large
  std::uint64_t refused_malformed = 0;        // does not parse
  std::uint64_t refused_unsupported = 0;      // an API or a version that is not served
  std::uint64_t requests = 0;
  std::uint64_t slow_requests = 0;  // sluice.slow.request.ms
  std::uint64_t produced_bytes = 0;
  std::uint64_t fetched_bytes = 0;
  std::uint64_t dead_letters_copied = 0;    // records of share groups
  std::uint64_t dead_letters_failed = 0;    // attempts: they are tried again
  std::uint64_t dead_letters_vanished = 0;  // deleted before they were copied
};

// How far a starting shard is with opening its logs.
struct OpeningProgress {
  std::size_t wanted = 0;  // partitions to open
  std::size_t ended = 0;   // opened or refused
};

// What a round of upkeep does to each partition.
struct UpkeepWork {
  bool maintain = false;
  bool retention = false;
  bool compaction = false;
};

class Shard {
 public:
  Shard(int id, Broker& broker, Clock& clock, Logger& logger);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  int id() const { return id_; }
  Broker& broker() { return broker_; }
  asio::io_context& io() { return io_; }
  Executor executor() { return io_.get_executor(); }
  // Whether the caller runs on this shard's thread. Entry points check it.
  bool here() const { return std::this_thread::get_id() == thread_id_; }

  Clock& clock() { return clock_; }
  Logger& logger() { return logger_; }
  Random& random() { return *random_; }
  Timers& timers() { return *timers_; }
  storage::FileSystem& files() { return *files_; }
  storage::Store& store() { return *store_; }
  // Request frames: bounded by queued.max.request.bytes over the shards.
  storage::BufferPool& frames() { return *frames_; }
  Event& frame_released() { return frame_released_; }
  // The one connection that may pass the bound of frames(), so that large requests that are half
  // received cannot wait for each other.
  Connection*& frame_grower() { return frame_grower_; }
  // Bytes of replies that are read or not sent yet. Fetches answer with less while it is high:
  // the bound is that of frames().
  std::int64_t& reply_bytes() { return reply_bytes_; }
  std::int64_t reply_bytes_max() const { return static_cast<std::int64_t>(frames_->bytes_max()); }
  // How much of a reply to send at once: less while the shard takes in records, whose producers
  // wait for each of them.
  std::size_t reply_step_bytes() const;
  // Waits before `cold` bytes that came from the disk are sent on, so that all readers of old data
  // together leave the disk to the writes; at once while nobody produces.
  Task<> give_way(std::size_t cold);
  // An append stored so much. Has the disk cap looked at once it adds up (disk_cap_shell.hpp).
  void count_produced(std::size_t bytes) {
    counters_.produced_bytes += bytes;
    if (counters_.produced_bytes >= cap_look_at_) [[unlikely]]
      ask_for_cap_look();
  }
  // The cap has been looked at; no need to before `bytes` more were stored here.
  void expect_cap_look_after(std::int64_t bytes) {
    cap_look_at_ = counters_.produced_bytes + static_cast<std::uint64_t>(bytes);
  }
  // Whether records came in lately. Any shard.
  bool takes_in() const { return takes_in_.load(std::memory_order_relaxed); }
  TaskGroup& tasks() { return tasks_; }
  ShardCounters& counters() { return counters_; }
  RequestStats& request_stats() { return request_stats_; }
  const OpeningProgress& opening() const { return opening_; }
  // Partitions whose logs could not be opened.
  const std::unordered_set<PartitionKey, PartitionKeyHash>& unopened() const { return unopened_; }

  // Snapshots: replaced whole, on this shard, after each change. Keep the pointer across co_await.
  const CatalogSnapshot& catalog() const { return catalog_; }
  const std::shared_ptr<const Options>& options() const { return options_; }

  // True once the broker is stopping: loops end, new requests are not read.
  bool stopping() const { return stopping_; }

  // ---- Life: called by Broker, on this shard's thread ----

  // Opens the data directory's file system, where nothing is changed yet. Errors: its own, and
  // not_supported for a network file system.
  Task<Result<>> open_files(std::string root, std::shared_ptr<const Options> options);
  // Opens the shard's part of the directory. Errors: those of the file system and the store.
  Task<Result<>> open_store();
  // Takes a new catalog: opens partitions that are new here, closes and deletes those that are
  // gone, passes changed configs on. Returns when all of that is done. A partition that does not
  // open is logged and answers KAFKA_STORAGE_ERROR.
  Task<> adopt(CatalogSnapshot catalog);
  // New options of the start, as a reload gives them; the dynamic configs come on top again.
  Task<> reload(std::shared_ptr<const Options> options);
  // Starts the periodic work: retention, compaction, the saved frontier.
  void start_upkeep();
  // Nothing new is begun from now on.
  void begin_stop();
  // Parked fetches and joins are answered. Every shard has begun to stop.
  void release_waiting();
  // Ends the group coordinators. Connections have been closed before.
  Task<> stop();
  // Closes every log and the store: the clean-shutdown mark is set last.
  Task<Result<>> close();

  // ---- What lives here ----

  // Why find() gave null: the topic is gone or not known here yet (clients ask again), or its log
  // could not be opened.
  protocol::ErrorCode why_missing(const TopicId& topic) const;
  // Whether open_store() has succeeded and close() has not been called.
  bool is_open() const { return store_ != nullptr && shares_ != nullptr; }
  // Null: unknown here, or not open.
  Partition* find(const TopicId& topic, PartitionIndex index);
  const std::unordered_map<PartitionKey, std::unique_ptr<Partition>, PartitionKeyHash>& partitions()
      const {
    return partitions_;
  }
  // The coordinator of this partition of __consumer_offsets; null when it is not here (yet).
  GroupShell* group_shell(PartitionIndex offsets_partition);
  // The share partitions of the partitions here. Requires: is_open().
  ShareShell& shares() { return *shares_; }
  // What keeps sluice.disk.max.bytes. On shard 0, once open_store() has succeeded; else null.
  DiskCapShell* disk_cap() { return disk_cap_.get(); }
  // Of this partition of __share_group_state; null when it is not here (yet).
  ShareStoreShell* share_store(PartitionIndex state_partition);
  // Of this partition of __sluice_schedules; null when it is not here (yet).
  ScheduleShell* schedule_shell(PartitionIndex schedules_partition);
  // All coordinators and schedules here, by partition of their topic.
  const std::unordered_map<PartitionIndex, std::unique_ptr<GroupShell>>& group_shells() const {
    return groups_;
  }
  const std::unordered_map<PartitionIndex, std::unique_ptr<ScheduleShell>>& schedule_shells()
      const {
    return schedules_;
  }
  // Once the share partitions of every shard have stopped.
  Task<> stop_share_stores();

  std::vector<Connection*>& connections() { return connections_; }
  // Calls from this process (local_session.hpp) that are under way here.
  void begin_local_call() { ++local_calls_; }
  void end_local_call() {
    if (--local_calls_ == 0) no_local_calls_.notify();
  }
  std::size_t local_calls() const { return local_calls_; }

  // Called by Shards: the loop, on the shard's own thread; or another thread will run it in parts.
  void run();
  void belong_to_this_thread() { thread_id_ = std::this_thread::get_id(); }

 private:
  Task<> open_partition(std::shared_ptr<const Topic> topic, PartitionIndex index);
  Task<> close_partition(Partition* partition, Result<>* outcome);
  std::size_t missing_partitions(const Catalog& catalog) const;
  Task<> drop_partition(PartitionKey key);
  Task<> upkeep();
  void follow_memory();
  void follow_load();
  Task<> upkeep_of_partitions();
  Task<> open_again();
  Task<> keep_partitions(UpkeepWork work);
  void ask_for_cap_look();
  void report_recovery(const storage::Log& log);
  void forget_topics(const Catalog& before);
  void close_late_connections();
  Task<> drop_gone_partitions(const Catalog& catalog);
  void configure(const Catalog& catalog, const Catalog* before);

  int id_;
  Broker& broker_;
  Clock& clock_;
  Logger& logger_;
  asio::io_context io_{1};
  std::thread::id thread_id_;
  asio::executor_work_guard<Executor> work_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<Timers> timers_;
  std::unique_ptr<storage::FileSystem> files_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::BufferPool> frames_;
  Event frame_released_;
  Connection* frame_grower_ = nullptr;
  std::int64_t reply_bytes_ = 0;
  std::int64_t cache_bound_ = 0;  // bytes; what the store's cache may hold now
  ShardCounters counters_;
  std::uint64_t cap_look_at_ = std::numeric_limits<std::uint64_t>::max();  // of produced_bytes
  RequestStats request_stats_;
  OpeningProgress opening_;
  std::atomic<bool> takes_in_{false};
  bool somebody_takes_in_ = false;     // on any shard
  TimePoint cold_free_{};              // when the next old data may be sent on
  std::uint64_t produced_before_ = 0;  // at the last round of upkeep
  CatalogSnapshot catalog_;
  std::shared_ptr<const Options> base_options_;  // without dynamic broker configs
  std::shared_ptr<const Options> options_;
  TopicConfig topic_defaults_;  // of a topic without configs of its own, by options_
  Event opened_;                // or closed: a log
  std::unordered_map<PartitionKey, std::unique_ptr<Partition>, PartitionKeyHash> partitions_;
  std::unordered_map<PartitionIndex, std::unique_ptr<GroupShell>> groups_;
  std::unordered_map<PartitionIndex, std::unique_ptr<ShareStoreShell>> share_stores_;
  std::unordered_map<PartitionIndex, std::unique_ptr<ScheduleShell>> schedules_;
  std::unique_ptr<DiskCapShell> disk_cap_;
  std::unique_ptr<ShareShell> shares_;
  std::unordered_set<PartitionKey, PartitionKeyHash> unopened_;  // open_again() tries them
  std::vector<Connection*> connections_;
  std::size_t local_calls_ = 0;
  Event no_local_calls_;
  std::unique_ptr<Timer> upkeep_timer_;
  std::unique_ptr<Timer> slow_timer_;
  Turnstile adopting_;
  bool upkeep_started_ = false;
  bool stopping_ = false;
  bool ended_ = false;  // stop() has begun: no partition is opened any more
  TaskGroup tasks_;
};

}  // namespace sluice::broker
