// What the broker is doing, gathered at one moment for those who watch it: plain values, made by
// Observer (observer.hpp) and read by the texts of /metrics and /v1 (prometheus.hpp, status.hpp).
#pragma once

#include "base/histogram.hpp"
#include "broker/catalog.hpp"
#include "broker/metrics/request_stats.hpp"
#include "broker/partition.hpp"
#include "broker/shard.hpp"
#include "broker/share/share_types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

enum class BrokerState : std::uint8_t { starting, ready, stopping };

struct PartitionView {
  bool open = false;  // else the rest means nothing
  Offset log_start = 0;
  Offset high_watermark = 0;  // end of what is durable
  Offset log_end = 0;         // end of what was accepted
  std::int64_t size_bytes = 0;
  std::size_t segments = 0;
  PartitionCounters counters;
};

struct TopicView {
  const Topic* topic = nullptr;  // of BrokerView::catalog
  std::size_t first = 0;         // of its partitions in BrokerView::partitions
  bool internal = false;
  bool dead_letters = false;                 // errors.deadletterqueue.group.enable
  std::optional<double> oldest_age_seconds;  // of its oldest record; only where dead_letters
};

struct CommitView {
  std::string topic;
  PartitionIndex partition = 0;
  Offset committed = 0;
  Offset high_watermark = -1;         // -1: the partition is gone or not open
  std::int64_t lag = 0;               // records
  std::optional<double> lag_seconds;  // age of the first record not consumed; nullopt: not known
};

struct GroupView {
  std::string group;
  std::string_view type;  // classic, share
  std::string state;
  std::size_t members = 0;
  std::vector<CommitView> commits;
};

// A share partition that is in use.
struct ShareView {
  std::string group;
  std::string topic;
  PartitionIndex partition = 0;
  Offset start = 0;
  Offset high_watermark = -1;
  ShareCounts counts;
};

struct ApiView {
  const protocol::ApiInfo* api = nullptr;
  Histogram latency_us;
  std::map<protocol::ErrorCode, std::uint64_t> errors;
};

// What a shard has done and has, or all of them together.
struct ShardTotals {
  ShardCounters counters;
  std::vector<ApiView> apis;
  Histogram commit_latency_us;
  Histogram commit_bytes;
  std::int64_t cache_bytes = 0;
  std::int64_t schedules_pending = 0;
  std::size_t partitions_open = 0;
  std::size_t partitions_unopened = 0;
  std::size_t partitions_faulted = 0;
  bool disk_alarm = false;  // Store::disk_low()

  void add(const ShardTotals& other);
};

struct BrokerView : ShardTotals {
  std::string version;
  std::string cluster_id;
  std::string address;  // of the first listener
  std::int32_t node_id = 0;
  BrokerState state = BrokerState::starting;
  double uptime_seconds = 0;
  double start_time_seconds = 0;  // of the epoch, by the wall clock of now
  double recovery_seconds = 0;    // how long the start took; 0 until it is over
  std::string data_directory;
  std::string io_backend;
  std::string io_reason;
  std::uint64_t disk_total_bytes = 0;
  std::uint64_t disk_free_bytes = 0;
  bool disk_known = false;
  std::int64_t disk_max_bytes = 0;  // sluice.disk.max.bytes; 0: none, and no more is known
  std::int64_t disk_used_bytes = 0;
  std::int64_t disk_max_deleted_bytes = 0;
  bool disk_max_alarm = false;
  bool partition_series = true;  // sluice.metrics.partitions

  int shards = 0;
  std::int32_t connections = 0;

  CatalogSnapshot catalog;  // null while the broker starts
  std::vector<TopicView> topics;
  std::vector<PartitionView> partitions;
  std::vector<GroupView> groups;
  std::vector<ShareView> shares;
};

}  // namespace sluice::broker
