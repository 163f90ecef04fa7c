// Carries one GroupCoordinator (group_coordinator.hpp): reads its partition of __consumer_offsets
// at start, appends what it wants stored, keeps its time and brings replies to those who wait.
//
// Order: writes are appended in the order the coordinator made them; those of one turn of the event
// loop share batches, so that commits that arrive together cost one write.
#pragma once

#include "base/event.hpp"
#include "base/task_group.hpp"
#include "base/timer.hpp"
#include "broker/group_coordinator.hpp"
#include "broker/shard.hpp"
#include "broker/share/share_groups.hpp"
#include "broker/state_log.hpp"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::broker {

class GroupShell {
 public:
  GroupShell(Shard& shard, PartitionKey key, GroupOptions options);
  ~GroupShell();
  GroupShell(const GroupShell&) = delete;
  GroupShell& operator=(const GroupShell&) = delete;

  // Begins to read the partition; until that is done requests are answered
  // COORDINATOR_LOAD_IN_PROGRESS.
  void start();
  // Answers everything parked with COORDINATOR_LOAD_IN_PROGRESS.
  void abandon();
  // Ends the tasks; what is being stored is finished first.
  Task<> stop();

  // Requests that may wait. Lifetime: the request is borrowed until the first suspension only.
  Task<JoinReply> join(JoinRequest request);
  Task<SyncReply> sync(SyncRequest request);
  Task<LeaveReply> leave(LeaveRequest request);
  Task<CommitReply> commit(CommitRequest request);
  Task<DeleteOffsetsReply> delete_offsets(DeleteOffsetsRequest request);
  Task<DeleteGroupsReply> delete_groups(std::vector<std::string_view> group_ids);

  // Requests that never wait.
  ErrorCode heartbeat(const GroupHeartbeat& request);
  FetchOffsetsReply fetch(const FetchOffsetsRequest& request) const {
    return coordinator_.fetch(request);
  }
  DescribedGroup describe(std::string_view group_id, std::int16_t api_version) const {
    return coordinator_.describe(group_id, api_version);
  }
  GroupListReply list(const GroupListFilter& filter) const { return coordinator_.list(filter); }
  bool loaded() const { return coordinator_.loaded(); }
  std::vector<std::string> group_ids() const { return coordinator_.group_ids(); }
  std::optional<GroupOverview> overview(std::string_view group_id) const {
    return coordinator_.overview(group_id);
  }

  // Share groups: members only.
  ShareHeartbeatReply share_heartbeat(const ShareHeartbeat& request);
  const ShareGroups& share_groups() const { return share_groups_; }

  void topic_deleted(const Topic& topic);
  void set_options(const GroupOptions& options) { coordinator_.set_options(options); }

 private:
  struct Parked {
    Event arrived;
    std::optional<GroupReply> reply;
  };

  GroupTime now() const;
  std::optional<TimePoint> next_deadline() const;
  template <class Reply, class Call>
  Task<Reply> ask(Call call);
  void settle();
  Task<> load();
  Task<> flush_writes();
  Task<> write(std::vector<std::uint64_t> ids, std::vector<std::byte> batch);
  Task<> keep_time();

  Shard& shard_;
  StateLog log_;
  GroupCoordinator coordinator_;
  ShareGroups share_groups_;
  std::unordered_map<RequestToken, Parked*> parked_;
  RequestToken next_token_ = 1;
  std::unique_ptr<Timer> timer_;
  std::optional<TimePoint> armed_;
  Event time_changed_;
  bool waiting_for_work_ = false;
  bool flush_posted_ = false;
  bool closed_ = false;  // abandoned: requests are refused at once
  bool stopping_ = false;
  TaskGroup tasks_;
};

// Broker options as the coordinator takes them.
GroupOptions group_options(const Options& options);

}  // namespace sluice::broker
