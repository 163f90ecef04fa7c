#include "storage/aligned_buffer.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <sys/mman.h>
#include <utility>
#include <vector>

namespace sluice::storage {
namespace {

// From here on memory comes from the kernel and goes back to it at once: the heap would keep it. It
// is faulted in by one call, because whoever asks for so much is about to fill it.
constexpr std::size_t mapped_min = 128 << 10;
// So much, or a quarter, of what was not needed lately is freed at a time: memory is dear to get
// back.
constexpr std::size_t settled_at_once = 16 << 20;
constexpr std::size_t huge_page_size = std::size_t{2} << 20;

// Large buffers come in huge pages where the system has them: filling one faults once, not 512
// times, which is a quarter of what a durable write costs the processor.
std::byte* map_huge(std::size_t size) {
  const std::size_t mapped = size + huge_page_size;
  void* memory =
      ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<std::byte*>(memory);
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::size_t lead = (huge_page_size - address % huge_page_size) % huge_page_size;
  if (lead != 0) ::munmap(begin, lead);
  ::munmap(begin + lead + size, mapped - lead - size);
  // Not known, or switched off: small pages do as well, only slower.
  (void)::madvise(begin + lead, size, MADV_HUGEPAGE);
  return begin + lead;
}

// Requires: whole blocks. free_blocks() takes the same size.
std::byte* allocate_blocks(std::size_t size) {
  if (size % huge_page_size == 0) return map_huge(size);
  if (size >= mapped_min) {
    void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    return static_cast<std::byte*>(mapped);
  }
  void* memory = std::aligned_alloc(block_size, size);
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<std::byte*>(memory);
}

void free_blocks(std::byte* memory, std::size_t size) {
  if (size >= mapped_min) {
    ::munmap(memory, size);
  } else {
    std::free(memory);
  }
}

constexpr std::size_t class_count = 48 - std::bit_width(block_size - 1);

std::size_t class_of(std::size_t size) {
  return static_cast<std::size_t>(std::bit_width(size / block_size) - 1);
}

}  // namespace

AlignedBuffer AlignedBuffer::allocate(std::size_t size) {
  SLUICE_CHECK(size > 0);
  const std::size_t whole = (size + block_size - 1) / block_size * block_size;
  return {std::shared_ptr<std::byte>(allocate_blocks(whole),
                                     [whole](std::byte* memory) { free_blocks(memory, whole); }),
          whole};
}

// The lock is held for a few instructions: shares are dropped by whichever shard sent them.
struct BufferPool::State {
  std::mutex mutex;
  std::size_t bytes_max = 0;
  std::size_t lent = 0;
  std::size_t lent_most = 0;  // since the last settle()
  std::size_t idle = 0;
  bool closed = false;
  bool growing = false;
  std::array<std::vector<std::byte*>, class_count> free;

  ~State() { free_idle(0); }

  // Frees idle buffers, the largest first, until at most `keep` bytes of them are left.
  void free_idle(std::size_t keep) {
    for (std::size_t index = class_count; index-- > 0 && idle > keep;) {
      while (!free[index].empty() && idle > keep) {
        free_blocks(free[index].back(), block_size << index);
        free[index].pop_back();
        idle -= block_size << index;
      }
    }
  }

