#include "tests/simulation/scenario.hpp"

#include "protocol/messages/create_topics.hpp"

#include <cerrno>

namespace sluice::simulation {

using protocol::ErrorCode;

namespace {

constexpr int start_attempts = 20;
constexpr std::chrono::seconds patience{120};  // for clients to end what they have begun

SimDiskOptions disk_options(SeededRandom random) {
  SimDiskOptions options;
  options.seed = random.next();
  options.expose_stale_blocks = random.below(2) == 0;
  if (random.below(4) == 0) options.alignment = 0;
  if (random.below(3) == 0) options.latency_max = std::chrono::milliseconds(5);
  return options;
}

NetworkOptions network_options(SeededRandom random) {
  NetworkOptions options;
  random.next();
  if (random.below(2) == 0) options.delay_max = std::chrono::milliseconds(20);
  options.cuts = random.below(3) * 50;
  return options;
}

// Makes the topics, however often the broker goes down meanwhile.
class TopicMaker final : public Client {
 public:
  using Client::Client;

  Task<> make(std::string name, std::int32_t partitions) {
    protocol::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = 1;
    for (int attempt = 0; attempt < 100; ++attempt) {
      const auto answer = co_await ask<protocol::CreateTopicsResponse>(request, 5);
      if (!answer) continue;
      const ErrorCode error = answer->body.topics.at(0).error_code;
      if (error == ErrorCode::none || error == ErrorCode::topic_already_exists) co_return;
    }
    world_.verdict.fail("topic " + name + " could not be made");
  }
};

}  // namespace

Scenario::Scenario(std::uint64_t seed)
    : random_(seed * 977 + 13),
      world_(seed, disk_options(SeededRandom(seed)), network_options(SeededRandom(seed))),
      options_(options()) {}

broker::Options Scenario::options() {
  broker::Options options;
  options.log_dir = "/simulated";
  options.listeners.clear();
  options.shards = 1;
  options.cache_bytes = 64 << (10 + random_.below(6));
  options.queued_max_request_bytes = 4 << 20;
  options.log_cleaner_dedupe_buffer_size = 1 << 20;
  options.log_segment_bytes = 16 << (10 + random_.below(6));
  options.log_index_interval_bytes = 512;
  options.offsets_topic_segment_bytes = 16 << 10;
  options.offsets_topic_num_partitions = 1;
  options.group_initial_rebalance_delay_ms = 100;
  options.auto_create_topics_enable = false;
  options.shutdown_timeout_ms = 1000;
  return options;
}

Outcome Scenario::run() {
  if (come_up()) {
    make_topics();
    start_clients();
    const std::uint64_t rounds = 2 + random_.below(4);
    for (std::uint64_t i = 0; i < rounds && !world_.verdict.failed(); ++i) round();
    finish();
  }
  Machine& machine = world_.machine;
  return {.violation = world_.verdict.violation(),
          .trace = machine.trace().hash(),
          .events = machine.trace().events(),
          .crashes = machine.disk().crashes(),
          .acked_records = world_.ledger.acked_records(),
          .read_records = world_.ledger.read_records(),
          .simulated = machine.sim().clock().now() - TimePoint(std::chrono::seconds(1000))};
}

// A crash or a fault during the start is one as any other.
bool Scenario::come_up() {
  Machine& machine = world_.machine;
  for (int attempt = 0; attempt < start_attempts; ++attempt) {
    const auto started = machine.start(options_);
    if (started && !machine.went_down()) return true;
    machine.disk().clear_faults();
    // What a failed sync has lost, reads go on showing: only the disk itself can tell.
    machine.crash();
  }
  world_.verdict.fail("the broker does not start");
  return false;
}

void Scenario::make_topics() {
  TopicMaker maker(world_, random_.next());
  const std::uint64_t topics = 1 + random_.below(2);
  for (std::uint64_t i = 0; i < topics; ++i) {
    const std::string name = "plain-" + std::to_string(i);
    const auto partitions = static_cast<std::int32_t>(1 + random_.below(2));
    world_.machine.sim_run(maker.make(name, partitions));
    for (PartitionIndex index = 0; index < partitions; ++index) places_.push_back({name, index});
  }
}

void Scenario::start_clients() {
  const std::uint64_t producers = 1 + random_.below(3);
  for (std::uint32_t i = 0; i < producers; ++i) {
    producers_.push_back(
        std::make_unique<Producer>(world_, random_.next(), i + 1, places_, random_.below(3) != 0));
    world_.clients.spawn(producers_.back()->run());
  }
  for (const Place& place : places_) {
    if (random_.below(2) == 0) continue;
    readers_.push_back(std::make_unique<Reader>(world_, random_.next(), place));
    world_.clients.spawn(readers_.back()->run());
  }
}

void Scenario::round() {
  Machine& machine = world_.machine;
  SimDisk& disk = machine.disk();
  if (random_.below(3) == 0) disk.crash_at(1 + random_.below(300));
  if (random_.below(3) == 0)
    disk.fail_nth(static_cast<std::uint16_t>(1u << random_.below(11)), 1 + random_.below(40),
                  random_.below(2) == 0 ? EIO : ENOSPC);
  if (random_.below(6) == 0) disk.shorten_nth_write(1 + random_.below(10), random_.below(20'000));
  if (random_.below(6) == 0) disk.set_slow(std::chrono::milliseconds(random_.below(200)));
  machine.run_for(std::chrono::milliseconds(20 + random_.below(1500)));
  go_down();
  if (!world_.verdict.failed() && come_up()) audit();
}

void Scenario::go_down() {
  Machine& machine = world_.machine;
  SimDisk& disk = machine.disk();
  const std::uint64_t how = machine.went_down() ? 0 : random_.below(4);
  if (how == 3) {
    disk.clear_faults();
    (void)machine.stop();  // a failed write before may have left a log that does not close
  }
  world_.network.break_off();
  if (how <= 1) machine.crash();
  if (how == 2) machine.kill();
  disk.crash_at(0);
  disk.clear_faults();
  disk.set_slow({});
}

void Scenario::audit() {
  for (const Place& place : places_) {
    Reader reader(world_, random_.next(), place);
    if (!world_.verdict.failed()) world_.machine.sim_run(reader.audit());
  }
}

// The disk is well and the network whole: everything that was begun comes to its end.
void Scenario::finish() {
  Machine& machine = world_.machine;
  world_.ending = true;
  const TimePoint deadline = machine.sim().clock().now() + patience;
  while (world_.clients.running() > 0 && machine.sim().clock().now() < deadline) machine.step();
  if (world_.clients.running() > 0) {
    world_.verdict.fail("clients wait for ever");
    return;
  }
  if (!world_.verdict.failed()) audit();
  (void)machine.stop();
  world_.network.break_off();
}

}  // namespace sluice::simulation
