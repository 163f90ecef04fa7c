// What is behind a Consumer: positions and buffers, the fetcher, the group.
// Everything here belongs to the loop, unless it says "from any thread".
// Internal: includes Asio; public headers only forward-declare this.
#pragma once

#include "client/cluster.hpp"
#include "client/fetch_state.hpp"
#include "client/fetcher.hpp"
#include "client/group_session.hpp"
#include "sluice/consumer.hpp"

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::client {

class ConsumerCore {
 public:
  using Records = Consumer::Records;

  ConsumerCore(ConsumerOptions options, std::unique_ptr<Cluster> cluster);
  // Leaves the group, so that others need not wait for the session timeout.
  ~ConsumerCore();

  // From any thread.
  Loop& loop() { return cluster_->loop(); }
  Cluster& cluster() { return *cluster_; }
  const ConsumerOptions& options() const { return options_; }
  TimePoint until(const Deadline& deadline) const {
    return deadline.or_after(options_.client.request_timeout);
  }

  FetchState& state() { return state_; }
  Fetcher& fetcher() { return fetcher_; }
  GroupSession& group() { return group_; }

  Result<> subscribe(std::vector<std::string> topics);
  Result<> subscribe_pattern(const std::string& pattern);
  // Records that are there without waiting; empty: use poll().
  Result<Records> try_poll();
  // Takes nothing once a stop was requested.
  Task<Result<Records>> poll(TimePoint deadline, std::stop_token stop);
  Task<Result<>> assign(Consumer::Partitions partitions, TimePoint until);
  // Without offsets: the positions.
  Task<Result<>> commit(std::optional<Consumer::Offsets> offsets, TimePoint until);
  void commit_in_background();
  Task<Result<std::map<TopicPartition, CommittedOffset>>> committed(Consumer::Partitions partitions,
                                                                    TimePoint until);
  Task<Result<std::map<TopicPartition, TimestampOffset>>> offsets_for_times(
      std::map<TopicPartition, std::int64_t> times, TimePoint until);
  Task<Result<Consumer::Partitions>> partitions_of(std::string topic, TimePoint until);
  Task<Result<>> close(TimePoint until);
  // Gives up what was not flushed, and waits until nothing runs any more. Idempotent.
  Task<Result<>> stop();

 private:
  // What poll() must tell its caller.
  std::optional<Error> failure();
  void commit_if_due();
  static Task<> commit_later(ConsumerCore* self);
  Result<> usable(bool needs_group) const;

  ConsumerOptions options_;
  std::unique_ptr<Cluster> cluster_;
  FetchState state_;
  Fetcher fetcher_;
  GroupSession group_;
  TimePoint next_commit_{};
  bool committing_ = false;
  bool stopped_ = false;
};

}  // namespace sluice::client
