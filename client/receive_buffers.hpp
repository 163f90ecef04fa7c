// Memory for large answers, used again when nobody holds it any more: a fresh page costs more to
// get from the kernel than to fill.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace sluice::client {

// Belongs to one connection, and what it hands out to the same loop; that may outlive it.
class ReceiveBuffers {
 public:
  // Answers below this size are allocated, each as large as it is.
  static constexpr std::size_t large = std::size_t{64} * 1024;

  // At least `size` bytes, not initialised, of the caller's alone.
  std::shared_ptr<std::byte[]> take(std::size_t size);
  // Bytes that are kept, held by somebody or not.
  std::size_t kept_bytes() const;

 private:
  // As many as are held at once in a steady flow: one is received, one is waiting, one is read.
  static constexpr std::size_t kept_max = 4;
  static constexpr std::size_t kept_bytes_max = std::size_t{32} * 1024 * 1024;

  struct Kept {
    std::shared_ptr<std::byte[]> memory;
    std::size_t size;
  };
  std::vector<Kept> kept_;
};

}  // namespace sluice::client
