// One run of the whole broker, chosen by its seed: a machine with a disk of some kind, topics,
// clients, and a few rounds of work that end in a power cut, the death of the process, an orderly
// restart or a failing disk. After each start everything that clients know is compared with what
// the broker has.
#pragma once

#include "tests/simulation/group_ledger.hpp"
#include "tests/simulation/member.hpp"
#include "tests/simulation/producer.hpp"
#include "tests/simulation/queue_ledger.hpp"
#include "tests/simulation/reader.hpp"
#include "tests/simulation/setup.hpp"
#include "tests/simulation/timed.hpp"
#include "tests/simulation/worker.hpp"
#include "tests/simulation/world.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::simulation {

// What a run came to, beside its violation.
struct Outcome {
  std::optional<std::string> violation;
  std::uint64_t trace = 0;   // Trace::hash()
  std::uint64_t events = 0;  // how many it is over
  std::uint64_t crashes = 0;
  std::uint64_t acked_records = 0;
  std::uint64_t read_records = 0;
  Duration simulated{};
};

class Scenario {
 public:
  explicit Scenario(std::uint64_t seed);
  Outcome run();

 private:
  broker::Options options();
  bool come_up();
  void make_topics();
  void make_queue(Setup& setup);
  void start_clients();
  void start_queue_clients();
  void start_timed_clients();
  void round();
  void go_down();
  void audit();
  void finish();
  std::string stuck() const;

  SeededRandom random_;
  World world_;
  broker::Options options_;
  std::vector<Place> places_;
  std::vector<std::unique_ptr<Producer>> producers_;
  std::vector<std::unique_ptr<Reader>> readers_;
  GroupLedger group_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<Place> queue_;  // empty: there is none
  TopicId queue_topic_;
  QueueLedger queue_ledger_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Undertaker> undertaker_;
  bool timed_ = false;  // whether there is a topic whose records wait
  TimedLedger timed_ledger_;
  std::unique_ptr<TimedProducer> timed_producer_;
  std::unique_ptr<TimedReader> timed_reader_;
};

}  // namespace sluice::simulation
