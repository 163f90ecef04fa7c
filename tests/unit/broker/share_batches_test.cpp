// Which bytes of a read go to a member of a share group.
#include "broker/share/share_batches.hpp"

#include "protocol/batch_builder.hpp"
#include "protocol/compression.hpp"
#include "protocol/record.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::broker {
namespace {

// Batches of ten records each, with values that say their offset, as one read.
ReadBatches read_of(int batches, std::size_t value_bytes,
                    protocol::Compression codec = protocol::Compression::none) {
  auto bytes = std::make_shared<std::vector<std::byte>>();
  for (int i = 0; i < batches; ++i) {
    protocol::BatchBuilder builder({.compression = codec, .base_offset = 10 * i});
    for (int j = 0; j < 10; ++j) {
      std::string value = std::to_string(10 * i + j);
      value.resize(value_bytes, '.');
      builder.append({.timestamp = 1000 + 10 * i + j, .value = as_bytes(value)});
    }
    protocol::Compressor compressor;
    const auto batch = builder.finish(compressor);
    bytes->insert(bytes->end(), batch.begin(), batch.end());
  }
  const Bytes all(*bytes);
  return batches_of({std::move(bytes), all});
}

// What a client finds in them.
std::vector<Offset> offsets_in(const std::vector<storage::Slice>& slices) {
  std::vector<Offset> offsets;
  for (const storage::Slice& slice : slices) {
    protocol::BatchIterator batches{slice.bytes};
    while (const auto batch = batches.next()) {
      EXPECT_TRUE(protocol::batch_crc_matches(batch->bytes));
      protocol::RecordIterator records{*batch};
      while (const auto record = records.next()) {
        const Offset offset = protocol::offset_of(*record, batch->header);
        EXPECT_TRUE(as_text(*record->value).starts_with(std::to_string(offset)));
        EXPECT_EQ(protocol::timestamp_of(*record, batch->header), 1000 + offset);
        offsets.push_back(offset);
      }
      EXPECT_FALSE(records.error());
    }
    EXPECT_FALSE(batches.error());
  }
  return offsets;
}

TEST(ShareBatches, NeighboursAreOneSliceWithoutACopy) {
  const ReadBatches read = read_of(3, 1000);
  const std::vector<AcquiredRange> all{{0, 29, 1}};
  const auto slices = slices_with(read, all);
  ASSERT_EQ(slices.size(), 1u);
  EXPECT_EQ(slices[0].bytes.data(), read.read.bytes.data());
  EXPECT_EQ(slices[0].bytes.size(), read.read.bytes.size());
}

TEST(ShareBatches, ABatchOfWhichNothingWasAcquiredIsLeftOut) {
  const ReadBatches read = read_of(3, 100);
  const std::vector<AcquiredRange> outer{{3, 5, 1}, {29, 29, 2}};
  const auto slices = slices_with(read, outer);
  ASSERT_EQ(slices.size(), 2u);
  const auto offsets = offsets_in(slices);
  ASSERT_EQ(offsets.size(), 20u);
  EXPECT_EQ(offsets.front(), 0);
  EXPECT_EQ(offsets.back(), 29);
}

TEST(ShareBatches, ARecordThatComesBackComesAlone) {
  const ReadBatches read = read_of(2, 1000);
  const std::vector<AcquiredRange> two{{4, 4, 2}, {17, 17, 3}};
  const auto slices = slices_with(read, two);
  EXPECT_EQ(offsets_in(slices), (std::vector<Offset>{4, 17}));
  const auto first = protocol::parse_batch(slices.at(0).bytes);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->header.base_offset, 0);
  EXPECT_EQ(first->header.last_offset(), 9);
  EXPECT_EQ(first->header.record_count, 1);
}

TEST(ShareBatches, ACompressedBatchGoesWhole) {
  const ReadBatches read = read_of(1, 1000, protocol::Compression::lz4);
  const std::vector<AcquiredRange> one{{4, 4, 2}};
  const auto slices = slices_with(read, one);
  ASSERT_EQ(slices.size(), 1u);
  EXPECT_EQ(slices[0].bytes.data(), read.read.bytes.data());
}

TEST(ShareBatches, NothingAcquiredIsNothing) {
  EXPECT_TRUE(slices_with(read_of(1, 10), {}).empty());
}

}  // namespace
}  // namespace sluice::broker
