#include "storage/page_cache.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::storage {
namespace {

// Of Linux 6.5; not in the headers of older systems. The number is that of every architecture.
constexpr long syscall_cachestat = 451;
struct CacheStatRange {
  std::uint64_t offset;
  std::uint64_t length;
};
struct CacheStat {
  std::uint64_t cached;
  std::uint64_t dirty;
  std::uint64_t writeback;
  std::uint64_t evicted;
  std::uint64_t recently_evicted;
};

}  // namespace

bool is_resident(int descriptor, std::int64_t position, std::size_t size) {
  if (descriptor < 0 || size == 0) return false;
  CacheStatRange range{static_cast<std::uint64_t>(position), size};
  CacheStat found{};
  if (::syscall(syscall_cachestat, descriptor, &range, &found, 0) != 0) return false;
  const std::int64_t page_size = ::getpagesize();
  const std::int64_t first = position / page_size;
  const std::int64_t last = (position + static_cast<std::int64_t>(size) - 1) / page_size;
  return found.cached >= static_cast<std::uint64_t>(last - first + 1);
}

void no_kernel_readahead(int descriptor) {
  ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM);  // a hint: refusals do not matter
}

}  // namespace sluice::storage
