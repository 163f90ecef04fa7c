#include "sluice/types.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace sluice {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TimePoint end_of(Deadline deadline) { return deadline.or_after(milliseconds(0)); }

TEST(Deadline, IsSoMuchLater) {
  const TimePoint now = SystemClock{}.now();
  const TimePoint end = end_of(Deadline::in(hours(1)));
  EXPECT_GE(end, now + hours(1));
  EXPECT_LE(end, SystemClock{}.now() + hours(1));
  EXPECT_LE(end_of(Deadline::in(milliseconds(-1))), SystemClock{}.now());
}

// poll(milliseconds::max()) waits for ever; it had wrapped around to a moment that was past.
TEST(Deadline, TheLongestOfAnyTypeIsFarAway) {
  const TimePoint far = SystemClock{}.now() + hours(24 * 365 * 99);
  EXPECT_GT(end_of(Deadline::in(milliseconds::max())), far);
  EXPECT_GT(end_of(Deadline::in(hours::max())), far);
  EXPECT_GT(end_of(Deadline::in(std::chrono::nanoseconds::max())), far);
  EXPECT_GT(end_of(Deadline::in(std::chrono::duration<double>(1e300))), far);
  EXPECT_LE(end_of(Deadline::in(hours::min())), SystemClock{}.now());
}

}  // namespace
}  // namespace sluice
