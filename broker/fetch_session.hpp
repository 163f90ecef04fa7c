// Incremental fetch sessions (KIP-227), sans-IO: which partitions a client reads, and which of them
// an incremental reply has to mention.
//
// A session belongs to the connection that made it and ends with it: a client that reconnects is
// answered FETCH_SESSION_ID_NOT_FOUND and starts over with a full fetch, as it would after the
// broker had dropped an idle session.
#pragma once

#include "broker/share/share_sessions.hpp"
#include "protocol/error_code.hpp"
#include "protocol/ids.hpp"
#include "protocol/messages/fetch.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

// One partition of a fetch, with where its next records are wanted from.
struct FetchTarget {
  std::string topic_name;  // empty when the topic is addressed by id
  TopicId topic_id;
  PartitionIndex index = 0;
  Offset offset = 0;
  std::int32_t max_bytes = 0;
  LeaderEpoch current_leader_epoch = -1;
  LeaderEpoch last_fetched_epoch = -1;
  // What the client was told last; an incremental reply leaves out what has not changed.
  Offset told_high_watermark = -1;
  Offset told_log_start = -1;
};

class FetchSession {
 public:
  FetchSession(std::int32_t id, bool by_id) : id_(id), by_id_(by_id) {}

  std::int32_t id() const { return id_; }
  bool by_id() const { return by_id_; }
  std::int32_t next_epoch() const { return next_epoch_; }
  // 1, 2, … and from 2147483647 to 1 again.
  void advance_epoch() { next_epoch_ = next_epoch_ == 0x7fffffff ? 1 : next_epoch_ + 1; }

  // Adds, changes and forgets what the request names.
  void update(const protocol::FetchRequest& request);
  // In the order in which they are to be read.
  std::list<FetchTarget>& targets() { return targets_; }
  // Those that returned data go last, so that none starves.
  void move_to_end(const std::vector<const FetchTarget*>& served);
  bool empty() const { return targets_.empty(); }

 private:
  struct Key {
    std::string name;
    TopicId id;
    PartitionIndex index;
    auto operator<=>(const Key&) const = default;
  };
  Key key_of(std::string_view name, const TopicId& id, PartitionIndex index) const;

  std::int32_t id_;
  bool by_id_;
  std::int32_t next_epoch_ = 1;
  std::list<FetchTarget> targets_;
  std::map<Key, std::list<FetchTarget>::iterator> index_;
};

// The session of one connection and the rules of the epoch field.
class FetchSessions {
 public:
  struct Plan {
    protocol::ErrorCode error = protocol::ErrorCode::none;
    FetchSession* session = nullptr;  // null: sessionless, take `targets`
    bool incremental = false;
    std::vector<FetchTarget> targets;  // of a sessionless fetch
  };
  // `new_id` is used if the request starts a session: positive, not used before on this broker.
  Plan begin(const protocol::FetchRequest& request, std::int16_t version, std::int32_t new_id);
  // The share sessions of the same connection.
  ShareSessions& share() { return share_; }

 private:
  std::unique_ptr<FetchSession> session_;
  ShareSessions share_;
};

}  // namespace sluice::broker
