#include "broker/topic_config.hpp"

#include "broker/options.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice::broker {
namespace {

constexpr auto int32_max = std::numeric_limits<std::int32_t>::max();
constexpr std::string_view codecs = "uncompressed,zstd,lz4,snappy,gzip,producer";

std::string_view gzip_level(std::string_view text) {
  return text == "0" ? "Value must be between 1 and 9 or equal to -1" : "";
}
std::string_view no_remote_storage(std::string_view text) {
  return text == "true" || text == "TRUE" || text == "True"
             ? "Tiered storage is not supported by this broker"
             : "";
}
// "PARTITION:BROKER" pairs, or "*".
std::string_view throttled_replicas(std::string_view text) {
  if (text == "*" || text == "none") return "";
  for (const auto& item : split_list(text)) {
    const auto colon = item.find(':');
    const bool pair = colon != std::string::npos && colon != 0 && colon + 1 < item.size() &&
                      item.find_first_not_of("0123456789:") == std::string::npos &&
                      item.find(':', colon + 1) == std::string::npos;
    if (!pair) return "Must be * (for all replicas) or a list of partition:broker pairs";
  }
  return "";
}

using T = TopicConfig;
constexpr auto rows = std::to_array<ConfigRow<TopicConfig>>({
    {"cleanup.policy",
     &T::cleanup_policy,
     {.allowed = "compact,delete",
      .change = Change::dynamic,
      .about = "What happens to old segments: delete (by retention), compact (keep the newest "
               "record of each key), both, or nothing when empty.",
      .synonyms = "log.cleanup.policy"}},
    {"compression.gzip.level",
     &T::compression_gzip_level,
     {.min = -1,
      .max = 9,
      .change = Change::dynamic,
      .about = "Level used when compression.type is gzip.",
      .synonyms = "compression.gzip.level",
      .check = gzip_level}},
    {"compression.lz4.level",
     &T::compression_lz4_level,
     {.min = 1,
      .max = 17,
      .change = Change::dynamic,
      .about = "Level used when compression.type is lz4.",
      .synonyms = "compression.lz4.level"}},
    {"compression.type",
     &T::compression_type,
     {.allowed = codecs,
      .change = Change::dynamic,
      .about = "Codec of stored batches; producer keeps what the producer sent.",
      .synonyms = "compression.type"}},
    {"compression.zstd.level",
     &T::compression_zstd_level,
     {.min = -131072,
      .max = 22,
      .change = Change::dynamic,
      .about = "Level used when compression.type is zstd.",
      .synonyms = "compression.zstd.level"}},
    {"delete.retention.ms",
     &T::delete_retention_ms,
     {.min = 0,
      .unit = "ms",
      .change = Change::dynamic,
      .about = "How long compaction keeps tombstones and transaction markers.",
      .synonyms = "log.cleaner.delete.retention.ms"}},
    {"errors.deadletterqueue.group.enable",
     &T::dead_letter_enable,
     {.change = Change::dynamic,
      .about = "Whether share groups may write records they gave up to this topic (KIP-1191)."}},
    {"file.delete.delay.ms",
     &T::file_delete_delay_ms,
     {.min = 0,
      .unit = "ms",
      .change = Change::dynamic,
      .about = "How long a deleted segment's files stay on disk.",
      .synonyms = "log.segment.delete.delay.ms"}},
    {"flush.messages",
     &T::flush_messages,
     {.min = 1,
      .change = Change::dynamic,
      .about = "Accepted for compatibility: every acknowledged record is on disk already.",
      .synonyms = "log.flush.interval.messages"}},
    {"flush.ms",
     &T::flush_ms,
     {.min = 0,
      .unit = "ms",
      .change = Change::dynamic,
      .about = "Accepted for compatibility: every acknowledged record is on disk already.",
      .synonyms = "log.flush.interval.ms"}},
    {"follower.replication.throttled.replicas",
     &T::follower_replication_throttled_replicas,
     {.change = Change::dynamic,
      .about = "Accepted for compatibility: there are no followers.",
      .check = throttled_replicas}},
    {"index.interval.bytes",
     &T::index_interval_bytes,
     {.min = 0,
      .unit = "bytes",
      .change = Change::dynamic,
      .about = "Bytes of records between two entries of an index.",
      .synonyms = "log.index.interval.bytes"}},
    {"leader.replication.throttled.replicas",
     &T::leader_replication_throttled_replicas,
     {.change = Change::dynamic,
      .about = "Accepted for compatibility: there are no followers.",
      .check = throttled_replicas}},
    {"local.retention.bytes",
     &T::local_retention_bytes,
     {.min = -2,
      .unit = "bytes",
      .change = Change::dynamic,
      .about = "Accepted for compatibility: there is no tiered storage.",
      .synonyms = "log.local.retention.bytes"}},
    {"local.retention.ms",
     &T::local_retention_ms,
     {.min = -2,
      .unit = "ms",
      .change = Change::dynamic,
      .about = "Accepted for compatibility: there is no tiered storage.",
      .synonyms = "log.local.retention.ms"}},
    {"max.compaction.lag.ms",
     &T::max_compaction_lag_ms,
     {.min = 1,
      .unit = "ms",
      .change = Change::dynamic,
      .about = "The longest time a record stays out of reach of compaction.",
      .synonyms = "log.cleaner.max.compaction.lag.ms"}},
    {"max.message.bytes",
     &T::max_message_bytes,
     {.min = 0,
      .unit = "bytes",
      .change = Change::dynamic,
      .about = "Largest record batch, as sent (after compression).",
      .synonyms = "message.max.bytes"}},
    {"message.timestamp.after.max.ms",
     &T::message_timestamp_after_max_ms,
     {.min = 0,
      .unit = "ms",
      .change = Change::dynamic,
      .about = "How far a record's timestamp may lie after the broker's clock.",
      .synonyms = "log.message.timestamp.after.max.ms"}},
    {"message.timestamp.before.max.ms",
     &T::message_timestamp_before_max_ms,
     {.min = 0,
      .unit = "ms",
      .change = Change::dynamic,
      .about = "How far a record's timestamp may lie before the broker's clock.",
      .synonyms = "log.message.timestamp.before.max.ms"}},
    {"message.timestamp.type",
     &T::message_timestamp_type,
     {.allowed = "CreateTime,LogAppendTime",
      .change = Change::dynamic,
      .about = "Whether a record's timestamp is the producer's or the time of the append.",
      .synonyms = "log.message.timestamp.type"}},
    {"min.cleanable.dirty.ratio",
     &T::min_cleanable_dirty_ratio,
     {.min = 0,
      .max = 1,
      .change = Change::dynamic,
      .about = "Share of uncompacted bytes from which compaction starts.",
      .synonyms = "log.cleaner.min.cleanable.ratio"}},
    {"min.compaction.lag.ms",
     &T::min_compaction_lag_ms,
     {.min = 0,
      .unit = "ms",
      .change = Change::dynamic,
      .about = "The least time a record stays out of reach of compaction.",
      .synonyms = "log.cleaner.min.compaction.lag.ms"}},
    {"min.insync.replicas",
     &T::min_insync_replicas,
     {.min = 1,
      .change = Change::dynamic,
      .about = "Replicas that must be in sync for acks=all; there is one, so more than 1 refuses "
               "such writes.",
      .synonyms = "min.insync.replicas"}},
    {"preallocate",
     &T::preallocate,
     {.change = Change::dynamic,
      .about = "Accepted for compatibility: space is prepared by need.",
      .synonyms = "log.preallocate"}},
    {"remote.log.copy.disable",
     &T::remote_log_copy_disable,
     {.change = Change::dynamic,
      .about = "Accepted for compatibility: there is no tiered storage."}},
    {"remote.log.delete.on.disable",
     &T::remote_log_delete_on_disable,
     {.change = Change::dynamic,
      .about = "Accepted for compatibility: there is no tiered storage."}},
    {"remote.storage.enable",
     &T::remote_storage_enable,
     {.change = Change::dynamic,
      .about = "Must be false: there is no tiered storage.",
      .check = no_remote_storage}},
    {"retention.bytes",
     &T::retention_bytes,
     {.min = -1,
      .unit = "bytes",
      .change = Change::dynamic,
      .about = "Size of a partition above which old segments are deleted; -1: no limit.",
      .synonyms = "log.retention.bytes"}},
    {"retention.ms",
     &T::retention_ms,
     {.min = -1,
      .unit = "ms",
      .change = Change::dynamic,
      .about = "Age above which segments are deleted; -1: no limit.",
      .synonyms = "log.retention.ms,log.retention.minutes*60000,log.retention.hours*3600000"}},
    {"segment.bytes",
     &T::segment_bytes,
     {.min = 1'048'576,
      .max = int32_max,
      .unit = "bytes",
      .change = Change::dynamic,
      .about = "Size at which a new segment begins.",
      .synonyms = "log.segment.bytes"}},
    {"segment.index.bytes",
     &T::segment_index_bytes,
     {.min = 4,
      .unit = "bytes",
      .change = Change::dynamic,
      .about = "Size of an index at which a new segment begins.",
      .synonyms = "log.index.size.max.bytes"}},
    {"segment.jitter.ms",
     &T::segment_jitter_ms,
     {.min = 0,
      .unit = "ms",
      .change = Change::dynamic,
      .about = "Random part taken off segment.ms so that segments do not roll together.",
      .synonyms = "log.roll.jitter.ms,log.roll.jitter.hours*3600000"}},
    {"segment.ms",
     &T::segment_ms,
     {.min = 1,
      .unit = "ms",
      .change = Change::dynamic,
      .about = "Age at which a new segment begins.",
      .synonyms = "log.roll.ms,log.roll.hours*3600000"}},
    {"sluice.deadletter.topic.name",
     &T::dead_letter_topic,
     {.change = Change::dynamic,
      .about = "Where records of this topic go that a share group gives up, unless the group has "
               "errors.deadletterqueue.topic.name of its own; empty: nowhere."}},
    {"sluice.dedup.window.ms",
     &T::dedup_window_ms,
     {.min = 0,
      .max = 604'800'000,
      .unit = "ms",
      .change = Change::dynamic,
      .about = "A record whose sluice-message-id header was seen so shortly before is acknowledged "
               "and not stored again. 0: off."}},
    {"sluice.disk.max.delete",
     &T::disk_max_delete,
     {.allowed = "auto,allow,never",
      .change = Change::dynamic,
      .about = "Whether the topic's oldest segments may be deleted to keep all topics below "
               "sluice.disk.max.bytes. auto: if cleanup.policy is delete, retention.ms or "
               "retention.bytes has a limit, and it takes no dead letters."}},
    {"sluice.retry.enable",
     &T::retry_enable,
     {.change = Change::dynamic,
      .about = "Whether TOPIC.GROUP.retry is made for a client that asks for it: a retry topic, "
               "where records wait for the group's backoff."}},
    {"sluice.retry.group",
     &T::retry_group,
     {.change = Change::dynamic,
      .about = "Of a retry topic: the group whose backoff and limit apply. Set by the broker."}},
    {"sluice.retry.source.topic",
     &T::retry_source_topic,
     {.change = Change::dynamic,
      .about = "Of a retry topic: the topic its records come from. Set by the broker."}},
    {"sluice.schedule.enable",
     &T::schedule_enable,
     {.change = Change::dynamic,
      .about = "Whether records with a sluice-deliver-at or sluice-delay-ms header are kept aside "
               "until they are due. Not with compaction."}},
    {"unclean.leader.election.enable",
     &T::unclean_leader_election_enable,
     {.change = Change::dynamic,
      .about = "Accepted for compatibility: there are no followers.",
      .synonyms = "unclean.leader.election.enable"}},
});

void derive(TopicConfig& config) {
  config.deletes =
      std::ranges::find(config.cleanup_policy, "delete") != config.cleanup_policy.end();
  config.compacts =
      std::ranges::find(config.cleanup_policy, "compact") != config.cleanup_policy.end();
  config.timestamp_type = config.message_timestamp_type == "LogAppendTime"
                              ? TimestampType::log_append_time
                              : TimestampType::create_time;
  constexpr std::array names{"producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"};
  const bool expires = config.deletes && !config.compacts &&
                       (config.retention_ms >= 0 || config.retention_bytes >= 0);
  config.disk_cap_deletes =
      config.disk_max_delete == "allow" ||
      (config.disk_max_delete == "auto" && expires && !config.dead_letter_enable);
  config.delays = config.schedule_enable || config.is_retry_topic();
  const auto at = std::ranges::find(names, config.compression_type);
  if (at != names.end()) config.compression = static_cast<TopicCompression>(at - names.begin());
}

}  // namespace

