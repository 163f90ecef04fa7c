// How much memory the machine or the container gives us.
#include "broker/options.hpp"

#include <sys/sysinfo.h>

#include <algorithm>
#include <fstream>

namespace sluice::broker {
namespace {

// A number in a file of the cgroup file system; nullopt when missing or "max".
std::optional<std::int64_t> limit_in(const char* path) {
  std::ifstream file{path};
  std::int64_t bytes = 0;
  if (!(file >> bytes) || bytes <= 0) return std::nullopt;
  return bytes;
}

std::int64_t memory_bytes() {
  struct sysinfo info {};
  std::int64_t bytes = std::int64_t{1} << 30;  // a guess, if even sysinfo(2) fails
  if (sysinfo(&info) == 0)
    bytes = static_cast<std::int64_t>(info.totalram) * static_cast<std::int64_t>(info.mem_unit);
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"})
    if (const auto limit = limit_in(path)) bytes = std::min(bytes, *limit);
  return bytes;
}

}  // namespace

std::int64_t effective_cache_bytes(const Options& options) {
  return options.cache_bytes > 0 ? options.cache_bytes : memory_bytes() / 8;
}

}  // namespace sluice::broker
