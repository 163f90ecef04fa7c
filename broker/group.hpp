// One classic consumer group: membership, generations, rebalances. Sans-IO: no sockets, no clock,
// no disk. Calls carry the time; what a call leads to (answers to parked requests, records to
// store) is put into GroupEffects. Used by GroupCoordinator only.
//
// States and transitions, as in Kafka:
//
//   Empty ──join──> PreparingRebalance ──all joined, or time is up──> CompletingRebalance
//     ^                ^   │ no member left                             │ leader's assignments
//     └────────────────┼───┘                                            v stored
//                      └──join, leave, crash, changed metadata──────  Stable
//
// Invariants: a parked request is answered exactly once; all members that got an answer to their
// join in one generation got the same generation and leader; a member that waits for nothing has a
// session deadline; assignments are given out only after they are durable.
// Source: Kafka's classic group protocol (KIP-62, KIP-345 static members, KIP-394 member ids,
// KIP-559 protocol names, KIP-814 skip assignment).
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "broker/group_types.hpp"
#include "broker/offsets_records.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

enum class GroupState : std::uint8_t {
  empty,
  preparing_rebalance,
  completing_rebalance,
  stable,
  dead
};

// As the protocol spells it: "Empty", "PreparingRebalance", "CompletingRebalance", "Stable",
// "Dead".
std::string_view to_text(GroupState state);

// A generation to store. The group waits for written(id, …).
struct GroupWrite {
  std::uint64_t id = 0;
  GroupRecord record;
};

struct GroupEffects {
  std::vector<GroupCompletion> completed;
  std::vector<GroupWrite> writes;
};

struct SupportedProtocol {
  std::string name;
  Blob metadata;

  bool operator==(const SupportedProtocol&) const = default;
};

struct GroupMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  std::chrono::milliseconds rebalance_timeout{0};
  std::chrono::milliseconds session_timeout{0};
  std::vector<SupportedProtocol> protocols;  // most preferred first, each name once
  Blob assignment;
  bool is_new = false;                  // has never got a generation: may time out while parked
  std::optional<RequestToken> joining;  // its parked JoinGroup
  std::optional<RequestToken> syncing;  // its parked SyncGroup
  std::optional<TimePoint> deadline;  // of the session; none while a parked request keeps it alive
};

class GroupCore {
 public:
  // A new, Empty group. `options` and `random` must outlive it.
  GroupCore(std::string group_id, const GroupOptions& options, Random& random,
            std::int64_t wall_ms);
  // A group as it was stored: Stable if it has members, else Empty. Sessions begin with
  // start_sessions().
  GroupCore(std::string group_id, const GroupOptions& options, Random& random,
            const GroupRecord& stored);

  GroupCore(const GroupCore&) = delete;
  GroupCore& operator=(const GroupCore&) = delete;

  // Join and sync are answered through `effects`, at once or later.
  // Requires: request.session_timeout is within the options' bounds.
  void join(const JoinRequest& request, RequestToken token, GroupTime now, GroupEffects& effects);
  void sync(const SyncRequest& request, RequestToken token, GroupTime now, GroupEffects& effects);
  ErrorCode heartbeat(const GroupHeartbeat& request, GroupTime now);
  // The reply may be sent when the writes of `effects`, if any, are durable.
  LeaveReply leave(const LeaveRequest& request, GroupTime now, GroupEffects& effects);
  // Whether this member may commit offsets now; keeps its session alive.
  ErrorCode check_commit(const CommitRequest& request, GroupTime now);

  // Does what is due at `now`: sessions, join and sync phases. Early calls do no harm.
  void tick(GroupTime now, GroupEffects& effects);
  // When tick() must be called next; may be earlier than anything is due.
  std::optional<TimePoint> next_deadline() const { return wake_; }

  // A GroupWrite is durable (`error` none) or failed.
  void written(std::uint64_t write, ErrorCode error, GroupTime now, GroupEffects& effects);

  // Gives every loaded member a fresh session. Call once, when replay is done.
  void start_sessions(GroupTime now);
  // Answers everything parked with `error`: the coordinator stops.
  void abandon(ErrorCode error, GroupEffects& effects);

  const std::string& id() const { return id_; }
  GroupState state() const { return state_; }
  std::int32_t generation() const { return generation_; }
  const std::string& leader() const { return leader_; }
  // Empty: nobody has joined yet (an offsets-only, "simple" group).
  const std::string& protocol_type() const { return protocol_type_; }
  // Wall time of the last change of state; -1 when it was not stored.
  std::int64_t state_ms() const { return state_ms_; }
  bool has_pending_members() const { return !pending_members_.empty(); }
  std::size_t parked_count() const;
  const std::map<std::string, GroupMember, std::less<>>& members() const { return members_; }
  // What it keeps in memory, roughly.
  std::size_t bytes() const { return bytes_; }
  // True once a generation of it may be in the log, so that deleting it needs a tombstone.
  bool was_stored() const { return was_stored_; }

  bool uses_consumer_protocol() const { return protocol_type_ == "consumer"; }
  // Whether offsets of the topic are in use by the members. A consumer group whose subscriptions
  // cannot be read counts as subscribed to everything.
  bool is_subscribed_to(std::string_view topic) const;
  // True when the subscriptions are known (a consumer group whose metadata parsed).
  bool knows_subscriptions() const { return subscribed_topics_.has_value(); }

