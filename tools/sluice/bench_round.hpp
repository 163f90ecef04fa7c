// What one measurement is given and what it finds: one mode, one broker, one time.
#pragma once

#include "base/result.hpp"
#include "protocol/ids.hpp"
#include "tools/sluice/bench_frames.hpp"
#include "tools/sluice/bench_histogram.hpp"
#include "tools/sluice/text.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace sluice::bench {

enum class Mode : std::uint8_t { produce, fetch, latency, share };

struct Settings {
  Mode mode = Mode::produce;
  std::size_t batch_bytes = 64 * 1024;  // 0: one record a batch
  std::size_t record_bytes = 1024;
  int in_flight = 5;  // requests of one connection
  int connections = 1;
  std::int32_t partitions = 1;
  double duration_seconds = 10;
  double warmup_seconds = 1;  // before the duration, not counted
  std::int16_t acks = -1;
  double rate = 0;    // records a second; 0: a closed loop
  std::string topic;  // empty: a temporary one
  std::vector<std::pair<std::string, std::string>> topic_configs;
  bool keep_topic = false;
  std::size_t fetch_bytes = 1 << 20;
  std::optional<std::int64_t> from;  // empty: the first offset
  std::uint64_t total_bytes = 0;     // of a fetch; 0: no limit
  int passes = 0;                    // of a fetch; 0: by time or bytes
  std::uint64_t fill_bytes = 0;      // written before a fetch, over all partitions
  bool check = false;
  // Of a share group:
  std::int32_t share_records = 500;  // that a consumer asks for
  int released_percent = 0;          // of the records, when they come for the first time
  std::vector<std::pair<std::string, std::string>> group_configs;
};

// Processor time of a process and all its threads, from /proc.
class CpuMeter {
 public:
  explicit CpuMeter(std::optional<pid_t> pid) : pid_(pid) {}
  // Seconds used so far; nothing without a process to look at.
  std::optional<double> seconds() const;

 private:
  std::optional<pid_t> pid_;
};

struct Round {
  double seconds = 0;
  std::uint64_t requests = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;      // of record batches
  std::uint64_t published = 0;  // records sent in all, those of the warm-up too
  Histogram latency;
  std::optional<double> cpu_seconds;  // of the broker
  std::uint64_t unsent = 0;  // requests of an open loop that were due and not answered in time
  std::uint64_t lost = 0;    // published records that no consumer saw in time
  std::uint64_t passes = 0;  // of a fetch, whole ones

  double mb_per_second() const { return static_cast<double>(bytes) / 1e6 / seconds; }
  double records_per_second() const { return static_cast<double>(records) / seconds; }
  double requests_per_second() const { return static_cast<double>(requests) / seconds; }
  std::optional<double> cpu_seconds_per_gb() const {
    if (!cpu_seconds || bytes == 0) return {};
    return *cpu_seconds / (static_cast<double>(bytes) / 1e9);
  }
};

// The part of a run that counts: after the warm-up, until the duration is over.
class Window {
 public:
  Window(std::int64_t now, const Settings& settings)
      : begin_(now + ns(settings.warmup_seconds)), end_(begin_ + ns(settings.duration_seconds)) {}
  std::int64_t begin() const { return begin_; }
  std::int64_t end() const { return end_; }
  bool holds(std::int64_t at) const { return at >= begin_ && at < end_; }

  static std::int64_t ns(double seconds) {
    constexpr std::int64_t longest = 1'000'000'000'000'000'000;  // 31 years
    return cli::whole_units(seconds * 1e9, longest);
  }

 private:
  std::int64_t begin_;
  std::int64_t end_;
};

// The two readings of the meter around the window; call at() with the time of every turn.
class CpuWindow {
 public:
  explicit CpuWindow(const CpuMeter& meter) : meter_(meter) {}
  void at(std::int64_t now, const Window& window) {
    if (!first_ && now >= window.begin()) first_ = meter_.seconds();
    if (first_ && !last_ && now >= window.end()) last_ = meter_.seconds();
  }
  void finish() {
    if (first_ && !last_) last_ = meter_.seconds();
  }
  std::optional<double> seconds() const {
    if (!first_ || !last_) return {};
    return *last_ - *first_;
  }

 private:
  const CpuMeter& meter_;
  std::optional<double> first_, last_;
};

// A broker and a topic on it.
struct Target {
  std::string address;  // HOST:PORT
  std::string topic;
  TopicId topic_id;
  std::int32_t partitions = 1;
  std::vector<std::int64_t> first_offsets;  // by partition, for a fetch
  std::vector<std::int64_t> end_offsets;
};

// Errc::cancelled after Ctrl-C.
Result<> not_interrupted();

// Errors of all: the broker's, with the request in the context; Errc::disconnected,
// ::timed_out (no answer for 30 s), ::malformed_response, ::cancelled.
Result<Round> run_produce(const Settings& settings, const Target& target, const CpuMeter& meter);
Result<Round> run_fetch(const Settings& settings, const Target& target, const CpuMeter& meter);
Result<Round> run_latency(const Settings& settings, const Target& target, const CpuMeter& meter);
Result<Round> run_share(const Settings& settings, const Target& target, const CpuMeter& meter);
// Writes at least `bytes` to the topic, all partitions alike.
Result<> fill(const Settings& settings, const Target& target, std::uint64_t bytes);

}  // namespace sluice::bench
