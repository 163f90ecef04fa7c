// Apart from the rest because <linux/stat.h>, which has the fields that glibc 2.36 lacks, cannot be
// included together with <sys/stat.h>.
#include "storage/direct_io.hpp"

#include <algorithm>
#include <bit>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::storage {
namespace {
constexpr std::size_t alignment_max = 4096;
}

std::size_t direct_io_alignment(int descriptor) {
  struct statx status{};
  const long failed = ::syscall(SYS_statx, descriptor, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status);
  if (failed != 0 || (status.stx_mask & STATX_DIOALIGN) == 0) return alignment_max;
  const std::size_t alignment =
      std::max<std::size_t>(status.stx_dio_mem_align, status.stx_dio_offset_align);
  if (status.stx_dio_mem_align == 0 || status.stx_dio_offset_align == 0) return 0;
  return alignment <= alignment_max && std::has_single_bit(alignment) ? alignment : 0;
}

}  // namespace sluice::storage