std::span<const ConfigRow<TopicConfig>> topic_config_rows() { return rows; }

std::vector<ConfigSynonym> config_synonyms(std::string_view synonyms) {
  std::vector<ConfigSynonym> parsed;
  for (std::string_view rest = synonyms; !rest.empty();) {
    const auto comma = rest.find(',');
    const auto item = rest.substr(0, comma);
    const auto star = item.find('*');
    ConfigSynonym synonym{item.substr(0, star), 1};
    if (star != std::string_view::npos)
      std::from_chars(item.data() + star + 1, item.data() + item.size(), synonym.factor);
    parsed.push_back(synonym);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  return parsed;
}

std::optional<std::string> synonym_text(const ConfigSynonym& synonym, std::string_view text) {
  if (synonym.factor == 1) return std::string(text);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (number < 0) return std::to_string(number);  // -1 means "no limit" in every unit
  return std::to_string(number * synonym.factor);
}

Result<> check_topic_config(std::string_view name, std::string_view value) {
  const auto* row = find_row<TopicConfig>(rows, name);
  if (row == nullptr)
    return fail(ConfigErrc::unknown_key, std::string("Unknown topic config name: ").append(name));
  TopicConfig scratch;
  return set_config(*row, value, scratch);
}

Result<> check_topic_config(const Options& options, const ConfigMap& overrides) {
  for (const auto& [name, value] : overrides)
    if (auto ok = check_topic_config(name, value); !ok) return ok;
  const auto config = effective_topic_config(options, overrides);
  if (config.min_compaction_lag_ms > config.max_compaction_lag_ms)
    return fail(ConfigErrc::bad_value, "conflict topic config setting min.compaction.lag.ms (" +
                                           std::to_string(config.min_compaction_lag_ms) +
                                           ") > max.compaction.lag.ms (" +
                                           std::to_string(config.max_compaction_lag_ms) + ")");
  if (config.compacts && config.delays)
    return fail(ConfigErrc::bad_value,
                "conflict topic config setting cleanup.policy: a topic with "
                "sluice.schedule.enable, or a retry topic, cannot be compacted");
  if (config.dedup_window_ms > 0 && config.is_retry_topic())
    return fail(ConfigErrc::bad_value,
                "conflict topic config setting sluice.dedup.window.ms: a record comes to a retry "
                "topic once an attempt, with the same id");
  if (config.retry_group.empty() != config.retry_source_topic.empty())
    return fail(ConfigErrc::bad_value,
                "sluice.retry.group and sluice.retry.source.topic go together");
  return {};
}

TopicConfig effective_topic_config(const TopicConfig& defaults, const ConfigMap& overrides) {
  TopicConfig config = defaults;
  for (const auto& [name, value] : overrides)
    if (const auto* row = find_row<TopicConfig>(rows, name)) (void)set_config(*row, value, config);
  derive(config);
  // Also where it was switched off: what is in the log stays.
  config.leaves_gaps = config.delays || overrides.contains("sluice.schedule.enable") ||
                       overrides.contains("sluice.dedup.window.ms");
  return config;
}

TopicConfig effective_topic_config(const Options& options, const ConfigMap& overrides) {
  TopicConfig defaults;
  for (const auto& row : rows) {
    for (const auto& synonym : config_synonyms(row.details.synonyms)) {
      const auto text = option_text(options, synonym.name);
      if (!text) continue;
      if (const auto scaled = synonym_text(synonym, *text))
        (void)set_config(row, *scaled, defaults);
      break;
    }
  }
  return effective_topic_config(defaults, overrides);
}

}  // namespace sluice::broker
