#include "protocol/batch_rewrite.hpp"

#include "protocol/batch_builder.hpp"
#include "tests/unit/protocol/golden_records.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice::protocol {
namespace {

class BatchRewrite : public testing::Test {
 protected:
  // Offsets 1000…1009, timestamps 5000…5009 ms, keys k0…k9, a header each; record 4 is a tombstone.
  std::vector<std::byte> make_batch(Compression codec = Compression::none) {
    BatchBuilder builder{{.compression = codec,
                          .base_offset = 1000,
                          .partition_leader_epoch = 7,
                          .producer_id = 99,
                          .producer_epoch = 2,
                          .base_sequence = 50}};
    const std::array<RecordHeader, 1> headers{{{"source", as_bytes("test")}}};
    for (int i = 0; i < 10; ++i) {
      const std::string key = "k" + std::to_string(i);
      const std::string value = "value " + std::to_string(i);
      builder.append({.timestamp = 5000 + i,
                      .key = as_bytes(key),
                      .value = i == 4 ? std::nullopt : std::optional{as_bytes(value)},
                      .headers = headers});
    }
    return builder.finish(compressor);
  }

  struct Seen {
    std::int64_t offset;
    std::int64_t timestamp;
    std::string key;
    std::optional<std::string> value;
    std::size_t headers;
    bool operator==(const Seen&) const = default;
  };
  std::vector<Seen> records_of(Bytes bytes) {
    const BatchView batch = parse_batch(bytes).value();
    EXPECT_EQ(batch.bytes.size(), bytes.size());
    EXPECT_TRUE(batch_crc_matches(bytes));
    std::vector<std::byte> area;
    EXPECT_TRUE(
        decompressor.decompress(batch.header.compression(), batch.records(), 1 << 20, area));
    std::vector<Seen> seen;
    RecordIterator records{area, batch.header.record_count};
    while (const auto record = records.next()) {
      std::optional<std::string> value;
      if (record->value) value = as_text(*record->value);
      seen.push_back({offset_of(*record, batch.header), timestamp_of(*record, batch.header),
                      std::string{as_text(record->key.value())}, value, record->headers.size()});
    }
    EXPECT_FALSE(records.error());
    return seen;
  }

  Recoding recoding() { return {.compressor = compressor, .decompressor = decompressor}; }

  Compressor compressor;
  Decompressor decompressor;
};

class KeepIf final : public RecordFilter {
 public:
  explicit KeepIf(std::function<bool(const Record&)> keep) : keep_(std::move(keep)) {}
  bool keep(const BatchHeader&, const Record& record) override { return keep_(record); }

