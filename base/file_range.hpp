// Bytes that lie in an open file and are sent from there, without passing through our memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice {

// `size` bytes from `position` on; whoever hands one out says what keeps the descriptor open and
// the bytes as they are. size 0: there is none. The descriptor may be -1 on a simulated disk.
struct FileRange {
  int descriptor = -1;
  std::int64_t position = 0;
  std::size_t size = 0;

  bool empty() const { return size == 0; }
  FileRange first(std::size_t count) const { return {descriptor, position, count}; }
  FileRange after(std::size_t count) const {
    return {descriptor, position + static_cast<std::int64_t>(count), size - count};
  }
};

}  // namespace sluice
