#include "broker/metrics/process.hpp"

#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::broker {

ProcessFacts process_facts() {
  ProcessFacts facts;
  std::int64_t pages = 0;
  std::ifstream statm("/proc/self/statm");
  if (statm >> pages >> pages) facts.resident_bytes = pages * ::sysconf(_SC_PAGESIZE);
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    facts.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    facts.max_fds = static_cast<std::int64_t>(limit.rlim_cur);
  // Its size is the number of entries since Linux 6.2.
  struct stat fds{};
  if (::stat("/proc/self/fd", &fds) == 0 && fds.st_size > 0) facts.open_fds = fds.st_size;
  return facts;
}

}  // namespace sluice::broker
