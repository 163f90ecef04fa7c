// The sparse index of one segment, timestamp → offset: Kafka's .timeindex, entries of 12 bytes (i64
// timestamp, i32 offset relative to the segment's base).
//
// An entry says: up to and including the batch that ends at `offset`, the largest timestamp is
// `timestamp`, and it is in that batch. Timestamps grow strictly, offsets too.
#pragma once

#include "base/bytes.hpp"
#include "protocol/ids.hpp"
#include "protocol/record_batch.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace sluice::storage {

class TimeIndex {
 public:
  static constexpr std::size_t entry_size = 12;

  struct Entry {
    TimestampMs timestamp = -1;
    Offset offset = 0;  // last offset of the batch
    bool operator==(const Entry&) const = default;
  };

  explicit TimeIndex(Offset base) : base_(base) {}

  // Adds the entry if it is newer than the last one; else does nothing.
  void maybe_append(Entry entry);
  // Greatest entry with timestamp <= `timestamp`; {-1, base} if there is none. No record before its
  // offset is younger than `timestamp`.
  Entry lookup(TimestampMs timestamp) const;
  // The segment's largest timestamp, once complete; {-1, base} if empty.
  Entry last() const { return entries_.empty() ? Entry{-1, base_} : entries_.back(); }
  // Drops entries at or beyond `end`.
  void truncate(Offset end);

  std::size_t count() const { return entries_.size(); }
  Entry at(std::size_t i) const { return entries_[i]; }
  std::int64_t size_bytes() const { return static_cast<std::int64_t>(count() * entry_size); }

  void encode(std::size_t from, std::vector<std::byte>& out) const;
  // Empty if the bytes cannot be a time index of a segment that ends at `end`.
  static std::optional<TimeIndex> decode(Offset base, Bytes bytes, Offset end);

 private:
  Offset base_;
  std::vector<Entry> entries_;
};

// Whether the entry is what it should be for this batch.
bool says(const protocol::BatchHeader& batch, const TimeIndex::Entry& entry);

}  // namespace sluice::storage
