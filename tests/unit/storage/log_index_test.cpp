// The sparse indexes, epochs, checkpoints and keys: what is loaded is what was saved, or refused.
#include "storage/checkpoint.hpp"
#include "storage/epochs.hpp"
#include "storage/error.hpp"
#include "storage/format.hpp"
#include "storage/key_offsets.hpp"
#include "storage/offset_index.hpp"
#include "storage/seal.hpp"
#include "storage/time_index.hpp"

#include <gtest/gtest.h>

namespace sluice::storage {
namespace {

TEST(OffsetIndex, FindsTheGreatestEntryAtOrBelow) {
  OffsetIndex index(100);
  index.append({109, 5000});
  index.append({130, 9000});
  EXPECT_EQ(index.lookup(100), (OffsetIndex::Entry{100, 0}));
  EXPECT_EQ(index.lookup(108), (OffsetIndex::Entry{100, 0}));
  EXPECT_EQ(index.lookup(109), (OffsetIndex::Entry{109, 5000}));
  EXPECT_EQ(index.lookup(1000), (OffsetIndex::Entry{130, 9000}));
  EXPECT_EQ(index.lookup_position(8999), (OffsetIndex::Entry{109, 5000}));
}

TEST(OffsetIndex, IsKafkasBytesAndRefusesWhatDoesNotGrow) {
  OffsetIndex index(100);
  index.append({109, 5000});
  index.append({130, 9000});
  std::vector<std::byte> bytes;
  index.encode(0, bytes);
  ASSERT_EQ(bytes.size(), 16u);
  EXPECT_EQ(load_big_endian<std::int32_t>(bytes.data()), 9);
  EXPECT_EQ(load_big_endian<std::int32_t>(bytes.data() + 4), 5000);
  EXPECT_TRUE(OffsetIndex::decode(100, bytes, 9001));
  EXPECT_FALSE(OffsetIndex::decode(100, bytes, 9000));
  EXPECT_FALSE(OffsetIndex::decode(100, Bytes(bytes).first(15), 9001));
  std::swap_ranges(bytes.begin(), bytes.begin() + 8, bytes.begin() + 8);
  EXPECT_FALSE(OffsetIndex::decode(100, bytes, 9001));
}

TEST(TimeIndex, KeepsOnlyWhatGrowsAndFindsTheGreatestAtOrBelow) {
  TimeIndex index(10);
  index.maybe_append({1000, 12});
  index.maybe_append({900, 15});
  index.maybe_append({1000, 16});
  index.maybe_append({2000, 20});
  ASSERT_EQ(index.count(), 2u);
  EXPECT_EQ(index.lookup(999).offset, 10);
  EXPECT_EQ(index.lookup(1000).offset, 12);
  EXPECT_EQ(index.lookup(5000).offset, 20);
  std::vector<std::byte> bytes;
  index.encode(0, bytes);
  ASSERT_EQ(bytes.size(), 24u);
  EXPECT_EQ(load_big_endian<std::int64_t>(bytes.data()), 1000);
  EXPECT_EQ(load_big_endian<std::int32_t>(bytes.data() + 8), 2);
  EXPECT_TRUE(TimeIndex::decode(10, bytes, 21));
  EXPECT_FALSE(TimeIndex::decode(10, bytes, 20));
}

TEST(Epochs, AnswerWhereEachEnded) {
  Epochs epochs;
  epochs.begin(0, 0);
  epochs.begin(3, 100);
  epochs.begin(5, 250);
  EXPECT_EQ(epochs.end_of(0, 300).end, 100);
  EXPECT_EQ(epochs.end_of(2, 300).epoch, 0);
  EXPECT_EQ(epochs.end_of(3, 300).end, 250);
  EXPECT_EQ(epochs.end_of(5, 300).end, 300);
  EXPECT_EQ(epochs.end_of(6, 300).epoch, -1);
  EXPECT_EQ(epochs.at(99), 0);
  EXPECT_EQ(epochs.at(100), 3);
  const auto decoded = Epochs::decode(epochs.encode());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->entries(), epochs.entries());
  EXPECT_EQ(epochs.encode(), "0\n3\n0 0\n3 100\n5 250\n");
  EXPECT_FALSE(Epochs::decode("0\n2\n0 0\n"));
  EXPECT_FALSE(Epochs::decode("0\n2\n3 0\n1 5\n"));
  EXPECT_FALSE(Epochs::decode("1\n0\n"));
}

TEST(Epochs, AnEpochWithoutRecordsGivesWayToTheNext) {
  Epochs epochs;
  epochs.begin(0, 0);
  epochs.begin(1, 50);
  epochs.begin(2, 50);
  EXPECT_EQ(epochs.entries(), (std::vector<EpochStart>{{0, 0}, {2, 50}}));
}

TEST(Format, NamesAreTwentyDigits) {
  EXPECT_EQ(offset_file_name(42, log_suffix), "00000000000000000042.log");
  EXPECT_EQ(parse_offset_file_name("00000000000000000042.log.7.cut")->suffix, ".log.7.cut");
  EXPECT_FALSE(parse_offset_file_name("0000000000000000004x.log"));
  EXPECT_FALSE(parse_offset_file_name("99999999999999999999.log"));
  EXPECT_FALSE(parse_offset_file_name("partition.metadata"));
}

TEST(Seal, RoundTripsAndNoticesEveryFlip) {
  SealHash hash;
  hash.update(as_bytes("some"));
  hash.update(as_bytes("thing"));
  const Seal seal = hash.finish(10, 20);
  EXPECT_EQ(seal.size, 9);
  std::vector<std::byte> bytes = seal.encode();
  EXPECT_EQ(*Seal::decode(bytes), seal);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= std::byte{1};
    EXPECT_FALSE(Seal::decode(bytes)) << i;
    bytes[i] ^= std::byte{1};
  }
}

TEST(KeyOffsets, RememberTheNewestWithinTheirBound) {
  KeyOffsets keys(7, 64 << 10);
  EXPECT_TRUE(keys.put(as_bytes("a"), 5));
  EXPECT_TRUE(keys.put(as_bytes("a"), 9));
  EXPECT_TRUE(keys.put(as_bytes(""), 3));
  EXPECT_EQ(keys.find(as_bytes("a")), 9);
  EXPECT_EQ(keys.find(as_bytes("")), 3);
  EXPECT_FALSE(keys.find(as_bytes("b")));
  Offset put = 0;
  while (keys.put(as_bytes("key" + std::to_string(put)), put)) ++put;
  EXPECT_GT(put, 300);
  EXPECT_LE(keys.bytes(), std::size_t{64} << 10);
  EXPECT_TRUE(keys.put(as_bytes("a"), 10));
  for (Offset i = 0; i < put; ++i) EXPECT_EQ(keys.find(as_bytes("key" + std::to_string(i))), i);
  keys.force(as_bytes("more"), 1);
  EXPECT_EQ(keys.find(as_bytes("more")), 1);
}

}  // namespace
}  // namespace sluice::storage
