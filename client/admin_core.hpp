// What is behind Admin: each operation is a coroutine that owns what it was given, so that it may
// be waited for, reported or given up.
// Internal: includes Asio; public headers do not include this.
#pragma once

#include "client/call.hpp"
#include "client/cluster.hpp"
#include "client/offsets.hpp"
#include "client/operation.hpp"
#include "sluice/admin.hpp"

#include <charconv>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::client {

// Success, or the broker's error with its own words.
inline Result<> outcome(protocol::ErrorCode code, std::string context,
                        std::optional<std::string_view> message = std::nullopt) {
  if (code == protocol::ErrorCode::none) return {};
  if (message && message->ends_with('.')) message->remove_suffix(1);
  if (message && !message->empty()) context += ": " + std::string(*message);
  return sluice::fail(make_error_code(code), std::move(context));
}

class AdminCore {
 public:
  explicit AdminCore(std::unique_ptr<Cluster> cluster) : cluster_(std::move(cluster)) {}
  ~AdminCore() {
    if (cluster_->closed()) return;
    const auto stopped = loop().run(stop());
    static_cast<void>(stopped);
    if (loop().runs_here() && !loop().inside())
      loop().poll();  // completions that stop() called for
  }

  Loop& loop() { return cluster_->loop(); }
  Task<Result<>> stop() { return cluster_->stop(); }
  TimePoint until(const Deadline& deadline) const {
    return deadline.or_after(cluster_->options().request_timeout);
  }
  // The two forms of an operation.
  template <class T>
  Result<T> wait(Task<Result<T>> task, const Deadline& deadline) {
    return client::run(*cluster_, std::move(task), deadline);
  }
  template <class T>
  void begin(Task<Result<T>> task, const Deadline& deadline, Done<T> done) {
    client::start(*cluster_, std::move(task), deadline.stop_token(), done);
  }

  Task<Result<ClusterInfo>> describe_cluster(TimePoint until);
  // Null: all topics.
  Task<Result<std::vector<TopicInfo>>> topics(std::optional<std::vector<std::string>> names,
                                              TimePoint until);
  Task<Result<>> create_topic(NewTopic topic, Commit commit, TimePoint until);
  Task<Result<>> delete_topic(std::string name, TimePoint until);
  Task<Result<>> create_partitions(std::string topic, std::int32_t total, Commit commit,
                                   TimePoint until);
  Task<Result<std::vector<ConfigEntry>>> configs(Resource resource, TimePoint until);
  Task<Result<>> alter_configs(Resource resource, std::vector<ConfigSetting> settings,
                               Commit commit, TimePoint until);
  Task<Result<Admin::Sizes>> sizes(TimePoint until);
  Task<Result<std::vector<LogDirectory>>> log_directories(TimePoint until);
  Task<Result<Admin::FoundOffsets>> offsets(std::map<TopicPartition, std::int64_t> at,
                                            TimePoint until);
  Task<Result<Admin::Offsets>> delete_records(Admin::Offsets before, TimePoint until);

  Task<Result<std::vector<GroupListing>>> groups(TimePoint until);
  Task<Result<GroupDescription>> describe_group(std::string id, TimePoint until);
  Task<Result<Admin::GroupOffsets>> group_offsets(std::string id, TimePoint until);
  Task<Result<>> alter_group_offsets(std::string id, Admin::GroupOffsets offsets, TimePoint until);
  Task<Result<>> delete_group(std::string id, TimePoint until);

  Task<Result<std::vector<QueuePartition>>> describe_queue(std::string group,
                                                           std::vector<std::string> topics,
                                                           std::int32_t ranges_max,
                                                           TimePoint until);
  Task<Result<std::int64_t>> alter_queue(std::string group, QueueChange change, TimePoint until);
  Task<Result<SchedulePage>> schedules(ScheduleFilter filter, std::int32_t limit,
                                       std::optional<std::string> cursor, TimePoint until);
  // Either ids or a filter.
  Task<Result<std::int64_t>> cancel_schedules(std::vector<std::string> ids, ScheduleFilter filter,
                                              TimePoint until);

 private:
  std::int32_t timeout_ms() const {
    return static_cast<std::int32_t>(cluster_->options().request_timeout.count());
  }

  template <class Response, class Message>
  Task<Result<Reply<Response>>> ask_controller(const Message& request, TimePoint until) {
    auto link = co_await cluster_->controller(until);
    if (!link) co_return std::unexpected(link.error());
    co_return co_await call<Response>(*link, request, until);
  }
  template <class Response, class Message>
  Task<Result<Reply<Response>>> ask_node(BrokerId node, const Message& request, TimePoint until) {
    auto link = co_await cluster_->node(node, until);
    if (!link) co_return std::unexpected(link.error());
    co_return co_await call<Response>(*link, request, until);
  }
  // A broker's configs are that broker's to tell; all else any may answer.
  template <class Response, class Message>
  Task<Result<Reply<Response>>> ask_owner(const Resource& resource, const Message& request,
                                          TimePoint until) {
    BrokerId node = -1;
    std::from_chars(resource.name.data(), resource.name.data() + resource.name.size(), node);
    if (resource.type != ResourceType::broker || node < 0)
      co_return co_await ask_controller<Response>(request, until);
    const auto known = co_await cluster_->ensure_fresh(until);
    if (!known) co_return std::unexpected(known.error());
    co_return co_await ask_node<Response>(node, request, until);
  }
  Task<Result<Cluster::Link>> coordinator(std::string group, TimePoint until);
  // Asks until no coordinator moves, or the time is up.
  template <class T>
  Task<Result<T>> when_coordinated(std::move_only_function<Task<Result<T>>()> ask, TimePoint until);
  Task<Result<GroupDescription>> describe_group_once(std::string id, TimePoint until);
  Task<Result<Admin::GroupOffsets>> group_offsets_once(std::string id, TimePoint until);
  Task<Result<>> alter_group_offsets_once(std::string id, Admin::GroupOffsets offsets,
                                          TimePoint until);
  Task<Result<>> delete_group_once(std::string id, TimePoint until);

  std::unique_ptr<Cluster> cluster_;
};

}  // namespace sluice::client
