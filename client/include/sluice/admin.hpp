// Admin: topics, configs, groups, offsets and the cluster, by blocking calls.
#pragma once

#include "sluice/error.hpp"
#include "sluice/export.hpp"
#include "sluice/result.hpp"
#include "sluice/types.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

struct ClusterInfo {
  std::string id;
  BrokerId controller = -1;
  std::vector<BrokerInfo> brokers;
};

struct ConfigSetting {
  std::string name;
  std::optional<std::string> value;  // null: back to the default
};

enum class Commit : std::uint8_t { yes, dry_run };

struct NewTopic {
  std::string name;
  std::int32_t partitions = -1;   // -1: the broker's default
  std::int16_t replication = -1;  // -1: the broker's default
  std::vector<ConfigSetting> configs;
};

enum class ResourceType : std::int8_t { topic = 2, broker = 4, group = 32 };
struct Resource {
  ResourceType type = ResourceType::topic;
  std::string name;  // of a broker: its number
};

enum class ConfigSource : std::int8_t {
  unknown = 0,
  topic = 1,
  dynamic_broker = 2,
  dynamic_default_broker = 3,
  static_broker = 4,
  default_value = 5,
  dynamic_logger = 6,
  client_metrics = 7,
  group = 8,
};
SLUICE_EXPORT std::string_view source_name(ConfigSource source);

struct ConfigEntry {
  std::string name;
  std::optional<std::string> value;  // null when it is sensitive
  ConfigSource source = ConfigSource::unknown;
  bool read_only = false;
  bool sensitive = false;
};

struct GroupListing {
  std::string id;
  std::string protocol_type;
  std::string state;  // as the broker spells it: "Stable", "Empty", …; empty if it does not say
  std::string type;   // "classic", "consumer", …
};

struct GroupMemberDescription {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string host;
  std::vector<TopicPartition> assignment;
};

struct GroupDescription {
  std::string id;
  std::string state;
  std::string type;
  std::string protocol_type;
  std::string protocol;  // of a consumer group: its assignor
  BrokerId coordinator = -1;
  std::vector<GroupMemberDescription> members;
};

namespace client {
class AdminCore;
// Ends a client; inside a completion without waiting for it.
struct SLUICE_EXPORT RetireAdmin {
  void operator()(AdminCore* core) const;
};
}  // namespace client

// Errors of all calls: Errc::unreachable, ::timed_out, ::disconnected, ::unsupported,
// ::malformed_response, and the broker's error with its message in the context.
class SLUICE_EXPORT Admin {
 public:
  // Connects at first use. Errors: Errc::invalid_argument.
  static Result<Admin> create(ClientOptions options);
  ~Admin();
  Admin(Admin&&) noexcept;
  Admin& operator=(Admin&&) noexcept;

  Result<ClusterInfo> cluster(Deadline deadline = {});

  // All topics, or these; a topic that does not exist comes with its error.
  Result<std::vector<TopicInfo>> topics(Deadline deadline = {});
  Result<std::vector<TopicInfo>> topics(const std::vector<std::string>& names,
                                        Deadline deadline = {});
  Result<> create_topic(const NewTopic& topic, Commit commit = Commit::yes, Deadline deadline = {});
  Result<> delete_topic(const std::string& name, Deadline deadline = {});
  // Grows a topic to `total` partitions.
  Result<> create_partitions(const std::string& topic, std::int32_t total,
                             Commit commit = Commit::yes, Deadline deadline = {});

  Result<std::vector<ConfigEntry>> configs(const Resource& resource, Deadline deadline = {});
  Result<> alter_configs(const Resource& resource, const std::vector<ConfigSetting>& settings,
                         Commit commit = Commit::yes, Deadline deadline = {});

  // Bytes on disk by partition, replicas counted each; all topics.
  Result<std::map<TopicPartition, std::int64_t>> sizes(Deadline deadline = {});
  Result<std::map<TopicPartition, TimestampOffset>> offsets(
      const std::map<TopicPartition, std::int64_t>& at, Deadline deadline = {});
  // Removes records before these offsets (-1: all). Returns the new first offsets.
  Result<std::map<TopicPartition, Offset>> delete_records(
      const std::map<TopicPartition, Offset>& before, Deadline deadline = {});

  Result<std::vector<GroupListing>> groups(Deadline deadline = {});
  // Error GROUP_ID_NOT_FOUND where the broker knows no such group, else state "Dead".
  Result<GroupDescription> describe_group(const std::string& id, Deadline deadline = {});
  Result<std::map<TopicPartition, CommittedOffset>> group_offsets(const std::string& id,
                                                                  Deadline deadline = {});
  Result<> alter_group_offsets(const std::string& id,
                               const std::map<TopicPartition, CommittedOffset>& offsets,
                               Deadline deadline = {});
  Result<> delete_group(const std::string& id, Deadline deadline = {});

 private:
  using Core = std::unique_ptr<client::AdminCore, client::RetireAdmin>;
  explicit Admin(Core core);
  Core core_;
};

}  // namespace sluice
