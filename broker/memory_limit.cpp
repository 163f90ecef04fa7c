// How much memory the machine or the container gives us.
#include "broker/cgroup.hpp"
#include "broker/options.hpp"

#include <algorithm>
#include <limits>
#include <sys/sysinfo.h>

namespace sluice::broker {
namespace {

std::int64_t memory_bytes() {
  struct sysinfo info{};
  std::int64_t bytes = std::int64_t{1} << 30;  // a guess, if even sysinfo(2) fails
  if (sysinfo(&info) == 0)
    bytes = static_cast<std::int64_t>(info.totalram) * static_cast<std::int64_t>(info.mem_unit);
  if (const auto group = cgroup_memory()) bytes = std::min(bytes, group->limit);
  return bytes;
}

}  // namespace

std::int64_t effective_cache_bytes(const Options& options) {
  return options.cache_bytes > 0 ? options.cache_bytes : memory_bytes() / 8;
}

std::int64_t effective_queued_bytes(const Options& options) {
  if (options.queued_max_request_bytes <= 0) return std::numeric_limits<std::int64_t>::max();
  return std::min(options.queued_max_request_bytes, memory_bytes() / 4);
}

}  // namespace sluice::broker
