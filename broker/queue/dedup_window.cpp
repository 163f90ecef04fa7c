#include "broker/queue/dedup_window.hpp"

#include "base/check.hpp"

#include <xxhash.h>

#include <utility>

namespace sluice::broker {
namespace {

constexpr std::size_t first_size = 64;

}  // namespace

MessageIdHash hash_message_id(Bytes id, Bytes redrives) {
  const std::uint64_t seed = redrives.empty() ? 0 : XXH3_64bits(redrives.data(), redrives.size());
  const XXH128_hash_t hash = XXH3_128bits_withSeed(id.data(), id.size(), seed);
  return {hash.low64, hash.high64};
}

DedupWindow::DedupWindow(std::chrono::milliseconds window, std::size_t ids_max)
    : window_(window), ids_max_(ids_max) {
  SLUICE_CHECK(ids_max > 0);
}

std::size_t DedupWindow::slot_of(const MessageIdHash& id) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = static_cast<std::size_t>(id.low) & mask;
  while (slots_[at] != 0 && entries_[slots_[at] - 1].id != id) at = (at + 1) & mask;
  return at;
}

std::optional<Offset> DedupWindow::find(const MessageIdHash& id, TimePoint now) const {
  if (count_ == 0) return std::nullopt;
  const Slot slot = slots_[slot_of(id)];
  if (slot == 0 || is_over(entries_[slot - 1], now)) return std::nullopt;
  return entries_[slot - 1].offset;
}

void DedupWindow::add(const MessageIdHash& id, Offset offset, TimePoint now) {
  while (count_ > 0 && is_over(entries_[oldest_], now)) forget_oldest();
  if (count_ == ids_max_) {
    forget_oldest();
    ++forgotten_early_;
  }
  if (count_ == entries_.size()) grow();
  const std::size_t entry = (oldest_ + count_) & (entries_.size() - 1);
  entries_[entry] = {id, offset, now};
  ++count_;
  place(entry);
}

void DedupWindow::place(std::size_t entry) {
  slots_[slot_of(entries_[entry].id)] = static_cast<Slot>(entry + 1);
}

// Closes the gap, so that no search ends before what lies behind it. Source: Knuth, TAOCP 6.4,
// algorithm R.
void DedupWindow::forget_oldest() {
  const std::size_t mask = slots_.size() - 1;
  std::size_t gap = slot_of(entries_[oldest_].id);
  for (std::size_t at = (gap + 1) & mask; slots_[at] != 0; at = (at + 1) & mask) {
    const std::size_t home = static_cast<std::size_t>(entries_[slots_[at] - 1].id.low) & mask;
    if (((at - home) & mask) < ((at - gap) & mask)) continue;  // it would lie before its home
    slots_[gap] = slots_[at];
    gap = at;
  }
  slots_[gap] = 0;
  oldest_ = (oldest_ + 1) & (entries_.size() - 1);
  --count_;
}

void DedupWindow::grow() {
  std::vector<Entry> former(entries_.empty() ? first_size : 2 * entries_.size());
  former.swap(entries_);
  slots_.assign(2 * entries_.size(), 0);
  const std::size_t first = std::exchange(oldest_, 0);
  for (std::size_t i = 0; i < count_; ++i) {
    entries_[i] = former[(first + i) & (former.size() - 1)];
    place(i);
  }
}

}  // namespace sluice::broker
