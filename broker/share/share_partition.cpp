// Tiles, time and acquiring; acknowledging is in share_settle.cpp.
#include "broker/share/share_partition.hpp"

#include "base/check.hpp"
#include "base/planted_bug.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

namespace sluice::broker {

SharePartition::SharePartition(const ShareState& state, const ShareSettings& settings,
                               Random& random, GroupTime now)
    : settings_(settings),
      random_(random),
      start_(state.start()),
      end_(state.start()),
      by_key_(settings.order_by_key),
      learned_(state.start()) {
  for (const StateBatch& batch : state.batches()) {
    if (end_ < batch.first) insert(end_, {batch.first - 1});  // was acquired and not finished
    Range range{batch.last, batch.finished() ? State::finished : State::available,
                batch.deliveries};
    range.failure = batch.failure;
    if (batch.state == StoredState::dead_lettering) {
      range.state = State::dead_lettering;
      const Failure unknown{now.wall_ms, now.wall_ms, FailureReason::delivery_limit, {}};
      if (!range.failure) range.failure = std::make_shared<const Failure>(unknown);
    }
    if (batch.available_ms > now.wall_ms)
      range.at = now.steady + std::chrono::milliseconds(batch.available_ms - now.wall_ms);
    insert(batch.first, range);
    end_ = batch.last + 1;
  }
  skip_finished();
}

ShareCounts SharePartition::counts() const {
  ShareCounts counts = counts_;
  counts.ranges = ranges_.size();
  return counts;
}

std::uint32_t SharePartition::owner_number(std::string_view member) {
  const auto at = owners_.find(member);
  if (at != owners_.end()) return at->second;
  owners_.emplace(std::string(member), next_owner_);
  return next_owner_++;
}

std::optional<std::uint32_t> SharePartition::known_owner(std::string_view member) const {
  const auto at = owners_.find(member);
  return at == owners_.end() ? std::nullopt : std::optional(at->second);
}

// ---- Tiles ----

SharePartition::Ranges::iterator SharePartition::insert(Offset first, const Range& range) {
  const auto [at, fresh] = ranges_.emplace(first, range);
  SLUICE_CHECK(fresh);
  SLUICE_CHECK(range.last >= first);
  enter(at);
  return at;
}

SharePartition::Ranges::iterator SharePartition::erase(Ranges::iterator at) {
  leave(at);
  if (ranges_.size() >= settings_.ranges_max) news_ = true;
  return ranges_.erase(at);
}

void SharePartition::enter(Ranges::iterator at) {
  const auto& [first, range] = *at;
  count(first, range, 1);
  enter_index(first, range);
  if (is_ready(range)) news_ = true;
}

void SharePartition::leave(Ranges::iterator at) {
  const auto& [first, range] = *at;
  switch (range.state) {
    case State::available:
    case State::dead_lettering:
    case State::archiving:
      if (range.at != TimePoint{})
        waiting_.erase({range.at, first});
      else if (range.state == State::available)
        ready_.erase(first);
      else
        copies_due_.erase(first);
      break;
    case State::acquired:
      locks_.erase({range.at, first});
      if (counts_.acquired >= settings_.locks_max) news_ = true;  // there is room again
      break;
    case State::blocked:
      if (blocked_ >= settings_.blocked_max) news_ = true;
      break;
    case State::settling:
    case State::copying:
    case State::finished:
      break;
  }
  count(first, range, -1);
}

void SharePartition::enter_index(Offset first, const Range& range) {
  switch (range.state) {
    case State::available:
    case State::dead_lettering:
    case State::archiving:
      if (range.at != TimePoint{})
        waiting_.emplace(range.at, first);
      else if (range.state == State::available)
        ready_.insert(first);
      else
        copies_due_.insert(first);
      break;
    case State::acquired:
      locks_.emplace(range.at, first);
      break;
    case State::blocked:
    case State::settling:
    case State::copying:
    case State::finished:
      break;
  }
}

void SharePartition::count(Offset first, const Range& range, std::int64_t sign) {
  const std::int64_t records = sign * (range.last - first + 1);
  switch (range.state) {
    case State::available:
      if (range.at != TimePoint{}) counts_.waiting += records;
      break;
    case State::blocked:
      counts_.waiting += records;
      blocked_ += records;
      break;
    case State::acquired:
      counts_.acquired += records;
      break;
    case State::settling:
      counts_.settling += records;
      break;
    case State::dead_lettering:
    case State::copying:
    case State::archiving:
      counts_.dead_lettering += records;
      break;
    case State::finished:
      counts_.finished += records;
      break;
  }
}

// No range reaches over `at` afterwards; the first that begins there or behind it. Both parts are
// counted as before, and the first keeps its place in the indexes.
SharePartition::Ranges::iterator SharePartition::cut(Offset at) {
  const auto after = ranges_.lower_bound(at);
  if (after == ranges_.begin()) return after;
  const auto before = std::prev(after);
  if (before->second.last < at) return after;
  const auto rest = ranges_.emplace_hint(after, at, before->second);
  before->second.last = at - 1;
  enter_index(at, rest->second);
  return rest;
}

void SharePartition::put(Offset first, Offset last, Range range) {
  auto at = cut(first);
  cut(last + 1);
  range.last = last;
  if (at != ranges_.end() && at->first == first) {  // its place in the tree stays
    leave(at);
    for (auto next = std::next(at); next != ranges_.end() && next->first <= last;)
      next = erase(next);
    at->second = std::move(range);
    enter(at);
  } else {
    while (at != ranges_.end() && at->first <= last) at = erase(at);
    at = insert(first, range);
  }
  if (by_key_ && !holds_key(at->second.state)) keys_.remove(first, last, freed_);
  if (at->second.state == State::finished) join_finished(at);
}

// With its neighbours; what is finished is in no index.
void SharePartition::join_finished(Ranges::iterator at) {
  if (at != ranges_.begin() && std::prev(at)->second.state == State::finished) --at;
  auto next = std::next(at);
  while (next != ranges_.end() && next->second.state == State::finished) {
    if (ranges_.size() >= settings_.ranges_max) news_ = true;
    at->second.last = next->second.last;
    next = ranges_.erase(next);
  }
}

void SharePartition::raise_start(Offset start) {
  if (start <= start_) return;
  cut(start);
  while (!ranges_.empty() && ranges_.begin()->first < start) erase(ranges_.begin());
  if (by_key_) keys_.remove(start_, start - 1, freed_);
  start_ = start;
  end_ = std::max(end_, start);
  learned_ = std::max(learned_, start);
}

void SharePartition::skip_finished() {
  while (!ranges_.empty() && ranges_.begin()->second.state == State::finished)
    raise_start(ranges_.begin()->second.last + 1);
}

void SharePartition::log_start_moved(Offset log_start) {
  if (log_start <= start_) return;
  raise_start(log_start);
  skip_finished();
  offer_freed();
  write({});
}

void SharePartition::set_settings(const ShareSettings& settings) {
  settings_ = settings;
  switch_order();
}

// ---- Time ----

std::optional<TimePoint> SharePartition::next_deadline() const {
  std::optional<TimePoint> next;
  if (!locks_.empty() && !planted(PlantedBug::lock_forgotten)) next = locks_.begin()->first;
  if (!waiting_.empty() && (!next || waiting_.begin()->first < *next))
    next = waiting_.begin()->first;
  return next;
}

void SharePartition::tick(GroupTime now) {
  switch_order();
  Change change;
  while (!waiting_.empty() && waiting_.begin()->first <= now.steady) {
    const Offset first = waiting_.begin()->second;
    const auto at = ranges_.find(first);
    if (at->second.state == State::archiving) {
      const Range range = at->second;
      settle(first, range, StoredState::archived, change);
      continue;
    }
    leave(at);
    at->second.at = {};
    enter(at);
  }
  const Ending timed_out{FailureReason::lock_timeout};
  const bool forgets = planted(PlantedBug::lock_forgotten);
  while (!forgets && !locks_.empty() && locks_.begin()->first <= now.steady) {
    const Offset first = locks_.begin()->second;
    give_back(first, ranges_.find(first)->second, timed_out, now, change);
  }
  if (!change.batches.empty()) write(std::move(change));
}

// ---- Acquiring ----

std::optional<Offset> SharePartition::next_offered(Offset from) const {
  if (counts_.acquired >= settings_.locks_max || is_switching()) return std::nullopt;
  const std::optional<Offset> ready = next_ready(from);
  if (!by_key_) return ready;
  const Offset unlearned = first_unlearned();
  return unlearned < end_ && (!ready || unlearned < *ready) ? unlearned : ready;
}

Offset SharePartition::offered_until(Offset from) const {
  if (by_key_ || from >= end_) return std::numeric_limits<Offset>::max();
  return std::prev(ranges_.upper_bound(from))->second.last;
}

std::optional<Offset> SharePartition::next_ready(Offset from) const {
  if (from < end_) {
    const auto after = ready_.upper_bound(from);
    if (after != ready_.begin()) {  // a range that begins before `from` may reach over it
      const Offset first = *std::prev(after);
      if (ranges_.find(first)->second.last >= from) return from;
    }
    if (after != ready_.end()) return *after;
  }
  if (!has_room_for_new()) return std::nullopt;
  return std::max(from, end_);
}

// How many records may still be taken. Whole batches: the limits are looked at where a batch
// begins.
std::int64_t SharePartition::room(const Acquiring& acquiring, bool inside_batch) const {
  if (acquiring.alone) return 0;
  const std::int64_t wanted = acquiring.limits->records_max - acquiring.taken;
  const std::int64_t locks = settings_.locks_max - counts_.acquired;
  if (inside_batch && acquiring.limits->mode == AcquireMode::whole_batches)
    return std::numeric_limits<std::int64_t>::max();
  return std::max<std::int64_t>(0, std::min(wanted, locks));
}

std::vector<AcquiredRange> SharePartition::acquire(std::string_view member, Offset from,
                                                   std::span<const BatchExtent> batches,
                                                   const AcquireLimits& limits, GroupTime now) {
  tick(now);
  Acquiring acquiring{.owner = owner_number(member),
                      .limits = &limits,
                      .lock_end = now.steady + settings_.lock_duration,
                      .taken = limits.taken,
                      .ranges = {}};
  Offset cursor = std::max(from, start_);
  for (const BatchExtent& batch : batches) {
    if (batch.last < cursor) continue;
    if (room(acquiring, false) == 0) break;
    if (is_switching() || (by_key_ && first_unlearned() < cursor)) break;  // changed meanwhile
    if (cursor < batch.first) missing(cursor, batch.first - 1);
    const BatchExtent rest{std::max(batch.first, cursor), batch.last, batch.keys};
    if (!wants_keys(rest.last))
      acquire_in(rest, acquiring);
    else if (!acquire_by_key(rest, acquiring))
      break;
    close_range(acquiring);
    cursor = batch.last + 1;
  }
  skip_finished();
  offer_freed();
  return std::move(acquiring.ranges);
}

// Offsets without a record. What somebody holds is his to acknowledge as a gap.
void SharePartition::missing(Offset first, Offset last) {
  for (Offset at = std::max(first, start_); at <= last;) {
    if (at >= end_) {
      if (at > end_) put(end_, at - 1, {at - 1, State::available});
      put(at, last, {last, State::finished});
      end_ = last + 1;
      break;
    }
    const auto range = std::prev(ranges_.upper_bound(at));
    const Offset stop = std::min(range->second.last, last);
    const State state = range->second.state;
    if (state == State::available || state == State::blocked)
      put(at, stop, {stop, State::finished});
    at = stop + 1;
  }
}

void SharePartition::acquire_in(const BatchExtent& batch, Acquiring& acquiring) {
  Offset at = batch.first;
  while (at <= batch.last) {
    if (at >= end_) {
      if (ranges_.size() >= settings_.ranges_max) return;
      if (at > end_) put(end_, at - 1, {at - 1, State::available});
      end_ = at;
      take(at, batch.last, nullptr, acquiring);
      return;
    }
    const auto range = std::prev(ranges_.upper_bound(at));
    const Offset last = std::min(range->second.last, batch.last);
    if (is_ready(range->second) && !take(at, last, &range->second, acquiring)) return;
    at = last + 1;
  }
}

// At the end of a batch.
void SharePartition::close_range(Acquiring& acquiring) {
  const std::int64_t enough = acquiring.limits->range_records;
  if (enough <= 0 || acquiring.ranges.empty()) return;
  const AcquiredRange& range = acquiring.ranges.back();
  if (range.last - range.first + 1 >= enough) acquiring.closed = true;
}

// `before`: what it was, null if it was never acquired. False: the limits are reached.
bool SharePartition::take(Offset first, Offset last, const Range* before, Acquiring& acquiring) {
  const std::int16_t deliveries = before == nullptr ? 0 : before->deliveries;
  std::int64_t count = std::min(last - first + 1, room(acquiring, true));
  if (is_last_attempt(static_cast<std::int16_t>(deliveries + 1))) {
    acquiring.alone = true;
    if (acquiring.taken != 0) return false;  // the next one to ask gets it
    count = std::min<std::int64_t>(count, 1);
  }
  if (count <= 0) return false;
  const Offset end = first + count - 1;
  Range range{end, State::acquired, static_cast<std::int16_t>(deliveries + 1)};
  range.owner = acquiring.owner;
  range.at = acquiring.lock_end;
  if (before != nullptr) range.failure = before->failure;
  if (first >= end_) {
    insert(first, range);
    end_ = end + 1;
  } else {
    put(first, end, range);
  }
  acquiring.taken += count;
  std::vector<AcquiredRange>& out = acquiring.ranges;
  const bool goes_on = !out.empty() && !std::exchange(acquiring.closed, false) &&
                       out.back().last + 1 == first && out.back().deliveries == range.deliveries;
  if (goes_on)
    out.back().last = end;
  else
    out.push_back({first, end, range.deliveries});
  return end == last && !acquiring.alone;
}

}  // namespace sluice::broker
