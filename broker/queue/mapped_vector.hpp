// A vector whose memory goes back to the system as soon as it is large and given up. malloc keeps
// blocks of this size for itself once it has seen some: of an index that grows to 8 MiB, is written
// and grows anew it kept as much as was in use.
#pragma once

#include <cstddef>
#include <new>
#include <sys/mman.h>
#include <vector>

namespace sluice::broker {

template <class T>
struct MappedAllocator {
  using value_type = T;
  static constexpr std::size_t mapped_min = 256 << 10;  // bytes

  MappedAllocator() = default;
  template <class U>
  MappedAllocator(const MappedAllocator<U>&) {}

  T* allocate(std::size_t count) {
    if (count * sizeof(T) < mapped_min) return static_cast<T*>(::operator new(count * sizeof(T)));
    void* mapped = ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    return static_cast<T*>(mapped);
  }
  void deallocate(T* memory, std::size_t count) {
    if (count * sizeof(T) < mapped_min)
      ::operator delete(memory);
    else
      ::munmap(memory, count * sizeof(T));
  }
  bool operator==(const MappedAllocator&) const = default;
};

template <class T>
using MappedVector = std::vector<T, MappedAllocator<T>>;

}  // namespace sluice::broker
