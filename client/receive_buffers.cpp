#include "client/receive_buffers.hpp"

namespace sluice::client {

std::shared_ptr<std::byte[]> ReceiveBuffers::take(std::size_t size) {
  if (size < large) {
    kept_.clear();  // the flow has paused: an idle connection keeps no memory
    return std::make_shared_for_overwrite<std::byte[]>(size);
  }
  for (Kept& kept : kept_) {
    // Not much larger either: few bytes that somebody keeps should not hold many.
    if (kept.size < size || kept.size / 4 > size || kept.memory.use_count() != 1) continue;
    return kept.memory;
  }
  // With some room: answers of a steady flow differ a little.
  const std::size_t room = size + size / 8;
  auto memory = std::make_shared_for_overwrite<std::byte[]>(room);
  if (kept_.size() == kept_max) kept_.erase(kept_.begin());
  kept_.push_back({memory, room});
  while (kept_bytes() > kept_bytes_max) kept_.erase(kept_.begin());
  return memory;
}

std::size_t ReceiveBuffers::kept_bytes() const {
  std::size_t bytes = 0;
  for (const Kept& kept : kept_) bytes += kept.size;
  return bytes;
}

}  // namespace sluice::client
