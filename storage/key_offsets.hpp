// The newest offset of each key, for one run of compaction, within a bound of memory.
//
// Keys are found by their XXH3-128, seeded anew for each run so that nobody can prepare collisions,
// and compared whole: two keys are never taken for one.
#pragma once

#include "base/bytes.hpp"
#include "protocol/ids.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace sluice::storage {

class KeyOffsets {
 public:
  KeyOffsets(std::uint64_t seed, std::size_t bytes_max);

  // Remembers `offset` for `key` if it is the newest. False, and nothing changes, if a new key
  // would pass the bound.
  bool put(Bytes key, Offset offset);
  // Remembers beyond the bound.
  void force(Bytes key, Offset offset);
  std::optional<Offset> find(Bytes key) const;
  std::size_t count() const { return count_; }
  std::size_t bytes() const { return slots_.size() * sizeof(Slot) + keys_.size(); }

 private:
  struct Slot {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    Offset offset = -1;  // -1: free
    std::uint64_t key_at = 0;
    std::uint64_t key_size = 0;
  };
  struct Hash {
    std::uint64_t low;
    std::uint64_t high;
  };
  bool crowded() const { return (count_ + 1) * 4 > slots_.size() * 3; }
  Hash hash(Bytes key) const;
  std::size_t find_slot(const Hash& hash, Bytes key) const;
  void insert(const Hash& hash, Bytes key, Offset offset);
  void grow();

  std::uint64_t seed_;
  std::size_t bytes_max_;
  std::vector<Slot> slots_;
  std::vector<std::byte> keys_;
  std::size_t count_ = 0;
};

}  // namespace sluice::storage
