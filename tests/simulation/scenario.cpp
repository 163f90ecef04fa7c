#include "tests/simulation/scenario.hpp"

#include "tests/simulation/setup.hpp"

#include <cerrno>

namespace sluice::simulation {

using protocol::ErrorCode;

namespace {

constexpr int start_attempts = 20;
constexpr std::chrono::seconds patience{300};  // for clients to end what they have begun

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

}  // namespace

Scenario::Scenario(std::uint64_t seed)
    : random_(seed * 977 + 13),
      world_(seed, disk_options(SeededRandom(seed)), network_options(SeededRandom(seed))),
      options_(options()),
      group_(world_.verdict, "group"),
      queue_ledger_(world_.verdict, world_.ledger, "queue-group", "dlq.letters"),
      timed_ledger_(world_.verdict) {}

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
  options.group_share_min_record_lock_duration_ms = 1000;
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
  Setup setup(world_, random_.next());
  const std::uint64_t topics = 1 + random_.below(2);
  for (std::uint64_t i = 0; i < topics; ++i) {
    const std::string name = "plain-" + std::to_string(i);
    const auto partitions = static_cast<std::int32_t>(1 + random_.below(2));
    world_.machine.sim_run(setup.make_topic(name, partitions, {}));
    for (PartitionIndex index = 0; index < partitions; ++index) places_.push_back({name, index});
  }
  if (random_.below(2) == 0) make_queue(setup);
  timed_ = random_.below(3) == 0;
  if (timed_)
    world_.machine.sim_run(setup.make_topic("timed", 1, {{"sluice.schedule.enable", "true"}}));
}

// A share group of its own, with a dead-letter topic.
void Scenario::make_queue(Setup& setup) {
  Machine& machine = world_.machine;
  const std::string letters = "dlq.letters";
  machine.sim_run(setup.make_topic(letters, 1, {{"errors.deadletterqueue.group.enable", "true"}}));
  const auto partitions = static_cast<std::int32_t>(1 + random_.below(2));
  machine.sim_run(setup.make_topic("queue", partitions, {}));
  queue_topic_ = setup.topic();
  Configs configs{{"share.auto.offset.reset", "earliest"},
                  {"share.record.lock.duration.ms", "1000"},
                  {"errors.deadletterqueue.topic.name", letters}};
  machine.sim_run(setup.configure_group("queue-group", configs));
  for (PartitionIndex index = 0; index < partitions; ++index) queue_.push_back({"queue", index});
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
  const std::uint64_t members = random_.below(4);
  for (std::uint64_t i = 0; i < members; ++i) {
    members_.push_back(std::make_unique<Member>(world_, random_.next(), group_, places_));
    world_.clients.spawn(members_.back()->run());
  }
  if (!queue_.empty()) start_queue_clients();
  if (timed_) start_timed_clients();
}

void Scenario::start_queue_clients() {
  const auto number = static_cast<std::uint32_t>(producers_.size() + 1);
  producers_.push_back(
      std::make_unique<Producer>(world_, random_.next(), number, queue_, random_.below(2) == 0));
  world_.clients.spawn(producers_.back()->run());
  const std::uint64_t workers = 1 + random_.below(3);
  for (std::uint64_t i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(world_, random_.next(),
                                                "worker-" + std::to_string(i), queue_ledger_,
                                                queue_topic_, queue_));
    world_.clients.spawn(workers_.back()->run());
  }
  undertaker_ = std::make_unique<Undertaker>(world_, random_.next(), queue_ledger_);
  world_.clients.spawn(undertaker_->run(queue_));
}

void Scenario::start_timed_clients() {
  const Place place{"timed", 0};
  const auto number = static_cast<std::uint32_t>(producers_.size() + 1);
  timed_producer_ =
      std::make_unique<TimedProducer>(world_, random_.next(), number, timed_ledger_, place);
  world_.clients.spawn(timed_producer_->run());
  timed_reader_ = std::make_unique<TimedReader>(world_, random_.next(), timed_ledger_, place);
  world_.clients.spawn(timed_reader_->run());
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
  for (const auto* places : {&places_, &queue_}) {
    for (const Place& place : *places) {
      Reader reader(world_, random_.next(), place);
      if (!world_.verdict.failed()) world_.machine.sim_run(reader.audit());
    }
  }
  if (members_.empty() || world_.verdict.failed()) return;
  Member member(world_, random_.next(), group_, places_);
  world_.machine.sim_run(member.audit());
}

// Clients wait for ever: for what?
std::string Scenario::stuck() const {
  std::string text = "clients wait for ever: " + std::to_string(world_.clients.running());
  if (timed_ledger_.open() > 0)
    text += "; " + std::to_string(timed_ledger_.open()) + " scheduled records have not come";
  for (const Place& place : queue_)
    if (const auto open = queue_ledger_.open(place); !open.empty())
      text += "; " + std::to_string(open.size()) + " records of " + place.text() +
              " are neither accepted nor dead letters, the first is " +
              std::to_string(open.front());
  return text;
}

// The disk is well and the network whole: everything that was begun comes to its end.
void Scenario::finish() {
  Machine& machine = world_.machine;
  world_.ending = true;
  if (world_.verdict.failed()) world_.network.break_off();
  const TimePoint deadline = machine.sim().clock().now() + patience;
  while (world_.clients.running() > 0 && machine.sim().clock().now() < deadline) machine.step();
  if (world_.clients.running() > 0) world_.verdict.fail(stuck());
  if (!world_.verdict.failed()) audit();
  if (machine.is_up()) (void)machine.stop();
  world_.network.break_off();
  while (world_.clients.running() > 0) machine.step();
}

}  // namespace sluice::simulation
