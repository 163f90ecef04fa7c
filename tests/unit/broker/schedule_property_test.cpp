// A ScheduleStore beside a model with one entry a schedule, through restarts, failed appends, clock
// steps, a log that is cut, and an index whose reads and writes end when they like.
// SLUICE_SCHEDULE_OPERATIONS for more operations, SLUICE_SEED for another run.
#include "base/random.hpp"
#include "broker/queue/schedule_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>

namespace sluice::broker {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// A schedule, from the producer's view: the `index`-th waiting record of a batch.
struct Wanted {
  std::int64_t due_ms = 0;
  int delivered = 0;
  bool acknowledged = false;  // its batch was
  bool cancelled = false;
};

struct Batch {
  ScheduleSource source;
  std::vector<int> wanted;  // of World::wanted_
  bool appended = false;    // the rest of it, to its topic: sent again it does not get here
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) { store_.emplace(limits); }

  void step() {
    switch (random_.below(12)) {
      case 0:
      case 1:
      case 2:
        return produce();
      case 3:
        return retry();
      case 4:
      case 5:
      case 6:
        return deliver();
      case 7:
        return cancel();
      case 8:
        now_ms_ += static_cast<std::int64_t>(random_.below(200));
        return;
      case 9:
        return odd();
      case 10:
        return cut();
      default:
        return tend();
    }
  }
  // Everything that is acknowledged and not cancelled arrives, once the clock has got there.
  void finish() {
    now_ms_ = 1'000'000'000;
    for (int idle = 0; idle < 30;) {  // each may be put back a few times
      for (auto& work : std::exchange(disk_work_, {})) work();
      tend_all();
      const auto before = delivered_;
      now_ms_ += 100;  // what was put back comes, too
      deliver_all();
      idle = delivered_ == before && disk_work_.empty() ? idle + 1 : 0;
    }
    for (const Wanted& one : wanted_)
      if (one.acknowledged && !one.cancelled) ASSERT_GE(one.delivered, 1);
    EXPECT_EQ(store_->count(), 0);
  }
  std::int64_t delivered() const { return delivered_; }

 private:
  static constexpr ScheduleIndex::Limits limits{.memory_max = 32, .block = 4, .runs_max = 3};
  struct Logged {
    Blob key;
    Blob value;
  };

  bool chance(std::uint64_t one_in) { return random_.below(one_in) == 0; }

  // ---- The producer ----

  void produce() {
    Batch batch;
    const bool idempotent = !chance(3);
    if (idempotent)
      batch.source = {7, 1, next_sequence_++, static_cast<std::uint32_t>(next_sequence_)};
    const int count = 1 + static_cast<int>(random_.below(5));
    for (int i = 0; i < count; ++i) {
      batch.wanted.push_back(static_cast<int>(wanted_.size()));
      wanted_.push_back({now_ms_ + static_cast<std::int64_t>(random_.below(500))});
    }
    batches_.push_back(batch);
    send(batches_.back());
  }
  // The newest batches, whose outcome their producer may not have learned.
  void retry() {
    if (batches_.empty()) return;
    const std::size_t back = std::min<std::size_t>(5, batches_.size());
    Batch& batch = batches_[batches_.size() - 1 - random_.below(back)];
    if (batch.source.producer_id >= 0 && !batch.appended) send(batch);
  }
  bool somebody_may_retry() const {
    const std::size_t back = std::min<std::size_t>(5, batches_.size());
    return std::ranges::any_of(
        batches_.end() - static_cast<std::ptrdiff_t>(back), batches_.end(),
        [](const Batch& b) { return b.source.producer_id >= 0 && !b.appended; });
  }
  void send(Batch& batch) {
    const std::int32_t have = store_->stored_of(target_, batch.source);
    bool good = true;
    for (std::size_t i = static_cast<std::size_t>(have); i < batch.wanted.size() && good;) {
      const std::size_t part = std::min(batch.wanted.size() - i, 1 + random_.below(3));
      good = append(batch, i, part);
      i += part;
    }
    if (!good) return;
    if (chance(6)) return restart();  // killed between the two steps
    batch.appended = true;
    for (const int at : batch.wanted) wanted_[static_cast<std::size_t>(at)].acknowledged = true;
  }
  bool append(const Batch& batch, std::size_t from, std::size_t count) {
    const Offset first = end_;
    std::vector<ScheduleEntry> entries;
    for (std::size_t i = from; i < from + count; ++i) {
      const auto at = static_cast<std::size_t>(batch.wanted[i]);
      ScheduleEntry entry{target_, wanted_[at].due_ms, static_cast<std::int64_t>(at), batch.source,
                          static_cast<std::int32_t>(i)};
      entries.push_back(entry);
    }
    store_->accepted(first, static_cast<std::int32_t>(count));
    const bool good = !chance(10);
    const bool lands = good || chance(2);  // in the log, though it was reported as failed
    for (const ScheduleEntry& entry : entries) {
      if (lands) log_[end_] = {encode_schedule_entry(entry), {}};
      ++end_;
    }
    if (!good) {
      store_->failed(first, static_cast<std::int32_t>(count));
      return false;
    }
    for (std::size_t i = 0; i < count; ++i)
      store_->stored(entries[i], first + static_cast<Offset>(i));
    return true;
  }