 private:
  std::function<bool(const Record&)> keep_;
};

TEST_F(BatchRewrite, LogAppendTimeReplacesEveryTimestamp) {
  for (const Compression codec : all_compressions) {
    auto batch = make_batch(codec);
    BatchHeader header = parse_batch_header(batch).value();
    set_log_append_time(batch, header, 123'456);
    EXPECT_EQ(header, parse_batch_header(batch).value());
    EXPECT_EQ(header.timestamp_type(), TimestampType::log_append_time);
    EXPECT_EQ(header.compression(), codec);
    const auto seen = records_of(batch);
    ASSERT_EQ(seen.size(), 10u);
    for (const Seen& record : seen) EXPECT_EQ(record.timestamp, 123'456);
  }
}

TEST_F(BatchRewrite, CorrectedMaxTimestampKeepsTheRecords) {
  auto batch = make_batch();
  const auto before = records_of(batch);
  BatchHeader header = parse_batch_header(batch).value();
  correct_max_timestamp(batch, header, 5009);
  EXPECT_EQ(batch, make_batch());
  correct_max_timestamp(batch, header, 4);
  EXPECT_EQ(header, parse_batch_header(batch).value());
  EXPECT_EQ(header.max_timestamp, 4);
  EXPECT_EQ(records_of(batch), before);
}

TEST_F(BatchRewrite, RecompressionChangesOnlyCodecAndLength) {
  for (const Compression from : all_compressions)
    for (const Compression to : all_compressions) {
      const auto batch = make_batch(from);
      const auto again = recompress(parse_batch(batch).value(), to, recoding());
      ASSERT_TRUE(again);
      EXPECT_EQ(*again, make_batch(to)) << name_of(from) << " to " << name_of(to);
    }
}

TEST_F(BatchRewrite, RecompressionLeavesControlBatchesAlone) {
  BatchBuilder builder{{.kind = BatchKind::control, .producer_id = 1, .producer_epoch = 0}};
  builder.append({.key = as_bytes("k"), .value = as_bytes("v")});
  const auto batch = builder.finish();
  EXPECT_EQ(recompress(parse_batch(batch).value(), Compression::zstd, recoding()), batch);
}

TEST_F(BatchRewrite, RecompressionReportsDamageAndBombs) {
  auto batch = make_batch(Compression::gzip);
  Recoding small = recoding();
  small.decompressed_size_max = 10;
  EXPECT_EQ(recompress(parse_batch(batch).value(), Compression::lz4, small).error(),
            BatchError::output_too_large);
  batch[batch_header_size] ^= std::byte{0xff};
  EXPECT_EQ(recompress(parse_batch(batch).value(), Compression::lz4, recoding()).error(),
            BatchError::bad_compression);
}

TEST_F(BatchRewrite, FilteringThatKeepsAllChangesNothing) {
  KeepIf all{[](const Record&) { return true; }};
  for (const Compression codec : all_compressions) {
    const auto batch = make_batch(codec);
    const auto filtered = filter_batch(parse_batch(batch).value(), all, {}, recoding());
    ASSERT_TRUE(filtered);
    EXPECT_EQ(filtered->change, FilteredBatch::Change::none);
    EXPECT_TRUE(filtered->bytes.empty());
    EXPECT_EQ(filtered->kept, 10);
  }
}

TEST_F(BatchRewrite, FilteringKeepsOffsetsSequenceAndCodec) {
  KeepIf some{[](const Record& record) { return record.offset_delta % 3 == 1; }};
  for (const Compression codec : all_compressions) {
    const auto batch = make_batch(codec);
    const auto all = records_of(batch);
    const auto filtered = filter_batch(parse_batch(batch).value(), some, {}, recoding());
    ASSERT_TRUE(filtered);
    EXPECT_EQ(filtered->change, FilteredBatch::Change::rewritten);
    EXPECT_EQ(filtered->kept, 3);
    EXPECT_EQ(filtered->dropped, 7);
    EXPECT_EQ(records_of(filtered->bytes), (std::vector{all[1], all[4], all[7]}));

    const BatchHeader before = parse_batch_header(batch).value();
    const BatchHeader after = parse_batch_header(filtered->bytes).value();
    EXPECT_EQ(after.base_offset, before.base_offset);
    EXPECT_EQ(after.last_offset(), before.last_offset());
    EXPECT_EQ(after.partition_leader_epoch, before.partition_leader_epoch);
    EXPECT_EQ(after.producer_id, before.producer_id);
    EXPECT_EQ(after.producer_epoch, before.producer_epoch);
    EXPECT_EQ(after.base_sequence, before.base_sequence);
    EXPECT_EQ(after.last_sequence(), before.last_sequence());
    EXPECT_EQ(after.attributes, before.attributes);
    EXPECT_EQ(after.record_count, 3);
    EXPECT_EQ(after.max_timestamp, 5007);
  }
}

TEST_F(BatchRewrite, FilteringAgainDropsMore) {
  KeepIf even{[](const Record& record) { return record.offset_delta % 2 == 0; }};
  KeepIf fours{[](const Record& record) { return record.offset_delta % 4 == 0; }};
  const auto batch = make_batch(Compression::lz4);
  const auto once = filter_batch(parse_batch(batch).value(), even, {}, recoding());
  const auto twice = filter_batch(parse_batch(once->bytes).value(), fours, {}, recoding());
  const auto seen = records_of(twice->bytes);
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[1].offset, 1004);
  EXPECT_EQ(parse_batch_header(twice->bytes)->last_offset(), 1009);
}

TEST_F(BatchRewrite, FilteringALogAppendTimeBatchKeepsItsTime) {
  auto batch = make_batch();
  BatchHeader header = parse_batch_header(batch).value();
  set_log_append_time(batch, header, 777);
  KeepIf first{[](const Record& record) { return record.offset_delta == 0; }};
  const auto filtered = filter_batch(parse_batch(batch).value(), first, {}, recoding());
  EXPECT_EQ(records_of(filtered->bytes).at(0).timestamp, 777);
}

TEST_F(BatchRewrite, AnEmptiedBatchIsABareHeader) {
  KeepIf nothing{[](const Record&) { return false; }};
  for (const Compression codec : all_compressions) {
    const auto batch = make_batch(codec);
    const auto filtered = filter_batch(parse_batch(batch).value(), nothing, {}, recoding());
    ASSERT_TRUE(filtered);
    EXPECT_EQ(filtered->change, FilteredBatch::Change::emptied);
    EXPECT_EQ(filtered->bytes.size(), batch_header_size);
    EXPECT_TRUE(batch_crc_matches(filtered->bytes));
    const BatchHeader after = parse_batch_header(filtered->bytes).value();
    EXPECT_EQ(after.record_count, 0);
    EXPECT_EQ(after.base_offset, 1000);
    EXPECT_EQ(after.last_offset(), 1009);
    EXPECT_EQ(after.last_sequence(), 59);
    EXPECT_EQ(after.base_timestamp, no_timestamp);
    EXPECT_EQ(after.compression(), Compression::none);
    EXPECT_TRUE(records_of(filtered->bytes).empty());
  }
}

TEST_F(BatchRewrite, DeleteHorizonKeepsTimestamps) {
  KeepIf all{[](const Record&) { return true; }};
  for (const Compression codec : all_compressions) {
    const auto batch = make_batch(codec);
    const auto filtered = filter_batch(parse_batch(batch).value(), all,
                                       {.delete_horizon_ms = 86'400'000'000}, recoding());
    ASSERT_TRUE(filtered);
    ASSERT_EQ(filtered->change, FilteredBatch::Change::rewritten);
    const BatchHeader after = parse_batch_header(filtered->bytes).value();
    EXPECT_TRUE(after.has_delete_horizon());
    EXPECT_EQ(after.base_timestamp, 86'400'000'000);
    EXPECT_EQ(after.max_timestamp, 5009);
    EXPECT_EQ(records_of(filtered->bytes), records_of(batch));
  }
}

TEST_F(BatchRewrite, DeleteHorizonIsSetOnlyOnce) {
  KeepIf all{[](const Record&) { return true; }};
  const auto batch = make_batch();
  const auto once =
      filter_batch(parse_batch(batch).value(), all, {.delete_horizon_ms = 9000}, recoding());
  const auto twice = filter_batch(parse_batch(once->bytes).value(), all,
                                  {.delete_horizon_ms = 10'000}, recoding());
  EXPECT_EQ(twice->change, FilteredBatch::Change::none);
  KeepIf first{[](const Record& record) { return record.offset_delta == 0; }};
  const auto thinner = filter_batch(parse_batch(once->bytes).value(), first,
                                    {.delete_horizon_ms = 10'000}, recoding());
  EXPECT_EQ(parse_batch_header(thinner->bytes)->base_timestamp, 9000);
  EXPECT_TRUE(parse_batch_header(thinner->bytes)->has_delete_horizon());
  EXPECT_EQ(records_of(thinner->bytes).at(0).timestamp, 5000);
}

TEST_F(BatchRewrite, FilteringReportsMalformedRecords) {
  KeepIf all{[](const Record&) { return true; }};
  auto batch = make_batch();
  batch[batch_header_size] = std::byte{0x01};  // length -1
  EXPECT_EQ(filter_batch(parse_batch(batch).value(), all, {}, recoding()).error(),
            BatchError::bad_record);
  batch = make_batch();
  store_big_endian(batch.data() + batch_layout::record_count, std::int32_t{11});
  EXPECT_EQ(filter_batch(parse_batch(batch).value(), all, {}, recoding()).error(),
            BatchError::bad_record_count);
}

}  // namespace
}  // namespace sluice::protocol
