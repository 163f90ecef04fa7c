#include "broker/memory_pressure.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace sluice::broker {
namespace {

constexpr double stalled_much = 10.0;  // percent
constexpr double stalled_little = 1.0;

std::string text_of(const char* path) {
  std::ifstream file{path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The number behind `name` in lines of "name number".
std::optional<std::int64_t> value_of(std::string_view text, std::string_view name) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t:"), line.size()));
    std::int64_t value = 0;
    const auto parsed = std::from_chars(line.data(), line.data() + line.size(), value);
    if (parsed.ec == std::errc{}) return value;
  }
  return std::nullopt;
}

// Narrows `memory` to the container's limit (cgroup v2, as seen from inside).
void apply_cgroup(MemoryState& memory) {
  const auto limit = value_of(text_of("/sys/fs/cgroup/memory.max"), "");
  const auto current = value_of(text_of("/sys/fs/cgroup/memory.current"), "");
  if (!limit || !current || *limit >= memory.total) return;
  const std::string stat = text_of("/sys/fs/cgroup/memory.stat");
  const std::int64_t pages =
      value_of(stat, "inactive_file").value_or(0) + value_of(stat, "active_file").value_or(0);
  memory.total = *limit;
  memory.available = std::min(memory.available, *limit - *current + pages);
}

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
  memory.total = value_of(machine, "MemTotal").value_or(0) * kib;
  memory.available = value_of(machine, "MemAvailable").value_or(memory.total / kib) * kib;
  apply_cgroup(memory);
  std::string pressure = text_of("/sys/fs/cgroup/memory.pressure");
  if (pressure.empty()) pressure = text_of("/proc/pressure/memory");
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
