#include "broker/memory_pressure.hpp"

#include "broker/cgroup.hpp"

#include <algorithm>
#include <sstream>
#include <string>

namespace sluice::broker {
namespace {

constexpr double stalled_much = 10.0;  // percent
constexpr double stalled_little = 1.0;

}  // namespace

double stalled_percent_of(std::string_view pressure) {
  constexpr std::string_view lead = "some avg10=";
  const std::size_t at = pressure.find(lead);
  if (at == std::string_view::npos) return 0.0;
  const std::string number(pressure.substr(at + lead.size(), 8));
  std::istringstream in{number};
  double percent = 0.0;
  return in >> percent ? percent : 0.0;
}

MemoryState memory_state() {
  constexpr std::int64_t kib = 1024;
  const std::string machine = text_of("/proc/meminfo");
  MemoryState memory;
  memory.total = number_behind(machine, "MemTotal").value_or(0) * kib;
  memory.available = number_behind(machine, "MemAvailable").value_or(memory.total / kib) * kib;
  std::string pressure = text_of("/proc/pressure/memory");
  if (auto group = cgroup_memory(); group && group->limit < memory.total) {
    memory.total = group->limit;
    memory.available = std::min(memory.available, group->limit - group->used + group->file_pages);
    if (!group->pressure.empty()) pressure = std::move(group->pressure);
  }
  memory.stalled_percent = stalled_percent_of(pressure);
  return memory;
}

std::int64_t next_cache_bound(std::int64_t wanted, std::int64_t now, const MemoryState& memory) {
  const std::int64_t least = wanted / 16;
  const bool short_of_it =
      memory.available < memory.total / 16 || memory.stalled_percent >= stalled_much;
  if (short_of_it) return std::clamp(now - now / 4, least, wanted);
  const bool plenty =
      memory.available >= memory.total / 8 && memory.stalled_percent < stalled_little;
  return plenty ? std::min(wanted, now + least) : std::min(now, wanted);
}

}  // namespace sluice::broker
