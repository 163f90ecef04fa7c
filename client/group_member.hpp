// One member of a consumer group, as a state machine without I/O (classic protocol, KIP-62,
// KIP-345, KIP-394, KIP-429).
//
// The driver asks next() what to do, does it, and reports the outcome; nothing here waits, sends or
// reads a clock. Times are passed in. The order of a rebalance is
//   find_coordinator -> join -> sync -> heartbeat … heartbeat -> (told to rejoin) -> join …
// and before a join an eager member gives up what it holds (release), so that the driver can
// commit.
#pragma once

#include "base/clock.hpp"
#include "client/assignor.hpp"
#include "protocol/error_code.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::client {

struct GroupMemberOptions {
  std::string group_id;
  std::optional<std::string> instance_id;
  std::vector<Assignor> assignors = {
      Assignor::range};  // in order of preference; not mixed eager/cooperative
  std::chrono::milliseconds session_timeout{45'000};
  std::chrono::milliseconds rebalance_timeout{300'000};
  std::chrono::milliseconds heartbeat_interval{3'000};
  std::chrono::milliseconds retry_backoff{100};
};

class GroupMember {
 public:
  enum class Step : std::uint8_t {
    idle,
    wait,
    find_coordinator,
    release,
    join,
    sync,
    heartbeat,
    failed
  };
  struct Action {
    Step step = Step::idle;
    TimePoint at{};  // wait: until then, unless something changes
  };
  struct JoinOutcome {
    protocol::ErrorCode error = protocol::ErrorCode::none;
    std::int32_t generation = -1;
    std::string protocol;
    std::string leader;
    std::string member_id;
    bool skip_assignment = false;
    std::vector<GroupMemberInfo> members;  // for the leader
  };
  // What changed for the user after a sync.
  struct Change {
    std::vector<TopicPartition> revoked;
    std::vector<TopicPartition> added;
  };

  explicit GroupMember(GroupMemberOptions options) : options_(std::move(options)) {}

  // Sets the topics; a running member rejoins when they differ.
  void subscribe(std::vector<std::string> topics);
  // Joins again at the next chance: the partition counts of a topic changed, say.
  void rejoin();

  Action next(TimePoint now) const;

  void on_coordinator(bool found, TimePoint now);
  void on_released();
  void on_join(const JoinOutcome& outcome, TimePoint now);
  // `assignment` is what the coordinator gave us. Returns what changed (empty on an error).
  Change on_sync(protocol::ErrorCode error, std::vector<TopicPartition> assignment, TimePoint now);
  void on_heartbeat(protocol::ErrorCode error, TimePoint now);
  // An OffsetCommit was refused with this error; it may tell that we are out.
  void on_commit_error(protocol::ErrorCode error, TimePoint now);
  // The connection to the coordinator broke or timed out, whatever was being asked.
  void on_disconnect(TimePoint now);
  // We left on purpose.
  void on_left();

  bool leads() const { return leads_; }
  bool stable() const { return phase_ == Phase::stable; }
  bool cooperative() const;
  // Partitions were lost without a chance to commit (session expired, fenced); cleared by reading.
  std::vector<TopicPartition> take_lost() { return std::exchange(lost_, {}); }
  const std::vector<TopicPartition>& assigned() const { return assigned_; }
  const std::string& member_id() const { return member_id_; }
  std::int32_t generation() const { return generation_; }
  const std::string& protocol() const { return protocol_; }
  // For the leader between join and sync.
  const std::vector<GroupMemberInfo>& members() const { return members_; }
  Assignor chosen() const;
  const std::vector<std::string>& topics() const { return topics_; }
  const GroupMemberOptions& options() const { return options_; }
  // The broker's error that ended the membership; step() is `failed`.
  protocol::ErrorCode failure() const { return failure_; }
  // What to tell the coordinator that we want and hold.
  Subscription subscription() const;

 private:
  enum class Phase : std::uint8_t { idle, joining, syncing, stable, failed };

  void start_over(bool forget_member);
  void lose_all();
  // Reacts to an error that any of the group calls may answer.
  void on_error(protocol::ErrorCode error, TimePoint now);

  GroupMemberOptions options_;
  std::vector<std::string> topics_;
  Phase phase_ = Phase::idle;
  bool coordinator_known_ = false;
  bool must_release_ = false;
  bool rejoin_wanted_ = false;
  bool leads_ = false;
  TimePoint not_before_{};
  TimePoint next_heartbeat_{};
  std::string member_id_;
  std::int32_t generation_ = -1;
  std::string protocol_;
  std::vector<GroupMemberInfo> members_;
  std::vector<TopicPartition> assigned_;
  std::int32_t assigned_generation_ = -1;
  std::vector<TopicPartition> held_last_;  // for the sticky assignor: released before a join
  std::vector<TopicPartition> lost_;
  protocol::ErrorCode failure_ = protocol::ErrorCode::none;
};

}  // namespace sluice::client
