// Share groups on the simulated network: one group, its members and its sessions, as simple as the
// protocol allows. Locks run on simulated time; a session ends with its connection.
#pragma once

#include "protocol/messages/all.hpp"
#include "tests/unit/client/sim_network.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::client {

class SimQueueCluster final : public SimCluster {
 public:
  using SimCluster::SimCluster;

  struct Record {
    enum class State : std::uint8_t { available, acquired, accepted, rejected };
    State state = State::available;
    const void* connection = nullptr;
    TimePoint until{};
    std::int16_t deliveries = 0;
    std::int64_t delay_ms = -1;  // as the last acknowledgement said
    std::string reason;          // the same
  };
  using Key = std::pair<std::string, PartitionIndex>;

  const std::map<Offset, Record>& records(const std::string& topic, PartitionIndex partition) {
    return shares_[{topic, partition}];
  }
  std::size_t count(Record::State state) const;

  std::vector<std::byte> serve(BrokerId at, const void* connection,
                               const protocol::RequestFrame& request) override;
  Duration patience(const protocol::RequestFrame& request) override;
  bool has_records(BrokerId at, const protocol::RequestFrame& request) override;
  void on_close(const void* connection) override;
  bool serves(std::int16_t api_key) const override { return is_sluice || api_key < 10'000; }

  bool is_sluice = true;
  bool knows_members = true;  // false: heartbeats beyond the first are refused, once
  std::chrono::milliseconds lock_duration{30'000};
  std::vector<std::string> topics;
  std::int64_t renewals = 0;
  std::int64_t acknowledge_requests = 0;
  TimePoint last_acknowledged{};

 private:
  struct Session {
    std::int32_t next_epoch = 1;
    std::set<Key> targets;
  };

  std::vector<std::byte> heartbeat(const protocol::RequestFrame& request);
  std::vector<std::byte> fetch(BrokerId at, const void* connection,
                               const protocol::RequestFrame& request);
  std::vector<std::byte> acknowledge(BrokerId at, const void* connection,
                                     const protocol::RequestFrame& request);
  protocol::ErrorCode advance(const void* connection, std::int32_t epoch);
  template <class Batches>
  protocol::ErrorCode take(const void* connection, const Key& key, const Batches& batches);
  void expire();
  Key key_of(const TopicId& id, PartitionIndex partition) const;
  bool anything(BrokerId at, const Key& key);

  std::map<Key, std::map<Offset, Record>> shares_;
  std::map<const void*, Session> sessions_;
  std::map<std::string, std::int32_t, std::less<>> members_;  // epochs
};

}  // namespace sluice::client
