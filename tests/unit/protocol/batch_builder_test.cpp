#include "protocol/batch_builder.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

namespace sluice::protocol {
namespace {

BatchView parsed(const std::vector<std::byte>& batch) {
  const auto view = parse_batch(batch);
  EXPECT_TRUE(view.has_value());
  return view.value_or(BatchView{});
}

std::string text(const std::optional<Bytes>& bytes) {
  return bytes ? std::string{as_text(*bytes)} : "(null)";
}

TEST(BatchBuilder, PutsWhatItWasGivenIntoTheHeader) {
  BatchBuilder builder{{.kind = BatchKind::transactional_data,
                        .base_offset = 77,
                        .partition_leader_epoch = 3,
                        .producer_id = 1234567890123,
                        .producer_epoch = 5,
                        .base_sequence = 42}};
  builder.append({.timestamp = 1000, .value = as_bytes("a")});
  builder.append({.timestamp = 3000, .value = as_bytes("b")});
  builder.append({.timestamp = 2000, .value = as_bytes("c")});
  const auto bytes = builder.finish();
  const BatchHeader header = parsed(bytes).header;
  EXPECT_EQ(header.size(), bytes.size());
  EXPECT_EQ(header.base_offset, 77);
  EXPECT_EQ(header.partition_leader_epoch, 3);
  EXPECT_EQ(header.last_offset_delta, 2);
  EXPECT_EQ(header.last_offset(), 79);
  EXPECT_EQ(header.record_count, 3);
  EXPECT_EQ(header.base_timestamp, 1000);
  EXPECT_EQ(header.max_timestamp, 3000);
  EXPECT_EQ(header.producer_id, 1234567890123);
  EXPECT_EQ(header.producer_epoch, 5);
  EXPECT_EQ(header.base_sequence, 42);
  EXPECT_EQ(header.last_sequence(), 44);
  EXPECT_TRUE(header.is_transactional());
  EXPECT_FALSE(header.is_control());
  EXPECT_TRUE(batch_crc_matches(bytes));
}

TEST(BatchBuilder, KeepsKeysValuesHeadersAndNulls) {
  const std::array<RecordHeader, 3> headers{
      {{"type", as_bytes("push")}, {"", std::nullopt}, {"empty", Bytes{}}}};
  BatchBuilder builder;
  builder.append(
      {.timestamp = 10, .key = as_bytes("k"), .value = as_bytes("v"), .headers = headers});
  builder.append({.timestamp = 5});
  builder.append({.timestamp = 20, .key = Bytes{}, .value = Bytes{}});
  const auto bytes = builder.finish();
  const BatchView batch = parsed(bytes);
  RecordIterator records{batch};

  const auto first = records.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(text(first->key), "k");
  EXPECT_EQ(text(first->value), "v");
  EXPECT_EQ(timestamp_of(*first, batch.header), 10);
  ASSERT_EQ(first->headers.size(), 3u);
  std::size_t index = 0;
  for (const RecordHeader& header : first->headers) {
    EXPECT_EQ(header.key, headers[index].key);
    EXPECT_EQ(text(header.value), text(headers[index].value));
    ++index;
  }
  EXPECT_EQ(index, 3u);

  const auto second = records.next();
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->key);
  EXPECT_FALSE(second->value);
  EXPECT_EQ(second->timestamp_delta, -5);
  EXPECT_EQ(second->offset_delta, 1);