  void give_back(std::byte* memory, std::size_t size) {
    const std::scoped_lock lock(mutex);
    lent -= size;
    keep(memory, size);
  }
  bool has_room(std::size_t size) const { return !closed && lent + idle + size <= bytes_max; }
  // Under the lock.
  void keep(std::byte* memory, std::size_t size) {
    if (!has_room(size)) {
      free_blocks(memory, size);
      return;
    }
    free[class_of(size)].push_back(memory);
    idle += size;
  }
};

BufferPool::BufferPool(std::size_t bytes_max) : state_(std::make_shared<State>()) {
  state_->bytes_max = bytes_max;
}

BufferPool::~BufferPool() {
  const std::scoped_lock lock(state_->mutex);
  state_->closed = true;
  state_->free_idle(0);
}

AlignedBuffer BufferPool::try_take(std::size_t size) {
  const std::size_t whole = std::bit_ceil(std::max(size, block_size));
  {
    const std::scoped_lock lock(state_->mutex);
    if (state_->lent + whole > state_->bytes_max) return {};
  }
  return take(size);
}

AlignedBuffer BufferPool::take(std::size_t size) {
  const std::size_t whole = std::bit_ceil(std::max(size, block_size));
  std::byte* memory = nullptr;
  {
    const std::scoped_lock lock(state_->mutex);
    state_->lent += whole;
    state_->lent_most = std::max(state_->lent_most, state_->lent);
    auto& free = state_->free[class_of(whole)];
    if (!free.empty()) {
      memory = free.back();
      free.pop_back();
      state_->idle -= whole;
    } else {
      const std::size_t room =
          state_->bytes_max > state_->lent ? state_->bytes_max - state_->lent : 0;
      state_->free_idle(room);
    }
  }
  if (memory == nullptr) memory = allocate_blocks(whole);
  return lend(memory, whole);
}

AlignedBuffer BufferPool::lend(std::byte* memory, std::size_t size) const {
  auto give_back = [state = state_, size](std::byte* at) { state->give_back(at, size); };
  return {std::shared_ptr<std::byte>(memory, std::move(give_back)), size};
}

AlignedBuffer BufferPool::try_take_idle(std::size_t size) {
  const std::size_t whole = std::bit_ceil(std::max(size, block_size));
  std::byte* memory = nullptr;
  {
    const std::scoped_lock lock(state_->mutex);
    auto& free = state_->free[class_of(whole)];
    if (free.empty()) return {};
    memory = free.back();
    free.pop_back();
    state_->idle -= whole;
    state_->lent += whole;
    state_->lent_most = std::max(state_->lent_most, state_->lent);
  }
  return lend(memory, whole);
}

std::function<void()> BufferPool::growth(std::size_t size, int count) const {
  const std::size_t whole = std::bit_ceil(std::max(size, block_size));
  const std::scoped_lock begun(state_->mutex);
  if (std::exchange(state_->growing, true)) return {};
  return [state = state_, whole, count]() noexcept {
    for (int i = 0; i < count; ++i) {
      {
        const std::scoped_lock lock(state->mutex);
        if (!state->has_room(whole)) break;
      }
      std::byte* memory = nullptr;
      try {
        memory = allocate_blocks(whole);
      } catch (const std::bad_alloc&) {
        break;  // there is none: the cache stays as large as it is
      }
      for (std::size_t at = 0; at < whole; at += block_size) memory[at] = std::byte{};
      const std::scoped_lock lock(state->mutex);
      state->keep(memory, whole);
    }
    const std::scoped_lock lock(state->mutex);
    state->growing = false;
  };
}

std::size_t BufferPool::bytes_lent() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->lent;
}
std::size_t BufferPool::bytes_idle() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->idle;
}
std::size_t BufferPool::bytes_max() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->bytes_max;
}

void BufferPool::set_bytes_max(std::size_t bytes_max) {
  const std::scoped_lock lock(state_->mutex);
  state_->bytes_max = bytes_max;
  state_->free_idle(bytes_max > state_->lent ? bytes_max - state_->lent : 0);
}

void BufferPool::settle() {
  const std::scoped_lock lock(state_->mutex);
  const std::size_t needed = state_->lent_most - state_->lent;
  const std::size_t surplus = state_->idle > needed ? state_->idle - needed : 0;
  const std::size_t freed = std::max(surplus / 4, std::min(surplus, settled_at_once));
  state_->free_idle(state_->idle - freed);
  state_->lent_most = state_->lent;
}

void BufferPool::trim() {
  const std::scoped_lock lock(state_->mutex);
  state_->free_idle(0);
}

}  // namespace sluice::storage
