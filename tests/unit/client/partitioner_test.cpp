#include "client/partitioner.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string_view>
#include <utility>

namespace sluice::client {
namespace {

// Values of Kafka's own UtilsTest.testMurmur2, and of kafka-clients 4.3 (Utils.murmur2).
TEST(Partitioner, Murmur2EqualsJava) {
  constexpr std::pair<std::string_view, std::int32_t> cases[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
      {"", 275646681},
      {"square/okhttp", 490698527},
  };
  for (const auto& [text, hash] : cases) EXPECT_EQ(murmur2(as_bytes(text)), hash) << text;
}

TEST(Partitioner, NegativeHashesMapIntoTheRange) {
  EXPECT_EQ(partition_of_key(as_bytes("21"), 10), ((-973932308) & 0x7fffffff) % 10);
  for (int count = 1; count < 100; ++count) {
    const auto p = partition_of_key(as_bytes("foobar"), count);
    EXPECT_GE(p, 0);
    EXPECT_LT(p, count);
  }
}

TEST(Partitioner, NullKeysStickUntilABatchIsFull) {
  SeededRandom random(7);
  StickyPartition sticky;
  std::set<std::int32_t> seen;
  for (int batch = 0; batch < 50; ++batch) {
    const auto first = sticky.next(8, 100, 1000, random);
    seen.insert(first);
    for (int i = 1; i < 10; ++i) EXPECT_EQ(sticky.next(8, 100, 1000, random), first);
  }
  EXPECT_EQ(seen.size(), 8u);
}

TEST(Partitioner, LeavesAPartitionThatIsGone) {
  SeededRandom random(1);
  StickyPartition sticky;
  for (int i = 0; i < 100; ++i) EXPECT_LT(sticky.next(1 + i % 3, 1, 1 << 20, random), 1 + i % 3);
}

}  // namespace
}  // namespace sluice::client
