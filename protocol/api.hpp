// The APIs by key: names, versions, header rules. Read off the schemas of messages/.
#pragma once

#include "protocol/schema.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::protocol {

// The keys of the APIs in messages/. A header may carry any other number: see find_api().
enum class ApiKey : std::int16_t {
  produce = 0,
  fetch = 1,
  list_offsets = 2,
  metadata = 3,
  offset_commit = 8,
  offset_fetch = 9,
  find_coordinator = 10,
  join_group = 11,
  heartbeat = 12,
  leave_group = 13,
  sync_group = 14,
  describe_groups = 15,
  list_groups = 16,
  sasl_handshake = 17,
  api_versions = 18,
  create_topics = 19,
  delete_topics = 20,
  delete_records = 21,
  init_producer_id = 22,
  offset_for_leader_epoch = 23,
  add_partitions_to_txn = 24,
  add_offsets_to_txn = 25,
  end_txn = 26,
  write_txn_markers = 27,
  txn_offset_commit = 28,
  describe_acls = 29,
  create_acls = 30,
  delete_acls = 31,
  describe_configs = 32,
  alter_configs = 33,
  alter_replica_log_dirs = 34,
  describe_log_dirs = 35,
  sasl_authenticate = 36,
  create_partitions = 37,
  delete_groups = 42,
  elect_leaders = 43,
  incremental_alter_configs = 44,
  alter_partition_reassignments = 45,
  list_partition_reassignments = 46,
  offset_delete = 47,
  describe_client_quotas = 48,
  alter_client_quotas = 49,
  describe_user_scram_credentials = 50,
  alter_user_scram_credentials = 51,
  describe_quorum = 55,
  update_features = 57,
  describe_cluster = 60,
  describe_producers = 61,
  unregister_broker = 64,
  describe_transactions = 65,
  list_transactions = 66,
  consumer_group_heartbeat = 68,
  consumer_group_describe = 69,
  list_config_resources = 74,
  describe_topic_partitions = 75,
  share_group_heartbeat = 76,
  share_group_describe = 77,
  share_fetch = 78,
  share_acknowledge = 79,
  describe_share_group_offsets = 90,
  alter_share_group_offsets = 91,
  delete_share_group_offsets = 92,
  // Ours: a broker that tells them in ApiVersions is a sluice.
  describe_queue = 10'000,
  alter_queue = 10'001,
  list_schedules = 10'002,
  cancel_schedules = 10'003,
};

struct ApiInfo {
  ApiKey key;
  std::string_view name;  // as in Kafka, e.g. "ListOffsets"
  Versions versions;      // that can be encoded and decoded
  Versions advertised;    // that ApiVersions tells; see Schema::advertised
  Versions flexible;

  // Whether a request's header has a tag section (version 2), which follows the body's encoding.
  bool flexible_request_header(Version v) const { return flexible.contains(v); }
  // Whether a response's header has one (version 1). Never for ApiVersions: a client that asks does
  // not know yet what the broker speaks (KIP-511).
  bool flexible_response_header(Version v) const {
    return key != ApiKey::api_versions && flexible.contains(v);
  }
};

// All of them, by ascending key.
std::span<const ApiInfo> all_apis();

// Null for a key that is none of ours.
const ApiInfo* find_api(std::int16_t key);
inline const ApiInfo* find_api(ApiKey key) { return find_api(static_cast<std::int16_t>(key)); }

// Kafka's name of the API, or "Unknown".
std::string_view to_string(ApiKey key);

template <Message M>
inline constexpr ApiKey api_key_of = static_cast<ApiKey>(M::schema.api_key);

}  // namespace sluice::protocol
