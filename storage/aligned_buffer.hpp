// Memory for direct reads and writes: aligned to block_size, shared by count, recycled.
#pragma once

#include "base/bytes.hpp"
#include "storage/file.hpp"

#include <cstddef>
#include <functional>
#include <memory>

namespace sluice::storage {

// A share of one block of memory; copying shares it, the last share gives it back. Any thread may
// drop a share (a reply is sent by the connection's shard). The content starts undefined.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Not pooled. `size` is rounded up to whole blocks. Requires: size > 0.
  static AlignedBuffer allocate(std::size_t size);

  explicit operator bool() const { return memory_ != nullptr; }
  std::byte* data() const { return memory_.get(); }
  // Whole blocks; at least what was asked for.
  std::size_t size() const { return size_; }
  MutableBytes bytes() const { return {memory_.get(), size_}; }
  // No other share exists: what it holds may be overwritten. Only a hint on any but the shard that
  // hands out shares.
  bool unique() const { return memory_.use_count() == 1; }
  // For slices that keep the memory alive without knowing what it is.
  std::shared_ptr<const void> owner() const { return memory_; }

 private:
  friend class BufferPool;
  AlignedBuffer(std::shared_ptr<std::byte> memory, std::size_t size)
      : memory_(std::move(memory)), size_(size) {}

  std::shared_ptr<std::byte> memory_;
  std::size_t size_ = 0;
};

// Lends buffers and keeps returned ones for reuse, within a bound of bytes. Sizes are rounded up to
// a power of two. Buffers may outlive the pool. Thread-safe, because shares are.
class BufferPool {
 public:
  // Lent and idle buffers together take at most `bytes_max`.
  explicit BufferPool(std::size_t bytes_max);
  ~BufferPool();

  // Empty when the bound does not allow it.
  AlignedBuffer try_take(std::size_t size);
  // Passes the bound rather than fail: for what must go on (the write of a log that holds
  // acknowledged promises). Counts as lent.
  AlignedBuffer take(std::size_t size);

  // An idle buffer of that size; empty when there is none.
  AlignedBuffer try_take_idle(std::size_t size);
  // Work for another thread, one at a time (empty while such work is not done): makes idle buffers,
  // as far as the bound allows, with their memory really there. A page that is touched for the
  // first time costs microseconds, in a virtual machine several.
  std::function<void()> growth(std::size_t size, int count) const;

  std::size_t bytes_lent() const;
  std::size_t bytes_idle() const;
  std::size_t bytes_max() const;
  // Frees idle buffers as needed. Lent ones are freed when they come back while over the bound.
  void set_bytes_max(std::size_t bytes_max);
  // Frees idle buffers that were not needed since the last call, many of them step by step: call it
  // now and then.
  void settle();
  // Frees all idle buffers: memory pressure.
  void trim();

  struct State;  // shared with the buffers lent

 private:
  AlignedBuffer lend(std::byte* memory, std::size_t size) const;
  std::shared_ptr<State> state_;
};

}  // namespace sluice::storage
