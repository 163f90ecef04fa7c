// What a share partition has given up, until its copy is durable.
#include "broker/share/share_partition.hpp"

#include <algorithm>
#include <iterator>

namespace sluice::broker {
namespace {

constexpr std::chrono::seconds copy_retry_first{1};
constexpr std::chrono::seconds copy_retry_longest{60};
constexpr std::uint8_t doublings_max = 6;  // 64 s: beyond the longest

}  // namespace

std::vector<DeadLetter> SharePartition::take_dead_letters(std::int64_t records_max) {
  std::vector<DeadLetter> letters;
  while (!copies_due_.empty() && records_max > 0) {
    const Offset first = *copies_due_.begin();
    cut(std::min(ranges_.find(first)->second.last, first + records_max - 1) + 1);
    Range range = ranges_.find(first)->second;
    letters.push_back({first, range.last, range.deliveries, range.failure});
    records_max -= range.last - first + 1;
    range.state = State::copying;
    put(first, range.last, range);
  }
  return letters;
}

void SharePartition::copied(Offset first, Offset last) {
  Change change;
  for (Offset at = std::max(first, start_); at <= last;) {
    cut(last + 1);
    cut(at);
    const Range range = ranges_.find(at)->second;
    if (range.state == State::copying) settle(at, range, StoredState::archived, change);
    at = range.last + 1;
  }
  if (!change.batches.empty()) write(std::move(change));
}

void SharePartition::copy_failed(Offset first, Offset last, GroupTime now) {
  for (Offset at = std::max(first, start_); at <= last;) {
    cut(last + 1);
    cut(at);
    const Range range = ranges_.find(at)->second;
    if (range.state == State::copying) wait_for_copy(at, range, State::dead_lettering, now);
    at = range.last + 1;
  }
}

void SharePartition::wait_for_copy(Offset first, Range range, State state, GroupTime now) {
  const auto doubled = copy_retry_first * (1 << std::min(range.copies_failed, doublings_max));
  range.state = state;
  range.at = now.steady + std::min(doubled, copy_retry_longest);
  if (range.copies_failed < doublings_max) ++range.copies_failed;
  put(first, range.last, range);
}

void SharePartition::retry_dead_letters() {
  std::vector<Offset> later;
  for (const auto& [at, first] : waiting_)
    if (ranges_.find(first)->second.state == State::dead_lettering) later.push_back(first);
  for (const Offset first : later) {
    Range range = ranges_.find(first)->second;
    range.at = {};
    range.copies_failed = 0;
    put(first, range.last, range);
  }
}

}  // namespace sluice::broker
