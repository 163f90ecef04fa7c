// The broker's options: one struct of typed values and one table that names, bounds and documents
// them. Keys carry Kafka's names where the meaning is Kafka's, and start with `sluice.` where it is
// ours. Sources, later ones win: defaults, TOML file, environment, flags (options_load.hpp);
// dynamic broker configs from the catalog come on top while running (apply_dynamic_options).
//
// A shard reads an immutable snapshot: std::shared_ptr<const Options>.
#pragma once

#include "broker/config_value.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

// A value given explicitly, with where: "sluice.toml:12", "environment SLUICE_NUM_PARTITIONS",
// "--set".
struct Setting {
  std::string text;
  std::string origin;
  ConfigSource source = ConfigSource::static_broker;
};

// Member names are the keys with dots as underscores, without a leading "sluice.".
struct Options {
  // Addresses and node
  std::int32_t node_id = 1;
  std::optional<std::string> broker_rack;
  std::vector<std::string> listeners{"PLAINTEXT://127.0.0.1:9092"};
  std::vector<std::string> advertised_listeners;  // empty: the address the client reached us at
  std::string http_listen;                        // empty: no HTTP
  std::vector<std::string> http_hosts;            // names that requests may call us by
  std::string log_dir;                            // empty: default_data_directory()
  std::int32_t shards = 0;                        // 0: one a core
  std::string io_backend = "auto";                // auto, uring, threads
  bool allow_network_filesystem = false;
  std::string log_level = "info";
  std::string log_format = "text";
  bool metrics_partitions = true;
  std::int64_t slow_request_ms = 1000;  // -1: none is told
  std::int64_t shutdown_timeout_ms = 10'000;

  // Limits
  std::int32_t max_connections = 10'000;
  std::int32_t max_connections_per_ip = std::numeric_limits<std::int32_t>::max();
  std::int64_t connections_max_idle_ms = 600'000;
  std::int32_t socket_request_max_bytes = 104'857'600;
  std::int32_t first_request_max_bytes = 16'777'216;
  std::int64_t queued_max_request_bytes = 268'435'456;
  std::int32_t socket_listen_backlog_size = 1024;
  std::int32_t fetch_max_bytes = 57'671'680;
  std::int32_t max_incremental_fetch_session_cache_slots = 1000;
  std::int32_t max_request_partition_size_limit = 2000;
  std::int64_t cache_bytes = 0;  // 0: an eighth of the smaller of RAM and cgroup limit
  std::int32_t open_files_max = 4096;
  std::int64_t disk_max_bytes = 0;       // 0: no cap
  std::int64_t disk_reserve_bytes = -1;  // -1: storage::default_disk_reserve

  // Durability
  std::string acks_one = "durable";
  std::int64_t flush_max_ms = 100;

  // Topics
  bool auto_create_topics_enable = true;
  bool delete_topic_enable = true;
  std::int32_t dedup_ids_max = 1'000'000;
  std::int32_t num_partitions = 1;
  std::int32_t default_replication_factor = 1;
  bool replication_factor_clamp = false;
  std::int32_t partitions_max = 100'000;

  // Dead letters (KIP-1191)
  bool dead_letter_auto_create_topics = false;
  std::string dead_letter_topic_prefix = "dlq.";  // "": any name

  // Defaults of topic configs
  std::int32_t message_max_bytes = 1'048'588;
  std::string compression_type = "producer";
  std::int32_t compression_gzip_level = -1;
  std::int32_t compression_lz4_level = 9;
  std::int32_t compression_zstd_level = 3;
  std::int32_t min_insync_replicas = 1;
  bool unclean_leader_election_enable = false;
  std::vector<std::string> log_cleanup_policy{"delete"};
  std::optional<std::int64_t> log_retention_ms;
  std::optional<std::int64_t> log_retention_minutes;
  std::int32_t log_retention_hours = 168;
  std::int64_t log_retention_bytes = -1;
  std::int64_t log_local_retention_bytes = -2;
  std::int64_t log_local_retention_ms = -2;
  std::int32_t log_segment_bytes = 1'073'741'824;
  std::optional<std::int64_t> log_roll_ms;
  std::int32_t log_roll_hours = 168;
  std::optional<std::int64_t> log_roll_jitter_ms;
  std::int32_t log_roll_jitter_hours = 0;
  std::int64_t log_segment_delete_delay_ms = 60'000;
  std::int32_t log_index_interval_bytes = 4096;
  std::int32_t log_index_size_max_bytes = 10'485'760;
  std::int64_t log_flush_interval_messages = std::numeric_limits<std::int64_t>::max();
  std::optional<std::int64_t> log_flush_interval_ms;
  bool log_preallocate = false;
  std::string log_message_timestamp_type = "CreateTime";
  std::int64_t log_message_timestamp_before_max_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t log_message_timestamp_after_max_ms = 3'600'000;
  std::int64_t log_cleaner_delete_retention_ms = 86'400'000;
  std::int64_t log_cleaner_min_compaction_lag_ms = 0;
  std::int64_t log_cleaner_max_compaction_lag_ms = std::numeric_limits<std::int64_t>::max();
  double log_cleaner_min_cleanable_ratio = 0.5;

