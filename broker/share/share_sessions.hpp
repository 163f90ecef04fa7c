// The share sessions of one connection, sans-IO (KIP-932): which partitions a member reads, and the
// rules of the epoch: 0 opens, then 1, 2, …; -1 ends it. They end with the connection.
#pragma once

#include "broker/share/share_groups.hpp"
#include "protocol/messages/share_acknowledge.hpp"
#include "protocol/messages/share_fetch.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::broker {

// Counts the share sessions of a broker, over its connections. Thread-safe.
class ShareSessionPlaces {
 public:
  // Held by the session; null: there are `max` of them (group.share.max.share.sessions).
  std::shared_ptr<const void> take(std::size_t max);

 private:
  using Count = std::atomic<std::size_t>;
  std::shared_ptr<Count> taken_ = std::make_shared<Count>(0);
};

struct ShareSession {
  std::string group;
  std::string member;
  std::uint64_t number = 0;  // unique on this broker
  std::int32_t next_epoch = 1;
  std::shared_ptr<const void> place;
  std::vector<ShareTopicPartition> targets;  // in the order in which they are to be read
};

class ShareSessions {
 public:
  struct Plan {
    ErrorCode error = ErrorCode::none;
    ShareSession* session = nullptr;
    bool ends = false;                   // released when the request is answered
    std::vector<ShareSession> replaced;  // what it held is to be released first
  };
  Plan begin(const protocol::ShareFetchRequest& request, std::uint64_t new_number,
             ShareSessionPlaces& places, std::size_t sessions_max);
  Plan begin(const protocol::ShareAcknowledgeRequest& request);
  void end(const ShareSession& session);
  // All of them, when the connection is over.
  std::vector<ShareSession> take_all();

 private:
  using Key = std::pair<std::string, std::string>;
  Plan advance(std::string_view group, std::string_view member, std::int32_t epoch);
  std::map<Key, ShareSession> sessions_;
};

}  // namespace sluice::broker
