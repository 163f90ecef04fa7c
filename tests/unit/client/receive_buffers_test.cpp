#include "client/receive_buffers.hpp"

#include <gtest/gtest.h>

namespace sluice::client {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

TEST(ReceiveBuffers, UsesMemoryAgainThatNobodyHolds) {
  ReceiveBuffers buffers;
  auto first = buffers.take(mib);
  const auto* const where = first.get();
  auto second = buffers.take(mib);
  EXPECT_NE(second.get(), where) << "the first is still held";
  first.reset();
  EXPECT_EQ(buffers.take(mib).get(), where);
  EXPECT_EQ(buffers.take(mib / 2).get(), where);
}

TEST(ReceiveBuffers, MemoryOutlivesThem) {
  std::shared_ptr<std::byte[]> held;
  {
    ReceiveBuffers buffers;
    held = buffers.take(mib);
  }
  held[mib - 1] = std::byte{1};
  EXPECT_EQ(held.use_count(), 1);
}

TEST(ReceiveBuffers, FewBytesDoNotHoldMany) {
  ReceiveBuffers buffers;
  const auto* const where = buffers.take(8 * mib).get();
  EXPECT_NE(buffers.take(mib).get(), where);
}

TEST(ReceiveBuffers, KeepsFewAndNotTooMuch) {
  ReceiveBuffers buffers;
  std::vector<std::shared_ptr<std::byte[]>> held;
  for (int i = 0; i < 10; ++i) held.push_back(buffers.take(mib));
  EXPECT_LE(buffers.kept_bytes(), 5 * mib);
  held.push_back(buffers.take(100 * mib));
  EXPECT_EQ(buffers.kept_bytes(), 0u) << "too large to keep";
}

TEST(ReceiveBuffers, ASmallAnswerEndsTheFlow) {
  ReceiveBuffers buffers;
  static_cast<void>(buffers.take(mib));
  EXPECT_GT(buffers.kept_bytes(), 0u);
  static_cast<void>(buffers.take(100));
  EXPECT_EQ(buffers.kept_bytes(), 0u);
}

}  // namespace
}  // namespace sluice::client
