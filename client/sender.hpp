// Carries batches from an Accumulator to the leaders of their partitions.
// Internal: includes Asio; public headers do not include this.
#pragma once

#include "client/accumulator.hpp"
#include "client/cluster.hpp"

#include <map>
#include <set>
#include <utility>
#include <vector>

namespace sluice::client {

struct SenderOptions {
  Acks acks = Acks::all;
  std::size_t request_size_max = 1024 * 1024;
  int requests_in_flight = in_flight_idempotent_max;  // to one broker
};

class Sender {
 public:
  Sender(Cluster& cluster, Accumulator& accumulator, SenderOptions options)
      : cluster_(cluster),
        accumulator_(accumulator),
        options_(options),
        work_(cluster.loop()),
        finished_(cluster.loop()) {}

  void start() { cluster_.spawn(run()); }
  // Lets run() end; the cluster is closed and the loop drained after this.
  void stop() {
    stopping_ = true;
    work_.notify();
  }
  // Reports what the accumulator gave up, after the end.
  void report_rest() { report(); }
  // There may be something to send.
  void wake() { work_.notify(); }
  // Notified when batches may have come to their end, well or not.
  Signal& finished() { return finished_; }
  // Whether partitions may have been added since the last call.
  bool take_metadata_change() { return std::exchange(metadata_changed_, false); }

 private:
  using Batches = std::vector<Accumulator::BatchPtr>;

  Task<> run();
  // Tells whoever waits for batches that came to their end.
  void report();
  Task<> get_identity();
  Task<> refresh_metadata();
  // Takes what is ready and starts a request for each broker. True when a leader is not known.
  bool dispatch(TimePoint now);
  static Task<> send(Sender* self, BrokerId leader, Batches batches);
  Task<Result<>> exchange(BrokerId leader, Batches& batches);
  void settle(Accumulator::BatchPtr batch, const ProduceItem& answer);
  // Sends the batches again later, or gives them up when their time is over.
  void return_batch(Accumulator::BatchPtr batch, const Error& error);

  Cluster& cluster_;
  Accumulator& accumulator_;
  SenderOptions options_;
  Signal work_;
  Signal finished_;
  std::map<BrokerId, int> in_flight_;
  bool stopping_ = false;
  bool refreshing_ = false;
  bool identifying_ = false;
  int identity_attempts_ = 0;
  int refresh_attempts_ = 0;
  TimePoint identify_after_{};
  TimePoint refresh_after_{};
  bool metadata_changed_ = false;
  Error last_error_;
};

}  // namespace sluice::client
