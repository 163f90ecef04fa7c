#include "storage/time_index.hpp"

#include <algorithm>
#include <limits>

namespace sluice::storage {

void TimeIndex::maybe_append(Entry entry) {
  if (entry.timestamp < 0) return;
  if (!entries_.empty() &&
      (entry.timestamp <= entries_.back().timestamp || entry.offset <= entries_.back().offset))
    return;
  const std::int64_t relative = entry.offset - base_;
  // As in OffsetIndex::append: a base offset read back from disk may be damaged.
  if (relative < 0 || relative > std::numeric_limits<std::int32_t>::max()) return;
  entries_.push_back(entry);
}

TimeIndex::Entry TimeIndex::lookup(TimestampMs timestamp) const {
  const auto after =
      std::ranges::upper_bound(entries_, timestamp, std::less<>{}, &Entry::timestamp);
  return after == entries_.begin() ? Entry{-1, base_} : *std::prev(after);
}

void TimeIndex::truncate(Offset end) {
  while (!entries_.empty() && entries_.back().offset >= end) entries_.pop_back();
}

void TimeIndex::encode(std::size_t from, std::vector<std::byte>& out) const {
  std::size_t at = out.size();
  out.resize(at + (count() - from) * entry_size);
  for (std::size_t i = from; i < count(); ++i, at += entry_size) {
    store_big_endian(out.data() + at, entries_[i].timestamp);
    store_big_endian(out.data() + at + 8, static_cast<std::int32_t>(entries_[i].offset - base_));
  }
}

std::optional<TimeIndex> TimeIndex::decode(Offset base, Bytes bytes, Offset end) {
  if (bytes.size() % entry_size != 0) return std::nullopt;
  TimeIndex index(base);
  index.entries_.reserve(bytes.size() / entry_size);
  Entry last{-1, base - 1};
  for (std::size_t at = 0; at < bytes.size(); at += entry_size) {
    const Entry entry{load_big_endian<std::int64_t>(bytes.data() + at),
                      base + load_big_endian<std::int32_t>(bytes.data() + at + 8)};
    if (entry.timestamp <= last.timestamp || entry.offset <= last.offset) return std::nullopt;
    if (entry.offset >= end) return std::nullopt;
    index.entries_.push_back(last = entry);
  }
  return index;
}

bool says(const protocol::BatchHeader& batch, const TimeIndex::Entry& entry) {
  return batch.last_offset() == entry.offset && batch.max_timestamp == entry.timestamp;
}

}  // namespace sluice::storage
