#include "broker/memory_pressure.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

constexpr std::int64_t wanted = 1'600;
constexpr MemoryState plenty{.total = 1'000, .available = 500, .stalled_percent = 0.0};
constexpr MemoryState scarce{.total = 1'000, .available = 50, .stalled_percent = 0.0};
constexpr MemoryState stalled{.total = 1'000, .available = 500, .stalled_percent = 12.0};
constexpr MemoryState between{.total = 1'000, .available = 100, .stalled_percent = 0.0};

TEST(MemoryPressure, ThePlentifulChangeNothing) {
  EXPECT_EQ(next_cache_bound(wanted, wanted, plenty), wanted);
}

TEST(MemoryPressure, TheBoundShrinksWhileMemoryIsShort) {
  EXPECT_EQ(next_cache_bound(wanted, wanted, scarce), 1'200);
  EXPECT_EQ(next_cache_bound(wanted, 1'200, stalled), 900);
  EXPECT_EQ(next_cache_bound(wanted, 110, scarce), 100);
  EXPECT_EQ(next_cache_bound(wanted, 100, scarce), 100);
}

TEST(MemoryPressure, TheBoundComesBackSlowlyAndWholly) {
  std::int64_t bound = 100;
  EXPECT_EQ(next_cache_bound(wanted, bound, between), bound);
  for (int second = 0; second < 15; ++second) bound = next_cache_bound(wanted, bound, plenty);
  EXPECT_EQ(bound, wanted);
}

TEST(MemoryPressure, ASmallerWishIsFollowedAtOnce) {
  EXPECT_EQ(next_cache_bound(800, 1'600, between), 800);
}

TEST(MemoryPressure, UnknownMemoryIsPlenty) {
  EXPECT_EQ(next_cache_bound(wanted, wanted, MemoryState{}), wanted);
}

TEST(MemoryPressure, ReadsThePressureFile) {
  EXPECT_DOUBLE_EQ(stalled_percent_of("some avg10=12.34 avg60=1.00 avg300=0.10 total=5\n"
                                      "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"),
                   12.34);
  EXPECT_DOUBLE_EQ(stalled_percent_of(""), 0.0);
}

TEST(MemoryPressure, TheKernelSaysSomethingOfUse) {
  const MemoryState memory = memory_state();
  EXPECT_GT(memory.total, 0);
  EXPECT_GT(memory.available, 0);
}

}  // namespace
}  // namespace sluice::broker
