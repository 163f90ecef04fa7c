#include "client/redrive/ledger.hpp"

#include <bit>
#include <charconv>
#include <utility>

namespace sluice::client {
namespace {

// "PARTITION/BLOCK". Nothing for another text.
std::optional<std::pair<PartitionIndex, Offset>> parse_place(std::string_view text) {
  std::pair<PartitionIndex, Offset> place;
  const char* const end = text.data() + text.size();
  const auto partition = std::from_chars(text.data(), end, place.first);
  if (partition.ec != std::errc{} || partition.ptr == end || *partition.ptr != '/')
    return std::nullopt;
  const auto block = std::from_chars(partition.ptr + 1, end, place.second);
  if (block.ec != std::errc{} || block.ptr != end) return std::nullopt;
  return place;
}

struct Bit {
  std::size_t octet;
  std::byte mask;
};

Bit bit_of(Offset offset) {
  const auto inside = static_cast<std::size_t>(offset % RedriveLedger::block_offsets);
  return {inside / 8, std::byte{1} << (inside % 8)};
}

}  // namespace

RedriveLedger::RedriveLedger(std::string topic, const TopicId& id)
    : topic_prefix_("done/" + std::move(topic) + "/"),
      prefix_(topic_prefix_ + id.to_string() + "/") {}

void RedriveLedger::take(std::string_view key, std::optional<Bytes> value) {
  if (!key.starts_with(topic_prefix_)) return;
  if (!key.starts_with(prefix_)) {
    if (value)
      stale_.emplace(key);
    else if (const auto known = stale_.find(key); known != stale_.end())
      stale_.erase(known);
    return;
  }
  const auto place = parse_place(key.substr(prefix_.size()));
  if (!place) return;
  if (value)
    blocks_[*place].assign(value->begin(), value->end());
  else
    blocks_.erase(*place);
}

bool RedriveLedger::contains(PartitionIndex partition, Offset offset) const {
  const auto block = blocks_.find({partition, offset / block_offsets});
  if (block == blocks_.end()) return false;
  const auto bit = bit_of(offset);
  return bit.octet < block->second.size() && (block->second[bit.octet] & bit.mask) != std::byte{};
}

void RedriveLedger::mark(PartitionIndex partition, Offset offset) {
  const Place place{partition, offset / block_offsets};
  auto& block = blocks_[place];
  const auto bit = bit_of(offset);
  if (block.size() <= bit.octet) block.resize(bit.octet + 1);
  block[bit.octet] |= bit.mask;
  changed_.insert(place);
}

std::uint64_t RedriveLedger::count(PartitionIndex partition, Offset from) const {
  std::uint64_t count = 0;
  const Offset first = from / block_offsets;
  for (auto at = blocks_.lower_bound({partition, first});
       at != blocks_.end() && at->first.first == partition; ++at) {
    const auto& block = at->second;
    const bool partial = at->first.second == first;
    const auto start = partial ? bit_of(from) : Bit{0, std::byte{1}};
    for (std::size_t i = start.octet; i < block.size(); ++i) {
      auto octet = std::to_integer<unsigned>(block[i]);
      if (i == start.octet) octet &= ~(std::to_integer<unsigned>(start.mask) - 1);
      count += static_cast<std::uint64_t>(std::popcount(octet));
    }
  }
  return count;
}

void RedriveLedger::forget_before(PartitionIndex partition, Offset from) {
  const auto first = blocks_.lower_bound({partition, 0});
  const auto last = blocks_.lower_bound({partition, from / block_offsets});
  for (auto at = first; at != last; ++at) changed_.insert(at->first);
  blocks_.erase(first, last);
}

void RedriveLedger::forget_redrive(const std::string& id) {
  stale_.insert(std::string(redrive_key_prefix) + id);
}

std::vector<SavedEntry> RedriveLedger::take_changes() {
  std::vector<SavedEntry> entries;
  for (const auto& place : std::exchange(changed_, {})) {
    auto& entry = entries.emplace_back(SavedEntry{.key = key_of(place), .value = std::nullopt});
    if (const auto block = blocks_.find(place); block != blocks_.end()) entry.value = block->second;
  }
  for (auto& key : std::exchange(stale_, {}))
    entries.push_back({.key = key, .value = std::nullopt});
  return entries;
}

std::string RedriveLedger::key_of(const Place& place) const {
  return prefix_ + std::to_string(place.first) + "/" + std::to_string(place.second);
}

}  // namespace sluice::client
