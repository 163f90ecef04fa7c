// A small cluster behind a simulated network that delays, cuts and reorders: what the whole client
// is tested against without sockets, on simulated time, the same for the same seed.
//
// Requests and answers of one connection keep their order, those of different connections do not. A
// cut loses a request on its way there, or the answer on its way back; either closes the
// connection. Leaders move, and brokers that do not lead refuse.
#pragma once

#include "base/random.hpp"
#include "client/host.hpp"
#include "protocol/frame.hpp"
#include "tests/support/sim_executor.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::client {

struct SimFaults {
  Duration delay_max = std::chrono::milliseconds(20);  // one way
  double cut = 0;                                      // of a request, there or back
  double move = 0;                                     // a leader moves before this request
};

// What brokers keep: logs, and what idempotent producers sent last.
class SimCluster {
 public:
  SimCluster(SimExecutor& sim, std::uint64_t seed, SimFaults faults)
      : faults(faults), sim_(sim), random_(seed) {}
  virtual ~SimCluster() = default;

  void add_topic(const std::string& name, std::int32_t partitions) {
    topics_[name].resize(static_cast<std::size_t>(partitions));
  }
  struct Log {
    BrokerId leader = 1;
    Offset end = 0;
    std::vector<std::shared_ptr<std::vector<std::byte>>> batches;
    struct Sent {
      Sequence base_sequence;
      std::int32_t count;
      Offset base_offset;
    };
    std::map<std::pair<ProducerId, ProducerEpoch>, std::vector<Sent>> producers;
  };
  const Log& log(const std::string& topic, PartitionIndex partition) {
    return topics_.at(topic).at(static_cast<std::size_t>(partition));
  }
  // Values of all records of a partition, in order of offsets.
  std::vector<std::string> values(const std::string& topic, PartitionIndex partition);

  // One request of each kind, at broker `at`.
  void produce(BrokerId at, ProduceItem& item);
  void fetch(BrokerId at, FetchItem& item);
  Result<Frame> answer(BrokerId at, const void* connection, Bytes request);

  // What brokers of a kind of their own do beside it; by default nothing.
  // The answer to a request that is none of the above.
  virtual std::vector<std::byte> serve(BrokerId at, const void* connection,
                                       const protocol::RequestFrame& request);
  // Whether the request waits for records, and how long at most.
  virtual Duration patience(const protocol::RequestFrame&) { return {}; }
  virtual bool has_records(BrokerId, const protocol::RequestFrame&) { return true; }
  virtual void on_close(const void*) {}
  virtual bool serves(std::int16_t) const { return true; }

  bool chance(double probability) {
    return static_cast<double>(random_.below(1'000'000)) < probability * 1e6;
  }
  Duration delay() {
    return Duration(static_cast<std::int64_t>(
        random_.below(static_cast<std::uint64_t>(faults.delay_max.count()) + 1)));
  }
  SimExecutor& sim() { return sim_; }
  Random& random() { return random_; }
  void maybe_move_a_leader();
  bool leads(BrokerId at, std::string_view topic, PartitionIndex partition) {
    const Log* log = find(topic, partition);
    return log != nullptr && log->leader == at;
  }

  // As every broker names it.
  static TopicId topic_id(std::string_view name);

  SimFaults faults;
  int open_connections = 0;
  std::uint64_t cuts = 0;
  std::uint64_t moves = 0;

 private:
  Log* find(std::string_view topic, PartitionIndex partition);
  std::vector<std::byte> metadata(Bytes body, protocol::Version version, CorrelationId id);

  SimExecutor& sim_;
  SeededRandom random_;
  std::map<std::string, std::vector<Log>, std::less<>> topics_;
  ProducerId next_producer_id_ = 1000;
};

class SimChannel final : public Channel {
 public:
  SimChannel(SimCluster& cluster, Address address)
      : cluster_(cluster), address_(std::move(address)), id_(address_.port) {}

  Task<Result<>> open(TimePoint deadline) override;
  bool is_open() const override { return open_; }
  void close() override {
    if (!std::exchange(open_, false)) return;
    --cluster_.open_connections;
    cluster_.on_close(this);
  }
  const Address& address() const override { return address_; }
  const std::string& client_id() const override { return client_id_; }
  protocol::Versions versions(std::int16_t api_key) const override;
  Task<Result<Frame>> exchange(Request request, std::int32_t id, TimePoint deadline) override;
  Task<Result<>> send(Request, TimePoint) override { co_return fail(Errc::unsupported); }
  Task<Result<>> produce(ProduceCall& call, TimePoint deadline) override;
  Task<Result<>> fetch(FetchCall& call, TimePoint deadline) override;

 private:
  // One way through the network, in order.
  Task<bool> travel(TimePoint& last);
  bool cut();

  SimCluster& cluster_;
  Address address_;
  std::string client_id_ = "sim";
  BrokerId id_;
  bool open_ = false;
  TimePoint last_there_{};
  TimePoint last_back_{};
};

class SimHost final : public Host, private Loop {
 public:
  explicit SimHost(SimCluster& cluster) : cluster_(cluster) {}

  Loop& loop() override { return *this; }
  std::vector<Address> bootstrap() const override { return {{"sim", 1}, {"sim", 2}}; }
  std::shared_ptr<Channel> make_channel(Address address, std::string) override {
    return std::make_shared<SimChannel>(cluster_, std::move(address));
  }
  std::unique_ptr<Random> make_random() override {
    return std::make_unique<SeededRandom>(cluster_.random().next());
  }

 private:
  Executor executor() override { return cluster_.sim().executor(); }
  Timers& timers() override { return cluster_.sim().timers(); }
  const Clock& clock() const override { return cluster_.sim().clock(); }
  bool runs_here() const override { return true; }
  void run_some(TimePoint) override { SLUICE_CHECK(cluster_.sim().step()); }
  void poll() override { cluster_.sim().run_until(cluster_.sim().clock().now()); }

  SimCluster& cluster_;
};

}  // namespace sluice::client
