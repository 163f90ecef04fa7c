#include "tools/inspect/segment_walk.hpp"

#include "protocol/batch_builder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::inspect {
namespace {

constexpr std::int64_t batches = 20;
constexpr std::int64_t records = 7;  // of a batch

// A file of batches back to back, which the test may damage.
class SegmentWalkTest : public testing::Test {
 protected:
  SegmentWalkTest()
      : path_(testing::TempDir() + "segment_walk_" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    const std::string value(300, 'v');
    for (std::int64_t i = 0; i < batches; ++i) {
      protocol::BatchBuilder builder({.base_offset = i * records});
      for (std::int64_t r = 0; r < records; ++r)
        builder.append(
            {.timestamp = 1000 + i, .key = std::nullopt, .value = as_bytes(value), .headers = {}});
      starts_.push_back(bytes_.size());
      const auto batch = builder.finish();
      bytes_.insert(bytes_.end(), batch.begin(), batch.end());
    }
    starts_.push_back(bytes_.size());
  }
  ~SegmentWalkTest() override { std::filesystem::remove(path_); }

  std::vector<WalkStep> walk(std::vector<std::byte> bytes) const {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    const auto file = ReadFile::open(path_);
    EXPECT_TRUE(file);
    std::vector<std::byte> seen;
    SegmentWalk walk(*file, {.end_offset = batches * records},
                     [&](Bytes piece) { seen.insert(seen.end(), piece.begin(), piece.end()); });
    std::vector<WalkStep> steps;
    for (;;) {
      const auto step = walk.next();
      EXPECT_TRUE(step);
      if (!step || !*step) break;
      steps.push_back(**step);
    }
    EXPECT_EQ(seen, bytes);
    return steps;
  }

  std::string path_;
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> starts_;
};

TEST_F(SegmentWalkTest, FindsEveryBatchOfAnIntactFile) {
  const auto steps = walk(bytes_);
  ASSERT_EQ(steps.size(), static_cast<std::size_t>(batches));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].flaw, Flaw::none);
    EXPECT_EQ(steps[i].position, static_cast<std::int64_t>(starts_[i]));
    EXPECT_EQ(steps[i].header.base_offset, static_cast<std::int64_t>(i) * records);
  }
}

// The leader epoch is the one field that neither the CRC nor a neighbour knows.
TEST_F(SegmentWalkTest, FindsAnyFlippedBitAndEveryOtherBatch) {
  constexpr std::size_t damaged = 9;
  const std::size_t begin = starts_[damaged];
  for (std::size_t at = begin; at < begin + 400; ++at) {
    if (at >= begin + 12 && at < begin + 16) continue;
    for (int bit = 0; bit < 8; bit += 7) {
      auto bytes = bytes_;
      bytes[at] ^= std::byte(1 << bit);
      const auto steps = walk(std::move(bytes));
      ASSERT_EQ(steps.size(), static_cast<std::size_t>(batches)) << at - begin;
      for (std::size_t i = 0; i < steps.size(); ++i) {
        EXPECT_EQ(steps[i].position, static_cast<std::int64_t>(starts_[i])) << at - begin;
        EXPECT_EQ(steps[i].size, static_cast<std::int64_t>(starts_[i + 1] - starts_[i]));
        EXPECT_EQ(steps[i].flaw != Flaw::none, i == damaged) << at - begin;
      }
      // A base offset is known again from its neighbours.
      EXPECT_EQ(steps[damaged].is_batch(), at < begin + 8) << at - begin;
      if (at < begin + 8) {
        EXPECT_EQ(steps[damaged].header.base_offset, std::int64_t{damaged} * records);
      }
    }
  }
}

TEST_F(SegmentWalkTest, OffsetsThatOverflowAreNoBatch) {
  auto bytes = bytes_;
  protocol::set_base_offset(std::span(bytes).subspan(starts_[3]),
                            std::numeric_limits<std::int64_t>::max());
  const auto steps = walk(bytes);
  EXPECT_NE(steps[3].flaw, Flaw::none);
  EXPECT_EQ(steps[4].header.base_offset, 4 * records);
}

// Headers that each claim the rest of the file as theirs: the search behind them has an end.
TEST_F(SegmentWalkTest, BytesMadeToKeepASearchBusyDoNot) {
  std::vector<std::byte> bytes(4 << 20);
  for (std::size_t at = 0; at + protocol::batch_header_size <= bytes.size();
       at += protocol::batch_header_size) {
    const auto header = std::span(bytes_).first(protocol::batch_header_size);
    std::ranges::copy(header, bytes.begin() + static_cast<std::ptrdiff_t>(at));
    const auto rest = static_cast<std::uint32_t>(bytes.size() - at - 12);
    for (std::size_t i = 0; i < 4; ++i)
      bytes[at + 8 + i] = static_cast<std::byte>(rest >> (24 - 8 * i));
  }
  const auto steps = walk(bytes);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].size, static_cast<std::int64_t>(bytes.size()));
}

TEST_F(SegmentWalkTest, TellsDamageOverManyBatchesAsOne) {
  auto bytes = bytes_;
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(starts_[3] + 5),
            bytes.begin() + static_cast<std::ptrdiff_t>(starts_[6] + 5), std::byte{0x5a});
  const auto steps = walk(std::move(bytes));
  ASSERT_EQ(steps.size(), static_cast<std::size_t>(batches - 3));
  EXPECT_EQ(steps[3].position, static_cast<std::int64_t>(starts_[3]));
  EXPECT_EQ(steps[3].size, static_cast<std::int64_t>(starts_[7] - starts_[3]));
  EXPECT_EQ(steps[3].expected, 3 * records);
  EXPECT_EQ(steps[4].header.base_offset, 7 * records);
}

TEST_F(SegmentWalkTest, TakesAGapAsCompactionLeavesIt) {
  auto bytes = bytes_;
  bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(starts_[4]),
              bytes.begin() + static_cast<std::ptrdiff_t>(starts_[6]));
  const auto steps = walk(std::move(bytes));
  ASSERT_EQ(steps.size(), static_cast<std::size_t>(batches - 2));
  for (const auto& step : steps) EXPECT_EQ(step.flaw, Flaw::none);
  EXPECT_EQ(steps[4].expected, 4 * records);
  EXPECT_EQ(steps[4].header.base_offset, 6 * records);
}

TEST_F(SegmentWalkTest, EndsWithWhatIsCutShort) {
  auto bytes = bytes_;
  bytes.resize(starts_[19] + 100);
  const auto steps = walk(std::move(bytes));
  ASSERT_EQ(steps.size(), static_cast<std::size_t>(batches));
  EXPECT_EQ(steps.back().flaw, Flaw::truncated);
  EXPECT_EQ(steps.back().size, 100);
}

}  // namespace
}  // namespace sluice::inspect
