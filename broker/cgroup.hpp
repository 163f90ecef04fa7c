// The control group of this process: what of the machine's memory it may have.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::broker {

// Bytes, of the group that leaves the least to this process.
struct CgroupMemory {
  std::int64_t limit = 0;
  std::int64_t used = 0;        // the page cache included
  std::int64_t file_pages = 0;  // of that, the page cache: goes when asked
  std::string pressure;         // text of the group's memory.pressure; empty with cgroup v1
};

// The narrowest memory limit of the process's own group and of those above it, with cgroup v2 or
// v1, on the host (a systemd unit with MemoryMax=) as in a container, which sees its own group as
// the root. Null: nothing limits it. `mounted`: where the groups are; `membership`: cgroups(7),
// /proc/[pid]/cgroup.
std::optional<CgroupMemory> cgroup_memory(const std::string& mounted = "/sys/fs/cgroup",
                                          const std::string& membership = "/proc/self/cgroup");

// What is in a small file; empty if it cannot be read.
std::string text_of(const std::string& path);
// The number behind `name` in lines of "name number"; null: there is no such line.
std::optional<std::int64_t> number_behind(std::string_view text, std::string_view name);

}  // namespace sluice::broker