  // ---- Delivery ----

  ScheduleEntry entry_at(Offset offset) { return *decode_schedule_entry(log_.at(offset).key); }

  void deliver() {
    const auto due = store_->take_due(now_ms_, 1 + random_.below(10));
    for (std::size_t i = 0; i < due.size(); ++i) {
      if (i > 0) ASSERT_LE(due[i - 1], due[i]);
      if (chance(8)) {
        store_->put_back(due[i].offset, now_ms_ + 50);
        continue;
      }
      const ScheduleEntry entry = entry_at(due[i].offset);
      ASSERT_LE(entry.due_ms, now_ms_) << "early";
      Wanted& wanted = wanted_[static_cast<std::size_t>(entry.timestamp_ms)];
      ++delivered_;
      ++wanted.delivered;
      ASSERT_FALSE(wanted.cancelled);
      const bool idempotent = entry.source.producer_id >= 0 || entry.replaces >= 0;
      if (idempotent && !killed_) ASSERT_EQ(wanted.delivered, 1);
      store_->finished(due[i].offset);
      done_.push_back(due[i].offset);
    }
    if (!chance(3)) note_done();
  }
  void deliver_all() {
    while (!store_->take_due(-1, 1).empty()) FAIL();
    for (std::int64_t before = -1; before != delivered_;) {
      before = delivered_;
      deliver();
    }
  }
  void note_done() {
    if (done_.empty()) return;
    log_[end_++] = {encode_done_key(), encode_done(done_)};
    done_.clear();
  }
  void cancel() {
    const auto at = store_->next_waiting(
        static_cast<Offset>(random_.below(static_cast<std::uint64_t>(end_ + 1))));
    if (!at || !store_->take(*at)) return;
    const ScheduleEntry entry = entry_at(*at);
    if (chance(4)) return store_->put_back(*at, entry.due_ms);  // it could not be noted
    const std::vector<Offset> one{*at};
    log_[end_++] = {encode_done_key(), encode_done(one)};
    store_->finished(*at);
    wanted_[static_cast<std::size_t>(entry.timestamp_ms)].cancelled = true;
  }

  // ---- What happens to it ----

