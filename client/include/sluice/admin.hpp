// Admin: topics, configs, groups, offsets and the cluster.
//
// Each operation in two forms: one that waits for its end, and one that takes a Done and reports
// it. On a Runtime (sluice/runtime.hpp) any thread may call either; sluice/async_admin.hpp takes
// Asio's completion tokens.
#pragma once

#include "sluice/completion.hpp"
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
  // What applies without a setting of the resource's own; null when the broker does not say.
  std::optional<std::string> default_value;
  ConfigSource source = ConfigSource::unknown;
  bool read_only = false;
  bool sensitive = false;
};

// A directory in which a broker keeps logs.
struct LogDirectory {
  BrokerId broker = -1;
  std::string path;
  ErrorCode error = ErrorCode::none;
  std::int64_t total_bytes = -1;  // of its file system; -1: the broker does not say
  std::int64_t free_bytes = -1;
};

struct GroupListing {
  std::string id;
  std::string protocol_type;
  std::string state;  // as the broker spells it: "Stable", "Empty", …; empty if it does not say
  std::string type;   // "classic", "consumer", "share", …; in small letters
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

// What a share group does with records that lie next to each other and are in one state.
struct QueueRange {
  Offset first = 0;
  Offset last = 0;
  std::string
      state;  // "available", "waiting", "acquired", "settling", "dead-lettering", "finished"
  std::int32_t delivery_count = 0;
  std::optional<std::string> member_id;  // who has acquired them
  std::int64_t until_ms = -1;  // end of the lock or of the wait, since the epoch; -1: none
  std::int64_t first_failure_ms = -1;
  std::int64_t last_failure_ms = -1;
  std::optional<std::string> reason;  // of the last failure
};

// What a share group does with the records of one partition.
struct QueuePartition {
  TopicPartition where;
  ErrorCode error = ErrorCode::none;
  Offset start = -1;           // before it all is finished
  Offset end = -1;             // from here on nothing was offered yet
  Offset high_watermark = -1;  // where the partition ends
  std::int64_t acquired = 0;   // records
  std::int64_t waiting = 0;
  std::int64_t settling = 0;
  std::int64_t dead_lettering = 0;
  std::int64_t finished = 0;
  bool more_ranges = false;  // there are more than were asked for
  std::vector<QueueRange> ranges;
};

// What to do with records by hand, whoever holds them.
struct QueueChange {
  enum class Action : std::int8_t { release = 2, reject = 3 };
  TopicPartition where;
  Offset first = 0;
  Offset last = 0;
  Action action = Action::release;
  std::optional<std::string> reason;  // of a reject, for the dead letter
};

// A record that waits for its delivery (`sluice-deliver-at`, `sluice-delay-ms`, a retry topic).
struct Schedule {
  std::string id;                  // its `sluice-schedule-id`
  TopicPartition where;            // empty topic: it was deleted
  std::int64_t deliver_at_ms = 0;  // since the epoch
  std::optional<std::string> key;  // bytes
  std::int64_t value_size = -1;    // bytes; -1: null
};

// Schedules of a topic, or those of one key in it.
struct ScheduleFilter {
  std::string topic;
  std::optional<std::string> key;  // bytes
};

struct SchedulePage {
  std::vector<Schedule> schedules;  // in the order in which they were stored
  std::int64_t pending = 0;         // of all topics
  std::optional<std::string> next;  // the cursor of the next page; null: that was all
};

namespace client {
class AdminCore;
// Ends a client; inside a completion without waiting for it.
struct SLUICE_EXPORT RetireAdmin {
  void operator()(AdminCore* core) const;
};
}  // namespace client

// Errors of all calls: Errc::unreachable, ::timed_out, ::disconnected, ::unsupported,
// ::malformed_response, ::cancelled when the deadline's stop is requested, and the broker's error
// with its message in the context. What is passed by reference is copied before a call returns.
class SLUICE_EXPORT Admin {
 public:
  using Offsets = std::map<TopicPartition, Offset>;
  using FoundOffsets = std::map<TopicPartition, TimestampOffset>;
  using GroupOffsets = std::map<TopicPartition, CommittedOffset>;
  using Sizes = std::map<TopicPartition, std::int64_t>;

  // Connects at first use. Errors: Errc::invalid_argument.
  static Result<Admin> create(ClientOptions options);
  ~Admin();
  Admin(Admin&&) noexcept;
  Admin& operator=(Admin&&) noexcept;

  Result<ClusterInfo> cluster(Deadline deadline = {});
  void cluster(Done<ClusterInfo> done, Deadline deadline = {});

  // All topics, or these; a topic that does not exist comes with its error.
  Result<std::vector<TopicInfo>> topics(Deadline deadline = {});
  Result<std::vector<TopicInfo>> topics(const std::vector<std::string>& names,
                                        Deadline deadline = {});
  void topics(Done<std::vector<TopicInfo>> done, Deadline deadline = {});
  void topics(const std::vector<std::string>& names, Done<std::vector<TopicInfo>> done,
              Deadline deadline = {});
  Result<> create_topic(const NewTopic& topic, Commit commit = Commit::yes, Deadline deadline = {});
  void create_topic(const NewTopic& topic, Commit commit, Done<> done, Deadline deadline = {});
  Result<> delete_topic(const std::string& name, Deadline deadline = {});
  void delete_topic(const std::string& name, Done<> done, Deadline deadline = {});
  // Grows a topic to `total` partitions.
  Result<> create_partitions(const std::string& topic, std::int32_t total,
                             Commit commit = Commit::yes, Deadline deadline = {});
  void create_partitions(const std::string& topic, std::int32_t total, Commit commit, Done<> done,
                         Deadline deadline = {});

