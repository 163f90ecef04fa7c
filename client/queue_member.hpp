// One member of a share group, as a state machine without I/O (KIP-932): which heartbeat is due,
// and what its answer means.
//
// The driver asks next() what to do, does it, and reports the outcome. Epoch 0 joins, the broker's
// answer gives the epoch of the next one. A member that the broker does not know any more, or that
// it fenced, joins again under the same id; what it was assigned is void until then.
#pragma once

#include "base/clock.hpp"
#include "protocol/error_code.hpp"
#include "protocol/messages/share_group_heartbeat.hpp"
#include "sluice/ids.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::client {

// A partition as share groups name it.
struct QueuePartition {
  TopicId topic;
  PartitionIndex partition = 0;
  friend auto operator<=>(const QueuePartition&, const QueuePartition&) = default;
  friend bool operator==(const QueuePartition&, const QueuePartition&) = default;
};

class QueueMember {
 public:
  enum class Step : std::uint8_t { idle, wait, find_coordinator, heartbeat, failed };
  struct Action {
    Step step = Step::idle;
    TimePoint at{};  // wait: until then, unless something changes
  };

  QueueMember(std::string group_id, std::string member_id, std::chrono::milliseconds retry_backoff)
      : group_id_(std::move(group_id)),
        member_id_(std::move(member_id)),
        retry_backoff_(retry_backoff) {}

  // Sets the topics, of which the next heartbeat tells. Requires: not empty.
  void subscribe(std::vector<std::string> topics);
  Action next(TimePoint now) const;

  // The heartbeat to send. Lifetime: its views are valid until subscribe().
  protocol::ShareGroupHeartbeatRequest heartbeat();
  // The one that says that we leave.
  protocol::ShareGroupHeartbeatRequest farewell() const;

  void on_coordinator(bool found, TimePoint now);
  void on_heartbeat(const protocol::ShareGroupHeartbeatResponse& response, TimePoint now);
  // The connection broke, or there was no answer in time.
  void on_disconnect(TimePoint now);
  void on_left();

  bool joined() const { return epoch_ > 0; }
  const std::vector<QueuePartition>& assigned() const { return assigned_; }
  // Grows whenever assigned() changes.
  std::uint64_t revision() const { return revision_; }
  const std::vector<std::string>& topics() const { return topics_; }
  const std::string& member_id() const { return member_id_; }
  // The broker's error that ended the membership; none while there is none.
  protocol::ErrorCode failure() const { return failure_; }

 private:
  void set_assigned(std::vector<QueuePartition> partitions);
  void join_again();
  void on_error(protocol::ErrorCode error, TimePoint now);

  std::string group_id_;
  std::string member_id_;
  std::chrono::milliseconds retry_backoff_;
  std::vector<std::string> topics_;
  bool topics_told_ = false;
  bool coordinator_known_ = false;
  std::int32_t epoch_ = 0;
  TimePoint next_heartbeat_{};
  TimePoint not_before_{};
  std::vector<QueuePartition> assigned_;
  std::uint64_t revision_ = 0;
  protocol::ErrorCode failure_ = protocol::ErrorCode::none;
};

}  // namespace sluice::client
