#include "tools/inspect/compaction_gain.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sluice::inspect {
namespace {

constexpr std::size_t slots_min = 16;

// `part` of `sampled`, as of `all`.
std::uint64_t scaled(std::uint64_t part, std::uint64_t sampled, std::uint64_t all) {
  if (sampled == 0) return 0;
  const double share = static_cast<double>(part) / static_cast<double>(sampled);
  return static_cast<std::uint64_t>(std::llround(share * static_cast<double>(all)));
}

}  // namespace

CompactionEstimate& CompactionEstimate::operator+=(const CompactionEstimate& other) {
  keys_exact = keys_exact && other.keys_exact;
  exact = exact && other.exact;
  keys += other.keys;
  superseded_records += other.superseded_records;
  superseded_bytes += other.superseded_bytes;
  closed_superseded_bytes += other.closed_superseded_bytes;
  tombstones += other.tombstones;
  tombstone_bytes += other.tombstone_bytes;
  return *this;
}

CompactionGain::CompactionGain(std::size_t slots_max) : slots_max_(slots_max), slots_(slots_min) {
  SLUICE_CHECK(slots_max >= slots_min && std::has_single_bit(slots_max));
}

void CompactionGain::add(std::uint64_t key_hash, std::uint32_t bytes, bool tombstone) {
  ++records_;
  bytes_ += bytes;
  const std::uint64_t hash = key_hash == 0 ? 1ull << 63 : key_hash;
  if (!is_followed(hash)) return;
  Slot* slot = &slot_of(hash);
  if (slot->hash == 0) {
    if ((used_ + 1) * 4 > slots_.size() * 3) {
      make_room();
      if (!is_followed(hash)) return;
      slot = &slot_of(hash);
    }
    ++used_;
    slot->hash = hash;
  } else {
    slot->superseded_bytes += slot->newest_bytes;
    ++slot->superseded_records;
  }
  slot->newest_bytes = bytes;
  slot->tombstone = tombstone ? 1 : 0;
}

// The slot of a key, or the free one where it belongs. The lowest bits are the sample's, so the
// place is made of the highest.
CompactionGain::Slot& CompactionGain::slot_of(std::uint64_t hash) {
  const std::size_t mask = slots_.size() - 1;
  const int shift = 64 - std::countr_zero(slots_.size());
  std::size_t at = hash >> shift;
  while (slots_[at].hash != 0 && slots_[at].hash != hash) at = (at + 1) & mask;
  return slots_[at];
}

// More slots, or half of the keys.
void CompactionGain::make_room() {
  std::vector<Slot> kept;
  if (slots_.size() >= slots_max_) ++level_;
  for (const Slot& slot : slots_)
    if (slot.hash != 0 && is_followed(slot.hash)) kept.push_back(slot);
  const std::size_t size = std::min(slots_.size() * 2, slots_max_);
  slots_ = {};  // before the new ones: that is what bounds the memory
  slots_.resize(size);
  used_ = kept.size();
  for (const Slot& slot : kept) slot_of(slot.hash) = slot;
  // A sample that happens to keep nearly all of its keys.
  if ((used_ + 1) * 4 > slots_.size() * 3) make_room();
}

CompactionEstimate CompactionGain::estimate() const {
  CompactionEstimate found{.keys_exact = level_ == 0, .exact = level_ == 0};
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
  for (const Slot& slot : slots_) {
    if (slot.hash == 0) continue;
    bytes += slot.superseded_bytes + slot.newest_bytes;
    records += slot.superseded_records + 1;
    found.superseded_bytes += slot.superseded_bytes;
    found.superseded_records += slot.superseded_records;
    if (slot.tombstone == 0) continue;
    ++found.tombstones;
    found.tombstone_bytes += slot.newest_bytes;
  }
  found.keys = static_cast<std::uint64_t>(used_) << level_;
  found.closed_superseded_bytes = closed_superseded_bytes_;
  if (found.exact) return found;
  found.superseded_records = scaled(found.superseded_records, records, records_);
  found.superseded_bytes = scaled(found.superseded_bytes, bytes, bytes_);
  found.tombstones = scaled(found.tombstones, records, records_);
  found.tombstone_bytes = scaled(found.tombstone_bytes, bytes, bytes_);
  return found;
}

}  // namespace sluice::inspect