  void odd() {
    if (chance(3)) now_ms_ -= static_cast<std::int64_t>(random_.below(300));
    if (chance(4)) restart();
  }
  void restart() {
    killed_ = killed_ || !done_.empty();  // delivered, and not noted: comes once more
    done_.clear();
    disk_work_.clear();
    runs_.clear();
    store_.emplace(limits);
    for (const auto& [offset, logged] : log_) {
      ASSERT_TRUE(store_->load(logged.key, logged.value, offset));
      tend_all();
    }
  }
  // What a producer sends again after the log was cut behind it is not known any more.
  void cut() {
    if (somebody_may_retry()) return;
    const Offset to = store_->oldest_needed(end_);
    log_.erase(log_.begin(), log_.lower_bound(to));
    // As with much less slack than the real one.
    for (auto at = store_->next_waiting(0); at && chance(2); at = store_->next_waiting(*at + 1)) {
      if (!store_->take(*at)) break;
      ScheduleEntry entry = entry_at(*at);
      if (entry.origin < 0) entry.origin = *at;
      entry.replaces = *at;
      entry.source = {};
      store_->accepted(end_, 1);
      log_[end_] = {encode_schedule_entry(entry), {}};
      store_->stored(entry, end_);
      ASSERT_FALSE(store_->waits(*at));
      ++end_;
      break;
    }
  }

  // ---- The index's disk ----

  void tend() {
    tend_all();
    if (disk_work_.empty()) return;
    auto work = std::move(disk_work_.front());
    disk_work_.erase(disk_work_.begin());
    work();
  }
  void tend_all() {
    ScheduleIndex& index = store_->index();
    if (index.wants_spill()) {
      auto spill = index.begin_spill([this](Offset offset) { return store_->alive(offset); });
      if (!spill.keys->empty())
        disk_work_.emplace_back([this, spill] {
          if (chance(10)) return store_->index().spill_failed(spill.run);
          runs_[spill.run] = *spill.keys;
          store_->index().spilled(spill.run);
        });
    }
    while (const auto read = index.begin_read())
      disk_work_.emplace_back([this, read = *read] {
        if (!store_->index().knows(read.run)) return;
        const auto begin = runs_.at(read.run).begin() + static_cast<std::ptrdiff_t>(read.first);
        store_->index().read_done(read.run,
                                  {begin, begin + static_cast<std::ptrdiff_t>(read.count)});
      });
    if (auto merge = index.begin_merge()) {
      ScheduleKeys all;
      for (const auto& part : merge->parts) {
        const auto& run = runs_.at(part.run);
        all.insert(all.end(), run.begin() + static_cast<std::ptrdiff_t>(part.first), run.end());
      }
      std::ranges::sort(all);
      disk_work_.emplace_back([this, merge = *merge, all] {
        if (chance(5)) return store_->index().merge_failed();
        runs_[merge.into] = all;
        store_->index().merged(merge, all.size());
      });
    }
    for (const auto run : index.take_unneeded()) runs_.erase(run);
  }

  SeededRandom random_;
  ScheduleTarget target_{{}, 0};
  std::optional<ScheduleStore> store_;
  std::int64_t now_ms_ = 1'000'000;
  std::vector<Wanted> wanted_;
  std::vector<Batch> batches_;
  std::int32_t next_sequence_ = 0;
  std::map<Offset, Logged> log_;
  Offset end_ = 0;
  std::vector<Offset> done_;
  bool killed_ = false;
  std::int64_t delivered_ = 0;
  std::vector<std::function<void()>> disk_work_;
  std::map<ScheduleIndex::RunId, ScheduleKeys> runs_;
};

TEST(ScheduleProperty, NothingIsLostEarlyOrTwice) {
  const std::uint64_t operations = setting("SLUICE_SCHEDULE_OPERATIONS", 10'000);
  const std::uint64_t seed = setting("SLUICE_SEED", 1);
  std::int64_t delivered = 0;
  for (std::uint64_t run = 0; run * 1000 < operations; ++run) {
    SCOPED_TRACE("SLUICE_SEED=" + std::to_string(seed + run));
    World world{seed + run};
    for (int i = 0; i < 1000; ++i) {
      world.step();
      ASSERT_FALSE(testing::Test::HasFatalFailure());
    }
    world.finish();
    ASSERT_FALSE(testing::Test::HasFatalFailure());
    delivered += world.delivered();
  }
  EXPECT_GT(delivered, static_cast<std::int64_t>(operations) / 10);
}

}  // namespace
}  // namespace sluice::broker
