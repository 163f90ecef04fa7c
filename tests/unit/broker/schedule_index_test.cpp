#include "broker/queue/schedule_index.hpp"

#include "base/random.hpp"
#include "broker/queue/offset_bits.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <unistd.h>

namespace sluice::broker {
namespace {

// Does at once what the index wants done on disk.
class Disk {
 public:
  void tend(ScheduleIndex& index) {
    if (index.wants_spill()) {
      const auto spill = index.begin_spill([](Offset) { return true; });
      runs_[spill.run] = *spill.keys;
      index.spilled(spill.run);
    }
    while (const auto read = index.begin_read()) {
      const auto& run = runs_.at(read->run);
      const auto begin = run.begin() + static_cast<std::ptrdiff_t>(read->first);
      index.read_done(read->run, {begin, begin + static_cast<std::ptrdiff_t>(read->count)});
      ++reads_;
    }
    if (const auto merge = index.begin_merge()) {
      ScheduleKeys all;
      for (const auto& part : merge->parts) {
        const auto& run = runs_.at(part.run);
        all.insert(all.end(), run.begin() + static_cast<std::ptrdiff_t>(part.first), run.end());
      }
      std::ranges::sort(all);
      runs_[merge->into] = all;
      index.merged(*merge, all.size());
      ++merges_;
      tend(index);
    }
    for (const auto run : index.take_unneeded()) EXPECT_EQ(runs_.erase(run), 1u);
  }
  std::size_t files() const { return runs_.size(); }
  int merges() const { return merges_; }
  int reads() const { return reads_; }

 private:
  std::map<ScheduleIndex::RunId, ScheduleKeys> runs_;
  int merges_ = 0;
  int reads_ = 0;
};

constexpr ScheduleIndex::Limits small{.memory_max = 16, .block = 4, .runs_max = 4};

TEST(ScheduleIndex, GivesEverythingInOrderThoughOnlyAFewAreInMemory) {
  ScheduleIndex index{small};
  Disk disk;
  SeededRandom random{1};
  std::multiset<ScheduleKey> model;
  for (Offset offset = 0; offset < 5000; ++offset) {
    const ScheduleKey key{static_cast<std::int64_t>(random.below(1000)), offset};
    index.push(key);
    model.insert(key);
    disk.tend(index);
  }
  EXPECT_GT(disk.merges(), 0);
  EXPECT_LE(index.run_count(), small.runs_max + 1);
  for (const ScheduleKey& expected : model) {
    disk.tend(index);
    ASSERT_EQ(index.least(), expected);
    index.pop();
  }
  disk.tend(index);
  EXPECT_TRUE(index.empty());
  EXPECT_EQ(disk.files(), 0u);
  EXPECT_GT(disk.reads(), 0);
}

TEST(ScheduleIndex, AnEntryThatComesLateIsFoundBeforeThoseOnDisk) {
  ScheduleIndex index{small};
  Disk disk;
  for (Offset offset = 0; offset < 16; ++offset) index.push({100 + offset, offset});
  disk.tend(index);
  index.push({50, 16});
  EXPECT_EQ(index.least(), (ScheduleKey{50, 16}));
  index.pop();
  EXPECT_EQ(index.least(), (ScheduleKey{100, 0}));
}

TEST(ScheduleIndex, SaysNothingWhileABlockIsMissing) {
  ScheduleIndex index{small};
  for (Offset offset = 0; offset < 16; ++offset) index.push({offset, offset});
  const auto spill = index.begin_spill([](Offset) { return true; });
  EXPECT_EQ(index.least(), (ScheduleKey{0, 0}));  // while it is written, too
  index.spilled(spill.run);
  for (int i = 0; i < 4; ++i) index.pop();
  index.push({99, 99});
  EXPECT_EQ(index.least(), std::nullopt);
  const auto read = index.begin_read();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->first, 4u);
  EXPECT_FALSE(index.begin_read());  // one at a time
  index.read_done(read->run, {{4, 4}, {5, 5}, {6, 6}, {7, 7}});
  EXPECT_EQ(index.least(), (ScheduleKey{4, 4}));
}

TEST(ScheduleIndex, ARunThatCannotBeWrittenStaysInMemory) {
  ScheduleIndex index{small};
  for (Offset offset = 0; offset < 16; ++offset) index.push({offset, offset});
  const auto spill = index.begin_spill([](Offset) { return true; });
  index.spill_failed(spill.run);
  for (Offset offset = 0; offset < 16; ++offset) {
    ASSERT_EQ(index.least(), (ScheduleKey{offset, offset}));
    index.pop();
  }
  EXPECT_TRUE(index.empty());
  EXPECT_TRUE(index.take_unneeded().empty());  // there is no file
}

TEST(ScheduleIndex, WhatIsNotAliveIsNotWritten) {
  ScheduleIndex index{small};
  for (Offset offset = 0; offset < 16; ++offset) index.push({offset, offset});
  const auto none = index.begin_spill([](Offset) { return false; });
  EXPECT_TRUE(none.keys->empty());
  EXPECT_TRUE(index.empty());
  EXPECT_FALSE(index.wants_spill());
}

// malloc would keep it.
TEST(MappedVector, GivesLargeMemoryBack) {
  MappedVector<ScheduleKey> keys(100'000);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  unsigned char resident = 0;
  void* memory = keys.data();
  EXPECT_EQ(::mincore(memory, page, &resident), 0);
  MappedVector<ScheduleKey>().swap(keys);
  EXPECT_EQ(::mincore(memory, page, &resident), -1);
  EXPECT_EQ(errno, ENOMEM);
}

TEST(OffsetBits, HoldsWhatASetHolds) {
  OffsetBits bits;
  std::set<Offset> model;
  SeededRandom random{2};
  for (int i = 0; i < 20'000; ++i) {
    const auto offset = static_cast<Offset>(500 + random.below(1000) + random.below(2) * 100'000);
    if (random.below(2) == 0) {
      bits.insert(offset);
      model.insert(offset);
    } else {
      bits.erase(offset);
      model.erase(offset);
    }
    ASSERT_EQ(bits.count(), static_cast<std::int64_t>(model.size()));
    const auto from = static_cast<Offset>(random.below(110'000));
    const auto next = model.lower_bound(from);
    ASSERT_EQ(bits.next(from), next == model.end() ? std::nullopt : std::optional(*next));
    ASSERT_EQ(bits.contains(from), model.contains(from));
  }
}

}  // namespace
}  // namespace sluice::broker
