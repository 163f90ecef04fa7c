#include "broker/cgroup.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace sluice::broker {
namespace {

// Names of one version of the interface.
struct Files {
  std::string_view limit;
  std::string_view used;
  std::string_view inactive_pages;  // in memory.stat, with those of the groups below
  std::string_view active_pages;
};
constexpr Files v1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
                   "total_active_file"};
constexpr Files v2{"memory.max", "memory.current", "inactive_file", "active_file"};

// A place in the hierarchy that has the memory controller.
struct Membership {
  bool old = false;  // v1
  std::string path;  // of the group, from the root of the hierarchy
};

// Lines of "number:controllers:path". With v1 the line that names `memory`, else that of v2.
Membership membership_in(std::string_view text) {
  Membership found;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string controllers = "," + std::string(line.substr(first + 1, second - first - 1));
    if ((controllers + ",").find(",memory,") != std::string::npos)
      return {true, std::string(line.substr(second + 1))};
    if (controllers == ",") found.path = line.substr(second + 1);
  }
  return found;
}

std::optional<std::int64_t> number_in(const std::string& directory, std::string_view file) {
  return number_behind(text_of(directory + "/" + std::string(file)), "");
}

}  // namespace

std::string text_of(const std::string& path) {
  std::ifstream file{path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<std::int64_t> number_behind(std::string_view text, std::string_view name) {
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

std::optional<CgroupMemory> cgroup_memory(const std::string& mounted,
                                          const std::string& membership) {
  const Membership own = membership_in(text_of(membership));
  const Files& files = own.old ? v1 : v2;
  const std::string root = own.old ? mounted + "/memory" : mounted;
  std::string narrowest;
  std::optional<std::int64_t> least;
  // A path that leads nowhere here is the host's, seen from a container: what is above it counts.
  for (std::string path = own.path == "/" ? "" : own.path;;) {
    const auto limit = number_in(root + path, files.limit);
    if (limit && *limit > 0 && (!least || *limit < *least)) {
      least = limit;
      narrowest = root + path;
    }
    if (path.empty()) break;
    path.resize(path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'));
  }
  if (!least) return std::nullopt;
  const std::string stat = text_of(narrowest + "/memory.stat");
  return CgroupMemory{.limit = *least,
                      .used = number_in(narrowest, files.used).value_or(0),
                      .file_pages = number_behind(stat, files.inactive_pages).value_or(0) +
                                    number_behind(stat, files.active_pages).value_or(0),
                      .pressure = text_of(narrowest + "/memory.pressure")};
}

}  // namespace sluice::broker