  // Scheduled delivery
  std::int64_t schedule_max_ms = 7 * 86'400'000LL;

  // Background work
  std::int64_t log_retention_check_interval_ms = 300'000;
  bool log_cleaner_enable = true;
  std::int64_t log_cleaner_backoff_ms = 15'000;
  std::int64_t log_cleaner_dedupe_buffer_size = 134'217'728;
  std::int32_t producer_id_expiration_ms = 86'400'000;

  // Groups and offsets
  std::int32_t offsets_topic_num_partitions = 0;  // 0: one a shard
  std::int16_t offsets_topic_replication_factor = 1;
  std::int32_t offsets_topic_segment_bytes = 104'857'600;
  std::int32_t offset_metadata_max_bytes = 4096;
  std::int32_t offsets_retention_minutes = 10'080;
  std::int64_t offsets_retention_check_interval_ms = 600'000;
  std::int32_t group_min_session_timeout_ms = 6000;
  std::int32_t group_max_session_timeout_ms = 1'800'000;
  std::int32_t group_initial_rebalance_delay_ms = 3000;
  std::int32_t group_max_size = std::numeric_limits<std::int32_t>::max();

  // Share groups: defaults of group configs, and how far a group may go
  std::int32_t group_share_delivery_count_limit = 5;
  std::int32_t group_share_min_delivery_count_limit = 2;
  std::int32_t group_share_max_delivery_count_limit = 10;
  std::int32_t group_share_heartbeat_interval_ms = 5000;
  std::int32_t group_share_min_heartbeat_interval_ms = 5000;
  std::int32_t group_share_max_heartbeat_interval_ms = 15'000;
  std::int32_t group_share_partition_max_record_locks = 2000;
  std::int32_t group_share_min_partition_max_record_locks = 100;
  std::int32_t group_share_max_partition_max_record_locks = 4000;
  std::int32_t group_share_record_lock_duration_ms = 30'000;
  std::int32_t group_share_min_record_lock_duration_ms = 15'000;
  std::int32_t group_share_max_record_lock_duration_ms = 60'000;
  std::int32_t group_share_session_timeout_ms = 45'000;
  std::int32_t group_share_min_session_timeout_ms = 45'000;
  std::int32_t group_share_max_session_timeout_ms = 60'000;
  std::int32_t group_share_max_size = 200;
  std::int32_t group_share_max_share_sessions = 2000;

  // What was given at start, by key. Dynamic broker configs change the members only, so that
  // DescribeConfigs can tell a static value from the dynamic one that hides it.
  std::map<std::string, Setting, std::less<>> settings;

  // The number of shards and of __consumer_offsets partitions after the "0: …" rules.
  std::int32_t shard_count() const;
  std::int32_t offsets_partition_count() const;
};

// Every broker option, sorted by name.
std::span<const ConfigRow<Options>> option_rows();
const ConfigRow<Options>* find_option(std::string_view name);
// Kafka's spelling of the effective value; nullopt when unknown or unset.
std::optional<std::string> option_text(const Options& options, std::string_view name);

// cache.bytes, or an eighth of the smaller of RAM and cgroup limit where it is 0.
std::int64_t effective_cache_bytes(const Options& options);
// queued.max.request.bytes, at most a quarter of the smaller of RAM and cgroup limit; no bound
// where it is -1. One bound for requests, and as much for replies.
std::int64_t effective_queued_bytes(const Options& options);

// $XDG_DATA_HOME/sluice, else $HOME/.local/share/sluice, else ./sluice-data.
std::string default_data_directory();

// Rules between options: minimum above maximum, an address that does not parse, … (bad_value).
Result<> check_options(const Options& options);

// One more explicit value: parsed, checked, stored and noted in `settings`. Errors: unknown_key
// with the nearest key, bad_value; context begins with `origin`.
Result<> set_option(Options& options, std::string_view name, std::string_view text,
                    std::string origin);

// `base` with the dynamic broker configs on top: `cluster_wide` (resource name ""), then `own` (the
// node's id). Keys that are unknown here are skipped, as Kafka stores them without a meaning.
Options apply_dynamic_options(const Options& base, const ConfigMap& cluster_wide,
                              const ConfigMap& own);

// "HOST:PORT", "[V6]:PORT", ":PORT" (every address) or any of them after "PLAINTEXT://".
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};
Result<Endpoint> parse_endpoint(std::string_view text);

// Where a client that reached us at `local` (the accepted socket's own address) finds us again:
// the advertised listener in the place of listener `index`, else `local` itself, which is right for
// 0.0.0.0, for port 0 and inside containers whose ports are published unchanged.
Endpoint advertised_endpoint(const Options& options, std::size_t index, const Endpoint& local);

}  // namespace sluice::broker
