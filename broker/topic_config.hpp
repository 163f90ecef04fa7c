// The configs of a topic: Kafka's table, and the effective values that the data path reads.
//
// A topic stores only its overrides (a ConfigMap in the catalog). Its effective value of a key is
// the override, else the broker option that Kafka names as its synonym, else the default.
//
//   auto checked = check_topic_config(overrides);            // EC 40 INVALID_CONFIG with the
//   reason TopicConfig config = effective_topic_config(options, overrides); if (config.compacts) …
#pragma once

#include "broker/config_value.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

struct Options;

enum class TimestampType : std::uint8_t { create_time, log_append_time };
// `producer` keeps the batch as it was sent.
enum class TopicCompression : std::uint8_t { producer, uncompressed, gzip, snappy, lz4, zstd };

struct TopicConfig {
  static constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

  std::vector<std::string> cleanup_policy{"delete"};
  std::string compression_type = "producer";
  std::int32_t compression_gzip_level = -1;
  std::int32_t compression_lz4_level = 9;
  std::int32_t compression_zstd_level = 3;
  std::int64_t delete_retention_ms = 86'400'000;
  bool dead_letter_enable = false;  // errors.deadletterqueue.group.enable
  std::int64_t file_delete_delay_ms = 60'000;
  std::int64_t flush_messages = unlimited;
  std::int64_t flush_ms = unlimited;
  std::vector<std::string> follower_replication_throttled_replicas;
  std::int32_t index_interval_bytes = 4096;
  std::vector<std::string> leader_replication_throttled_replicas;
  std::int64_t local_retention_bytes = -2;
  std::int64_t local_retention_ms = -2;
  std::int64_t max_compaction_lag_ms = unlimited;
  std::int32_t max_message_bytes = 1'048'588;
  std::int64_t message_timestamp_after_max_ms = 3'600'000;
  std::int64_t message_timestamp_before_max_ms = unlimited;
  std::string message_timestamp_type = "CreateTime";
  double min_cleanable_dirty_ratio = 0.5;
  std::int64_t min_compaction_lag_ms = 0;
  std::int32_t min_insync_replicas = 1;
  bool preallocate = false;
  bool remote_log_copy_disable = false;
  bool remote_log_delete_on_disable = false;
  bool remote_storage_enable = false;
  std::int64_t retention_bytes = -1;        // -1: no limit
  std::int64_t retention_ms = 604'800'000;  // -1: no limit
  std::int32_t segment_bytes = 1'073'741'824;
  std::int32_t segment_index_bytes = 10'485'760;
  std::int64_t segment_jitter_ms = 0;
  std::int64_t segment_ms = 604'800'000;
  std::string dead_letter_topic;         // sluice.deadletter.topic.name; empty: none
  std::int64_t dedup_window_ms = 0;      // sluice.dedup.window.ms
  std::string disk_max_delete = "auto";  // sluice.disk.max.delete
  bool retry_enable = false;             // sluice.retry.*
  std::string retry_group;               // of a retry topic
  std::string retry_source_topic;        // of a retry topic
  bool schedule_enable = false;          // sluice.schedule.enable
  bool unclean_leader_election_enable = false;

  // Derived from the above by effective_topic_config(); not rows of the table.
  bool deletes = true;    // cleanup.policy names delete
  bool compacts = false;  // cleanup.policy names compact
  TimestampType timestamp_type = TimestampType::create_time;
  TopicCompression compression = TopicCompression::producer;
  bool disk_cap_deletes = false;  // sluice.disk.max.bytes may cost it its oldest segments
  bool delays = false;  // its records may have to wait: scheduled ones, or all of a retry topic
  bool leaves_gaps =
      false;  // batches without a record may lie in its log: of what waits, duplicates

  bool is_retry_topic() const { return !retry_source_topic.empty(); }
};

// Every topic config of Kafka 4.3 and ours, sorted by name.
std::span<const ConfigRow<TopicConfig>> topic_config_rows();

// A broker option that gives a topic config its default; its number is multiplied by `factor`
// (hours to milliseconds).
struct ConfigSynonym {
  std::string_view name;
  std::int64_t factor = 1;
};
// ConfigDetails::synonyms, in order of precedence.
std::vector<ConfigSynonym> config_synonyms(std::string_view synonyms);
// The broker option's text in the topic config's unit; nullopt when it is not a number.
std::optional<std::string> synonym_text(const ConfigSynonym& synonym, std::string_view text);

// Checks one key, or a whole set of overrides with the rules between keys. Errors: unknown_key,
// bad_value, both EC 40 INVALID_CONFIG for the client; Error::context is the message for it.
Result<> check_topic_config(std::string_view name, std::string_view value);
Result<> check_topic_config(const Options& options, const ConfigMap& overrides);

// Requires: `overrides` passed check_topic_config; a key that did not is ignored.
TopicConfig effective_topic_config(const Options& options, const ConfigMap& overrides);
// The same for many topics: `defaults` is effective_topic_config(options, {}), computed once.
TopicConfig effective_topic_config(const TopicConfig& defaults, const ConfigMap& overrides);

}  // namespace sluice::broker
