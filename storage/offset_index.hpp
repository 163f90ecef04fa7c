// The sparse index of one segment, offset → position: Kafka's .index, entries of 8 bytes (i32
// offset relative to the segment's base, i32 position), both growing.
//
// An entry names the last offset of a batch and the position where that batch begins. The first
// batch of a segment has no entry.
#pragma once

#include "base/bytes.hpp"
#include "protocol/ids.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace sluice::storage {

class OffsetIndex {
 public:
  static constexpr std::size_t entry_size = 8;

  struct Entry {
    Offset offset = 0;          // last offset of the batch
    std::int64_t position = 0;  // where the batch begins
    bool operator==(const Entry&) const = default;
  };

  explicit OffsetIndex(Offset base) : base_(base) {}

  // Requires: offset and position greater than the last entry's, both within 31 bits of the base.
  void append(Entry entry);
  // Greatest entry with offset <= `offset`; {base, 0} if there is none. Scanning from its position
  // finds the batch that holds `offset`.
  Entry lookup(Offset offset) const;
  // Greatest entry with position <= `position`; {base, 0} if there is none.
  Entry lookup_position(std::int64_t position) const;
  // First entry after `position`; empty if there is none.
  std::optional<Entry> after_position(std::int64_t position) const;
  // Drops entries at or beyond `position`.
  void truncate(std::int64_t position);

  Offset base() const { return base_; }
  std::size_t count() const { return entries_.size(); }
  Entry at(std::size_t i) const { return unpack(entries_[i]); }
  std::int64_t size_bytes() const { return static_cast<std::int64_t>(count() * entry_size); }

  // The file's bytes from entry `from` on.
  void encode(std::size_t from, std::vector<std::byte>& out) const;
  // Empty if the bytes cannot be an index of a segment of `log_size` bytes: not whole entries, not
  // growing, or pointing outside.
  static std::optional<OffsetIndex> decode(Offset base, Bytes bytes, std::int64_t log_size);

 private:
  struct Packed {
    std::int32_t offset;
    std::int32_t position;
  };
  static_assert(sizeof(Packed) == entry_size);
  Entry unpack(Packed p) const { return {base_ + p.offset, p.position}; }

  Offset base_;
  std::vector<Packed> entries_;
};

}  // namespace sluice::storage
