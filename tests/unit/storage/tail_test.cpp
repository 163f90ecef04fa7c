#include "storage/tail.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::storage {
namespace {

TEST(TailCache, MakesRoomBeforeItTakesMore) {
  constexpr std::int64_t bound = 4 * static_cast<std::int64_t>(Tail::chunk_max);
  TailCache cache(bound);
  const auto tail = std::make_shared<Tail>(cache);
  tail->start(0, {});
  const std::vector<std::byte> data(64 << 10, std::byte{1});
  std::int64_t most = 0;
  for (int i = 0; i < 256; ++i) {
    tail->append(data);
    tail->written(tail->end());
    most = std::max(most, cache.bytes());
  }
  EXPECT_LE(most, bound);
  EXPECT_GT(tail->begin(), 0);
  EXPECT_GE(tail->end() - tail->begin(), bound / 2);
}

TEST(TailCache, ASliceKeepsWhatTheCacheDropped) {
  TailCache cache(1 << 20);
  const auto tail = std::make_shared<Tail>(cache);
  tail->start(0, {});
  const std::vector<std::byte> first(Tail::chunk_min, std::byte{7});
  tail->append(first);
  tail->written(tail->end());
  const Slice held = tail->run(0);
  const std::vector<std::byte> more(2 << 20, std::byte{9});
  tail->append(more);
  tail->written(tail->end());
  ASSERT_GT(tail->begin(), 0);
  EXPECT_EQ(held.bytes.size(), first.size());
  EXPECT_EQ(held.bytes.front(), std::byte{7});
  EXPECT_EQ(held.bytes.back(), std::byte{7});
}

}  // namespace
}  // namespace sluice::storage
