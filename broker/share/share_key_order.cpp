// Acquiring with sluice.share.order=key: what is behind another record of its key is blocked.
//
// [start, learned) holds only records whose keys are known. After a restart, or a change of the
// order, that is nothing: next_offered() leads the reads over what is unfinished first.
#include "broker/share/share_partition.hpp"

#include <algorithm>
#include <iterator>

namespace sluice::broker {

// Both orders at a time would be none: the change waits until nothing is in flight.
void SharePartition::switch_order() {
  if (!is_switching() || counts_.acquired + counts_.settling != 0) return;
  by_key_ = settings_.order_by_key;
  keys_.clear();
  learned_ = start_;
  std::vector<Offset> blocked;
  for (const auto& [first, range] : ranges_)
    if (range.state == State::blocked) blocked.push_back(first);
  for (const Offset first : blocked) unblock(first, ranges_.find(first)->second.last);
  news_ = true;
}

// A wait that it was in goes on.
void SharePartition::unblock(Offset first, Offset last) {
  Range range = ranges_.find(first)->second;
  range.state = State::available;
  put(first, last, range);
}

// The first offset that has to be read for its key; end() if there is none.
Offset SharePartition::first_unlearned() const {
  auto at = ranges_.upper_bound(learned_);
  if (at != ranges_.begin() && std::prev(at)->second.last >= learned_) at = std::prev(at);
  while (at != ranges_.end() && !holds_key(at->second.state)) ++at;
  return at == ranges_.end() ? end_ : std::max(at->first, learned_);
}

// Requires: everything before the batch is learned. False: the limits are reached.
bool SharePartition::acquire_by_key(const BatchExtent& batch, Acquiring& acquiring) {
  Offset at = batch.first;
  for (const RecordKey& record : batch.keys) {
    if (record.offset < at) continue;
    if (record.offset > at) missing(at, record.offset - 1);
    if (!acquire_one(record, acquiring)) return false;
    at = record.offset + 1;
    learned_ = std::max(learned_, at);
  }
  if (at <= batch.last) missing(at, batch.last);
  learned_ = std::max(learned_, batch.last + 1);
  return true;
}

bool SharePartition::acquire_one(const RecordKey& record, Acquiring& acquiring) {
  const Offset offset = record.offset;
  if (offset >= end_) {
    if (!has_room_for_new() || room(acquiring, true) <= 0) return false;
    if (offset > end_) put(end_, offset - 1, {offset - 1, State::available});
    end_ = offset + 1;
    insert(offset, {offset, State::available});
  }
  const Range& known = std::prev(ranges_.upper_bound(offset))->second;
  if (!holds_key(known.state)) return true;
  const bool holds = !record.key_hash || keys_.add(offset, *record.key_hash);
  if (known.state != State::available || (holds && !is_ready(known))) return true;
  cut(offset);
  cut(offset + 1);
  Range range = ranges_.find(offset)->second;
  if (holds) return take(offset, offset, &range, acquiring);
  range.state = State::blocked;
  put(offset, offset, range);
  return true;
}

// Records that came first of their key since the last call are available.
void SharePartition::offer_freed() {
  for (const Offset offset : std::exchange(freed_, {})) {
    if (offset < start_ || offset >= end_) continue;
    if (std::prev(ranges_.upper_bound(offset))->second.state != State::blocked) continue;
    cut(offset);
    cut(offset + 1);
    unblock(offset, offset);
  }
}

}  // namespace sluice::broker