  const auto third = records.next();
  ASSERT_TRUE(third);
  ASSERT_TRUE(third->key);
  EXPECT_TRUE(third->key->empty());
  ASSERT_TRUE(third->value);
  EXPECT_FALSE(records.next());
  EXPECT_FALSE(records.error());
}

TEST(BatchBuilder, PredictsItsSizeExactly) {
  SeededRandom random{11};
  BatchBuilder builder;
  const std::string filler(20'000, 'x');
  const std::array<RecordHeader, 1> headers{{{"h", as_bytes("v")}}};
  for (int i = 0; i < 300; ++i) {
    NewRecord record{.timestamp = static_cast<std::int64_t>(random.below(1u << 30))};
    if (random.below(4) > 0) record.value = as_bytes(filler).first(random.below(filler.size()));
    if (random.below(4) > 0) record.key = as_bytes(filler).first(random.below(200));
    if (random.below(2) > 0) record.headers = headers;
    const std::size_t expected = builder.size_with(record);
    builder.append(record);
    ASSERT_EQ(builder.size(), expected);
  }
  const std::size_t expected = builder.size();
  EXPECT_EQ(builder.finish().size(), expected);
}

TEST(BatchBuilder, CarriesAnyTimestampDifference) {
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  BatchBuilder builder;
  for (const std::int64_t timestamp : {most, least, std::int64_t{0}, most})
    builder.append({.timestamp = timestamp});
  const auto bytes = builder.finish();
  const BatchView batch = parsed(bytes);
  RecordIterator records{batch};
  for (const std::int64_t timestamp : {most, least, std::int64_t{0}, most})
    EXPECT_EQ(timestamp_of(records.next().value(), batch.header), timestamp);
}

TEST(BatchBuilder, LeavesGapsWhereToldTo) {
  BatchBuilder builder{{.base_offset = 100}};
  builder.append_at(3, {.value = as_bytes("a")});
  builder.append_at(9, {.value = as_bytes("b")});
  const auto bytes = builder.finish();
  const BatchView batch = parsed(bytes);
  EXPECT_EQ(batch.header.last_offset(), 109);
  EXPECT_EQ(batch.header.record_count, 2);
  RecordIterator records{batch};
  EXPECT_EQ(offset_of(records.next().value(), batch.header), 103);
  EXPECT_EQ(offset_of(records.next().value(), batch.header), 109);
}

TEST(BatchBuilder, LogAppendTimeIsEveryRecordsTimestamp) {
  BatchBuilder builder{{.log_append_time = 5'000}};
  builder.append({.timestamp = 9'000, .value = as_bytes("a")});
  const auto bytes = builder.finish();
  const BatchView batch = parsed(bytes);
  EXPECT_EQ(batch.header.timestamp_type(), TimestampType::log_append_time);
  EXPECT_EQ(batch.header.max_timestamp, 5'000);
  EXPECT_EQ(timestamp_of(RecordIterator{batch}.next().value(), batch.header), 5'000);
}

TEST(BatchBuilder, MarksControlBatchesAsTransactional) {
  BatchBuilder builder{{.kind = BatchKind::control, .producer_id = 1, .producer_epoch = 0}};
  builder.append({.key = as_bytes("k"), .value = as_bytes("v")});
  const BatchHeader header = parsed(builder.finish()).header;
  EXPECT_TRUE(header.is_control());
  EXPECT_TRUE(header.is_transactional());
  EXPECT_EQ(header.last_sequence(), no_sequence);
}

TEST(BatchBuilder, StartsAfreshAfterFinish) {
  BatchBuilder builder;
  builder.append({.timestamp = 1, .value = as_bytes("one")});
  const auto first = builder.finish();
  EXPECT_TRUE(builder.empty());
  builder.append({.timestamp = 1, .value = as_bytes("one")});
  EXPECT_EQ(builder.finish(), first);
}

TEST(BatchBuilder, CompressesOnlyTheRecords) {
  Compressor compressor;
  Decompressor decompressor;
  BatchBuilder plain;
  const std::string value(1000, 'v');
  for (int i = 0; i < 20; ++i) plain.append({.timestamp = i, .value = as_bytes(value)});
  const auto uncompressed = plain.finish();
  for (const Compression codec :
       {Compression::gzip, Compression::snappy, Compression::lz4, Compression::zstd}) {
    BatchBuilder builder{{.compression = codec}};
    for (int i = 0; i < 20; ++i) builder.append({.timestamp = i, .value = as_bytes(value)});
    const auto bytes = builder.finish(compressor);
    const BatchView batch = parsed(bytes);
    EXPECT_EQ(batch.header.compression(), codec);
    EXPECT_EQ(batch.header.record_count, 20);
    EXPECT_LT(bytes.size(), uncompressed.size() / 5);
    EXPECT_TRUE(batch_crc_matches(bytes));
    std::vector<std::byte> area;
    ASSERT_TRUE(decompressor.decompress(codec, batch.records(), 1 << 20, area));
    EXPECT_TRUE(std::ranges::equal(area, parsed(uncompressed).records()));
  }
}

}  // namespace
}  // namespace sluice::protocol
