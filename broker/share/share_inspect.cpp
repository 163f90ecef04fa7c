// A share partition as an operator sees and changes it.
#include "broker/share/share_partition.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

namespace sluice::broker {
namespace {

constexpr std::string_view rejected_by_hand = "Rejected by hand.";

bool is_like(const QueueRange& a, const QueueRange& b) {
  return a.last + 1 == b.first && a.state == b.state && a.deliveries == b.deliveries &&
         a.member == b.member && a.until_ms == b.until_ms && same_failure(a.failure, b.failure);
}

}  // namespace

std::string_view to_string(QueueState state) {
  switch (state) {
    case QueueState::available:
      return "available";
    case QueueState::waiting:
      return "waiting";
    case QueueState::acquired:
      return "acquired";
    case QueueState::settling:
      return "settling";
    case QueueState::dead_lettering:
      return "dead-lettering";
    case QueueState::finished:
      break;
  }
  return "finished";
}

// ---- Seen ----

std::vector<QueueRange> SharePartition::describe(std::size_t max, GroupTime now) const {
  std::vector<QueueRange> all;
  std::map<std::uint32_t, std::string_view> members;
  for (const auto& [name, number] : owners_) members.emplace(number, name);
  for (const auto& [first, range] : ranges_) {
    QueueRange seen = describe_range(first, range, now);
    if (range.state == State::acquired) {
      const auto member = members.find(range.owner);
      if (member != members.end()) seen.member = member->second;
    }
    if (!all.empty() && is_like(all.back(), seen))
      all.back().last = seen.last;
    else if (all.size() < max)
      all.push_back(std::move(seen));
    else
      break;
  }
  return all;
}

QueueRange SharePartition::describe_range(Offset first, const Range& range, GroupTime now) const {
  QueueRange seen;
  seen.first = first;
  seen.last = range.last;
  seen.deliveries = range.deliveries;
  seen.failure = range.failure;
  if (range.at != TimePoint{}) {
    using std::chrono::duration_cast;
    const auto left = duration_cast<std::chrono::milliseconds>(range.at - now.steady);
    seen.until_ms = now.wall_ms + left.count();
  }
  switch (range.state) {
    case State::available:
      seen.state = range.at == TimePoint{} ? QueueState::available : QueueState::waiting;
      break;
    case State::blocked:
      seen.state = QueueState::waiting;
      break;
    case State::acquired:
      seen.state = QueueState::acquired;
      break;
    case State::settling:
      seen.state = QueueState::settling;
      break;
    case State::dead_lettering:
    case State::copying:
    case State::archiving:
      seen.state = QueueState::dead_lettering;
      break;
    case State::finished:
      seen.state = QueueState::finished;
      break;
  }
  return seen;
}

// ---- Changed ----

std::expected<HandChanged, ErrorCode> SharePartition::change_by_hand(
    std::span<const HandChange> changes, Offset log_end, GroupTime now) {
  for (const HandChange& wanted : changes) {
    const bool known = wanted.how == Acknowledge::release || wanted.how == Acknowledge::reject;
    if (!known || wanted.first < 0 || wanted.last < wanted.first)
      return std::unexpected(ErrorCode::invalid_request);
  }
  tick(now);
  HandChanged done;
  Change change;
  for (const HandChange& wanted : changes)
    done.records += change_by_hand(wanted, log_end, now, change);
  if (!change.batches.empty()) done.write = write(std::move(change));
  return done;
}

std::int64_t SharePartition::change_by_hand(const HandChange& wanted, Offset log_end, GroupTime now,
                                            Change& change) {
  const Offset last = std::min(wanted.last, log_end - 1);
  const bool rejects = wanted.how == Acknowledge::reject;
  if (rejects && last >= end_) {  // never offered
    put(end_, last, {last, State::available});
    end_ = last + 1;
  }
  std::int64_t records = 0;
  for (Offset at = std::max(wanted.first, start_); at <= last && at < end_;) {
    const Range& whole = std::prev(ranges_.upper_bound(at))->second;
    const Offset stop = std::min(whole.last, last);
    const bool movable = whole.state != State::settling && whole.state != State::copying &&
                         whole.state != State::archiving && whole.state != State::finished;
    if (movable) {
      cut(at);
      cut(stop + 1);
      const Range range = ranges_.find(at)->second;
      const bool changed = rejects ? reject_by_hand(at, range, wanted.reason, now, change)
                                   : release_by_hand(at, range, change);
      if (changed) records += stop - at + 1;
    }
    at = stop + 1;
  }
  return records;
}

bool SharePartition::release_by_hand(Offset first, const Range& range, Change& change) {
  if (is_ready(range) || range.state == State::blocked) return false;
  if (range.state == State::dead_lettering)
    learned_ = std::min(learned_, first);  // its key was given up: it is read again
  Range free{range.last, State::available, range.deliveries};
  free.failure = range.failure;
  put(first, range.last, free);
  change.batches.push_back(
      {first, range.last, StoredState::available, range.deliveries, 0, range.failure});
  return true;
}

bool SharePartition::reject_by_hand(Offset first, const Range& range, std::string_view reason,
                                    GroupTime now, Change& change) {
  if (range.state != State::dead_lettering) {
    const std::string_view message = reason.empty() ? rejected_by_hand : reason;
    give_up(first, range, {FailureReason::rejected, message}, now, change);
    return true;
  }
  if (settings_.dead_letters) return false;  // that is what it is at
  settle(first, range, StoredState::archived, change);
  return true;
}

}  // namespace sluice::broker
