#include "storage/offset_index.hpp"

#include <algorithm>
#include <limits>

namespace sluice::storage {

void OffsetIndex::append(Entry entry) {
  const std::int64_t relative = entry.offset - base_;
  constexpr std::int64_t max = std::numeric_limits<std::int32_t>::max();
  // Rebuilding reads headers from disk, and the base offset lies outside the CRC: an entry that
  // cannot be is left out, which a sparse index bears.
  if (relative < 0 || relative > max || entry.position < 0 || entry.position > max) return;
  const Packed packed{static_cast<std::int32_t>(relative),
                      static_cast<std::int32_t>(entry.position)};
  if (!entries_.empty()) {
    if (packed.offset <= entries_.back().offset || packed.position <= entries_.back().position)
      return;
  }
  entries_.push_back(packed);
}

OffsetIndex::Entry OffsetIndex::lookup(Offset offset) const {
  const auto after = std::ranges::upper_bound(entries_, offset - base_, std::less<>{},
                                              [](Packed p) { return Offset{p.offset}; });
  return after == entries_.begin() ? Entry{base_, 0} : unpack(*std::prev(after));
}

OffsetIndex::Entry OffsetIndex::lookup_position(std::int64_t position) const {
  const auto after = std::ranges::upper_bound(entries_, position, std::less<>{},
                                              [](Packed p) { return std::int64_t{p.position}; });
  return after == entries_.begin() ? Entry{base_, 0} : unpack(*std::prev(after));
}

std::optional<OffsetIndex::Entry> OffsetIndex::after_position(std::int64_t position) const {
  const auto after = std::ranges::upper_bound(entries_, position, std::less<>{},
                                              [](Packed p) { return std::int64_t{p.position}; });
  if (after == entries_.end()) return std::nullopt;
  return unpack(*after);
}

void OffsetIndex::truncate(std::int64_t position) {
  while (!entries_.empty() && entries_.back().position >= position) entries_.pop_back();
}

void OffsetIndex::encode(std::size_t from, std::vector<std::byte>& out) const {
  std::size_t at = out.size();
  out.resize(at + (count() - from) * entry_size);
  for (std::size_t i = from; i < count(); ++i, at += entry_size) {
    store_big_endian(out.data() + at, entries_[i].offset);
    store_big_endian(out.data() + at + 4, entries_[i].position);
  }
}

std::optional<OffsetIndex> OffsetIndex::decode(Offset base, Bytes bytes, std::int64_t log_size) {
  if (bytes.size() % entry_size != 0) return std::nullopt;
  OffsetIndex index(base);
  index.entries_.reserve(bytes.size() / entry_size);
  Packed last{-1, 0};
  for (std::size_t at = 0; at < bytes.size(); at += entry_size) {
    const Packed entry{load_big_endian<std::int32_t>(bytes.data() + at),
                       load_big_endian<std::int32_t>(bytes.data() + at + 4)};
    if (entry.offset <= last.offset || entry.position <= last.position) return std::nullopt;
    if (entry.position >= log_size) return std::nullopt;
    index.entries_.push_back(last = entry);
  }
  return index;
}

}  // namespace sluice::storage
