// What the kernel says about direct I/O on an open file.
#pragma once

#include <cstddef>

namespace sluice::storage {

// The alignment that direct reads and writes of this descriptor need, from statx(STATX_DIOALIGN),
// Linux 6.1; block_size where the kernel does not tell; 0 when direct I/O is not possible.
std::size_t direct_io_alignment(int descriptor);

}  // namespace sluice::storage
