// What SimDisk and the file systems mounted from it share. Not for tests.
#pragma once

#include "base/random.hpp"
#include "tests/support/sim_disk.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice {

namespace sim {

// What an operation does to the platter when, or if, it takes effect.
using Effect = std::function<void(SimPlatter&)>;

struct Operation {
  SimOps kind = sim_look;
  std::string path;
  Effect landing;  // at a power cut; empty for what changes nothing
  SimPlatter::NodeId node = 0;
  std::uint64_t begin = 0;  // of a write, bytes
  std::uint64_t end = 0;
};

struct Ticket {
  std::uint64_t id = 0;
  std::uint64_t power = 0;  // the period between two power cuts it belongs to
  Duration latency{};
  int error = 0;
  std::optional<std::uint64_t> taken;  // bytes, of a short write
};

struct ActiveFault {
  SimFault fault;
  std::uint64_t seen = 0;
};

}  // namespace sim

struct SimDisk::Core : std::enable_shared_from_this<SimDisk::Core> {
  explicit Core(SimDiskOptions o) : options(o), random(o.seed) {}

  // `period`: of the file or file system that asks; those mounted before a power cut are dead.
  sim::Ticket begin(sim::Operation operation, std::uint64_t period);
  // Whether the operation may have its effect now: 0, the injected error, or EIO without power.
  int end(const sim::Ticket& ticket);
  void done(const sim::Operation& operation);
  void crash(SimSurvival survival);
  void kill();
  // Those in flight take effect, in any order; each if `lands` says so.
  void land_some(const std::function<bool()>& lands);
  void take_fault(const sim::Operation& operation, sim::Ticket& ticket);
  void count(const sim::Operation& operation);
  std::uint64_t growth(SimPlatter::NodeId node, std::uint64_t end_position) const;
  std::uint64_t free_bytes() const {
    const std::uint64_t used = platter.used();
    return options.capacity > used ? options.capacity - used : 0;
  }
  void write_some_sectors(SimPlatter::NodeId node, std::uint64_t position, Bytes bytes);
  // The page cache, in pages of 4 KiB.
  void keep_in_cache(SimPlatter::NodeId node, std::uint64_t position, std::uint64_t size) {
    if (size == 0) return;
    auto& pages = cached[node];
    for (std::uint64_t page = position / 4096; page <= (position + size - 1) / 4096; ++page)
      pages.insert(page);
  }
  bool is_cached(SimPlatter::NodeId node, std::uint64_t position, std::uint64_t size) const {
    const auto at = cached.find(node);
    if (at == cached.end() || size == 0) return false;
    for (std::uint64_t page = position / 4096; page <= (position + size - 1) / 4096; ++page)
      if (!at->second.contains(page)) return false;
    return true;
  }
  bool alive(std::uint64_t period) const { return powered && period == power; }

  SimDiskOptions options;
  SeededRandom random;
  SimPlatter platter;
  std::map<std::uint64_t, sim::Operation> in_flight;
  std::map<SimPlatter::NodeId, std::set<std::uint64_t>> cached;
  std::vector<sim::ActiveFault> faults;
  SimCounters counters;
  Observer observer;
  Duration slow{};
  std::string slow_path;
  std::uint64_t next_id = 1;
  std::uint64_t power = 0;
  bool powered = true;
  std::uint64_t crash_countdown = 0;  // 0 = none
  SimSurvival crash_survival = SimSurvival::random;
};

std::unique_ptr<storage::FileSystem> mount_sim_disk(std::shared_ptr<SimDisk::Core> core,
                                                    SimExecutor& executor);

}  // namespace sluice
