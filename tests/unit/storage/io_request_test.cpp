#include "storage/io_request.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

namespace sluice::storage {
namespace {

constexpr std::size_t kib = 1024;

class IoRequestTest : public ::testing::Test {
 protected:
  IoRequest transfer(IoKind kind, std::size_t alignment, std::vector<std::size_t> sizes) {
    std::vector<Bytes> parts;
    std::size_t at = 0;
    for (const std::size_t size : sizes) {
      parts.push_back(Bytes(memory_).subspan(at, size));
      at += size;
    }
    IoRequest request;
    request.kind = kind;
    request.alignment = alignment;
    request.position = 1000 * kib;
    request.set_parts(parts);
    return request;
  }
  // Where in the memory the next step starts.
  std::size_t at(IoRequest& request) {
    return static_cast<std::size_t>(static_cast<std::byte*>(request.vectors()[0].iov_base) -
                                    memory_.data());
  }

  std::vector<std::byte> memory_ = std::vector<std::byte>(256 * kib);
};

TEST_F(IoRequestTest, AWholeWriteEndsAtOnce) {
  IoRequest write = transfer(IoKind::write, 1, {10 * kib});
  EXPECT_FALSE(write.advance(10 * kib));
  EXPECT_EQ(write.result(), 10 * kib);
}

TEST_F(IoRequestTest, TheRestOfAShortWriteFollows) {
  IoRequest write = transfer(IoKind::write, 1, {10 * kib});
  EXPECT_TRUE(write.advance(1000));
  EXPECT_EQ(at(write), 1000u);
  EXPECT_EQ(write.position, 1000 * kib + 1000);
  EXPECT_EQ(write.remaining(), 10 * kib - 1000);
  EXPECT_FALSE(write.advance(10 * kib - 1000));
  EXPECT_EQ(write.result(), 10 * kib);
}

TEST_F(IoRequestTest, AShortWriteThenAnErrorIsAnError) {
  IoRequest write = transfer(IoKind::write, 1, {10 * kib});
  EXPECT_TRUE(write.advance(1000));
  EXPECT_FALSE(write.advance(-ENOSPC));
  EXPECT_EQ(write.result(), -ENOSPC);
}

TEST_F(IoRequestTest, AWriteOfNothingIsAnError) {
  IoRequest write = transfer(IoKind::write, 1, {10});
  EXPECT_FALSE(write.advance(0));
  EXPECT_EQ(write.result(), -EIO);
}

TEST_F(IoRequestTest, TheRestOfADirectWriteStartsAtABlock) {
  IoRequest write = transfer(IoKind::write, 4 * kib, {16 * kib});
  EXPECT_TRUE(write.advance(5000));
  EXPECT_EQ(at(write), 4 * kib);
  EXPECT_EQ(write.remaining(), 12 * kib);
  EXPECT_FALSE(write.advance(100));  // not even a block: no progress
  EXPECT_EQ(write.result(), -EIO);
}

TEST_F(IoRequestTest, ShortWritesCrossParts) {
  IoRequest write = transfer(IoKind::write, 1, {4 * kib, 0, 4 * kib, 4 * kib});
  EXPECT_EQ(write.vectors().size(), 3u);
  EXPECT_TRUE(write.advance(6 * kib));
  EXPECT_EQ(write.vectors().size(), 2u);
  EXPECT_EQ(at(write), 6 * kib);
  EXPECT_TRUE(write.advance(2 * kib));
  EXPECT_EQ(at(write), 8 * kib);
  EXPECT_FALSE(write.advance(4 * kib));
  EXPECT_EQ(write.result(), 12 * kib);
}

TEST_F(IoRequestTest, ShortReadsGoOnToTheEndOfTheFile) {
  IoRequest read = transfer(IoKind::read, 1, {10 * kib});
  EXPECT_TRUE(read.advance(3 * kib));
  EXPECT_TRUE(read.advance(1));
  EXPECT_FALSE(read.advance(0));
  EXPECT_EQ(read.result(), 3 * kib + 1);
}

TEST_F(IoRequestTest, ADirectReadThatEndsInsideABlockIsAtTheEnd) {
  IoRequest read = transfer(IoKind::read, 4 * kib, {16 * kib});
  EXPECT_TRUE(read.advance(4 * kib));
  EXPECT_FALSE(read.advance(100));
  EXPECT_EQ(read.result(), 4 * kib + 100);
}

TEST_F(IoRequestTest, InterruptionsAreTriedAgainButNotForEver) {
  IoRequest write = transfer(IoKind::write, 1, {10});
  EXPECT_TRUE(write.advance(-EINTR));
  EXPECT_TRUE(write.advance(-EAGAIN));
  int again = 0;
  while (write.advance(-EAGAIN)) ++again;
  EXPECT_GT(again, 100);
  EXPECT_EQ(write.result(), -EIO);
}

TEST_F(IoRequestTest, SyncsAreNeverTriedAgain) {
  for (const IoKind kind : {IoKind::sync_data, IoKind::sync_all}) {
    for (const int error : {-EIO, -EINTR, -EAGAIN, -ENOSPC}) {
      IoRequest sync;
      sync.kind = kind;
      EXPECT_FALSE(sync.advance(error));
      EXPECT_EQ(sync.result(), error);
    }
  }
}

TEST_F(IoRequestTest, WithoutRwfDsyncASyncFollowsTheWrite) {
  IoRequest write = transfer(IoKind::write, 1, {10});
  write.durable = true;
  EXPECT_TRUE(write.advance(-EOPNOTSUPP));
  EXPECT_FALSE(write.durable);
  EXPECT_EQ(write.kind, IoKind::write);
  EXPECT_TRUE(write.advance(10));
  EXPECT_EQ(write.kind, IoKind::sync_data);
  EXPECT_FALSE(write.advance(-EIO));
  EXPECT_EQ(write.result(), -EIO);
}

TEST_F(IoRequestTest, ZerosByFallocateWhereTheDiskKnowsIt) {
  IoRequest zeros = IoRequest::write_zeros(3, 4 * kib, 1 << 20, memory_, Durability::durable, true);
  EXPECT_EQ(zeros.kind, IoKind::allocate);
  EXPECT_EQ(zeros.mode, fallocate_write_zeroes);
  EXPECT_TRUE(zeros.advance(0));
  EXPECT_EQ(zeros.kind, IoKind::sync_data);
  EXPECT_FALSE(zeros.advance(0));
  EXPECT_EQ(zeros.result(), 0);
  EXPECT_FALSE(zeros.write_zeroes_refused());
}

TEST_F(IoRequestTest, ZerosByWritesWhereItDoesNot) {
  constexpr std::uint64_t length = write_parts_max * 256 * kib + 4 * kib;
  IoRequest zeros = IoRequest::write_zeros(3, 0, length, memory_, Durability::none, true);
  EXPECT_TRUE(zeros.advance(-EOPNOTSUPP));
  EXPECT_TRUE(zeros.write_zeroes_refused());
  EXPECT_EQ(zeros.kind, IoKind::write);
  EXPECT_EQ(zeros.remaining(), write_parts_max * 256 * kib);
  EXPECT_TRUE(zeros.advance(static_cast<int>(zeros.remaining())));
  EXPECT_EQ(zeros.position, write_parts_max * 256 * kib);
  EXPECT_EQ(zeros.remaining(), 4 * kib);
  EXPECT_FALSE(zeros.advance(4 * kib));
  EXPECT_EQ(zeros.result(), static_cast<std::int64_t>(length));
}

TEST_F(IoRequestTest, FullDiskIsAnErrorOfZerosToo) {
  IoRequest zeros = IoRequest::write_zeros(3, 0, kib, memory_, Durability::none, true);
  EXPECT_FALSE(zeros.advance(-ENOSPC));
  EXPECT_EQ(zeros.result(), -ENOSPC);
}

}  // namespace
}  // namespace sluice::storage
