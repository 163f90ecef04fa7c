#include "broker/queue/schedule_store.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace sluice::broker {

namespace {

// How far `one` lies before `next` in the producer's sequence, which goes round; below 0: after it.
std::int64_t sequences_behind(const ScheduleSource& one, const ScheduleSource& next) {
  constexpr std::int64_t period = std::int64_t{1} << 31;
  if (one.producer_epoch != next.producer_epoch) return period;  // nobody sends it again
  const std::int64_t behind = (period + next.base_sequence - one.base_sequence) % period;
  return behind > period / 2 ? behind - period : behind;
}

}  // namespace

// ---- What comes in ----

bool ScheduleStore::load(Bytes key, std::optional<Bytes> value, Offset offset) {
  const auto kind = schedule_record_kind(key);
  if (!kind) return false;
  if (*kind == ScheduleRecordKind::done) {
    const auto offsets = value ? decode_done(*value) : std::nullopt;
    if (!offsets) return false;
    for (const Offset done : *offsets) finished(done);
    return true;
  }
  const auto entry = decode_schedule_entry(key);
  if (!entry) return false;
  accepted(offset, 1);
  stored(*entry, offset);
  return true;
}

std::int32_t ScheduleStore::stored_of(const ScheduleTarget& target,
                                      const ScheduleSource& source) const {
  if (source.producer_id < 0) return 0;
  const auto at = producers_.find({target, source.producer_id});
  if (at == producers_.end()) return 0;
  const auto batch = std::ranges::find(at->second.batches, source, &Batch::source);
  return batch == at->second.batches.end() ? 0 : batch->stored();
}

ScheduleStore::Batch& ScheduleStore::batch_of(const ScheduleTarget& target,
                                              const ScheduleSource& source) {
  const ProducerKey key{target, source.producer_id};
  if (producers_.size() >= producers_max && !producers_.contains(key))
    producers_.erase(std::ranges::min_element(
        producers_, {}, [](const auto& producer) { return producer.second.used; }));
  Producer& producer = producers_[key];
  producer.used = ++uses_;
  const auto known = std::ranges::find(producer.batches, source, &Batch::source);
  if (known != producer.batches.end()) return *known;
  Batch& batch = *std::ranges::max_element(
      producer.batches, {}, [&](const Batch& one) { return sequences_behind(one.source, source); });
  batch = {source, {}};
  return batch;
}

// An attempt that the broker took for failed may be in the log all the same: the one that followed
// counts, as it did when both were made.
void ScheduleStore::note_stored(const ScheduleEntry& entry, Offset offset) {
  Batch& batch = batch_of(entry.target, entry.source);
  while (entry.index < batch.stored()) {
    Part& last = batch.parts.back();
    finished(last.first + --last.count);
    if (last.count == 0) batch.parts.pop_back();
  }
  const bool follows =
      !batch.parts.empty() && offset == batch.parts.back().first + batch.parts.back().count;
  if (follows)
    ++batch.parts.back().count;
  else
    batch.parts.push_back({offset, entry.index, 1});
}

void ScheduleStore::accepted(Offset first, std::int32_t count) {
  for (Offset offset = first; offset < first + count; ++offset) {
    waiting_.insert(offset);
    taken_.insert(offset);
  }
}

void ScheduleStore::failed(Offset first, std::int32_t count) {
  for (Offset offset = first; offset < first + count; ++offset) finished(offset);
}

void ScheduleStore::stored(const ScheduleEntry& entry, Offset offset) {
  SLUICE_CHECK(waiting_.contains(offset));
  if (entry.source.producer_id >= 0) note_stored(entry, offset);
  if (entry.replaces >= 0) finished(entry.replaces);
  if (entry.origin >= 0) copies_.insert(offset);
  put_back(offset, entry.due_ms);
}

// ---- What is due ----

void ScheduleStore::drop_dead() {
  for (auto least = index_.least(); least; least = index_.least()) {
    if (waiting_.contains(least->offset) && !taken_.contains(least->offset)) return;
    index_.pop();
  }
}

std::optional<std::int64_t> ScheduleStore::next_due_ms() {
  drop_dead();
  const auto least = index_.least();
  return least ? std::optional(least->when_ms) : std::nullopt;
}

std::vector<ScheduleKey> ScheduleStore::take_due(std::int64_t now_ms, std::size_t max) {
  std::vector<ScheduleKey> due;
  while (due.size() < max) {
    drop_dead();
    const auto least = index_.least();
    if (!least || least->when_ms > now_ms) break;
    index_.pop();
    taken_.insert(least->offset);
    due.push_back(*least);
  }
  return due;
}

bool ScheduleStore::take(Offset offset) {
  if (!waiting_.contains(offset) || taken_.contains(offset)) return false;
  taken_.insert(offset);
  return true;
}

void ScheduleStore::put_back(Offset offset, std::int64_t when_ms) {
  SLUICE_CHECK(taken_.contains(offset));
  taken_.erase(offset);
  index_.push({when_ms, offset});
}

void ScheduleStore::finished(Offset offset) {
  waiting_.erase(offset);
  taken_.erase(offset);
  copies_.erase(offset);
}

// ---- What need not be kept ----

std::vector<Offset> ScheduleStore::take_oldest(Offset log_start, Offset log_end, std::size_t max) {
  std::vector<Offset> oldest;
  if (log_end - log_start <= spread_max * waiting_.count() + spread_slack) return oldest;
  for (auto offset = waiting_.first(); offset && oldest.size() < max;
       offset = waiting_.next(*offset + 1))
    if (take(*offset)) oldest.push_back(*offset);
  return oldest;
}

}  // namespace sluice::broker
