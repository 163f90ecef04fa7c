// Many jobs on all cores.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace sluice::inspect {

// How many threads `jobs` jobs are for: `wanted`, or with 0 one a core; no more than jobs, at
// least 1.
inline std::size_t threads_for(unsigned wanted, std::size_t jobs) {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  return std::clamp<std::size_t>(wanted != 0 ? wanted : cores, 1, std::max<std::size_t>(1, jobs));
}

// Calls `work(job, share)` for every job, side by side on one thread a share, and waits for all of
// them. False from `work`: its thread takes no more.
template <class Job, class Shares, class Work>
void work_off(const std::vector<Job>& jobs, Shares& shares, Work work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&](auto& share) {
    for (std::size_t i = next++; i < jobs.size(); i = next++)
      if (!work(jobs[i], share)) return;
  };
  std::vector<std::jthread> threads;
  for (auto& share : shares) threads.emplace_back([&] { run(share); });
}

}  // namespace sluice::inspect
