#include "broker/share/share_state.hpp"

#include <iterator>

namespace sluice::broker {

void ShareState::reset(Offset start) {
  start_ = start;
  ranges_.clear();
  finished_ = 0;
  dead_lettering_ = 0;
}

void ShareState::apply(const StateChange& change) {
  for (const StateBatch& batch : change.batches)
    if (batch.first <= batch.last) put(batch);
  if (change.start >= 0) raise_start(change.start);
  skip_finished();
}

std::vector<StateBatch> ShareState::batches() const {
  std::vector<StateBatch> all;
  all.reserve(ranges_.size());
  for (const auto& [first, range] : ranges_)
    all.push_back(
        {first, range.last, range.state, range.deliveries, range.available_ms, range.failure});
  return all;
}

void ShareState::put(const StateBatch& batch) {
  const Offset first = std::max(batch.first, start_);
  if (first > batch.last) return;
  cut(first);
  cut(batch.last + 1);
  erase(ranges_.lower_bound(first), ranges_.upper_bound(batch.last));
  insert(first, batch.finished() ? Range{batch.last, StoredState::acknowledged}
                                 : Range{batch.last, batch.state, batch.deliveries,
                                         batch.available_ms, batch.failure});
}

// No range reaches over `at` afterwards.
void ShareState::cut(Offset at) {
  auto after = ranges_.lower_bound(at);
  if (after == ranges_.begin()) return;
  const auto before = std::prev(after);
  if (before->second.last < at) return;
  Range rest = before->second;
  before->second.last = at - 1;
  ranges_.emplace(at, rest);
}

void ShareState::erase(Ranges::iterator from, Ranges::iterator to) {
  while (from != to) {
    count(from->first, from->second, -1);
    from = ranges_.erase(from);
  }
}

void ShareState::insert(Offset first, const Range& range) {
  const auto at = ranges_.insert_or_assign(first, range).first;
  count(first, range, 1);
  join_with_next(at);
  if (at != ranges_.begin()) join_with_next(std::prev(at));
}

void ShareState::count(Offset first, const Range& range, std::int64_t sign) {
  const std::int64_t records = sign * (range.last - first + 1);
  if (range.finished()) finished_ += records;
  if (range.state == StoredState::dead_lettering) dead_lettering_ += records;
}

void ShareState::join_with_next(Ranges::iterator at) {
  const auto next = std::next(at);
  if (next == ranges_.end() || next->first != at->second.last + 1) return;
  const Range& a = at->second;
  const Range& b = next->second;
  if (a.state != b.state || a.deliveries != b.deliveries || a.available_ms != b.available_ms ||
      !same_failure(a.failure, b.failure))
    return;
  at->second.last = b.last;
  ranges_.erase(next);
}

void ShareState::raise_start(Offset start) {
  if (start <= start_) return;
  cut(start);
  erase(ranges_.begin(), ranges_.lower_bound(start));
  start_ = start;
}

void ShareState::skip_finished() {
  const auto first = ranges_.begin();
  if (first == ranges_.end() || first->first != start_ || !first->second.finished()) return;
  raise_start(first->second.last + 1);
}

}  // namespace sluice::broker
