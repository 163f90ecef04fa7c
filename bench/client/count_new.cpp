// Counts what is allocated with new: the steady state of the client allocates nothing per record.
#include "bench/client/measure.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace sluice::bench {
namespace {
std::atomic<std::uint64_t> count{0};
}
std::uint64_t allocations() { return count.load(std::memory_order_relaxed); }
void count_one() { count.fetch_add(1, std::memory_order_relaxed); }
}  // namespace sluice::bench

void* operator new(std::size_t size) {
  sluice::bench::count_one();
  if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
