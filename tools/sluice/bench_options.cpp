#include "tools/sluice/bench.hpp"

#include <CLI/CLI.hpp>

namespace sluice::cli {
namespace {

// "64KiB", "1MB", "100" as a number of bytes.
CLI::Option* add_size(CLI::App& app, const char* name, std::size_t& size, const char* about) {
  return app.add_option(name, size, about)->transform(CLI::AsSizeValue(false))->type_name("SIZE");
}

// "10s", "500ms", "10" as seconds.
CLI::Option* add_seconds(CLI::App& app, const char* name, double& seconds, const char* about) {
  static const std::map<std::string, double> units{{"ms", 0.001}, {"s", 1}, {"m", 60}};
  return app.add_option(name, seconds, about)
      ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_SENSITIVE))
      ->check(CLI::NonNegativeNumber)
      ->type_name("TIME");
}

void add_produce_options(CLI::App& app, BenchOptions& options) {
  auto& s = options.settings;
  add_size(app, "--batch-bytes", s.batch_bytes, "A batch at most; 0: one record each (64KiB)");
  app.add_option("--connections", s.connections, "Connections; number i writes partition i mod P")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--rate", s.rate,
                 "Records a second on a fixed schedule (default: as fast as answers come)")
      ->check(CLI::NonNegativeNumber);
}

void add_fetch_options(CLI::App& app, BenchOptions& options) {
  auto& s = options.settings;
  app.add_option("--connections", s.connections, "Connections; number i reads partition i mod P")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  add_size(app, "--fetch-bytes", s.fetch_bytes, "What a fetch asks for (1MiB)");
  app.add_option("--from", options.from, "earliest or an offset")->capture_default_str();
  add_size(app, "--bytes", s.total_bytes, "Stop after so many bytes, not by time");
  app.add_option("--passes", s.passes, "Read everything so many times, not by time")
      ->check(CLI::NonNegativeNumber);
  add_size(app, "--fill", s.fill_bytes, "Write so much first");
  add_size(app, "--batch-bytes", s.batch_bytes, "A batch of --fill at most (64KiB)");
}

void add_share_options(CLI::App& app, BenchOptions& options) {
  auto& s = options.settings;
  s.connections = 4;
  s.in_flight = 100;
  app.add_option("--connections", s.connections, "Consumers, each on a connection of its own")
      ->check(CLI::Range(1, 200))
      ->capture_default_str();
  app.add_option("--fetch-records", s.share_records, "Records that a consumer asks for at a time")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--released-percent", s.released_percent,
                 "Release so many records when they come for the first time")
      ->check(CLI::Range(0, 100));
  app.add_option("-g,--group-config", options.group_configs, "NAME=VALUE of the group; may repeat");
  app.add_option("--rate", s.rate,
                 "Publish so many records a second meanwhile, each in a request of its own, and "
                 "tell how long they take (default: take what was written, as fast as can be)")
      ->check(CLI::NonNegativeNumber);
  add_size(app, "--fill", s.fill_bytes, "Write so much first");
  add_size(app, "--batch-bytes", s.batch_bytes, "A batch of --fill at most (64KiB)");
}

}  // namespace

void add_bench_options(CLI::App& app, bench::Mode mode, BenchOptions& options) {
  auto& s = options.settings;
  s.mode = mode;
  if (mode == bench::Mode::produce) add_produce_options(app, options);
  if (mode == bench::Mode::fetch) add_fetch_options(app, options);
  if (mode == bench::Mode::share) {
    add_share_options(app, options);
  } else if (mode != bench::Mode::latency) {
    app.add_option("--partitions", s.partitions, "Partitions of a new topic")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str();
  } else {
    s.rate = 1000;
    s.in_flight = 100;
    app.add_option("--rate", s.rate, "Records a second, each in a request of its own")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
  }
  if (mode != bench::Mode::fetch) {  // they produce
    app.add_option("--in-flight", s.in_flight, "Requests without an answer, a connection")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str();
    app.add_option("-a,--acks", options.acks, "0, 1 or all")
        ->check(CLI::IsMember({"0", "1", "all", "-1"}))
        ->capture_default_str();
  }
  add_size(app, "--record-bytes", s.record_bytes, "The value of a record (1KiB)")
      ->check(CLI::Range(1, 100'000'000));
  add_seconds(app, "--duration", s.duration_seconds, "How long to measure (10s)");
  add_seconds(app, "--warmup", s.warmup_seconds, "How long to run before that (1s)");
  app.add_option("-t,--topic", s.topic,
                 "Topic, made if missing (default: a new one a round, deleted afterwards)")
      ->type_name("TOPIC");
  app.add_option("-c,--topic-config", options.topic_configs,
                 "NAME=VALUE of a new topic; may repeat");
  app.add_flag("--keep", s.keep_topic, "Do not delete the topic that was made");
  app.add_flag("--check", s.check, "Verify the checksum of every fetched batch");
  app.add_option("--peer", options.peer, "HOST:PORT of a broker to run the same on, in turns");
  app.add_option("--rounds", options.rounds, "Rounds, each on every broker; medians are shown")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--broker-pid", options.broker_pid,
                 "Process of the broker: tells its CPU seconds per GB");
  app.add_option("--peer-pid", options.peer_pid, "The same of the peer");
}

}  // namespace sluice::cli
