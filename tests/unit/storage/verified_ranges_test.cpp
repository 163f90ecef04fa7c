#include "storage/verified_ranges.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace sluice::storage {
namespace {

TEST(VerifiedRanges, NeighboursBecomeOne) {
  VerifiedRanges ranges;
  ranges.add(0, 10);
  ranges.add(20, 30);
  EXPECT_EQ(ranges.count(), 2u);
  EXPECT_EQ(ranges.end_from(0), 10);
  EXPECT_EQ(ranges.end_from(9), 10);
  EXPECT_EQ(ranges.end_from(10), 10);
  ranges.add(10, 20);
  EXPECT_EQ(ranges.count(), 1u);
  EXPECT_EQ(ranges.end_from(3), 30);
}

TEST(VerifiedRanges, ErasingCutsAHole) {
  VerifiedRanges ranges;
  ranges.add(0, 100);
  ranges.erase(40, 60);
  EXPECT_EQ(ranges.end_from(0), 40);
  EXPECT_EQ(ranges.end_from(50), 50);
  EXPECT_EQ(ranges.end_from(60), 100);
  ranges.erase(0, 200);
  EXPECT_EQ(ranges.count(), 0u);
}

TEST(VerifiedRanges, AgreesWithASetOfPositions) {
  std::mt19937 random(7);
  VerifiedRanges ranges;
  std::set<std::int64_t> model;
  for (int step = 0; step < 5'000; ++step) {
    const std::int64_t begin = random() % 100;
    const std::int64_t end = begin + random() % 20;
    const bool adds = random() % 2 == 0;
    if (adds)
      ranges.add(begin, end);
    else
      ranges.erase(begin, end);
    for (std::int64_t at = begin; at < end; ++at) {
      if (adds)
        model.insert(at);
      else
        model.erase(at);
    }
    std::int64_t at = random() % 120;
    const std::int64_t found = ranges.end_from(at);
    while (model.contains(at)) ++at;
    ASSERT_EQ(found, at) << step;
  }
}

}  // namespace
}  // namespace sluice::storage
