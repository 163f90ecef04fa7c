#include "tools/inspect/heavy_hitters.hpp"

#include <xxhash.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <tuple>

namespace sluice::inspect {
namespace {

constexpr auto larger = [](const auto& a, const auto& b) { return a.bytes > b.bytes; };

// The same key in another topic is another key.
std::uint64_t id_of(std::uint32_t topic, std::uint64_t hash) {
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15u;
  return hash + golden * topic;
}

}  // namespace

std::uint64_t hash_of_key(Bytes key) { return XXH3_64bits(key.data(), key.size()); }

void HeavyHitters::add(std::uint32_t topic, std::uint64_t hash, Bytes key, std::uint64_t bytes) {
  const std::uint64_t id = id_of(topic, hash);
  if (const auto found = index_.find(id); found != index_.end()) {
    Counter& counter = counters_[found->second];
    counter.bytes += bytes;
    ++counter.records;
    return;
  }
  Counter fresh{.topic = topic,
                .key = std::string(as_text(key.first(std::min(key.size(), shown_max)))),
                .key_size = key.size(),
                .bytes = bytes,
                .overcount = 0,
                .records = 1};
  if (counters_.size() < counters_max_) {
    index_.emplace(id, static_cast<std::uint32_t>(counters_.size()));
    counters_.push_back(std::move(fresh));
    ids_.push_back(id);
    return;
  }
  exact_ = false;
  const std::uint32_t victim = smallest();
  index_.erase(ids_[victim]);
  fresh.overcount = counters_[victim].bytes;
  fresh.bytes += fresh.overcount;
  counters_[victim] = std::move(fresh);
  ids_[victim] = id;
  index_.emplace(id, victim);
}

std::uint64_t HeavyHitters::floor() const {
  if (exact_) return 0;
  return std::ranges::min(counters_, {}, &Counter::bytes).bytes;
}

void HeavyHitters::merge(const HeavyHitters& other) {
  const std::uint64_t floor_here = floor();
  const std::uint64_t floor_there = other.floor();
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    if (other.index_.contains(ids_[i])) continue;
    counters_[i].bytes += floor_there;
    counters_[i].overcount += floor_there;
  }
  for (std::size_t i = 0; i < other.counters_.size(); ++i) {
    Counter counter = other.counters_[i];
    if (const auto here = index_.find(other.ids_[i]); here != index_.end()) {
      Counter& sum = counters_[here->second];
      sum.bytes += counter.bytes;
      sum.overcount += counter.overcount;
      sum.records += counter.records;
      continue;
    }
    counter.bytes += floor_here;
    counter.overcount += floor_here;
    index_.emplace(other.ids_[i], static_cast<std::uint32_t>(counters_.size()));
    ids_.push_back(other.ids_[i]);
    counters_.push_back(std::move(counter));
  }
  exact_ = exact_ && other.exact_;
  heap_.clear();
  if (counters_.size() > counters_max_) keep_the_largest();
}

void HeavyHitters::keep_the_largest() {
  exact_ = false;
  std::vector<std::uint32_t> order(counters_.size());
  std::iota(order.begin(), order.end(), 0u);
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(counters_max_);
  std::ranges::nth_element(order, end, std::ranges::greater{},
                           [&](std::uint32_t i) { return counters_[i].bytes; });
  order.erase(end, order.end());
  HeavyHitters kept(counters_max_);
  for (const std::uint32_t i : order) {
    kept.index_.emplace(ids_[i], static_cast<std::uint32_t>(kept.counters_.size()));
    kept.ids_.push_back(ids_[i]);
    kept.counters_.push_back(std::move(counters_[i]));
  }
  index_ = std::move(kept.index_);
  ids_ = std::move(kept.ids_);
  counters_ = std::move(kept.counters_);
}

// The counter with the fewest bytes. Counters only grow, so a place that is still right when it
// comes to the top is the smallest of all.
std::uint32_t HeavyHitters::smallest() {
  if (heap_.empty()) {
    for (std::uint32_t i = 0; i < counters_.size(); ++i) heap_.push_back({counters_[i].bytes, i});
    std::ranges::make_heap(heap_, larger);
  }
  while (heap_.front().bytes != counters_[heap_.front().index].bytes) {
    std::ranges::pop_heap(heap_, larger);
    heap_.back().bytes = counters_[heap_.back().index].bytes;
    std::ranges::push_heap(heap_, larger);
  }
  return heap_.front().index;
}

std::vector<HeavyHitters::Counter> HeavyHitters::top(std::size_t count) const {
  std::vector<Counter> all = counters_;
  const auto more = [](const Counter& a, const Counter& b) {
    return std::tie(b.bytes, a.topic, a.key) < std::tie(a.bytes, b.topic, b.key);
  };
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size()));
  std::ranges::partial_sort(all, end, more);
  all.erase(end, all.end());
  return all;
}

}  // namespace sluice::inspect
