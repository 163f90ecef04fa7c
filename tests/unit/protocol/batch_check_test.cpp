#include "protocol/batch_check.hpp"

#include "base/random.hpp"
#include "protocol/batch_builder.hpp"
#include "tests/unit/protocol/golden_records.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace sluice::protocol {
namespace {

constexpr std::int64_t now = 1'700'000'000'000;
const CheckPolicy usual{.now_ms = now};

std::vector<std::byte> make_batch(int records, const BatchOptions& options = {}) {
  BatchBuilder builder{options};
  for (int i = 0; i < records; ++i)
    builder.append({.timestamp = now - 10 + i,
                    .key = as_bytes("key"),
                    .value = as_bytes("a value that repeats, a value that repeats")});
  Compressor compressor;
  return builder.finish(compressor);
}

// A good batch with one header field changed and the CRC made right again.
template <std::integral T>
std::vector<std::byte> batch_with(std::size_t offset, T value) {
  auto batch = make_batch(3);
  store_big_endian(batch.data() + offset, value);
  refresh_batch_crc(batch);
  return batch;
}

// A batch whose record area is `area`.
std::vector<std::byte> batch_of(const std::vector<std::byte>& area, std::int32_t count,
                                Compression codec = Compression::none) {
  std::vector<std::byte> batch(batch_header_size);
  Compressor{}.compress(codec, area, batch);
  BatchHeader header{.attributes = static_cast<std::int16_t>(codec),
                     .last_offset_delta = count - 1,
                     .base_timestamp = now,
                     .max_timestamp = now,
                     .record_count = count};
  header.batch_length = static_cast<std::int32_t>(batch.size() - batch_layout::length_prefix);
  write_batch_header(header, batch);
  refresh_batch_crc(batch);
  return batch;
}

// All checks, also those a shard leaves to a worker.
std::expected<CheckedBatch, BatchRefusal> check_all(Bytes records, const CheckPolicy& policy) {
  auto checked = check_batch(records, policy);
  if (!checked || !checked->needs_walk) return checked;
  Decompressor decompressor;
  return check_compressed(*parse_batch(records), policy, decompressor);
}

ErrorCode code_of(Bytes records, const CheckPolicy& policy = usual) {
  const auto checked = check_all(records, policy);
  if (checked) return ErrorCode::none;
  EXPECT_FALSE(checked.error().message.empty());
  return checked.error().code;
}

TEST(BatchCheck, AcceptsWhatProducersSend) {
  for (const Compression codec : all_compressions) {
    const auto batch = make_batch(50, {.compression = codec});
    const auto checked = check_all(batch, usual);
    ASSERT_TRUE(checked) << name_of(codec) << ": " << checked.error().message;
    EXPECT_EQ(checked->header, parse_batch_header(batch).value());
    EXPECT_EQ(checked->max_timestamp, now + 39);
    EXPECT_FALSE(checked->max_timestamp_is_wrong);
  }
}

TEST(BatchCheck, AcceptsWhatEveryClientWrote) {
  for (const std::string client : golden_clients)
    for (const Compression codec : all_compressions)
      for (const std::string size : {"_small", "_large"}) {
        if (codec == Compression::none && size == "_large") continue;
        const std::string name = client + "_" + std::string{name_of(codec)} + size;
        const auto checked = check_all(read_golden_bytes(name), usual);
        ASSERT_TRUE(checked) << name << ": " << checked.error().message;
        EXPECT_FALSE(checked->max_timestamp_is_wrong) << name;
      }
}

TEST(BatchCheck, LeavesCompressedRecordsToTheWalk) {
  const auto batch = make_batch(3, {.compression = Compression::lz4});
  EXPECT_TRUE(check_batch(batch, usual)->needs_walk);
  CheckPolicy trusting = usual;
  trusting.compressed_walk = CompressedWalk::keyed_topics;
  EXPECT_FALSE(check_batch(batch, trusting)->needs_walk);
  trusting.keys = KeyRule::required;
  EXPECT_TRUE(check_batch(batch, trusting)->needs_walk);
  EXPECT_FALSE(check_batch(make_batch(3), usual)->needs_walk);
}

TEST(BatchCheck, WantsExactlyOneBatch) {
  EXPECT_EQ(code_of({}), ErrorCode::invalid_record);
  auto two = make_batch(1);
  const auto second = make_batch(1);
  two.insert(two.end(), second.begin(), second.end());
  EXPECT_EQ(code_of(two), ErrorCode::invalid_record);
  auto trailing = make_batch(1);
  trailing.push_back(std::byte{0});
  EXPECT_EQ(code_of(trailing), ErrorCode::invalid_record);
}

TEST(BatchCheck, RefusesOldFormats) {
  for (const int magic : {0, 1, 3, -1})
    EXPECT_EQ(code_of(batch_with(batch_layout::magic, static_cast<std::int8_t>(magic))),
              ErrorCode::invalid_record);
}

TEST(BatchCheck, AllowsZstdFromProduce7) {
  const auto batch = make_batch(3, {.compression = Compression::zstd});
  CheckPolicy policy = usual;
  policy.produce_version = 6;
  EXPECT_EQ(code_of(batch, policy), ErrorCode::unsupported_compression_type);
  policy.produce_version = 7;
  EXPECT_EQ(code_of(batch, policy), ErrorCode::none);
}

TEST(BatchCheck, RefusesUnknownCodecs) {
  for (const int codec : {5, 6, 7})
    EXPECT_EQ(code_of(batch_with(batch_layout::attributes, static_cast<std::int16_t>(codec))),
              ErrorCode::unsupported_compression_type);
}

TEST(BatchCheck, WantsBaseOffsetZero) {
  EXPECT_EQ(code_of(make_batch(3, {.base_offset = 1})), ErrorCode::invalid_record);
}

TEST(BatchCheck, MeasuresTheWholeBatchAgainstTheLimit) {
  const auto batch = make_batch(3);
  CheckPolicy policy = usual;
  policy.max_message_bytes = batch.size();
  EXPECT_EQ(code_of(batch, policy), ErrorCode::none);
  policy.max_message_bytes = batch.size() - 1;
  EXPECT_EQ(code_of(batch, policy), ErrorCode::message_too_large);
}

TEST(BatchCheck, ReportsSizeBeforeChecksum) {
  auto batch = make_batch(3);
  batch.back() ^= std::byte{1};
  CheckPolicy policy = usual;
  policy.max_message_bytes = 10;
  EXPECT_EQ(code_of(batch, policy), ErrorCode::message_too_large);
}

TEST(BatchCheck, ReportsBrokenBytesAsCorrupt) {
  auto batch = make_batch(3);
  batch.back() ^= std::byte{1};
  EXPECT_EQ(code_of(batch), ErrorCode::corrupt_message);
  for (const std::int32_t length : {-1, 0, 48, 1 << 20, std::numeric_limits<std::int32_t>::max()})
    EXPECT_EQ(code_of(batch_with(batch_layout::batch_length, length)), ErrorCode::corrupt_message)
        << length;
}

TEST(BatchCheck, CutShortAnywhereIsRefused) {
  for (const Compression codec : all_compressions) {
    const auto batch = make_batch(3, {.compression = codec});
    for (std::size_t size = 1; size < batch.size(); ++size)
      ASSERT_EQ(code_of(Bytes{batch}.first(size)), ErrorCode::corrupt_message) << size;
  }
}

// Base offset, length, leader epoch and magic lie outside the CRC; of these only the leader epoch,
// which the broker overwrites, may change unnoticed.
TEST(BatchCheck, NoticesEveryFlippedBit) {
  for (const Compression codec : all_compressions) {
    const auto batch = make_batch(2, {.compression = codec});
    for (std::size_t bit = 0; bit < batch.size() * 8; ++bit) {
      auto flipped = batch;
      flipped[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
      const bool is_epoch =
          bit / 8 >= batch_layout::partition_leader_epoch && bit / 8 < batch_layout::magic;
      ASSERT_EQ(code_of(flipped) == ErrorCode::none, is_epoch) << bit;
    }
  }
}

TEST(BatchCheck, WantsCountAndOffsetsToAgree) {
  namespace at = batch_layout;
  for (const std::int32_t count : {-1, 0, 2, 4, std::numeric_limits<std::int32_t>::max()})
    EXPECT_EQ(code_of(batch_with(at::record_count, count)), ErrorCode::invalid_record) << count;
  for (const std::int32_t delta : {-1, 1, 3, std::numeric_limits<std::int32_t>::max(),
                                   std::numeric_limits<std::int32_t>::min()})
    EXPECT_EQ(code_of(batch_with(at::last_offset_delta, delta)), ErrorCode::invalid_record)
        << delta;
}

TEST(BatchCheck, WantsAsManyRecordsAsAnnounced) {
  std::vector<std::byte> area;
  for (int i = 0; i < 3; ++i) put_record({.value = as_bytes("v")}, 0, i, area);
  for (const Compression codec : all_compressions) {
    EXPECT_EQ(code_of(batch_of(area, 3, codec)), ErrorCode::none);
    EXPECT_EQ(code_of(batch_of(area, 2, codec)), ErrorCode::invalid_record);
    EXPECT_EQ(code_of(batch_of(area, 4, codec)), ErrorCode::invalid_record);
    EXPECT_EQ(code_of(batch_of({}, 1, codec)), ErrorCode::invalid_record);
  }
}

TEST(BatchCheck, WantsRecordsNumberedFromZero) {
  for (const Compression codec : all_compressions) {
    std::vector<std::byte> area;
    for (const int delta : {0, 2, 1}) put_record({.value = as_bytes("v")}, 0, delta, area);
    const auto checked = check_all(batch_of(area, 3, codec), usual);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_record);
    ASSERT_EQ(checked.error().record_errors.size(), 2u);
    EXPECT_EQ(checked.error().record_errors[0].batch_index, 1);
    EXPECT_EQ(checked.error().record_errors[1].batch_index, 2);
  }
}

TEST(BatchCheck, RefusesWhatOnlyBrokersWrite) {
  namespace bits = batch_attributes;
  for (const std::int16_t attributes :
       {bits::control, static_cast<std::int16_t>(bits::control | bits::transactional),
        bits::delete_horizon})
    EXPECT_EQ(code_of(batch_with(batch_layout::attributes, attributes)), ErrorCode::invalid_record);
  EXPECT_EQ(code_of(batch_with(batch_layout::attributes, bits::log_append_time)),
            ErrorCode::invalid_timestamp);
}

TEST(BatchCheck, WantsASequenceWithAProducerId) {
  EXPECT_EQ(code_of(make_batch(1, {.producer_id = 5, .producer_epoch = 0})),
            ErrorCode::invalid_record);
  EXPECT_EQ(code_of(make_batch(1, {.producer_id = 5, .producer_epoch = 0, .base_sequence = 0})),
            ErrorCode::none);
}

TEST(BatchCheck, NamesTheRecordsWithoutKeyOnCompactedTopics) {
  CheckPolicy policy = usual;
  policy.keys = KeyRule::required;
  for (const Compression codec : all_compressions) {
    BatchBuilder builder{{.compression = codec}};
    builder.append({.timestamp = now, .key = as_bytes("k"), .value = as_bytes("v")});
    builder.append({.timestamp = now, .value = as_bytes("v")});
    builder.append({.timestamp = now, .key = Bytes{}, .value = as_bytes("v")});
    builder.append({.timestamp = now, .value = as_bytes("v")});
    Compressor compressor;
    const auto batch = builder.finish(compressor);
    EXPECT_EQ(code_of(batch), ErrorCode::none);
    const auto checked = check_all(batch, policy);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_record);
    ASSERT_EQ(checked.error().record_errors.size(), 2u);
    EXPECT_EQ(checked.error().record_errors[0].batch_index, 1);
    EXPECT_EQ(checked.error().record_errors[1].batch_index, 3);
  }
}

