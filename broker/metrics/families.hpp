// Every metric that /metrics has: the one table that the text, docs/monitoring.md and the tests
// read.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::broker {

enum class MetricType : std::uint8_t { gauge, counter, histogram };
std::string_view to_string(MetricType type);

// Names follow the conventions of Prometheus: base units, `_total` for counters.
struct MetricFamily {
  std::string_view name;
  MetricType type = MetricType::gauge;
  std::string_view labels;  // by comma, in the order in which they are written
  std::string_view help;
};

// In the order of the text.
std::span<const MetricFamily> metric_families();

}  // namespace sluice::broker
