// The share sessions of one connection, sans-IO (KIP-932): which partitions a member reads, and the
// rules of the epoch: 0 opens, then 1, 2, …; -1 ends it. They end with the connection.
#pragma once

#include "broker/share/share_groups.hpp"
#include "protocol/messages/share_acknowledge.hpp"
#include "protocol/messages/share_fetch.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sluice::broker {

struct ShareSession {
  std::string group;
  std::string member;
  std::uint64_t number = 0;  // unique on this broker
  std::int32_t next_epoch = 1;
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
  // `sessions_max`: group.share.max.share.sessions.
  Plan begin(const protocol::ShareFetchRequest& request, std::uint64_t new_number,
             std::size_t sessions_max);
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