TEST(BatchCheck, BoundsTimestampsOnBothSides) {
  CheckPolicy policy = usual;
  policy.timestamp_before_max_ms = 1000;
  policy.timestamp_after_max_ms = 500;
  const auto code_at = [&policy](std::int64_t timestamp) {
    BatchBuilder builder;
    builder.append({.timestamp = timestamp, .value = as_bytes("v")});
    return code_of(builder.finish(), policy);
  };
  EXPECT_EQ(code_at(now), ErrorCode::none);
  EXPECT_EQ(code_at(now - 1000), ErrorCode::none);
  EXPECT_EQ(code_at(now - 1001), ErrorCode::invalid_timestamp);
  EXPECT_EQ(code_at(now + 500), ErrorCode::none);
  EXPECT_EQ(code_at(now + 501), ErrorCode::invalid_timestamp);
  EXPECT_EQ(code_at(no_timestamp), ErrorCode::none);
  EXPECT_EQ(code_at(0), ErrorCode::invalid_timestamp);
  policy.timestamp_type = TimestampType::log_append_time;
  EXPECT_EQ(code_at(0), ErrorCode::none);
}

TEST(BatchCheck, DefaultBoundsAllowThePastAndAnHourAhead) {
  const auto code_at = [](std::int64_t timestamp) {
    BatchBuilder builder;
    builder.append({.timestamp = timestamp, .value = as_bytes("v")});
    return code_of(builder.finish());
  };
  EXPECT_EQ(code_at(0), ErrorCode::none);
  EXPECT_EQ(code_at(-86'400'000), ErrorCode::none);  // before 1970
  EXPECT_EQ(code_at(now + 3'600'000), ErrorCode::none);
  EXPECT_EQ(code_at(now + 3'600'001), ErrorCode::invalid_timestamp);
  EXPECT_EQ(code_at(std::numeric_limits<std::int64_t>::max()), ErrorCode::invalid_timestamp);
}

