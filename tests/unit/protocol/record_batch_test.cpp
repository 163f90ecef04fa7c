#include "protocol/record_batch.hpp"

#include "base/random.hpp"
#include "base/result.hpp"
#include "protocol/batch_builder.hpp"
#include "tests/unit/protocol/golden_records.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace sluice::protocol {
namespace {

constexpr auto int32_max = std::numeric_limits<std::int32_t>::max();

std::vector<std::byte> make_batch(int records, std::int64_t base_offset = 0) {
  BatchBuilder builder{{.base_offset = base_offset}};
  for (int i = 0; i < records; ++i) builder.append({.timestamp = i, .value = as_bytes("value")});
  return builder.finish();
}

TEST(RecordBatch, HeaderOfTheJavaClientIsRead) {
  const auto bytes = read_golden_bytes("java_none_small");
  const BatchHeader header = parse_batch_header(bytes).value();
  EXPECT_EQ(header, (BatchHeader{.base_offset = 0,
                                 .batch_length = 333,
                                 .partition_leader_epoch = -1,
                                 .magic = 2,
                                 .crc = 0xeabec7e0,
                                 .attributes = 0,
                                 .last_offset_delta = 4,
                                 .base_timestamp = golden_timestamp,
                                 .max_timestamp = golden_timestamp + 4,
                                 .producer_id = 4711,
                                 .producer_epoch = 3,
                                 .base_sequence = 17,
                                 .record_count = 5}));
  EXPECT_EQ(header.size(), bytes.size());
  EXPECT_EQ(header.last_sequence(), 21);
  EXPECT_TRUE(batch_crc_matches(bytes));
}

TEST(RecordBatch, ChecksumOfEveryClientMatches) {
  for (const std::string client : golden_clients)
    for (const Compression codec : all_compressions) {
      const auto bytes = read_golden_bytes(client + "_" + std::string{name_of(codec)} + "_small");
      const BatchView batch = parse_batch(bytes).value();
      EXPECT_EQ(batch.header.compression(), codec);
      EXPECT_EQ(batch.header.record_count, 5);
      EXPECT_EQ(batch.header.last_offset_delta, 4);
      EXPECT_TRUE(batch_crc_matches(bytes)) << client;
    }
}

TEST(RecordBatch, WrittenHeaderIsReadBack) {
  SeededRandom random{8};
  for (int i = 0; i < 1000; ++i) {
    const BatchHeader header{.base_offset = static_cast<std::int64_t>(random.next()),
                             .batch_length = static_cast<std::int32_t>(49 + random.below(1u << 30)),
                             .partition_leader_epoch = static_cast<std::int32_t>(random.next()),
                             .crc = static_cast<std::uint32_t>(random.next()),
                             .attributes = static_cast<std::int16_t>(random.next()),
                             .last_offset_delta = static_cast<std::int32_t>(random.next()),
                             .base_timestamp = static_cast<std::int64_t>(random.next()),
                             .max_timestamp = static_cast<std::int64_t>(random.next()),
                             .producer_id = static_cast<std::int64_t>(random.next()),
                             .producer_epoch = static_cast<std::int16_t>(random.next()),
                             .base_sequence = static_cast<std::int32_t>(random.next()),
                             .record_count = static_cast<std::int32_t>(random.next())};
    std::vector<std::byte> bytes(batch_header_size);
    write_batch_header(header, bytes);
    ASSERT_EQ(parse_batch_header(bytes).value(), header);
  }
}

TEST(RecordBatch, AttributesAreNamed) {
  BatchHeader header;
  EXPECT_EQ(header.compression(), Compression::none);
  EXPECT_EQ(header.timestamp_type(), TimestampType::create_time);
  EXPECT_FALSE(header.is_transactional() || header.is_control() || header.has_delete_horizon());
  header.attributes = 0x7c;
  EXPECT_EQ(header.compression(), Compression::zstd);
  EXPECT_EQ(header.timestamp_type(), TimestampType::log_append_time);
  EXPECT_TRUE(header.is_transactional() && header.is_control() && header.has_delete_horizon());
  header.attributes = 5;
  EXPECT_FALSE(is_known(header.compression()));
  EXPECT_EQ(name_of(header.compression()), "unknown");
  EXPECT_EQ(name_of(Compression::zstd), "zstd");
}

TEST(RecordBatch, SequenceWrapsToZero) {
  EXPECT_EQ(add_sequence(0, 0), 0);
  EXPECT_EQ(add_sequence(5, 10), 15);
  EXPECT_EQ(add_sequence(int32_max, 0), int32_max);
  EXPECT_EQ(add_sequence(int32_max, 1), 0);
  EXPECT_EQ(add_sequence(int32_max - 1, 3), 1);
  EXPECT_EQ(add_sequence(int32_max, int32_max), int32_max - 1);
  EXPECT_EQ((BatchHeader{.last_offset_delta = 2, .base_sequence = int32_max - 1}.last_sequence()),
            0);
  EXPECT_EQ((BatchHeader{.last_offset_delta = 2}.last_sequence()), no_sequence);
}

TEST(RecordBatch, OffsetsOfAGarbledHeaderWrap) {
  const BatchHeader header{.base_offset = std::numeric_limits<std::int64_t>::max(),
                           .last_offset_delta = 1};
  EXPECT_EQ(header.last_offset(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ((BatchHeader{.base_offset = 10, .last_offset_delta = 4}.next_offset()), 15);
}

TEST(RecordBatch, BaseOffsetAndEpochChangeWithoutTouchingTheChecksum) {
  auto bytes = make_batch(2);
  const std::uint32_t crc = parse_batch_header(bytes)->crc;
  set_base_offset(bytes, 123'456'789'012);
  set_partition_leader_epoch(bytes, 42);
  const BatchHeader header = parse_batch_header(bytes).value();
  EXPECT_EQ(header.base_offset, 123'456'789'012);
  EXPECT_EQ(header.partition_leader_epoch, 42);
  EXPECT_EQ(header.crc, crc);
  EXPECT_TRUE(batch_crc_matches(bytes));
}

TEST(RecordBatch, ChecksumIsRefreshedAfterAChange) {
  auto bytes = make_batch(2);
  bytes.back() = std::byte{1};
  EXPECT_FALSE(batch_crc_matches(bytes));
  refresh_batch_crc(bytes);
  EXPECT_TRUE(batch_crc_matches(bytes));
}

TEST(RecordBatch, TooFewBytesAreTruncated) {
  const auto bytes = make_batch(2);
  for (std::size_t size = 0; size < batch_header_size; ++size)
    EXPECT_EQ(parse_batch_header(Bytes{bytes}.first(size)).error(), BatchError::truncated) << size;
  for (std::size_t size = batch_header_size; size < bytes.size(); ++size) {
    EXPECT_TRUE(parse_batch_header(Bytes{bytes}.first(size)));
    EXPECT_EQ(parse_batch(Bytes{bytes}.first(size)).error(), BatchError::truncated);
  }
  EXPECT_TRUE(parse_batch(bytes));
}

TEST(RecordBatch, OldMagicIsNamedEvenInAShortMessage) {
  auto bytes = make_batch(1);
  bytes[batch_layout::magic] = std::byte{1};
  EXPECT_EQ(parse_batch_header(Bytes{bytes}.first(34)).error(), BatchError::unsupported_magic);
  const std::vector<std::byte> zeros(4096);  // space prepared ahead in a segment
  EXPECT_EQ(parse_batch_header(zeros).error(), BatchError::unsupported_magic);
}

TEST(RecordBatch, ImpossibleLengthsAreRefused) {
  auto bytes = make_batch(1);
  for (const std::int32_t length : {std::numeric_limits<std::int32_t>::min(), -1, 0, 48}) {
    store_big_endian(bytes.data() + batch_layout::batch_length, length);
    EXPECT_EQ(parse_batch_header(bytes).error(), BatchError::bad_length);
  }
  store_big_endian(bytes.data() + batch_layout::batch_length, int32_max);
  EXPECT_EQ(parse_batch(bytes).error(), BatchError::truncated);
  EXPECT_EQ(parse_batch_header(bytes)->size(), 12u + int32_max);
}

TEST(RecordBatch, ErrorsBecomeProjectErrors) {
  const std::error_code code = BatchError::crc_mismatch;
  EXPECT_EQ(code, make_error_code(BatchError::crc_mismatch));
  EXPECT_NE(code.message().find("checksum"), std::string::npos);
  const auto failed = fail(BatchError::bad_length, "segment 7");
  EXPECT_EQ(failed.error().message(),
            "segment 7: " + std::string{describe(BatchError::bad_length)});
}

std::vector<std::byte> three_batches() {
  std::vector<std::byte> bytes;
  for (const int records : {1, 20, 3}) {
    const auto batch = make_batch(records, static_cast<std::int64_t>(bytes.size()));
    bytes.insert(bytes.end(), batch.begin(), batch.end());
  }
  return bytes;
}

TEST(BatchIterator, WalksBatchesBackToBack) {
  const auto bytes = three_batches();
  BatchIterator batches{bytes};
  for (const int records : {1, 20, 3}) {
    const std::size_t position = batches.position();
    const auto batch = batches.next();
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->header.record_count, records);
    EXPECT_EQ(batch->header.base_offset, static_cast<std::int64_t>(position));
    EXPECT_EQ(batch->bytes.data(), bytes.data() + position);
    EXPECT_EQ(batch->records().size(), batch->bytes.size() - batch_header_size);
  }
  EXPECT_FALSE(batches.next());
  EXPECT_FALSE(batches.error());
  EXPECT_EQ(batches.position(), bytes.size());
}

TEST(BatchIterator, OfNothingEndsAtOnce) {
  BatchIterator batches{{}};
  EXPECT_FALSE(batches.next());
  EXPECT_FALSE(batches.error());
}

TEST(BatchIterator, StopsAtATailCutAnywhere) {
  const auto bytes = three_batches();
  std::vector<std::size_t> ends{0};
  for (BatchIterator batches{bytes}; batches.next();) ends.push_back(batches.position());
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    BatchIterator batches{Bytes{bytes}.first(size)};
    std::size_t count = 0;
    while (batches.next()) ++count;
    const bool is_whole = std::ranges::binary_search(ends, size);
    ASSERT_EQ(batches.error().has_value(), !is_whole) << size;
    if (!is_whole) ASSERT_EQ(batches.error(), BatchError::truncated) << size;
    ASSERT_EQ(batches.position(), ends[count]);
    ASSERT_LE(batches.position(), size);
  }
}

TEST(BatchIterator, StopsForGoodAtDamage) {
  auto bytes = three_batches();
  BatchIterator whole{bytes};
  whole.next();
  bytes[whole.position() + batch_layout::magic] = std::byte{0};
  BatchIterator batches{bytes};
  EXPECT_TRUE(batches.next());
  EXPECT_FALSE(batches.next());
  EXPECT_FALSE(batches.next());
  EXPECT_EQ(batches.error(), BatchError::unsupported_magic);
  EXPECT_EQ(batches.position(), whole.position());
}

TEST(BatchIterator, SurvivesRandomBytes) {
  SeededRandom random{99};
  const auto original = three_batches();
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = original;
    for (std::uint64_t left = 1 + random.below(8); left > 0; --left)
      bytes[random.below(bytes.size())] = static_cast<std::byte>(random.next());
    BatchIterator batches{bytes};
    std::size_t total = 0;
    while (const auto batch = batches.next()) {
      total += batch->bytes.size();
      RecordIterator records{*batch};
      while (const auto record = records.next()) ASSERT_LE(record->bytes.size(), bytes.size());
    }
    ASSERT_EQ(total, batches.position());
  }
}

}  // namespace
}  // namespace sluice::protocol