  Result<std::vector<ConfigEntry>> configs(const Resource& resource, Deadline deadline = {});
  void configs(const Resource& resource, Done<std::vector<ConfigEntry>> done,
               Deadline deadline = {});
  Result<> alter_configs(const Resource& resource, const std::vector<ConfigSetting>& settings,
                         Commit commit = Commit::yes, Deadline deadline = {});
  void alter_configs(const Resource& resource, const std::vector<ConfigSetting>& settings,
                     Commit commit, Done<> done, Deadline deadline = {});

  // Bytes on disk by partition, replicas counted each; all topics.
  Result<Sizes> sizes(Deadline deadline = {});
  void sizes(Done<Sizes> done, Deadline deadline = {});
  // The directories of all brokers.
  Result<std::vector<LogDirectory>> log_directories(Deadline deadline = {});
  void log_directories(Done<std::vector<LogDirectory>> done, Deadline deadline = {});
  // The offset for each partition: at an OffsetSpec, or at a time in milliseconds.
  Result<FoundOffsets> offsets(const std::map<TopicPartition, std::int64_t>& at,
                               Deadline deadline = {});
  void offsets(const std::map<TopicPartition, std::int64_t>& at, Done<FoundOffsets> done,
               Deadline deadline = {});
  // Removes records before these offsets (-1: all). Returns the new first offsets.
  Result<Offsets> delete_records(const Offsets& before, Deadline deadline = {});
  void delete_records(const Offsets& before, Done<Offsets> done, Deadline deadline = {});

  Result<std::vector<GroupListing>> groups(Deadline deadline = {});
  void groups(Done<std::vector<GroupListing>> done, Deadline deadline = {});
  // Error GROUP_ID_NOT_FOUND where the broker knows no such group, else state "Dead".
  Result<GroupDescription> describe_group(const std::string& id, Deadline deadline = {});
  void describe_group(const std::string& id, Done<GroupDescription> done, Deadline deadline = {});
  Result<GroupOffsets> group_offsets(const std::string& id, Deadline deadline = {});
  void group_offsets(const std::string& id, Done<GroupOffsets> done, Deadline deadline = {});
  Result<> alter_group_offsets(const std::string& id, const GroupOffsets& offsets,
                               Deadline deadline = {});
  void alter_group_offsets(const std::string& id, const GroupOffsets& offsets, Done<> done,
                           Deadline deadline = {});
  Result<> delete_group(const std::string& id, Deadline deadline = {});
  void delete_group(const std::string& id, Done<> done, Deadline deadline = {});

  // The state of a share group's records, of these topics or of all; at most `ranges_max` ranges.
  // Error: Errc::unsupported by a broker that is no sluiced.
  Result<std::vector<QueuePartition>> describe_queue(const std::string& group,
                                                     const std::vector<std::string>& topics = {},
                                                     std::int32_t ranges_max = 1000,
                                                     Deadline deadline = {});
  void describe_queue(const std::string& group, const std::vector<std::string>& topics,
                      std::int32_t ranges_max, Done<std::vector<QueuePartition>> done,
                      Deadline deadline = {});
  // Makes records available now, or gives them up: to the group's dead-letter topic if it has one.
  // Returns how many records that changed. Error: as describe_queue().
  Result<std::int64_t> alter_queue(const std::string& group, const QueueChange& change,
                                   Deadline deadline = {});
  void alter_queue(const std::string& group, const QueueChange& change, Done<std::int64_t> done,
                   Deadline deadline = {});

  // A page of at most `limit` (1 to 10,000) records that wait, of all topics where the filter names
  // none; from the beginning or from the cursor of a page. The broker reads all that wait.
  // Error: as describe_queue(); UNKNOWN_TOPIC_OR_PARTITION.
  Result<SchedulePage> schedules(const ScheduleFilter& filter = {}, std::int32_t limit = 1000,
                                 const std::optional<std::string>& cursor = std::nullopt,
                                 Deadline deadline = {});
  void schedules(const ScheduleFilter& filter, std::int32_t limit,
                 const std::optional<std::string>& cursor, Done<SchedulePage> done,
                 Deadline deadline = {});
  // These are not delivered, which is durable then. Returns how many still waited.
  // Error: as schedules(); INVALID_REQUEST for an id of another form, for no id and no topic.
  Result<std::int64_t> cancel_schedules(const std::vector<std::string>& ids,
                                        Deadline deadline = {});
  void cancel_schedules(const std::vector<std::string>& ids, Done<std::int64_t> done,
                        Deadline deadline = {});
  Result<std::int64_t> cancel_schedules(const ScheduleFilter& filter, Deadline deadline = {});
  void cancel_schedules(const ScheduleFilter& filter, Done<std::int64_t> done,
                        Deadline deadline = {});

 private:
  using Core = std::unique_ptr<client::AdminCore, client::RetireAdmin>;
  explicit Admin(Core core);
  Core core_;
};

}  // namespace sluice
