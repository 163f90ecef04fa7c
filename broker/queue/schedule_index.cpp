#include "broker/queue/schedule_index.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <utility>

namespace sluice::broker {

void ScheduleIndex::push(ScheduleKey key) {
  heap_.push_back(key);
  std::ranges::push_heap(heap_, std::greater{});
}

ScheduleIndex::Run* ScheduleIndex::find(RunId run) {
  const auto at = std::ranges::find(runs_, run, &Run::id);
  return at == runs_.end() ? nullptr : &*at;
}
const ScheduleIndex::Run* ScheduleIndex::find(RunId run) const {
  const auto at = std::ranges::find(runs_, run, &Run::id);
  return at == runs_.end() ? nullptr : &*at;
}

const ScheduleIndex::Run* ScheduleIndex::least_run() const {
  const Run* least = nullptr;
  for (const Run& run : runs_)
    if (run.in_memory() != 0 &&
        (least == nullptr || (*run.keys)[run.at] < (*least->keys)[least->at]))
      least = &run;
  return least;
}

std::optional<ScheduleKey> ScheduleIndex::least() const {
  // What lies on disk only may come before anything in memory.
  for (const Run& run : runs_)
    if (run.in_memory() == 0) return std::nullopt;
  const Run* run = least_run();
  if (run == nullptr) return heap_.empty() ? std::nullopt : std::optional(heap_.front());
  const ScheduleKey key = (*run->keys)[run->at];
  return heap_.empty() ? key : std::min(key, heap_.front());
}

void ScheduleIndex::pop() {
  const Run* least = least_run();
  if (least == nullptr || (!heap_.empty() && heap_.front() < (*least->keys)[least->at])) {
    std::ranges::pop_heap(heap_, std::greater{});
    heap_.pop_back();
    return;
  }
  Run& run = runs_[static_cast<std::size_t>(least - runs_.data())];
  if (++run.at == run.keys->size()) {
    run.keys.reset();
    run.at = 0;
    drop_used_up();
  }
}

void ScheduleIndex::drop_used_up() {
  std::erase_if(runs_, [this](const Run& run) {
    if (run.left() != 0) return false;
    if (run.on_disk) unneeded_.push_back(run.id);
    return true;
  });
}

// ---- To the disk ----

ScheduleIndex::Spill ScheduleIndex::begin_spill(const Alive& alive) {
  auto keys = std::make_shared<ScheduleKeys>(std::exchange(heap_, {}));
  std::erase_if(*keys, [&](const ScheduleKey& key) { return !alive(key.offset); });
  std::ranges::sort(*keys);
  Run run;
  run.id = next_run_++;
  run.count = run.next = keys->size();
  run.keys = keys;
  Spill spill{run.id, std::move(keys)};
  if (run.count == 0) return spill;
  spilling_ = true;
  runs_.push_back(std::move(run));
  return spill;
}

void ScheduleIndex::spilled(RunId id) {
  spilling_ = false;
  Run* run = find(id);
  if (run == nullptr) {  // used up meanwhile
    unneeded_.push_back(id);
    return;
  }
  run->on_disk = true;
  const auto begin = run->keys->begin() + static_cast<std::ptrdiff_t>(run->at);
  const std::size_t kept = std::min(limits_.block, run->in_memory());
  run->next = run->count - run->in_memory() + kept;
  run->keys =
      std::make_shared<const ScheduleKeys>(begin, begin + static_cast<std::ptrdiff_t>(kept));
  run->at = 0;
}

void ScheduleIndex::spill_failed(RunId) { spilling_ = false; }

// ---- From the disk ----

std::optional<ScheduleIndex::Read> ScheduleIndex::begin_read() {
  for (Run& run : runs_) {
    if (run.reading || run.next == run.count || run.in_memory() > limits_.block / 2) continue;
    run.reading = true;
    const auto count = std::min<std::uint64_t>(limits_.block, run.count - run.next);
    return Read{run.id, run.next, static_cast<std::size_t>(count)};
  }
  return std::nullopt;
}

void ScheduleIndex::read_done(RunId id, const ScheduleKeys& keys) {
  Run* run = find(id);
  if (run == nullptr) return;  // merged meanwhile
  run->reading = false;
  run->next += keys.size();
  ScheduleKeys all;
  all.reserve(run->in_memory() + keys.size());
  if (run->keys)
    all.assign(run->keys->begin() + static_cast<std::ptrdiff_t>(run->at), run->keys->end());
  all.insert(all.end(), keys.begin(), keys.end());
  run->keys = std::make_shared<const ScheduleKeys>(std::move(all));
  run->at = 0;
}

std::optional<ScheduleIndex::Merge> ScheduleIndex::begin_merge() {
  if (merging_ || runs_.size() <= limits_.runs_max) return std::nullopt;
  std::vector<const Run*> smallest;
  for (const Run& run : runs_)
    if (run.on_disk) smallest.push_back(&run);
  const std::size_t count = limits_.runs_max / 2 + 1;
  if (smallest.size() < count) return std::nullopt;
  std::ranges::sort(smallest, {}, &Run::left);
  smallest.resize(count);
  merging_ = true;
  Merge merge{next_run_++, {}};
  for (const Run* run : smallest)
    merge.parts.push_back({run->id, run->next - run->in_memory(), run->count});
  return merge;
}

void ScheduleIndex::merged(const Merge& merge, std::uint64_t count) {
  merging_ = false;
  for (const Part& part : merge.parts) {
    if (std::erase_if(runs_, [&](const Run& run) { return run.id == part.run; }) != 0)
      unneeded_.push_back(part.run);
  }
  if (count == 0) {
    unneeded_.push_back(merge.into);
    return;
  }
  Run run;
  run.id = merge.into;
  run.count = count;
  run.on_disk = true;
  runs_.push_back(std::move(run));
}

std::vector<ScheduleIndex::RunId> ScheduleIndex::take_unneeded() {
  return std::exchange(unneeded_, {});
}

}  // namespace sluice::broker
