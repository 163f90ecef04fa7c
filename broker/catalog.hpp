// What the broker knows beside the records themselves: topics, configs of topics, groups and the
// broker, producer-id blocks, the cluster id.
//
// A Catalog is a value; shards hold an immutable snapshot (std::shared_ptr<const Catalog>) that the
// one writer, CatalogStore (catalog_store.hpp) on shard 0, replaces whole after each durable
// change. This file does no I/O: a change is checked and applied to a value, and encoded to bytes.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "broker/config_value.hpp"
#include "protocol/ids.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace sluice::broker {

enum class CatalogErrc {
  topic_exists = 1,
  unknown_topic,
  name_collision,  // differs from an existing name only by '.' and '_'
  bad_name,
  bad_partition_count,
  fenced,          // an earlier write failed: no change is possible until a restart
  damaged,         // the catalog file does not read back
  unknown_format,  // written by a newer version
};
const std::error_category& catalog_category();
inline std::error_code make_error_code(CatalogErrc code) {
  return {static_cast<int>(code), catalog_category()};
}

struct Topic {
  std::string name;
  Uuid id;
  std::int32_t partition_count = 0;
  std::int64_t created_ms = 0;  // wall clock
  ConfigMap overrides;          // topic configs set explicitly
};

// Resources with configs of their own; wire values (Kafka: ConfigResource.Type).
enum class ResourceType : std::int8_t {
  unknown = 0,
  topic = 2,
  broker = 4,
  broker_logger = 8,
  client_metrics = 16,
  group = 32
};

// ---- Changes: what is written to meta/catalog, one at a time or together ----
struct CreateTopic {
  Topic topic;
};
struct DeleteTopic {
  Uuid id;
};
struct GrowTopic {
  Uuid id;
  std::int32_t partition_count = 0;
};
// Replaces all configs of a resource. Topic: `name` is the topic's. Broker: "" is cluster-wide.
struct ReplaceConfigs {
  ResourceType type = ResourceType::topic;
  std::string name;
  ConfigMap configs;
};
// Producer ids below `next` are given out or may be.
struct ReserveProducerIds {
  std::int64_t next = 0;
};
using CatalogChange =
    std::variant<CreateTopic, DeleteTopic, GrowTopic, ReplaceConfigs, ReserveProducerIds>;

class Catalog {
 public:
  // By name, in order. Pointers are valid as long as the snapshot.
  const std::map<std::string, std::shared_ptr<const Topic>, std::less<>>& topics() const {
    return topics_;
  }
  const Topic* find(std::string_view name) const;
  const Topic* find(const Uuid& id) const;
  // The topic that `name` collides with: equal when '.' is read as '_'. Null when none.
  const Topic* colliding(std::string_view name) const;

  // Configs by resource name. Empty for a resource that has none.
  const ConfigMap& configs(ResourceType type, std::string_view name) const;
  const std::map<std::string, ConfigMap, std::less<>>& resources(ResourceType type) const;

  std::int64_t partition_total() const { return partition_total_; }
  std::int64_t next_producer_id() const { return next_producer_id_; }
  // Counts applied changes; tells snapshots apart.
  std::uint64_t version() const { return version_; }

  // Checks `change` against this state and applies it. Unchanged on an error (CatalogErrc).
  Result<> apply(const CatalogChange& change);

 private:
  Result<> create(const CreateTopic& change);
  Result<> remove(const DeleteTopic& change);
  Result<> grow(const GrowTopic& change);
  Result<> replace(const ReplaceConfigs& change);

  std::map<std::string, std::shared_ptr<const Topic>, std::less<>> topics_;
  std::unordered_map<Uuid, std::shared_ptr<const Topic>> by_id_;
  std::map<std::string, std::string, std::less<>> folded_;  // name with '.' as '_' → name
  std::map<ResourceType, std::map<std::string, ConfigMap, std::less<>>> configs_;
  std::int64_t partition_total_ = 0;
  std::int64_t next_producer_id_ = 0;
  std::uint64_t version_ = 0;
};

using CatalogSnapshot = std::shared_ptr<const Catalog>;

// Kafka's rule: 1 to 249 of [a-zA-Z0-9._-], not "." or "..". Returns why not, or an empty text.
std::string_view topic_name_fault(std::string_view name);
// __consumer_offsets, __transaction_state, __share_group_state, __sluice_schedules.
bool is_internal_topic(std::string_view name);
// Those of them that keep the last record of each key. The last two hold changes: they are cut
// behind what is superseded.
bool is_compacted_internal_topic(std::string_view name);

// Uuid::to_string() read back: 22 characters of base64url.
std::optional<Uuid> parse_uuid(std::string_view text);

}  // namespace sluice::broker

template <>
struct std::is_error_code_enum<sluice::broker::CatalogErrc> : std::true_type {};
