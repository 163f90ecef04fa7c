#include "broker/affinity.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

void note_many(Affinity& affinity, int shard, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) affinity.note(shard);
}

TEST(Affinity, AConnectionMovesToTheShardThatServesIt) {
  Affinity affinity;
  note_many(affinity, 1, Affinity::streak_first - 1);
  EXPECT_EQ(affinity.better_than(0), std::nullopt);
  affinity.note(1);
  EXPECT_EQ(affinity.better_than(0), 1);
  EXPECT_EQ(affinity.better_than(1), std::nullopt);
}

TEST(Affinity, RequestsForNoShardDoNotCount) {
  Affinity affinity;
  note_many(affinity, 1, Affinity::streak_first);
  note_many(affinity, Affinity::no_shard, 100);
  EXPECT_EQ(affinity.better_than(0), 1);
}

TEST(Affinity, RequestsForSeveralShardsKeepAConnectionWhereItIs) {
  Affinity affinity;
  note_many(affinity, 1, 3);
  note_many(affinity, Affinity::several, 1000);
  EXPECT_EQ(affinity.better_than(0), std::nullopt);
}

TEST(Affinity, MovingGetsHarderEachTime) {
  Affinity affinity;
  note_many(affinity, 1, Affinity::streak_first);
  affinity.moved();
  note_many(affinity, 0, Affinity::streak_first);
  EXPECT_EQ(affinity.better_than(1), std::nullopt);
  note_many(affinity, 0, 8 * Affinity::streak_first);
  EXPECT_EQ(affinity.better_than(1), 0);
}

}  // namespace
}  // namespace sluice::broker
