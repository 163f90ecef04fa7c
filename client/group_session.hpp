// Carries out what a GroupMember decides: the requests to the coordinator, and what they mean for
// the partitions that are fetched.
// Internal: includes Asio; public headers do not include this.
#pragma once

#include "client/cluster.hpp"
#include "client/fetch_state.hpp"
#include "client/fetcher.hpp"
#include "client/group_member.hpp"
#include "client/offsets.hpp"
#include "sluice/consumer.hpp"

#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace sluice::client {

class GroupSession {
 public:
  GroupSession(Cluster& cluster, FetchState& state, Fetcher& fetcher,
               const ConsumerOptions& options);

  // Starts the member's life at the first call.
  void subscribe(std::vector<std::string> topics);
  // The same for all topics whose whole name matches, as they come and go.
  void subscribe(std::regex pattern);
  bool active() const { return started_ && !stopping_; }
  void stop() {
    stopping_ = true;
    work_.notify();
    rest_.notify();
  }

  // The next offsets of all positions that moved since they were committed.
  std::map<TopicPartition, CommittedOffset> uncommitted() const;
  Task<Result<>> commit(std::map<TopicPartition, CommittedOffset> offsets, TimePoint deadline);
  Task<Result<std::map<TopicPartition, CommittedOffset>>> committed(
      std::vector<TopicPartition> partitions, TimePoint deadline);
  // Tells the coordinator that we are gone. Static members stay, as Kafka's clients do.
  Task<Result<>> leave(TimePoint deadline);

  std::optional<Rebalance> take_rebalance();
  // Why the membership ended for good; empty while it has not.
  std::optional<Error> failure() const;
  const std::optional<Error>& trouble() const { return trouble_; }

 private:
  void start();
  // Applies the pattern, if metadata or pattern changed since it was applied.
  void match_topics();
  static Task<> run(GroupSession* self);
  Task<Result<Cluster::Link>> coordinator(TimePoint deadline,
                                          Purpose purpose = Purpose::coordinator);
  Task<> find_coordinator();
  Task<> release();
  Task<> join();
  Task<> sync();
  Task<> heartbeat();
  void notice_lost();
  // Stops reading these and remembers it for the user.
  void give_up(const std::vector<TopicPartition>& partitions);
  void note(const Error& error);
  void watch_metadata(TimePoint now);
  static Task<> refresh(GroupSession* self);
  PartitionCounts partition_counts(const std::set<std::string>& topics) const;

  Cluster& cluster_;
  FetchState& state_;
  Fetcher& fetcher_;
  const ConsumerOptions& options_;
  GroupMember member_;
  std::optional<std::regex> pattern_;
  std::optional<std::uint64_t>
      matched_revision_;  // of the metadata that the pattern was applied to
  Signal work_;
  Signal rest_;  // between two refreshes; only a stop ends it early
  bool started_ = false;
  bool stopping_ = false;
  bool refreshing_ = false;
  BrokerId coordinator_ = -1;
  std::map<TopicPartition, Offset> committed_;  // what we committed last
  PartitionCounts assigned_counts_;             // of the last assignment that we made as leader
  std::optional<Rebalance> rebalance_;
  std::optional<Error> trouble_;
};

}  // namespace sluice::client
