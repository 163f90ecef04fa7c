// The groups of one partition of __consumer_offsets: membership and committed offsets, sans-IO. It
// belongs to the shard of that partition. It decides; the shell around it (group shell, handlers)
// appends, waits, sleeps and sends.
//
// How to drive it, from one shard:
//
//   // Start: replay the partition's log, oldest record first, then open.
//   for (each record) coordinator.load(key, value);
//   coordinator.finish_load(now);
//
//   // A request that may wait (join, sync, leave, commit, delete…): give it a token, then pump.
//   const RequestToken token = next_token_++;
//   coordinator.join(request, token, now);
//   pump();
//   co_await the reply filed under `token`;
//
//   // Requests that never wait return their reply: heartbeat, fetch, describe, list. Pump after
//   // heartbeat too.
//
//   // After each call: writes go to the log in order, replies to whoever waits, the timer is set.
//   void pump() {
//     for (GroupAppend& write : coordinator.take_writes()) {
//       // Append write.records to the log now, before anything else is appended (several writes
//       // may share one batch; a large one may take several batches). Then, in the background,
//       // wait until they are durable and call
//       //   coordinator.on_durable(write.id, now);       pump();
//       // A refused or failed append:
//       //   coordinator.on_failed(write.id, error, now);  pump();
//     }
//     for (GroupCompletion& done : coordinator.take_completed()) wake(done.token, done.reply);
//     reset_timer(coordinator.next_deadline());  // when due: coordinator.tick(now); pump();
//   }
//
// A token whose client has gone: let the reply come and drop it.
//
// What is durable becomes visible in the order of the log: on_durable(id) stands for every earlier
// write too, so that it does not matter which of several waits ends first. An append that was
// refused is told by on_failed() before the next write is appended.
#pragma once

#include "base/random.hpp"
#include "broker/group.hpp"
#include "broker/group_offsets.hpp"
#include "broker/group_types.hpp"
#include "broker/offsets_records.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::broker {

// Records to append as one unit, and the name of the write.
struct GroupAppend {
  std::uint64_t id = 0;
  std::vector<OffsetsRecord> records;
};

class GroupCoordinator {
 public:
  // `random` must outlive it.
  GroupCoordinator(GroupOptions options, Random& random);

  GroupCoordinator(const GroupCoordinator&) = delete;
  GroupCoordinator& operator=(const GroupCoordinator&) = delete;

  // ---- load
  // One record of the log. False: not a record this broker understands; it is skipped.
  bool load(Bytes key, std::optional<Bytes> value);
  // Until then every request is answered COORDINATOR_LOAD_IN_PROGRESS (heartbeats: no error).
  // Members of stored generations get a fresh session.
  void finish_load(GroupTime now);
  bool loaded() const { return loaded_; }

  // ---- requests that may wait
  void join(const JoinRequest& request, RequestToken token, GroupTime now);
  void sync(const SyncRequest& request, RequestToken token, GroupTime now);
  void leave(const LeaveRequest& request, RequestToken token, GroupTime now);
  void commit(const CommitRequest& request, RequestToken token, GroupTime now);
  void delete_offsets(const DeleteOffsetsRequest& request, RequestToken token, GroupTime now);
  // Those of the groups that belong to this partition.
  void delete_groups(const std::vector<std::string_view>& group_ids, RequestToken token,
                     GroupTime now);
  // A topic is gone: so are the offsets stored for it. Answers nobody.
  void delete_topic_offsets(std::string_view topic, const TopicId& id, GroupTime now);

  // ---- requests that are answered at once
  ErrorCode heartbeat(const GroupHeartbeat& request, GroupTime now);
  // Only durable commits. An unknown group has no offsets, which is no error.
  FetchOffsetsReply fetch(const FetchOffsetsRequest& request) const;
  // An unknown group is Dead; from DescribeGroups v6 on that is GROUP_ID_NOT_FOUND too.
  DescribedGroup describe(std::string_view group_id, std::int16_t api_version) const;
  GroupListReply list(const GroupListFilter& filter) const;
  // Empty while it loads.
  std::vector<std::string> group_ids() const;
  // nullopt: it is gone.
  std::optional<GroupOverview> overview(std::string_view group_id) const;
  bool contains(std::string_view group_id) const { return find(group_id) != nullptr; }

