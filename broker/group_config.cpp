#include "broker/group_config.hpp"

#include "broker/options.hpp"

#include <algorithm>
#include <array>

namespace sluice::broker {
namespace {

// Kafka accepts "by_duration:" and an ISO 8601 duration beside these (KIP-1106).
std::string_view offset_reset(std::string_view text) {
  const bool known = text == "latest" || text == "earliest" ||
                     (text.starts_with("by_duration:P") && text.size() > 13);
  return known ? "" : "Must be latest, earliest or by_duration:PnDTnHnMn.nS";
}

// KIP-1191's default is to leave key and value behind.
std::string_view whole_copies(std::string_view text) {
  return text == "false" || text == "FALSE" || text == "False"
             ? "This broker always copies the whole record"
             : "";
}

using G = GroupConfig;
constexpr auto dynamic = Change::dynamic;
constexpr auto rows = std::to_array<ConfigRow<GroupConfig>>({
    {"consumer.assignment.interval.ms",
     &G::consumer_assignment_interval_ms,
     {.min = 0,
      .unit = "ms",
      .change = dynamic,
      .about = "Least time between two assignments of a consumer group."}},
    {"consumer.assignor.offload.enable",
     &G::consumer_assignor_offload_enable,
     {.change = dynamic, .about = "Whether a consumer group's assignment is computed aside."}},
    {"consumer.heartbeat.interval.ms",
     &G::consumer_heartbeat_interval_ms,
     {.min = 1,
      .unit = "ms",
      .change = dynamic,
      .about = "Time between heartbeats of a consumer group's members."}},
    {"consumer.session.timeout.ms",
     &G::consumer_session_timeout_ms,
     {.min = 1,
      .unit = "ms",
      .change = dynamic,
      .about = "Time without a heartbeat after which a consumer group's member is removed."}},
    {"errors.deadletterqueue.copy.record.enable",
     &G::dead_letter_copy_record,
     {.change = dynamic,
      .about = "Always true: key, value, headers and timestamp of a record go to the dead-letter "
               "topic.",
      .check = whole_copies}},
    {"errors.deadletterqueue.topic.name",
     &G::dead_letter_topic,
     {.change = dynamic,
      .about = "Where records go that the group gives up: a share group's that it rejects or that "
               "were delivered share.delivery.count.limit times (KIP-1191), and those of its retry "
               "topics after sluice.retry.attempts.max. Empty: nowhere. Not set: what "
               "the topic's sluice.deadletter.topic.name says."}},
    {"share.assignment.interval.ms",
     &G::share_assignment_interval_ms,
     {.min = 0,
      .unit = "ms",
      .change = dynamic,
      .about = "Least time between two assignments of a share group."}},
    {"share.assignor.offload.enable",
     &G::share_assignor_offload_enable,
     {.change = dynamic, .about = "Whether a share group's assignment is computed aside."}},
    {"share.auto.offset.reset",
     &G::share_auto_offset_reset,
     {.change = dynamic,
      .about = "Where a share group starts on a partition it has not read.",
      .check = offset_reset}},
    {"share.delivery.count.limit",
     &G::share_delivery_count_limit,
     {.min = 1,
      .change = dynamic,
      .about = "How often a record is delivered before a share group gives it up."}},
    {"share.heartbeat.interval.ms",
     &G::share_heartbeat_interval_ms,
     {.min = 1,
      .unit = "ms",
      .change = dynamic,
      .about = "Time between heartbeats of a share group's members."}},
    {"share.isolation.level",
     &G::share_isolation_level,
     {.allowed = "read_committed,read_uncommitted",
      .change = dynamic,
      .about = "Whether a share group sees records of open and aborted transactions; as there are "
               "no transactions, both values do the same."}},
    {"share.partition.max.record.locks",
     &G::share_partition_max_record_locks,
     {.min = 1,
      .change = dynamic,
      .about = "Most records of a partition that a share group holds at a time."}},
    {"share.record.lock.duration.ms",
     &G::share_record_lock_duration_ms,
     {.min = 1,
      .unit = "ms",
      .change = dynamic,
      .about = "How long a share group's member may hold a record."}},
    {"share.renew.acknowledge.enable",
     &G::share_renew_acknowledge_enable,
     {.change = dynamic,
      .about = "Whether a share group's member may renew its hold on a record."}},
    {"share.session.timeout.ms",
     &G::share_session_timeout_ms,
     {.min = 1,
      .unit = "ms",
      .change = dynamic,
      .about = "Time without a heartbeat after which a share group's member is removed."}},
    {"sluice.retry.attempts.max",
     &G::retry_attempts_max,
     {.min = 1,
      .max = 1'000'000,
      .change = dynamic,
      .about = "How often a record comes back through the group's retry topics before it is a "
               "dead letter; without a dead-letter topic it comes back without end."}},
    {"sluice.retry.backoff.jitter",
     &G::retry_backoff_jitter,
     {.min = 0,
      .max = 1,
      .change = dynamic,
      .about = "Part of the wait that is added or taken away at random."}},
    {"sluice.retry.backoff.max.ms",
     &G::retry_backoff_max_ms,
     {.min = 0,
      .max = 7 * 86'400'000LL,
      .unit = "ms",
      .change = dynamic,
      .about = "The longest wait of a record before it is delivered again."}},
    {"sluice.retry.backoff.ms",
     &G::retry_backoff_ms,
     {.min = 0,
      .max = 7 * 86'400'000LL,
      .unit = "ms",
      .change = dynamic,
      .about =
          "How long a share group's record waits after its first delivery was released or timed "
          "out; 0: not at all."}},
    {"sluice.retry.backoff.multiplier",
     &G::retry_backoff_multiplier,
     {.min = 1,
      .max = 100,
      .change = dynamic,
      .about = "By how much the wait grows with each delivery."}},
    {"sluice.share.order",
     &G::share_order,
     {.allowed = "key,none",
      .change = dynamic,
      .about = "key: a share group has one record of a key in flight at a time, in order, also "
               "while it waits for its next delivery; records without a key are free."}},
    {"streams.assignment.interval.ms",
     &G::streams_assignment_interval_ms,
     {.min = 0,
      .unit = "ms",
      .change = dynamic,
      .about = "Least time between two assignments of a streams group."}},
    {"streams.assignor.offload.enable",
     &G::streams_assignor_offload_enable,
     {.change = dynamic, .about = "Whether a streams group's assignment is computed aside."}},
    {"streams.heartbeat.interval.ms",
     &G::streams_heartbeat_interval_ms,
     {.min = 1,
      .unit = "ms",
      .change = dynamic,
      .about = "Time between heartbeats of a streams group's members."}},
    {"streams.initial.rebalance.delay.ms",
     &G::streams_initial_rebalance_delay_ms,
     {.min = 0,
      .unit = "ms",
      .change = dynamic,
      .about = "How long the first rebalance of a streams group waits for more members."}},
    {"streams.num.standby.replicas",
     &G::streams_num_standby_replicas,
     {.min = 0, .change = dynamic, .about = "Standby tasks for each task of a streams group."}},
    {"streams.session.timeout.ms",
     &G::streams_session_timeout_ms,
     {.min = 1,
      .unit = "ms",
      .change = dynamic,
      .about = "Time without a heartbeat after which a streams group's member is removed."}},
});

// Group configs whose default and bounds the broker's options give.
struct ShareBound {
  std::string_view name;
  std::int32_t GroupConfig::* value;
  std::int32_t Options::* standard;
  std::int32_t Options::* least;
  std::int32_t Options::* most;
};
using O = Options;
constexpr auto share_bounds = std::to_array<ShareBound>({
    {"share.delivery.count.limit", &G::share_delivery_count_limit,
     &O::group_share_delivery_count_limit, &O::group_share_min_delivery_count_limit,
     &O::group_share_max_delivery_count_limit},
    {"share.heartbeat.interval.ms", &G::share_heartbeat_interval_ms,
     &O::group_share_heartbeat_interval_ms, &O::group_share_min_heartbeat_interval_ms,
     &O::group_share_max_heartbeat_interval_ms},
    {"share.partition.max.record.locks", &G::share_partition_max_record_locks,
     &O::group_share_partition_max_record_locks, &O::group_share_min_partition_max_record_locks,
     &O::group_share_max_partition_max_record_locks},
    {"share.record.lock.duration.ms", &G::share_record_lock_duration_ms,
     &O::group_share_record_lock_duration_ms, &O::group_share_min_record_lock_duration_ms,
     &O::group_share_max_record_lock_duration_ms},
    {"share.session.timeout.ms", &G::share_session_timeout_ms, &O::group_share_session_timeout_ms,
     &O::group_share_min_session_timeout_ms, &O::group_share_max_session_timeout_ms},
});

// What follows "group.share.", ".min." or ".max." in the broker's keys.
std::string key_of(const ShareBound& bound) {
  return std::string(bound.name.substr(std::string_view("share.").size()));
}

GroupConfig defaults_of(const Options& options) {
  GroupConfig config;
  for (const ShareBound& bound : share_bounds) config.*bound.value = options.*bound.standard;
  return config;
}

}  // namespace

std::span<const ConfigRow<GroupConfig>> group_config_rows() { return rows; }

Result<> check_share_options(const Options& options) {
  for (const ShareBound& bound : share_bounds) {
    const std::int32_t least = options.*bound.least;
    const std::int32_t standard = options.*bound.standard;
    if (least <= standard && standard <= options.*bound.most) continue;
    const std::string key = key_of(bound);
    return fail(ConfigErrc::bad_value, "group.share." + key + " must lie between group.share.min." +
                                           key + " and group.share.max." + key);
  }
  return {};
}

Result<> check_group_config(const Options& options, const ConfigMap& overrides) {
  GroupConfig config = defaults_of(options);
  for (const auto& [name, value] : overrides) {
    const auto* row = find_row<GroupConfig>(rows, name);
    if (row == nullptr) return fail(ConfigErrc::unknown_key, "Unknown group config name: " + name);
    if (auto set = set_config(*row, value, config); !set) return set;
  }
  for (const ShareBound& bound : share_bounds) {
    const std::int32_t value = config.*bound.value;
    const bool low = value < options.*bound.least;
    if (!low && value <= options.*bound.most) continue;
    return fail(ConfigErrc::bad_value,
                std::string(bound.name) + " must be " + (low ? "at least" : "at most") +
                    " the broker's " + (low ? "group.share.min." : "group.share.max.") +
                    key_of(bound) + ", " +
                    std::to_string(low ? options.*bound.least : options.*bound.most));
  }
  if (config.consumer_heartbeat_interval_ms >= config.consumer_session_timeout_ms)
    return fail(ConfigErrc::bad_value,
                "consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms");
  if (config.share_heartbeat_interval_ms >= config.share_session_timeout_ms)
    return fail(ConfigErrc::bad_value,
                "share.session.timeout.ms must be greater than share.heartbeat.interval.ms");
  if (config.streams_heartbeat_interval_ms >= config.streams_session_timeout_ms)
    return fail(ConfigErrc::bad_value,
                "streams.session.timeout.ms must be greater than streams.heartbeat.interval.ms");
  return {};
}

GroupConfig effective_group_config(const Options& options, const ConfigMap& overrides) {
  GroupConfig config = defaults_of(options);
  for (const auto& [name, value] : overrides)
    if (const auto* row = find_row<GroupConfig>(rows, name)) (void)set_config(*row, value, config);
  for (const ShareBound& bound : share_bounds)
    config.*bound.value =
        std::clamp(config.*bound.value, options.*bound.least, options.*bound.most);
  return config;
}

}  // namespace sluice::broker
