#include "broker/disk_cap.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace sluice::broker {
namespace {

PartitionKey key_of(PartitionIndex index) { return {{}, index}; }

TEST(DiskCapPlan, TakesTheOldestSegmentsOfAllLogsUntilItIsEnough) {
  const std::vector<CappedLog> logs{
      {key_of(0), {{.end = 10, .bytes = 100, .newest_ms = 5}, {20, 100, 9}}, 50},
      {key_of(1), {{.end = 7, .bytes = 100, .newest_ms = 6}, {8, 100, 7}}, 50}};
  const CapPlan plan = plan_deletions(logs, 250);
  EXPECT_EQ(plan.bytes, 300);
  ASSERT_EQ(plan.deletions.size(), 2u);
  EXPECT_EQ(plan.deletions[0].before, 10);
  EXPECT_EQ(plan.deletions[1].before, 8);
  EXPECT_FALSE(plan.close_active);
}

TEST(DiskCapPlan, HasTheLargestActiveSegmentClosedWhenTheClosedOnesAreNotEnough) {
  const std::vector<CappedLog> logs{{key_of(0), {{.end = 10, .bytes = 100, .newest_ms = 5}}, 50},
                                    {key_of(1), {}, 70}};
  const CapPlan plan = plan_deletions(logs, 101);
  EXPECT_EQ(plan.bytes, 100);
  EXPECT_EQ(plan.close_active, key_of(1));
  EXPECT_FALSE(plan_deletions({}, 1).close_active);
}

// Any logs: no more goes than is needed, always from the front, and never a younger segment while
// an older one could have gone.
TEST(DiskCapPlan, IsLeastAndOldestFirstForAnyLogs) {
  SeededRandom random(1);
  for (int round = 0; round < 2000; ++round) {
    SCOPED_TRACE(round);
    std::vector<CappedLog> logs;
    std::int64_t all = 0;
    for (PartitionIndex log = 0; log < static_cast<PartitionIndex>(random.below(5)); ++log) {
      CappedLog& one = logs.emplace_back(key_of(log));
      std::int64_t time = 0;
      for (std::uint64_t i = random.below(5); i > 0; --i) {
        time += static_cast<std::int64_t>(random.below(10));
        const auto bytes = 1 + static_cast<std::int64_t>(random.below(100));
        one.closed.push_back({static_cast<Offset>(one.closed.size() + 1), bytes, time});
        all += bytes;
      }
    }
    const auto excess = 1 + static_cast<std::int64_t>(random.below(600));
    const CapPlan plan = plan_deletions(logs, excess);
    std::map<PartitionIndex, Offset> before;
    for (const CapDeletion& one : plan.deletions) before[one.key.index] = one.before;
    std::int64_t gone = 0;
    std::int64_t youngest_gone = -1;
    std::int64_t youngest_bytes = 0;
    std::int64_t oldest_kept = std::numeric_limits<std::int64_t>::max();
    for (const CappedLog& log : logs)
      for (const storage::ClosedSegment& segment : log.closed) {
        if (segment.end > before[log.key.index]) {
          oldest_kept = std::min(oldest_kept, segment.newest_ms);
          continue;
        }
        gone += segment.bytes;
        if (segment.newest_ms > youngest_gone) youngest_bytes = 0;
        youngest_gone = std::max(youngest_gone, segment.newest_ms);
        if (segment.newest_ms == youngest_gone)
          youngest_bytes = std::max(youngest_bytes, segment.bytes);
      }
    EXPECT_EQ(plan.bytes, gone);
    EXPECT_GE(gone, std::min(excess, all));
    if (gone > 0) EXPECT_LT(gone - youngest_bytes, excess);
    EXPECT_LE(youngest_gone, oldest_kept);
  }
}

TEST(DiskCapPlan, LooksMoreOftenNearTheCap) {
  constexpr std::int64_t mib = 1 << 20;
  EXPECT_EQ(cap_look_step(1024 * mib, 10 * 1024 * mib), 9 * 256 * mib);
  EXPECT_EQ(cap_look_step(10 * 1024 * mib, 10 * 1024 * mib), 64 * mib);
  EXPECT_EQ(cap_look_step(20 * 1024 * mib, 10 * 1024 * mib), 64 * mib);
  EXPECT_EQ(cap_look_step(std::nullopt, 10 * 1024 * mib), 64 * mib);
  EXPECT_EQ(cap_look_step(640 * mib, 640 * mib), 10 * mib);
  EXPECT_EQ(cap_look_step(0, mib), mib);
}

TEST(DiskCapAlarm, ComesAtNineTenthsAndGoesBelow85Percent) {
  NullLogger logger;
  DiskCapAlarm alarm(logger);
  alarm.look(899, 1000);
  EXPECT_FALSE(alarm.on());
  alarm.look(900, 1000);
  EXPECT_TRUE(alarm.on());
  alarm.look(850, 1000);
  EXPECT_TRUE(alarm.on());
  alarm.look(849, 1000);
  EXPECT_FALSE(alarm.on());
  alarm.look(2000, 1000);
  EXPECT_TRUE(alarm.on());
  alarm.look(2000, 0);
  EXPECT_FALSE(alarm.on());
}

}  // namespace
}  // namespace sluice::broker
