#include "protocol/record.hpp"

#include "base/random.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/varint.hpp"
#include "tests/unit/protocol/golden_records.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

namespace sluice::protocol {
namespace {

std::vector<std::byte> raw(std::initializer_list<int> octets) {
  std::vector<std::byte> bytes;
  for (const int octet : octets) bytes.push_back(static_cast<std::byte>(octet));
  return bytes;
}

TEST(Varint, EncodesAsProtocolBuffers) {
  const auto encoded = [](std::int64_t value) {
    std::vector<std::byte> bytes(varint64_size_max);
    std::byte* const end = put_varint(bytes.data(), value);
    bytes.resize(static_cast<std::size_t>(end - bytes.data()));
    EXPECT_EQ(bytes.size(), varint_size(value)) << value;
    return bytes;
  };
  EXPECT_EQ(encoded(0), raw({0x00}));
  EXPECT_EQ(encoded(-1), raw({0x01}));
  EXPECT_EQ(encoded(1), raw({0x02}));
  EXPECT_EQ(encoded(63), raw({0x7e}));
  EXPECT_EQ(encoded(-64), raw({0x7f}));
  EXPECT_EQ(encoded(64), raw({0x80, 0x01}));
  EXPECT_EQ(encoded(8191), raw({0xfe, 0x7f}));
  EXPECT_EQ(encoded(8192), raw({0x80, 0x80, 0x01}));
  EXPECT_EQ(encoded(std::numeric_limits<std::int32_t>::max()), raw({0xfe, 0xff, 0xff, 0xff, 0x0f}));
  EXPECT_EQ(encoded(std::numeric_limits<std::int32_t>::min()), raw({0xff, 0xff, 0xff, 0xff, 0x0f}));
  EXPECT_EQ(encoded(std::numeric_limits<std::int64_t>::min()),
            raw({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}));
}

template <class T>
void expect_round_trips(std::uint64_t seed) {
  SeededRandom random{seed};
  for (int i = 0; i < 100'000; ++i) {
    const auto value = static_cast<T>(static_cast<T>(random.next()) >>
                                      random.below(std::numeric_limits<T>::digits));
    std::array<std::byte, varint64_size_max> bytes;
    const std::byte* const end = put_varint(bytes.data(), value);
    T read = 0;
    ASSERT_EQ(get_varint(bytes.data(), end, read), end);
    ASSERT_EQ(read, value);
    ASSERT_EQ(get_varint(bytes.data(), end - 1, read), nullptr);  // cut short
  }
}
TEST(Varint, RoundTrips) {
  expect_round_trips<std::int32_t>(1);
  expect_round_trips<std::int64_t>(2);
}

TEST(Varint, RefusesWhatDoesNotFit) {
  std::int32_t narrow = 0;
  std::int64_t wide = 0;
  const auto reads = [](const std::vector<std::byte>& bytes, auto& value) {
    return get_varint(bytes.data(), bytes.data() + bytes.size(), value) != nullptr;
  };
  EXPECT_TRUE(reads(raw({0xff, 0xff, 0xff, 0xff, 0x0f}), narrow));
  EXPECT_FALSE(reads(raw({0xff, 0xff, 0xff, 0xff, 0x10}), narrow));
  EXPECT_FALSE(reads(raw({0x80, 0x80, 0x80, 0x80, 0x80, 0x00}), narrow));
  EXPECT_TRUE(reads(raw({0x80, 0x80, 0x80, 0x80, 0x80, 0x00}), wide));
  EXPECT_TRUE(reads(raw({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}), wide));
  EXPECT_FALSE(reads(raw({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02}), wide));
  EXPECT_FALSE(reads({}, narrow));
  EXPECT_TRUE(reads(raw({0x82, 0x00}), narrow));  // longer than needed: as Kafka
  EXPECT_EQ(narrow, 1);
}

TEST(Record, LooksAsTheFormatSays) {
  // length 14, attributes, timestamp +2, offset 3, key "k", value null, one header "h": ""
  const auto area = raw({0x1a, 0, 4, 6, 2, 'k', 1, 2, 2, 'h', 0, 0, 0, 0});
  Record record;
  EXPECT_EQ(parse_record(area, record), 0u);  // two bytes behind the header
  const auto exact = raw({0x14, 0, 4, 6, 2, 'k', 1, 2, 2, 'h', 0, 0x7f});
  ASSERT_EQ(parse_record(exact, record), 11u);
  EXPECT_EQ(record.timestamp_delta, 2);
  EXPECT_EQ(record.offset_delta, 3);
  EXPECT_EQ(as_text(record.key.value()), "k");
  EXPECT_FALSE(record.value);
  ASSERT_EQ(record.headers.size(), 1u);
  EXPECT_EQ(record.headers.begin()->key, "h");
  EXPECT_TRUE(record.headers.begin()->value.value().empty());
  EXPECT_EQ(record.bytes.size(), 11u);
}

TEST(Record, SmallestTakesSevenBytes) {
  Record record;
  EXPECT_EQ(parse_record(raw({0x0c, 0, 0, 0, 1, 1, 0}), record), 7u);
  EXPECT_FALSE(record.key);
  EXPECT_FALSE(record.value);
  EXPECT_TRUE(record.headers.empty());
  EXPECT_EQ(record.headers.begin(), record.headers.end());
}

TEST(Record, AttributesAreIgnored) {
  Record record;
  EXPECT_EQ(parse_record(raw({0x0c, 0xff, 0, 0, 1, 1, 0}), record), 7u);
}

TEST(Record, LyingLengthsAreRefused) {
  Record record;
  const auto refused = [&record](std::initializer_list<int> octets) {
    return parse_record(raw(octets), record) == 0;
  };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({0x01}));                                   // length -1
  EXPECT_TRUE(refused({0x00}));                                   // length 0
  EXPECT_TRUE(refused({0x0a, 0, 0, 0, 1, 1}));                    // no room for the header count
  EXPECT_TRUE(refused({0x0e, 0, 0, 0, 1, 1, 0}));                 // longer than the area
  EXPECT_TRUE(refused({0x0e, 0, 0, 0, 1, 1, 0, 0}));              // a byte left in the record
  EXPECT_TRUE(refused({0x0c, 0, 0, 0, 3, 1, 0}));                 // key length -2
  EXPECT_TRUE(refused({0x0c, 0, 0, 0, 1, 3, 0}));                 // value length -2
  EXPECT_TRUE(refused({0x0c, 0, 0, 0, 8, 1, 0, 0, 0, 0, 0, 0}));  // key beyond the record
  EXPECT_TRUE(refused({0x0c, 0, 0, 0, 1, 1, 1}));                 // header count -1
  EXPECT_TRUE(refused({0x0c, 0, 0, 0, 1, 1, 2}));                 // a header that is not there
  EXPECT_TRUE(refused({0x10, 0, 0, 0, 1, 1, 2, 1, 1}));           // null header key
  EXPECT_TRUE(refused({0x10, 0, 0, 0, 1, 1, 2, 0, 3}));           // header value length -2
  EXPECT_TRUE(refused({0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0}));     // 2 GiB
  EXPECT_FALSE(refused({0x10, 0, 0, 0, 1, 1, 2, 0, 1}));          // empty header key, null value
}

TEST(Record, CutShortAnywhereIsRefused) {
  const std::array<RecordHeader, 2> headers{{{"one", as_bytes("1")}, {"two", std::nullopt}}};
  std::vector<std::byte> area;
  put_record({.key = as_bytes("key"), .value = as_bytes("value"), .headers = headers}, 100'000, 70,
             area);
  Record record;
  for (std::size_t size = 0; size < area.size(); ++size)
    EXPECT_EQ(parse_record(Bytes{area}.first(size), record), 0u) << size;
  EXPECT_EQ(parse_record(area, record), area.size());
}

TEST(Record, SizeIsPeekedBeforeTheRecordIsThere) {
  std::vector<std::byte> area;
  put_record({.value = Bytes{std::vector<std::byte>(300)}}, 0, 0, area);
  EXPECT_EQ(peek_record_size({}), 0u);
  EXPECT_EQ(peek_record_size(Bytes{area}.first(1)), 0u);  // half of the length
  EXPECT_EQ(peek_record_size(Bytes{area}.first(2)), area.size());
  EXPECT_EQ(peek_record_size(area), area.size());
  EXPECT_EQ(peek_record_size(raw({0x01})).error(), BatchError::bad_record);
  EXPECT_EQ(peek_record_size(raw({0xff, 0xff, 0xff, 0xff, 0xff})).error(), BatchError::bad_record);
}

TEST(RecordIterator, ReadsWhatEveryClientWrote) {
  for (const std::string client : golden_clients) {
    const auto bytes = read_golden_bytes(client + "_none_small");
    const BatchView batch = parse_batch(bytes).value();
    RecordIterator records{batch};
    std::int32_t index = 0;
    for (const GoldenRecord& expected : golden_small_records(client)) {
      const auto record = records.next();
      ASSERT_TRUE(record) << client;
      GoldenRecord seen{.header_count = record->headers.size()};
      if (record->key) seen.key = as_text(*record->key);
      if (record->value) seen.value = as_text(*record->value);
      EXPECT_EQ(seen, expected) << client << " record " << index;
      EXPECT_EQ(record->offset_delta, index);
      EXPECT_EQ(timestamp_of(*record, batch.header), golden_timestamp + index);
      ++index;
    }
    EXPECT_FALSE(records.next());
    EXPECT_FALSE(records.error());
  }
}

TEST(RecordIterator, ReadsHeadersOfTheJavaClient) {
  const auto bytes = read_golden_bytes("java_none_small");
  const auto record = RecordIterator{parse_batch(bytes).value()}.next();
  ASSERT_TRUE(record);
  auto header = record->headers.begin();
  EXPECT_EQ(header->key, "type");
  EXPECT_EQ(as_text(header->value.value()), "push");
  ++header;
  EXPECT_EQ(header->key, "empty");
  EXPECT_TRUE(header->value.value().empty());
  header++;
  EXPECT_EQ(header->key, "null");
  EXPECT_FALSE(header->value);
  EXPECT_EQ(++header, record->headers.end());
}

TEST(RecordIterator, ReportsTooFewAndTooManyRecords) {
  std::vector<std::byte> area;
  for (int i = 0; i < 3; ++i) put_record({}, 0, i, area);
  const auto walk = [&area](std::int32_t count) {
    RecordIterator records{area, count};
    while (records.next()) {
    }
    return records.error();
  };
  EXPECT_EQ(walk(3), std::nullopt);
  EXPECT_EQ(walk(2), BatchError::bad_record_count);
  EXPECT_EQ(walk(4), BatchError::bad_record_count);
  EXPECT_EQ(walk(0), BatchError::bad_record_count);
  EXPECT_EQ(walk(-1), BatchError::bad_record_count);
  EXPECT_FALSE((RecordIterator{{}, 0}.error()));
}

TEST(RecordIterator, FirstErrorSticks) {
  std::vector<std::byte> area;
  put_record({}, 0, 0, area);
  area.push_back(std::byte{0x01});
  put_record({}, 0, 1, area);
  RecordIterator records{area, 3};
  EXPECT_TRUE(records.next());
  EXPECT_FALSE(records.next());
  EXPECT_FALSE(records.next());
  EXPECT_EQ(records.error(), BatchError::bad_record);
}

// Random records through the builder and back.
TEST(RecordIterator, ReadsBackRandomRecords) {
  SeededRandom random{77};
  std::string filler;
  for (int i = 0; i < 20'000; ++i) filler += static_cast<char>(random.next());
  const auto piece = [&](std::size_t size_max) -> std::optional<Bytes> {
    if (random.below(5) == 0) return std::nullopt;
    return as_bytes(filler).subspan(random.below(1000), random.below(size_max));
  };
  for (int round = 0; round < 200; ++round) {
    BatchBuilder builder;
    std::vector<NewRecord> written;
    std::vector<std::vector<RecordHeader>> headers(30);
    for (auto& list : headers) {
      for (std::uint64_t left = random.below(4); left > 0; --left)
        list.push_back({as_text(piece(50).value_or(Bytes{})), piece(100)});
      written.push_back({.timestamp = static_cast<std::int64_t>(random.below(1u << 31)),
                         .key = piece(100),
                         .value = piece(random.below(20) == 0 ? 19'000 : 200),
                         .headers = list});
      builder.append(written.back());
    }
    const auto bytes = builder.finish();
    const BatchView batch = parse_batch(bytes).value();
    RecordIterator records{batch};
    const auto same = [](const std::optional<Bytes>& a, const std::optional<Bytes>& b) {
      return a.has_value() == b.has_value() && (!a || as_text(*a) == as_text(*b));
    };
    for (const NewRecord& expected : written) {
      const auto record = records.next();
      ASSERT_TRUE(record);
      ASSERT_TRUE(same(record->key, expected.key));
      ASSERT_TRUE(same(record->value, expected.value));
      ASSERT_EQ(timestamp_of(*record, batch.header), expected.timestamp);
      ASSERT_EQ(record->headers.size(), expected.headers.size());
      std::size_t i = 0;
      for (const RecordHeader& header : record->headers) {
        ASSERT_EQ(header.key, expected.headers[i].key);
        ASSERT_TRUE(same(header.value, expected.headers[i].value));
        ++i;
      }
    }
    ASSERT_FALSE(records.next());
    ASSERT_FALSE(records.error());
  }
}

}  // namespace
}  // namespace sluice::protocol
