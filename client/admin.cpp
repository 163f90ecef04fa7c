// The public face of the admin: each operation waited for, or begun and reported.
#include "sluice/admin.hpp"

#include "client/admin_core.hpp"

#include <array>
#include <utility>

namespace sluice {

std::string_view source_name(ConfigSource source) {
  constexpr std::array<std::string_view, 9> names = {"unknown", "topic",          "broker",
                                                     "cluster", "broker file",    "default",
                                                     "logger",  "client metrics", "group"};
  const auto i = static_cast<std::size_t>(source);
  return i < names.size() ? names[i] : names[0];
}

void client::RetireAdmin::operator()(AdminCore* core) const {
  retire(std::unique_ptr<AdminCore>(core));
}

Admin::Admin(Core core) : core_(std::move(core)) {}
Admin::~Admin() = default;
Admin::Admin(Admin&&) noexcept = default;
Admin& Admin::operator=(Admin&&) noexcept = default;

Result<Admin> Admin::create(ClientOptions options) {
  auto cluster = client::Cluster::create(std::move(options));
  if (!cluster) return std::unexpected(cluster.error());
  return Admin(Core(std::make_unique<client::AdminCore>(std::move(*cluster)).release()));
}

Result<ClusterInfo> Admin::cluster(Deadline deadline) {
  return core_->wait(core_->describe_cluster(core_->until(deadline)), deadline);
}
void Admin::cluster(Done<ClusterInfo> done, Deadline deadline) {
  core_->begin(core_->describe_cluster(core_->until(deadline)), deadline, done);
}

Result<std::vector<TopicInfo>> Admin::topics(Deadline deadline) {
  return core_->wait(core_->topics(std::nullopt, core_->until(deadline)), deadline);
}
void Admin::topics(Done<std::vector<TopicInfo>> done, Deadline deadline) {
  core_->begin(core_->topics(std::nullopt, core_->until(deadline)), deadline, done);
}

Result<std::vector<TopicInfo>> Admin::topics(const std::vector<std::string>& names,
                                             Deadline deadline) {
  return core_->wait(core_->topics(names, core_->until(deadline)), deadline);
}
void Admin::topics(const std::vector<std::string>& names, Done<std::vector<TopicInfo>> done,
                   Deadline deadline) {
  core_->begin(core_->topics(names, core_->until(deadline)), deadline, done);
}

Result<> Admin::create_topic(const NewTopic& topic, Commit commit, Deadline deadline) {
  return core_->wait(core_->create_topic(topic, commit, core_->until(deadline)), deadline);
}
void Admin::create_topic(const NewTopic& topic, Commit commit, Done<> done, Deadline deadline) {
  core_->begin(core_->create_topic(topic, commit, core_->until(deadline)), deadline, done);
}

Result<> Admin::delete_topic(const std::string& name, Deadline deadline) {
  return core_->wait(core_->delete_topic(name, core_->until(deadline)), deadline);
}
void Admin::delete_topic(const std::string& name, Done<> done, Deadline deadline) {
  core_->begin(core_->delete_topic(name, core_->until(deadline)), deadline, done);
}

Result<> Admin::create_partitions(const std::string& topic, std::int32_t total, Commit commit,
                                  Deadline deadline) {
  return core_->wait(core_->create_partitions(topic, total, commit, core_->until(deadline)),
                     deadline);
}
void Admin::create_partitions(const std::string& topic, std::int32_t total, Commit commit,
                              Done<> done, Deadline deadline) {
  core_->begin(core_->create_partitions(topic, total, commit, core_->until(deadline)), deadline,
               done);
}

Result<std::vector<ConfigEntry>> Admin::configs(const Resource& resource, Deadline deadline) {
  return core_->wait(core_->configs(resource, core_->until(deadline)), deadline);
}
void Admin::configs(const Resource& resource, Done<std::vector<ConfigEntry>> done,
                    Deadline deadline) {
  core_->begin(core_->configs(resource, core_->until(deadline)), deadline, done);
}

Result<> Admin::alter_configs(const Resource& resource, const std::vector<ConfigSetting>& settings,
                              Commit commit, Deadline deadline) {
  return core_->wait(core_->alter_configs(resource, settings, commit, core_->until(deadline)),
                     deadline);
}
void Admin::alter_configs(const Resource& resource, const std::vector<ConfigSetting>& settings,
                          Commit commit, Done<> done, Deadline deadline) {
  core_->begin(core_->alter_configs(resource, settings, commit, core_->until(deadline)), deadline,
               done);
}

Result<Admin::Sizes> Admin::sizes(Deadline deadline) {
  return core_->wait(core_->sizes(core_->until(deadline)), deadline);
}
void Admin::sizes(Done<Admin::Sizes> done, Deadline deadline) {
  core_->begin(core_->sizes(core_->until(deadline)), deadline, done);
}

Result<std::vector<LogDirectory>> Admin::log_directories(Deadline deadline) {
  return core_->wait(core_->log_directories(core_->until(deadline)), deadline);
}
void Admin::log_directories(Done<std::vector<LogDirectory>> done, Deadline deadline) {
  core_->begin(core_->log_directories(core_->until(deadline)), deadline, done);
}

Result<Admin::FoundOffsets> Admin::offsets(const std::map<TopicPartition, std::int64_t>& at,
                                           Deadline deadline) {
  return core_->wait(core_->offsets(at, core_->until(deadline)), deadline);
}
void Admin::offsets(const std::map<TopicPartition, std::int64_t>& at,
                    Done<Admin::FoundOffsets> done, Deadline deadline) {
  core_->begin(core_->offsets(at, core_->until(deadline)), deadline, done);
}

Result<Admin::Offsets> Admin::delete_records(const Offsets& before, Deadline deadline) {
  return core_->wait(core_->delete_records(before, core_->until(deadline)), deadline);
}
void Admin::delete_records(const Offsets& before, Done<Admin::Offsets> done, Deadline deadline) {
  core_->begin(core_->delete_records(before, core_->until(deadline)), deadline, done);
}

Result<std::vector<GroupListing>> Admin::groups(Deadline deadline) {
  return core_->wait(core_->groups(core_->until(deadline)), deadline);
}
void Admin::groups(Done<std::vector<GroupListing>> done, Deadline deadline) {
  core_->begin(core_->groups(core_->until(deadline)), deadline, done);
}

Result<GroupDescription> Admin::describe_group(const std::string& id, Deadline deadline) {
  return core_->wait(core_->describe_group(id, core_->until(deadline)), deadline);
}
void Admin::describe_group(const std::string& id, Done<GroupDescription> done, Deadline deadline) {
  core_->begin(core_->describe_group(id, core_->until(deadline)), deadline, done);
}

Result<Admin::GroupOffsets> Admin::group_offsets(const std::string& id, Deadline deadline) {
  return core_->wait(core_->group_offsets(id, core_->until(deadline)), deadline);
}
void Admin::group_offsets(const std::string& id, Done<Admin::GroupOffsets> done,
                          Deadline deadline) {
  core_->begin(core_->group_offsets(id, core_->until(deadline)), deadline, done);
}

Result<> Admin::alter_group_offsets(const std::string& id, const GroupOffsets& offsets,
                                    Deadline deadline) {
  return core_->wait(core_->alter_group_offsets(id, offsets, core_->until(deadline)), deadline);
}
void Admin::alter_group_offsets(const std::string& id, const GroupOffsets& offsets, Done<> done,
                                Deadline deadline) {
  core_->begin(core_->alter_group_offsets(id, offsets, core_->until(deadline)), deadline, done);
}

Result<> Admin::delete_group(const std::string& id, Deadline deadline) {
  return core_->wait(core_->delete_group(id, core_->until(deadline)), deadline);
}
void Admin::delete_group(const std::string& id, Done<> done, Deadline deadline) {
  core_->begin(core_->delete_group(id, core_->until(deadline)), deadline, done);
}

Result<std::vector<QueuePartition>> Admin::describe_queue(const std::string& group,
                                                          const std::vector<std::string>& topics,
                                                          std::int32_t ranges_max,
                                                          Deadline deadline) {
  return core_->wait(core_->describe_queue(group, topics, ranges_max, core_->until(deadline)),
                     deadline);
}
void Admin::describe_queue(const std::string& group, const std::vector<std::string>& topics,
                           std::int32_t ranges_max, Done<std::vector<QueuePartition>> done,
                           Deadline deadline) {
  core_->begin(core_->describe_queue(group, topics, ranges_max, core_->until(deadline)), deadline,
               done);
}

Result<std::int64_t> Admin::alter_queue(const std::string& group, const QueueChange& change,
                                        Deadline deadline) {
  return core_->wait(core_->alter_queue(group, change, core_->until(deadline)), deadline);
}
void Admin::alter_queue(const std::string& group, const QueueChange& change,
                        Done<std::int64_t> done, Deadline deadline) {
  core_->begin(core_->alter_queue(group, change, core_->until(deadline)), deadline, done);
}

Result<SchedulePage> Admin::schedules(const ScheduleFilter& filter, std::int32_t limit,
                                      const std::optional<std::string>& cursor, Deadline deadline) {
  return core_->wait(core_->schedules(filter, limit, cursor, core_->until(deadline)), deadline);
}
void Admin::schedules(const ScheduleFilter& filter, std::int32_t limit,
                      const std::optional<std::string>& cursor, Done<SchedulePage> done,
                      Deadline deadline) {
  core_->begin(core_->schedules(filter, limit, cursor, core_->until(deadline)), deadline, done);
}

Result<std::int64_t> Admin::cancel_schedules(const std::vector<std::string>& ids,
                                             Deadline deadline) {
  return core_->wait(core_->cancel_schedules(ids, {}, core_->until(deadline)), deadline);
}
void Admin::cancel_schedules(const std::vector<std::string>& ids, Done<std::int64_t> done,
                             Deadline deadline) {
  core_->begin(core_->cancel_schedules(ids, {}, core_->until(deadline)), deadline, done);
}

Result<std::int64_t> Admin::cancel_schedules(const ScheduleFilter& filter, Deadline deadline) {
  return core_->wait(core_->cancel_schedules({}, filter, core_->until(deadline)), deadline);
}
void Admin::cancel_schedules(const ScheduleFilter& filter, Done<std::int64_t> done,
                             Deadline deadline) {
  core_->begin(core_->cancel_schedules({}, filter, core_->until(deadline)), deadline, done);
}

}  // namespace sluice
