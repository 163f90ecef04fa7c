#include "storage/key_offsets.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

namespace sluice::storage {
namespace {
constexpr std::size_t slots_first = 64;
}

KeyOffsets::KeyOffsets(std::uint64_t seed, std::size_t bytes_max)
    : seed_(seed), bytes_max_(bytes_max), slots_(slots_first) {}

KeyOffsets::Hash KeyOffsets::hash(Bytes key) const {
  const XXH128_hash_t h = XXH3_128bits_withSeed(key.data(), key.size(), seed_);
  return {h.low64, h.high64};
}

// The key's slot, or the free one where it belongs.
std::size_t KeyOffsets::find_slot(const Hash& h, Bytes key) const {
  std::size_t at = static_cast<std::size_t>(h.low) & (slots_.size() - 1);
  for (;; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.offset < 0) return at;
    if (slot.low != h.low || slot.high != h.high || slot.key_size != key.size()) continue;
    if (key.empty() || std::memcmp(keys_.data() + slot.key_at, key.data(), key.size()) == 0)
      return at;
  }
}

bool KeyOffsets::put(Bytes key, Offset offset) {
  const Hash h = hash(key);
  Slot& slot = slots_[find_slot(h, key)];
  if (slot.offset >= 0) {
    slot.offset = std::max(slot.offset, offset);
    return true;
  }
  const std::size_t growth = (crowded() ? slots_.size() * sizeof(Slot) : 0) + key.size();
  if (bytes() + growth > bytes_max_) return false;
  insert(h, key, offset);
  return true;
}

void KeyOffsets::force(Bytes key, Offset offset) {
  const Hash h = hash(key);
  Slot& slot = slots_[find_slot(h, key)];
  if (slot.offset < 0) return insert(h, key, offset);
  slot.offset = std::max(slot.offset, offset);
}

void KeyOffsets::insert(const Hash& h, Bytes key, Offset offset) {
  if (crowded()) grow();
  slots_[find_slot(h, key)] = {h.low, h.high, offset, keys_.size(), key.size()};
  keys_.insert(keys_.end(), key.begin(), key.end());
  ++count_;
}

std::optional<Offset> KeyOffsets::find(Bytes key) const {
  const Slot& slot = slots_[find_slot(hash(key), key)];
  if (slot.offset < 0) return std::nullopt;
  return slot.offset;
}

void KeyOffsets::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.offset < 0) continue;
    std::size_t at = static_cast<std::size_t>(slot.low) & (slots_.size() - 1);
    while (slots_[at].offset >= 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
}

}  // namespace sluice::storage
