#include "client/queue_chunk.hpp"

#include "protocol/batch_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class QueueChunkTest : public testing::Test {
 protected:
  // Records with these offset deltas.
  void add_batch(Offset base, std::vector<std::int32_t> deltas,
                 protocol::Compression codec = protocol::Compression::none) {
    protocol::BatchBuilder builder({.compression = codec, .base_offset = base});
    for (const auto delta : deltas) {
      const std::string value = std::to_string(base + delta);
      protocol::NewRecord record;
      record.value = as_bytes(value);
      builder.append_at(delta, record);
    }
    protocol::Compressor compressor;
    const auto batch = builder.finish(compressor);
    starts_.push_back(bytes_.size());
    bytes_.insert(bytes_.end(), batch.begin(), batch.end());
  }
  QueueLeftovers read(std::vector<protocol::ShareFetchResponse::AcquiredRecords> ranges) {
    chunk_ = {};
    const QueueSession::Acquired acquired{
        {{}, {"orders", 0}}, bytes_.empty() ? std::nullopt : std::optional(Bytes(bytes_)), ranges};
    return add_records(chunk_, acquired, true, decompressor_);
  }
  std::vector<std::string> values() const {
    std::vector<std::string> all;
    for (const auto& record : chunk_.records) all.emplace_back(as_text(*record.value));
    return all;
  }

  std::vector<std::byte> bytes_;
  std::vector<std::size_t> starts_;
  QueueChunk chunk_;
  protocol::Decompressor decompressor_;
};

TEST_F(QueueChunkTest, HasOnlyWhatWasAcquired) {
  add_batch(10, {0, 1, 2, 3});
  add_batch(14, {0, 1, 2}, protocol::Compression::lz4);
  const auto left = read({{15, 16, 3}, {11, 12, 1}});
  EXPECT_THAT(values(), ElementsAre("11", "12", "15", "16"));
  EXPECT_EQ(chunk_.records.front().delivery_count, 1);
  EXPECT_EQ(chunk_.records.back().delivery_count, 3);
  EXPECT_EQ(chunk_.records.back().offset, 16);
  EXPECT_EQ(chunk_.records.back().topic, "orders");
  EXPECT_THAT(left.gaps, IsEmpty());
  EXPECT_THAT(left.corrupt, IsEmpty());
  EXPECT_FALSE(left.error);
}

TEST_F(QueueChunkTest, WhereThereIsNoRecordIsAGap) {
  add_batch(10, {1, 4});
  const auto left = read({{10, 16, 1}});
  EXPECT_THAT(values(), ElementsAre("11", "14"));
  EXPECT_THAT(left.gaps, ElementsAre(10, 12, 13, 15, 16));
  bytes_.clear();
  EXPECT_THAT(read({{3, 4, 1}}).gaps, ElementsAre(3, 4));
}

TEST_F(QueueChunkTest, ACorruptBatchCostsOnlyItsOwnRecords) {
  add_batch(10, {0, 1});
  add_batch(12, {0, 1, 2});
  add_batch(15, {0, 1});
  bytes_[starts_[2] - 1] ^= std::byte{1};
  const auto left = read({{11, 16, 1}});
  EXPECT_THAT(values(), ElementsAre("11", "15", "16"));
  EXPECT_THAT(left.corrupt, ElementsAre(12, 13, 14));
  ASSERT_TRUE(left.error);
  EXPECT_TRUE(left.error->is(Errc::corrupt_batch));
}

TEST_F(QueueChunkTest, WhatIsCutShortCannotBeRead) {
  add_batch(10, {0, 1});
  add_batch(12, {0, 1});
  bytes_.resize(bytes_.size() - 3);
  const auto left = read({{10, 13, 1}});
  EXPECT_THAT(values(), ElementsAre("10", "11"));
  EXPECT_THAT(left.corrupt, ElementsAre(12, 13));
  EXPECT_TRUE(left.error);
}

}  // namespace
}  // namespace sluice::client
