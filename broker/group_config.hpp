// The configs of a group (resource type 32): Kafka's table and the effective values. A group stores
// only its overrides, in the catalog. Source: Kafka's GroupConfig; KIP-848, KIP-932, KIP-1071.
#pragma once

#include "broker/config_value.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::broker {

struct Options;

struct GroupConfig {
  std::int32_t consumer_assignment_interval_ms = 1000;
  bool consumer_assignor_offload_enable = true;
  std::int32_t consumer_heartbeat_interval_ms = 5000;
  std::int32_t consumer_session_timeout_ms = 45'000;
  bool dead_letter_copy_record = true;  // errors.deadletterqueue.*
  std::string dead_letter_topic;        // empty: none
  std::int32_t share_assignment_interval_ms = 1000;
  bool share_assignor_offload_enable = true;
  std::string share_auto_offset_reset = "latest";
  std::int32_t share_delivery_count_limit = 5;
  std::int32_t share_heartbeat_interval_ms = 5000;
  std::string share_isolation_level = "read_uncommitted";
  std::int32_t share_partition_max_record_locks = 2000;
  std::int32_t share_record_lock_duration_ms = 30'000;
  bool share_renew_acknowledge_enable = true;
  std::int32_t share_session_timeout_ms = 45'000;
  std::string share_order = "none";     // sluice.share.order
  std::int32_t retry_attempts_max = 5;  // sluice.retry.*
  std::int64_t retry_backoff_ms = 0;
  std::int64_t retry_backoff_max_ms = 300'000;
  double retry_backoff_multiplier = 2.0;
  double retry_backoff_jitter = 0.2;
  std::int32_t streams_assignment_interval_ms = 1000;
  bool streams_assignor_offload_enable = true;
  std::int32_t streams_heartbeat_interval_ms = 5000;
  std::int32_t streams_initial_rebalance_delay_ms = 3000;
  std::int32_t streams_num_standby_replicas = 0;
  std::int32_t streams_session_timeout_ms = 45'000;
};

// Every group config of Kafka 4.3 and ours, sorted by name.
std::span<const ConfigRow<GroupConfig>> group_config_rows();

// Whether the broker's group.share.* agree: least <= default <= greatest. Errors: bad_value.
Result<> check_share_options(const Options& options);
// Checks a whole set of overrides, also against the broker's group.share.min.* and .max.*.
// Errors: unknown_key, bad_value.
Result<> check_group_config(const Options& options, const ConfigMap& overrides);
// Else the broker's group.share.* or the default. What lies beyond the broker's bounds, because
// they were changed, counts as the bound. Requires: `overrides` passed check_group_config; a key
// that did not is ignored.
GroupConfig effective_group_config(const Options& options, const ConfigMap& overrides);

}  // namespace sluice::broker
