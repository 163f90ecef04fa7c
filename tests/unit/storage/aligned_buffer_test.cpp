#include "storage/aligned_buffer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <thread>

namespace sluice::storage {
namespace {

bool is_aligned(const AlignedBuffer& buffer) {
  return reinterpret_cast<std::uintptr_t>(buffer.data()) % block_size == 0;
}

TEST(AlignedBuffer, IsAlignedAndWholeBlocks) {
  for (const std::size_t size : {std::size_t{1}, block_size, block_size + 1, 5 * block_size}) {
    const auto buffer = AlignedBuffer::allocate(size);
    EXPECT_TRUE(is_aligned(buffer));
    EXPECT_GE(buffer.size(), size);
    EXPECT_LT(buffer.size(), size + block_size);
    EXPECT_EQ(buffer.size() % block_size, 0u);
  }
  EXPECT_FALSE(AlignedBuffer());
}

TEST(AlignedBuffer, CopiesShare) {
  auto buffer = AlignedBuffer::allocate(1);
  EXPECT_TRUE(buffer.unique());
  const auto copy = buffer;
  EXPECT_FALSE(buffer.unique());
  EXPECT_EQ(copy.data(), buffer.data());
  const auto owner = copy.owner();
  buffer = {};
  EXPECT_FALSE(copy.unique());
}

TEST(BufferPool, KeepsToItsBound) {
  BufferPool pool(4 * block_size);
  const auto first = pool.try_take(2 * block_size);
  ASSERT_TRUE(first);
  EXPECT_TRUE(is_aligned(first));
  const auto second = pool.try_take(block_size + 1);
  ASSERT_TRUE(second);
  EXPECT_EQ(second.size(), 2 * block_size);
  EXPECT_FALSE(pool.try_take(1));
  EXPECT_EQ(pool.bytes_lent(), 4 * block_size);
  const auto beyond = pool.take(1);
  EXPECT_TRUE(beyond);
  EXPECT_EQ(pool.bytes_lent(), 5 * block_size);
}

TEST(BufferPool, ReusesWhatComesBack) {
  BufferPool pool(16 * block_size);
  auto buffer = pool.try_take(4 * block_size);
  const auto* memory = buffer.data();
  auto share = buffer;
  buffer = {};
  EXPECT_EQ(pool.bytes_idle(), 0u);
  share = {};
  EXPECT_EQ(pool.bytes_idle(), 4 * block_size);
  EXPECT_EQ(pool.bytes_lent(), 0u);
  EXPECT_EQ(pool.try_take(4 * block_size).data(), memory);
}

TEST(BufferPool, FreesIdleBuffersForOthers) {
  BufferPool pool(4 * block_size);
  pool.try_take(4 * block_size);
  EXPECT_EQ(pool.bytes_idle(), 4 * block_size);
  const auto small = pool.try_take(1);
  EXPECT_TRUE(small);
  EXPECT_LE(pool.bytes_idle() + pool.bytes_lent(), 4 * block_size);
}

TEST(BufferPool, ShrinksUnderPressure) {
  BufferPool pool(16 * block_size);
  auto lent = pool.try_take(8 * block_size);
  pool.try_take(4 * block_size);
  pool.set_bytes_max(2 * block_size);
  EXPECT_EQ(pool.bytes_idle(), 0u);
  lent = {};
  EXPECT_EQ(pool.bytes_idle(), 0u);  // freed at once: over the bound
  EXPECT_FALSE(pool.try_take(4 * block_size));
  pool.try_take(1);
  EXPECT_EQ(pool.bytes_idle(), block_size);
  pool.trim();
  EXPECT_EQ(pool.bytes_idle(), 0u);
}

TEST(BufferPool, SettlingFreesWhatWasNotNeededLately) {
  BufferPool pool(1 << 20);
  AlignedBuffer kept = pool.take(4 * block_size);
  {
    const AlignedBuffer once = pool.take(8 * block_size);
  }
  pool.settle();  // it was needed since the last call
  EXPECT_EQ(pool.bytes_idle(), 8 * block_size);
  pool.settle();
  EXPECT_EQ(pool.bytes_idle(), 0u);
  EXPECT_EQ(pool.bytes_lent(), 4 * block_size);
}

TEST(BufferPool, BuffersOutliveItAndMayBeDroppedElsewhere) {
  AlignedBuffer survivor;
  {
    BufferPool pool(16 * block_size);
    survivor = pool.try_take(block_size);
    auto other = pool.try_take(block_size);
    std::thread([share = std::move(other)]() mutable { share = {}; }).join();
    EXPECT_EQ(pool.bytes_idle(), block_size);
  }
  survivor.data()[0] = std::byte{1};
}

TEST(BufferPool, GrowsElsewhereWithinItsBound) {
  BufferPool pool(3 * block_size);
  EXPECT_FALSE(pool.try_take_idle(block_size));
  pool.growth(block_size, 8)();
  EXPECT_EQ(pool.bytes_idle(), 3 * block_size);
  const AlignedBuffer buffer = pool.try_take_idle(block_size);
  EXPECT_TRUE(buffer);
  EXPECT_EQ(pool.bytes_lent(), block_size);
  EXPECT_EQ(pool.bytes_idle(), 2 * block_size);
}

TEST(BufferPool, GrowthOutlivesThePool) {
  std::function<void()> growth;
  {
    BufferPool pool(4 * block_size);
    growth = pool.growth(block_size, 4);
  }
  growth();
}

}  // namespace
}  // namespace sluice::storage
