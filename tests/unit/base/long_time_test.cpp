#include "base/long_time.hpp"

#include "base/clock.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace sluice {
namespace {

TEST(Clock, LongTimesEndBeforeTheClockDoes) {
  EXPECT_EQ(long_time(0), std::chrono::milliseconds(0));
  EXPECT_EQ(long_time(-1), std::chrono::milliseconds(-1));
  EXPECT_EQ(long_time(86'400'000), std::chrono::hours(24));
  const auto for_ever = long_time(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(for_ever, std::chrono::years(100));
  const TimePoint now = SystemClock().now();
  EXPECT_GT(now + for_ever, now);
  EXPECT_LT(Duration(std::chrono::hours(24)), for_ever);
}

}  // namespace
}  // namespace sluice
