// The files of the index of scheduled records, on the simulated disk.
#include "broker/queue/schedule_runs.hpp"

#include "base/random.hpp"
#include "tests/support/must.hpp"
#include "tests/support/sim_disk.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::broker {
namespace {

using Keys = ScheduleKeys;

class ScheduleRunsTest : public testing::Test {
 protected:
  ScheduleRunsTest() { EXPECT_TRUE(sim_.run(runs_.clear())); }

  static Keys keys_of(std::size_t count, std::uint64_t seed) {
    SeededRandom random{seed};
    Keys keys(count);
    for (ScheduleKey& key : keys)
      key = {static_cast<std::int64_t>(random.below(1 << 20)),
             static_cast<Offset>(random.below(1 << 20))};
    std::ranges::sort(keys);
    return keys;
  }
  Keys read_all(ScheduleIndex::RunId run, std::size_t count) {
    const auto keys = sim_.run(runs_.read({run, 0, count}));
    EXPECT_TRUE(keys) << keys.error().message();
    return keys.value_or(Keys{});
  }
  std::size_t file_count() { return sim_.run(files_->list("schedules"))->size(); }

  SimExecutor sim_;
  SimDisk disk_;
  std::unique_ptr<storage::FileSystem> files_ = disk_.mount(sim_);
  ScheduleRuns runs_{*files_, 3};
};

TEST_F(ScheduleRunsTest, AnyPartIsReadBack) {
  const Keys keys = keys_of(100'000, 1);
  ASSERT_TRUE(sim_.run(runs_.write(1, &keys)));
  const auto part = sim_.run(runs_.read({1, 70'000, 100}));
  ASSERT_TRUE(part);
  EXPECT_TRUE(std::ranges::equal(*part, std::span{keys}.subspan(70'000, 100)));
  EXPECT_FALSE(sim_.run(runs_.read({1, 99'999, 2})));  // beyond the end
  EXPECT_FALSE(sim_.run(runs_.read({2, 0, 1})));
}

TEST_F(ScheduleRunsTest, AMergeHoldsEachEntryOnceInOrder) {
  const std::vector<Keys> all{keys_of(10'000, 1), keys_of(5000, 2), keys_of(10'000, 1),
                              keys_of(1, 3)};
  ScheduleIndex::Merge merge{9, {}};
  Keys expected;
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_TRUE(sim_.run(runs_.write(i + 1, &all[i])));
    const std::size_t first = all[i].size() / 3;  // what lies before was used up
    merge.parts.push_back({i + 1, first, all[i].size()});
    expected.insert(expected.end(), all[i].begin() + static_cast<std::ptrdiff_t>(first),
                    all[i].end());
  }
  std::ranges::sort(expected);
  const auto repeated = std::ranges::unique(expected);
  expected.erase(repeated.begin(), repeated.end());
  const auto count = sim_.run(runs_.merge(merge));
  ASSERT_TRUE(count) << count.error().message();
  EXPECT_EQ(*count, expected.size());
  EXPECT_EQ(read_all(9, expected.size()), expected);
}

TEST_F(ScheduleRunsTest, AStartRemovesItsOwnFilesOnly) {
  const Keys keys = keys_of(10, 1);
  ScheduleRuns others{*files_, 33};
  ASSERT_TRUE(sim_.run(runs_.write(1, &keys)));
  ASSERT_TRUE(sim_.run(others.write(1, &keys)));
  ASSERT_TRUE(sim_.run(runs_.clear()));
  EXPECT_EQ(file_count(), 1u);
  EXPECT_TRUE(sim_.run(others.read({1, 0, 10})));
  EXPECT_TRUE(sim_.run(runs_.remove(1)));  // gone already
}

TEST_F(ScheduleRunsTest, EveryOperationThatFailsIsReported) {
  const Keys keys = keys_of(10'000, 1);
  ASSERT_TRUE(sim_.run(runs_.write(1, &keys)));
  ASSERT_TRUE(sim_.run(runs_.write(2, &keys)));
  const ScheduleIndex::Merge merge{3, {{1, 0, keys.size()}, {2, 0, keys.size()}}};
  int failures = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    disk_.inject({.ops = sim_open | sim_read | sim_write, .nth = nth});
    const auto count = sim_.run(runs_.merge(merge));
    const bool failed = !count;
    disk_.clear_faults();
    ASSERT_TRUE(sim_.run(runs_.remove(3)));
    if (!failed) break;
    ++failures;
  }
  EXPECT_GE(failures, 9);  // three opens, three reads of each, some writes
  EXPECT_EQ(read_all(1, keys.size()), keys);
}

}  // namespace
}  // namespace sluice::broker
