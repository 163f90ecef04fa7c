#include "client/queue_held.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::client {

// ---- HeldRecords ----

// What is left of a lot on either side becomes a lot of its own.
void HeldRecords::drop(Offset first, Offset last) {
  auto at = lots_.upper_bound(first);
  if (at != lots_.begin()) --at;
  while (at != lots_.end() && at->first <= last) {
    const Offset begin = at->first;
    const Offset end = begin + static_cast<Offset>(at->second.states.size());
    if (end <= first) {
      ++at;
      continue;
    }
    const Lot lot = std::move(at->second);
    at = lots_.erase(at);
    count_ -= lot.left;
    keep_part(lot, begin, begin, first);
    keep_part(lot, begin, last + 1, end);
  }
}

// The offsets [from, to) of a lot that began at `begin`.
void HeldRecords::keep_part(const Lot& lot, Offset begin, Offset from, Offset to) {
  if (from >= to) return;
  Lot part;
  part.states.assign(lot.states.begin() + (from - begin), lot.states.begin() + (to - begin));
  part.left =
      part.states.size() - static_cast<std::size_t>(std::ranges::count(part.states, State::gone));
  part.deliveries = lot.deliveries;
  part.until = lot.until;
  if (part.left == 0) return;
  count_ += part.left;
  lots_.emplace(from, std::move(part));
}

void HeldRecords::add(Offset first, Offset last, std::int16_t deliveries, TimePoint until) {
  drop(first, last);
  Lot lot;
  lot.states.assign(static_cast<std::size_t>(last - first + 1), State::buffered);
  lot.left = lot.states.size();
  lot.deliveries = deliveries;
  lot.until = until;
  count_ += lot.left;
  lots_.emplace(first, std::move(lot));
}

HeldRecords::Lots::iterator HeldRecords::lot_of(Offset offset) {
  auto at = lots_.upper_bound(offset);
  if (at == lots_.begin()) return lots_.end();
  --at;
  const Offset end = at->first + static_cast<Offset>(at->second.states.size());
  return offset < end ? at : lots_.end();
}

HeldRecords::State* HeldRecords::find(Offset offset) {
  const auto at = lot_of(offset);
  if (at == lots_.end()) return nullptr;
  State* state = &at->second.states[static_cast<std::size_t>(offset - at->first)];
  return *state == State::gone ? nullptr : state;
}

const HeldRecords::State* HeldRecords::find(Offset offset) const {
  return const_cast<HeldRecords*>(this)->find(offset);
}

bool HeldRecords::give(Offset offset, TimePoint now) {
  const auto at = lot_of(offset);
  State* state = find(offset);
  if (state == nullptr || *state != State::buffered) return false;
  if (at->second.until <= now) {
    finish(offset);
    return false;
  }
  *state = State::given;
  return true;
}

bool HeldRecords::holds(Offset offset) const {
  const State* state = find(offset);
  return state != nullptr && *state != State::acknowledged;
}

bool HeldRecords::acknowledge(Offset offset) {
  if (!holds(offset)) return false;
  *find(offset) = State::acknowledged;
  return true;
}

void HeldRecords::finish(Offset offset) {
  State* state = find(offset);
  if (state == nullptr) return;
  *state = State::gone;
  --count_;
  const auto at = lot_of(offset);
  if (--at->second.left == 0) lots_.erase(at);
}

std::vector<Offset> HeldRecords::take_buffered() {
  std::vector<Offset> taken;
  for (auto& [first, lot] : lots_)
    for (std::size_t i = 0; i < lot.states.size(); ++i) {
      if (lot.states[i] != State::buffered) continue;
      lot.states[i] = State::acknowledged;
      taken.push_back(first + static_cast<Offset>(i));
    }
  return taken;
}

void HeldRecords::renewed(Offset offset, TimePoint until) {
  const auto at = lot_of(offset);
  if (at != lots_.end()) at->second.until = std::max(at->second.until, until);
}

std::vector<Offset> HeldRecords::ending_before(TimePoint until) const {
  std::vector<Offset> ending;
  for (const auto& [first, lot] : lots_) {
    if (lot.until >= until) continue;
    for (std::size_t i = 0; i < lot.states.size(); ++i)
      if (lot.states[i] == State::buffered || lot.states[i] == State::given)
        ending.push_back(first + static_cast<Offset>(i));
  }
  return ending;
}

std::int16_t HeldRecords::deliveries(Offset offset) const {
  const auto at = const_cast<HeldRecords*>(this)->lot_of(offset);
  return at == lots_.end() ? std::int16_t{0} : at->second.deliveries;
}

void HeldRecords::clear() {
  lots_.clear();
  count_ = 0;
}

// ---- AckQueue ----

std::vector<Ack> AckQueue::take() {
  std::vector<Ack> taken;
  if (!apart_.empty()) {
    taken = std::move(apart_.front());
    apart_.pop_front();
  } else {
    taken = std::exchange(pending_, {});
  }
  const auto before = [](const Ack& a, const Ack& b) { return a.offset < b.offset; };
  if (!std::is_sorted(taken.begin(), taken.end(), before))
    std::sort(taken.begin(), taken.end(), before);
  const auto same = [](const Ack& a, const Ack& b) { return a.offset == b.offset; };
  taken.erase(std::unique(taken.begin(), taken.end(), same), taken.end());
  return taken;
}

bool AckQueue::halve(std::vector<Ack>& refused) {
  if (refused.size() < 2) return false;
  const auto middle = refused.begin() + static_cast<std::ptrdiff_t>(refused.size() / 2);
  std::vector<Ack> rest(std::make_move_iterator(middle), std::make_move_iterator(refused.end()));
  refused.erase(middle, refused.end());
  apart_.push_back(std::move(refused));
  apart_.push_back(std::move(rest));
  return true;
}

void AckQueue::clear() {
  pending_.clear();
  apart_.clear();
}

}  // namespace sluice::client