  // ---- what calls lead to
  std::vector<GroupAppend> take_writes();
  bool has_writes() const { return !writes_.empty(); }
  std::vector<GroupCompletion> take_completed();
  void on_durable(std::uint64_t write, GroupTime now);
  // `error`: why, as an error of the append (KAFKA_STORAGE_ERROR, MESSAGE_TOO_LARGE…); the clients
  // get what Kafka makes of it: NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE, UNKNOWN_SERVER_ERROR.
  void on_failed(std::uint64_t write, ErrorCode error, GroupTime now);

  // ---- time
  // When tick() must be called; nullopt: never, for now.
  std::optional<TimePoint> next_deadline() const;
  void tick(GroupTime now);

  // Answers everything that waits with `error`: the broker stops. What is being written stays so.
  void abandon(ErrorCode error);

  // Options that may change while running. Sessions that run keep their timeout.
  void set_options(const GroupOptions& options) { options_ = options; }

  std::size_t group_count() const { return groups_.size(); }
  std::size_t writes_in_flight() const { return pending_.size(); }
  // Requests that wait for other members or for the log.
  std::size_t parked_count() const;
  // What it keeps in memory, roughly; bounded by GroupOptions::state_bytes_max.
  std::size_t state_bytes() const { return state_bytes_; }

 private:
  struct Group {
    // `origin`: a GroupRecord, or the wall time of a new group.
    template <class Origin>
    Group(std::uint64_t number, const std::string& id, const GroupOptions& options, Random& random,
          const Origin& origin)
        : serial(number), core(id, options, random, origin) {}

    std::uint64_t serial;  // tells a group from an earlier one of the same id
    GroupCore core;
    GroupOffsets offsets;
    std::optional<TimePoint> wake;  // its place in wakes_
    std::size_t counted_bytes = 0;  // its part of state_bytes_
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Groups = std::unordered_map<std::string, std::unique_ptr<Group>, TextHash, std::equal_to<>>;

  // The offsets of one group that a write changes.
  struct GroupChanges {
    std::string group_id;
    std::uint64_t serial = 0;
    std::vector<OffsetChange> changes;
  };
  // A write on its way to the log, and what happens when it is durable.
  struct Pending {
    std::uint64_t id = 0;
    std::vector<GroupChanges> offsets;
    std::optional<std::uint64_t> generation;  // GroupWrite::id, of the group in `generation_of`
    std::string generation_of;
    std::uint64_t generation_serial = 0;
    std::optional<GroupCompletion> reply;         // released when durable
    std::vector<std::unique_ptr<Group>> deleted;  // come back if the write fails
  };

  // group_coordinator_log.cpp
  bool load_offset(const OffsetCommitKey& key, std::optional<Bytes> value);
  bool load_group(const std::string& group_id, std::optional<Bytes> value);
  // Puts effects of a group's core into writes and completions and sets its place in wakes_; may
  // drop the group. `held` is released when the writes, if any, are durable.
  void settle(Group& group, GroupEffects effects, std::optional<GroupCompletion> held,
              GroupTime now);
  void add_pending(Pending pending, std::vector<OffsetsRecord> records);
  void add_changes(GroupChanges changes, Pending& pending, std::vector<OffsetsRecord>& records);
  void begin_delete(Group& group, Pending& pending, std::vector<OffsetsRecord>& records);
  void finish(Pending pending, ErrorCode error, GroupTime now);
  void expire(GroupTime now);
  void schedule(Group& group);
  void complete(RequestToken token, GroupReply reply);

  Group* find(std::string_view group_id);
  const Group* find(std::string_view group_id) const;
  Group* find(std::string_view group_id, std::uint64_t serial);
  Group& create(std::string_view group_id, std::int64_t wall_ms);
  std::unique_ptr<Group> take_out(Group& group);
  void put_back(std::unique_ptr<Group> group);
  void drop_if_unused(Group& group);
  void account(Group& group);
  bool has_room(std::size_t more_bytes) const {
    return state_bytes_ + more_bytes <= options_.state_bytes_max;
  }

  GroupOptions options_;
  Random& random_;
  bool loaded_ = false;
  Groups groups_;
  std::set<std::pair<TimePoint, Group*>> wakes_;
  std::optional<TimePoint> next_expiry_;
  std::deque<Pending> pending_;
  std::vector<GroupAppend> writes_;
  std::vector<GroupCompletion> completed_;
  std::uint64_t next_write_ = 1;
  std::uint64_t next_serial_ = 1;
  std::size_t state_bytes_ = 0;
};

}  // namespace sluice::broker
