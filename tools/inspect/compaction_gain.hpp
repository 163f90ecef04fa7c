// What compaction of one partition would free, in bounded memory and one pass.
//
// Of each key its newest record stays. While the keys fit, the answer is exact. Beyond that only
// keys whose hash ends in so many zero bits are followed, one bit more whenever the memory is full,
// and what is found for them is scaled to the bytes of all keys. Source: the adaptive sampling of
// Wegman (P. Flajolet, "On Adaptive Sampling", Computing 43, 1990).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::inspect {

struct CompactionEstimate {
  bool keys_exact = true;  // every key was followed
  bool exact = true;       // and so all of these numbers are exact
  std::uint64_t keys = 0;
  std::uint64_t superseded_records = 0;  // with a newer record of their key
  std::uint64_t superseded_bytes = 0;
  // Of these what lies in closed segments, by records in closed segments: what a run frees now.
  std::uint64_t closed_superseded_bytes = 0;
  // Newest records of their keys without a value: they go `delete.retention.ms` after a run.
  std::uint64_t tombstones = 0;
  std::uint64_t tombstone_bytes = 0;

  // With another partition's.
  CompactionEstimate& operator+=(const CompactionEstimate& other);
};

class CompactionGain {
 public:
  // Memory: 32 bytes for each of `slots_max` (a power of two, at least 16), three quarters of
  // which are used.
  explicit CompactionGain(std::size_t slots_max);

  // The next record with a key, in the order of offsets; `bytes` as it is stored.
  void add(std::uint64_t key_hash, std::uint32_t bytes, bool tombstone);
  // What comes from here on lies in the active segment.
  void close_segments() { closed_superseded_bytes_ = estimate().superseded_bytes; }
  // Requires: close_segments() was called, or else nothing is closed.
  CompactionEstimate estimate() const;

 private:
  struct Slot {
    std::uint64_t hash = 0;  // 0: free
    std::uint64_t superseded_bytes = 0;
    std::uint64_t superseded_records : 63 = 0;
    std::uint64_t tombstone : 1 = 0;
    std::uint32_t newest_bytes = 0;
  };
  static_assert(sizeof(Slot) == 32);

  bool is_followed(std::uint64_t hash) const { return (hash & ((1ull << level_) - 1)) == 0; }
  Slot& slot_of(std::uint64_t hash);
  void make_room();

  std::size_t slots_max_;
  std::vector<Slot> slots_;
  std::size_t used_ = 0;
  unsigned level_ = 0;  // zero bits that the hash of a followed key ends in
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t closed_superseded_bytes_ = 0;
};

}  // namespace sluice::inspect
