// `sluice bench`: a load generator for sluiced and for any other Kafka broker.
#pragma once

#include "tools/sluice/bench_round.hpp"
#include "tools/sluice/cli.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

struct BenchOptions {
  bench::Settings settings;
  std::string acks = "all";
  std::string from = "earliest";
  std::vector<std::string> topic_configs;  // NAME=VALUE
  std::vector<std::string> group_configs;  // NAME=VALUE
  std::string peer;                        // HOST:PORT of the broker to compare with
  int rounds = 1;
  std::optional<int> broker_pid;
  std::optional<int> peer_pid;
};
Exit bench(const Global& global, const BenchOptions& options);

}  // namespace sluice::cli

namespace CLI {
class App;
}

namespace sluice::cli {
// Declares the options of `sluice bench MODE` on the subcommand of that mode.
void add_bench_options(CLI::App& app, bench::Mode mode, BenchOptions& options);
}  // namespace sluice::cli
