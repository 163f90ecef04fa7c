// Rounds as a table for people and as JSON for programs.
#pragma once

#include "tools/sluice/bench_round.hpp"
#include "tools/sluice/table.hpp"

#include <string>
#include <vector>

namespace sluice::bench {

// The rounds of one broker, in the order in which they ran.
struct Series {
  std::string broker;
  std::vector<Round> rounds;
};

// The middle one of `values`, the mean of the middle two; 0 of none.
double median(std::vector<double> values);

// What is printed of a series, by name: the median of each figure over its rounds.
struct Figures {
  double mb_per_s = 0;
  double records_per_s = 0;
  double requests_per_s = 0;
  double p50_us = 0, p90_us = 0, p99_us = 0, p999_us = 0, max_us = 0, mean_us = 0;
  std::optional<double> cpu_s_per_gb;
  std::uint64_t unsent = 0, lost = 0;  // sums
};
Figures figures_of(const Round& round);
Figures figures_of(const Series& series);

std::string_view name_of(Mode mode);
// "BROKER", perhaps "PEER" and "RATIO" (broker / peer) side by side.
std::string table_of(const std::vector<Series>& series, cli::Style style);
// One object; its schema is in bench/README.md.
std::string json_of(const Settings& settings, const std::vector<Series>& series);

}  // namespace sluice::bench
