// What a client knows of the cluster: brokers, topics, leaders. A cache without I/O.
#pragma once

#include "base/clock.hpp"
#include "protocol/messages/metadata.hpp"
#include "sluice/types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::client {

class MetadataCache {
 public:
  explicit MetadataCache(std::chrono::milliseconds max_age) : max_age_(max_age) {}

  // Takes an answer to a request for wanted() topics.
  void update(const protocol::MetadataResponse& response, TimePoint now);
  // The next stale() says yes.
  void invalidate() { fresh_until_.reset(); }
  bool stale(TimePoint now) const { return !fresh_until_ || now >= *fresh_until_; }

  // Grows with each answer: whatever was derived from the cache holds while it is the same.
  std::uint64_t revision() const { return revision_; }

  // Adds a topic to those that refreshes ask for. True when it is new.
  bool want(std::string_view topic);
  const std::set<std::string, std::less<>>& wanted() const { return wanted_; }

  // Refreshes ask for all topics, for a subscription by pattern. Until it is called with no.
  enum class All : bool { no, yes };
  void want_all(All all);
  bool wants_all() const { return all_ == All::yes; }
  // Topics without an error, internal ones left out.
  std::vector<std::string> topic_names() const;

  // Null when unknown. Topics that the broker answered with an error are here, with the error.
  // Lifetime: until the next update().
  const TopicInfo* topic(std::string_view name) const;
  const TopicInfo* topic(const TopicId& id) const;
  const PartitionInfo* partition(std::string_view topic, PartitionIndex index) const;
  const BrokerInfo* broker(BrokerId id) const;
  const std::vector<BrokerInfo>& brokers() const { return brokers_; }
  const std::string& cluster_id() const { return cluster_id_; }
  BrokerId controller() const { return controller_; }

 private:
  std::chrono::milliseconds max_age_;
  std::optional<TimePoint> fresh_until_;
  std::uint64_t revision_ = 0;
  All all_ = All::no;
  std::set<std::string, std::less<>> wanted_;
  std::vector<BrokerInfo> brokers_;
  std::map<std::string, TopicInfo, std::less<>> topics_;
  std::string cluster_id_;
  BrokerId controller_ = -1;
};

// The topic as values, out of an answer.
TopicInfo topic_info(const protocol::MetadataResponse::Topic& topic);

}  // namespace sluice::client
