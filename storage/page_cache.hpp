// What the kernel says about its page cache. Answers are hints: a page may go at any time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::storage {

// Whether all of [position, position + size) is in the page cache of the open file (cachestat(2),
// Linux 6.5). False where the kernel cannot tell. Counts pages that are being read as there.
bool is_resident(int descriptor, std::int64_t position, std::size_t size);

// The kernel reads what is asked for and nothing beside it (POSIX_FADV_RANDOM): readahead is ours.
void no_kernel_readahead(int descriptor);

}  // namespace sluice::storage