TEST(BatchCheck, PutsTimestampErrorsFirst) {
  CheckPolicy policy = usual;
  policy.keys = KeyRule::required;
  BatchBuilder builder;
  builder.append({.timestamp = now, .value = as_bytes("no key")});
  builder.append({.timestamp = now + 86'400'000, .key = as_bytes("k")});
  const auto checked = check_all(builder.finish(), policy);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::invalid_timestamp);
  EXPECT_EQ(checked.error().record_errors.size(), 2u);
}

TEST(BatchCheck, BoundsTheListOfRecordErrors) {
  CheckPolicy policy = usual;
  policy.keys = KeyRule::required;
  BatchBuilder builder;
  for (int i = 0; i < 5000; ++i) builder.append({.timestamp = now});
  const auto checked = check_all(builder.finish(), policy);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().record_errors.size(), record_errors_max);
  EXPECT_NE(checked.error().message.find("5000"), std::string::npos);
}

TEST(BatchCheck, FindsAMaxTimestampTheRecordsContradict) {
  for (const Compression codec : all_compressions) {
    auto batch = make_batch(3, {.compression = codec});
    store_big_endian(batch.data() + batch_layout::max_timestamp, now + 1'000'000);
    refresh_batch_crc(batch);
    const auto checked = check_all(batch, usual);
    ASSERT_TRUE(checked);
    EXPECT_TRUE(checked->max_timestamp_is_wrong);
    EXPECT_EQ(checked->max_timestamp, now - 8);
  }
}