  DescribedGroup describe() const;
  ListedGroup list() const;

 private:
  enum class WriteKind : std::uint8_t { assignment, emptied, static_member };
  struct PendingWrite {
    WriteKind kind;
    std::int32_t generation = 0;
    std::map<std::string, Blob> assignments;  // WriteKind::assignment
    // WriteKind::static_member: what to answer, or to return to.
    RequestToken token = 0;
    std::int16_t api_version = 0;
    std::string new_member_id;
    std::string old_leader;
    GroupMember before;
  };

  // group.cpp
  void join_new_member(const JoinRequest&, RequestToken, GroupTime, GroupEffects&);
  void join_known_member(const JoinRequest&, RequestToken, GroupTime, GroupEffects&);
  void join_pending_id(const JoinRequest&, RequestToken, GroupTime, GroupEffects&);
  void rejoin(GroupMember&, const JoinRequest&, RequestToken, GroupTime, GroupEffects&);
  void replace_static_member(const JoinRequest&, const std::string& new_id, RequestToken, GroupTime,
                             GroupEffects&);
  void sync_completing(const SyncRequest&, RequestToken, GroupMember&, GroupEffects&);
  void static_member_written(const PendingWrite&, ErrorCode, GroupTime, GroupEffects&);
  void leave_one(const LeavingMember&, LeftMember&, GroupEffects&);
  bool accepts(std::string_view member_id) const;
  bool supports(const JoinRequest&) const;
  ErrorCode validate_member(std::string_view member_id,
                            const std::optional<std::string_view>& instance_id) const;
  ErrorCode validate_sync(const SyncRequest&) const;
  JoinReply current_generation(const GroupMember&) const;
  std::vector<JoinedMember> joined_members() const;
  std::string new_member_id(const JoinRequest&);

  // group_rebalance.cpp
  void rebalance_or_complete(GroupTime, GroupEffects&);
  void prepare_rebalance(GroupTime, GroupEffects&);
  void maybe_complete_join(GroupTime, GroupEffects&);
  void complete_join(GroupTime, GroupEffects&);
  void remove_absent_members(GroupEffects&);
  void next_generation(GroupTime);
  void initial_delay_over(GroupTime, GroupEffects&);
  void sync_phase_over(GroupTime, GroupEffects&);
  void session_over(const std::string& member_id, GroupTime, GroupEffects&);
  void synced(const std::string& member_id);
  void propagate(ErrorCode, GroupTime, GroupEffects&);
  bool elect_joined_leader();
  std::string select_protocol() const;
  void compute_subscriptions();
  void transition(GroupState, GroupTime);
  bool all_joined() const { return joining_count_ == members_.size() && pending_members_.empty(); }
  std::chrono::milliseconds rebalance_timeout() const;

  // group_members.cpp
  static std::vector<SupportedProtocol> protocols_of(const JoinRequest&);
  GroupMember& add_member(const JoinRequest&, const std::string& id, RequestToken);
  void add_member(GroupMember member);
  void remove_member(const std::string& id, GroupEffects&);
  void update_member(GroupMember&, const JoinRequest&, RequestToken, GroupEffects&);
  GroupMember& rename_member(const std::string& old_id, const std::string& new_id, GroupEffects&);
  void set_assignment(GroupMember&, Blob);
  void set_protocols(GroupMember&, std::vector<SupportedProtocol>);
  bool answer_join(GroupMember&, JoinReply, GroupEffects&);
  bool answer_sync(GroupMember&, SyncReply, GroupEffects&);
  void count_protocols(const GroupMember&, int by);
  void keep_alive(GroupMember&, GroupTime, std::chrono::milliseconds);
  void wake_at(TimePoint);
  GroupRecord snapshot(const std::map<std::string, Blob>* assignments) const;
  void add_write(PendingWrite, GroupRecord, GroupEffects&);

  std::string id_;
  const GroupOptions& options_;
  Random& random_;

  GroupState state_ = GroupState::empty;
  GroupState previous_state_ = GroupState::dead;
  std::int64_t state_ms_;
  std::int32_t generation_ = 0;
  std::string protocol_type_;
  std::string protocol_;  // empty: none chosen
  std::string leader_;    // empty: none
  std::map<std::string, GroupMember, std::less<>> members_;
  std::map<std::string, std::string, std::less<>> static_members_;       // instance id → member id
  std::map<std::string, TimePoint, std::less<>> pending_members_;        // id given out → deadline
  std::set<std::string, std::less<>> pending_sync_;                      // have not synced yet
  std::map<std::string, std::size_t, std::less<>> supported_protocols_;  // name → members
  std::optional<std::set<std::string, std::less<>>> subscribed_topics_;
  std::size_t joining_count_ = 0;

  std::optional<TimePoint> join_deadline_;
  bool initial_rebalance_ = false;  // join_deadline_ is that of the initial delay
  bool new_member_added_ = false;   // since the initial delay began or was last extended
  std::chrono::milliseconds initial_delay_{0};
  std::chrono::milliseconds initial_remaining_{0};
  std::optional<TimePoint> sync_deadline_;
  std::optional<TimePoint> wake_;

  std::map<std::uint64_t, PendingWrite> pending_writes_;
  std::uint64_t next_write_ = 1;
  std::size_t bytes_ = 0;
  bool was_stored_ = false;
};

}  // namespace sluice::broker
