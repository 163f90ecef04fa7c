// What every run of the client benchmark reports, and how it is counted.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace sluice::bench {

// Calls of operator new in this program so far (count_new.cpp). librdkafka calls malloc, which is
// not counted.
std::uint64_t allocations();

struct Work {
  std::string brokers;
  std::string topic;
  std::uint64_t records = 0;
  std::size_t record_bytes = 0;
  std::size_t batch_bytes = 64 * 1024;
  bool idempotent = true;  // without it librdkafka pipelines freely, and we one batch a partition
  std::uint64_t rate = 0;  // records/s; 0: as fast as it goes
};

struct Figures {
  double seconds = 0;
  double cpu_seconds = 0;  // of the process, both user and system, all threads
  std::uint64_t records = 0;
  std::uint64_t allocations = 0;      // in the second half of the run: the steady state
  std::vector<std::uint32_t> delays;  // send to delivery, microseconds; empty: not measured

  std::uint32_t delay_at(double share) {
    if (delays.empty()) return 0;
    const auto at = static_cast<std::size_t>(share * static_cast<double>(delays.size() - 1));
    std::nth_element(delays.begin(), delays.begin() + static_cast<std::ptrdiff_t>(at),
                     delays.end());
    return delays[at];
  }
};

using SteadyClock = std::chrono::steady_clock;

inline double cpu_now() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Takes the figures from its construction to stop().
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(SteadyClock::now() - begin_).count();
  }
  void stop(Figures& figures) const {
    figures.seconds = seconds();
    figures.cpu_seconds = cpu_now() - cpu_;
  }

 private:
  SteadyClock::time_point begin_ = SteadyClock::now();
  double cpu_ = cpu_now();
};

// One side each, in a process of its own. An error ends the program.
Figures produce_sluice(const Work& work);
Figures consume_sluice(const Work& work);
// Publishes at `rate` and handles what comes: delays are from due to the handler.
Figures handle_sluice(const Work& work);
Figures produce_rdkafka(const Work& work);
Figures consume_rdkafka(const Work& work);

}  // namespace sluice::bench