TEST(BatchCheck, ReportsDamagedCompressionAsCorrupt) {
  for (const Compression codec : all_compressions) {
    if (codec == Compression::none) continue;
    std::vector<std::byte> batch(batch_header_size);
    const auto garbage = as_bytes("this is not compressed by anything");
    batch.insert(batch.end(), garbage.begin(), garbage.end());
    BatchHeader header{.attributes = static_cast<std::int16_t>(codec), .record_count = 1};
    header.batch_length = static_cast<std::int32_t>(batch.size() - batch_layout::length_prefix);
    write_batch_header(header, batch);
    refresh_batch_crc(batch);
    EXPECT_EQ(code_of(batch), ErrorCode::corrupt_message) << name_of(codec);
  }
}

TEST(BatchCheck, StopsABombAtTheLimit) {
  const std::vector<std::byte> zeros(8 << 20);
  for (const Compression codec : all_compressions) {
    if (codec == Compression::none) continue;
    std::vector<std::byte> area;
    put_record({.value = Bytes{zeros}}, 0, 0, area);
    const auto batch = batch_of(area, 1, codec);
    CheckPolicy policy = usual;
    policy.decompressed_size_max = area.size();
    EXPECT_EQ(code_of(batch, policy), ErrorCode::none) << name_of(codec);
    policy.decompressed_size_max = area.size() - 1;
    EXPECT_EQ(code_of(batch, policy), ErrorCode::invalid_record) << name_of(codec);
    policy.decompressed_size_max = 0;
    EXPECT_EQ(code_of(batch, policy), ErrorCode::invalid_record) << name_of(codec);
  }
}

