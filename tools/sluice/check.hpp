// `sluice check`: measures a cluster against thresholds, for people and for monitoring systems.
#pragma once

#include "sluice/result.hpp"
#include "tools/sluice/cli.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

// The exit statuses of monitoring plug-ins (Nagios and those that follow it).
enum class Verdict : int { ok = 0, warning = 1, critical = 2, unknown = 3 };
std::string_view verdict_name(Verdict verdict);  // "OK", "WARNING", …

// From when on a value is worth a warning, and from when on it is critical.
struct Threshold {
  enum class Bad : std::uint8_t { high, low };
  double warning = 0;
  double critical = 0;
  Bad bad = Bad::high;

  Verdict judge(double value) const;
};
// "WARN,CRIT". Nothing for another text, or when the warning would come after the critical.
std::optional<Threshold> parse_threshold(std::string_view text, Threshold::Bad bad);

// One thing that was measured.
struct Measure {
  std::string check;    // "lag", "latency", …
  std::string subject;  // of what: a group, a broker; empty: the cluster
  std::optional<double> value;
  std::string unit;  // "ms", "s", "%"; empty: a count
  std::optional<Threshold> threshold;
  Verdict verdict = Verdict::ok;
  std::string message;  // for people
};

// The worst; critical before warning before unknown.
Verdict worst(const std::vector<Measure>& measures);
std::string check_text(const std::vector<Measure>& measures);
// One line for people, with performance data behind a bar.
std::string check_nagios(const std::vector<Measure>& measures);
// The text format of Prometheus, e.g. for node_exporter's textfile collector.
std::string check_prometheus(const std::vector<Measure>& measures);
std::string check_json(const std::vector<Measure>& measures);

struct CheckOptions {
  std::vector<std::string> groups;  // none: all, when a lag is asked for
  std::string lag, lag_seconds, latency_ms, disk_free_percent, dead_letters;  // WARN,CRIT
  std::string output = "text";
};
// Returns a Verdict as exit status.
Exit check(const Global& global, const CheckOptions& options);

}  // namespace sluice::cli