TEST(BatchCheck, WalksInSlicesOfAnySize) {
  SeededRandom random{3};
  BatchBuilder builder{{.compression = Compression::zstd}};
  for (int i = 0; i < 40; ++i) {
    const std::string value(random.below(300), static_cast<char>('a' + i % 26));
    builder.append({.timestamp = now + i, .key = as_bytes("k"), .value = as_bytes(value)});
  }
  Compressor compressor;
  const auto batch = builder.finish(compressor);
  Decompressor decompressor;
  for (const std::size_t slice : {1u, 2u, 7u, 100u, 4096u, 1u << 20}) {
    CompressedCheck check{*parse_batch(batch), usual, decompressor};
    std::size_t steps = 1;
    while (check.step(slice)) ++steps;
    const auto checked = check.result();
    ASSERT_TRUE(checked) << slice << ": " << checked.error().message;
    EXPECT_EQ(checked->max_timestamp, now + 39);
    if (slice == 1) EXPECT_GT(steps, 1000u);
  }
}

// Mutations behind a correct CRC: whatever the bytes are, checks end with a verdict, and what they
// accept can be walked.
TEST(BatchCheck, SurvivesMutatedRecords) {
  SeededRandom random{2026};
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    const Compression codec = all_compressions[random.below(all_compressions.size())];
    auto batch = make_batch(1 + static_cast<int>(random.below(4)), {.compression = codec});
    for (std::uint64_t left = 1 + random.below(4); left > 0; --left) {
      const std::size_t at =
          batch_layout::attributes + random.below(batch.size() - batch_layout::attributes);
      batch[at] = static_cast<std::byte>(random.next());
    }
    refresh_batch_crc(batch);
    if (code_of(batch) != ErrorCode::none) continue;
    ++accepted;
    const BatchView view = *parse_batch(batch);
    std::vector<std::byte> area;
    ASSERT_TRUE(
        Decompressor{}.decompress(view.header.compression(), view.records(), 1 << 24, area));
    RecordIterator records{area, view.header.record_count};
    std::int32_t expected_delta = 0;
    while (const auto record = records.next())
      ASSERT_EQ(record->offset_delta, expected_delta++) << "round " << round;
    ASSERT_FALSE(records.error()) << "round " << round;
    ASSERT_EQ(expected_delta, view.header.record_count);
  }
  EXPECT_GT(accepted, 100);  // or the test tests nothing
}

}  // namespace
}  // namespace sluice::protocol
