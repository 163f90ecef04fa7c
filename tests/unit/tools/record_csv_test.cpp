// Records as rows of CSV: golden text, and nothing lost on the way back.
#include "tools/sluice/record_csv.hpp"

#include "base/random.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/record.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::cli {
namespace {

std::optional<Bytes> bytes_of(const std::optional<std::string>& text) {
  return text ? std::optional<Bytes>(as_bytes(*text)) : std::nullopt;
}

std::string row_of(const ParsedRecord& wanted) {
  std::vector<Header> headers;
  for (const auto& header : wanted.headers) headers.push_back({header.key, bytes_of(header.value)});
  std::vector<std::byte> area;
  protocol::put_record(
      {.key = bytes_of(wanted.key), .value = bytes_of(wanted.value), .headers = headers}, 0, 0,
      area);
  protocol::Record record;
  EXPECT_EQ(protocol::parse_record(area, record), area.size());
  std::string out;
  append_record_csv(out, {.topic = "orders",
                          .partition = 2,
                          .offset = 7,
                          .timestamp_ms = 1420070400123,
                          .key = record.key,
                          .value = record.value,
                          .headers = record.headers});
  return out;
}

CsvParser parser_of(std::string_view names) {
  auto parser = CsvParser::create(names);
  EXPECT_TRUE(parser.has_value());
  return std::move(*parser);
}

std::string why(std::string_view names, std::string_view row) {
  const auto parsed = parser_of(names).parse(row);
  return parsed ? "" : parsed.error();
}

TEST(RecordCsv, IsThisRow) {
  EXPECT_EQ(row_of({.key = "a,b", .value = "say \"hi\"\n"}),
            "orders,2,7,1420070400123,\"a,b\",text,\"say \"\"hi\"\"\n\",text,[]\n");
  EXPECT_EQ(row_of({.key = {}, .value = "\xff", .headers = {{"h", std::nullopt}}}),
            "orders,2,7,1420070400123,,null,/w==,base64,"
            "\"[{\"\"key\"\":\"\"h\"\",\"\"value\"\":null}]\"\n");
}

TEST(RecordCsv, LosesNothing) {
  SeededRandom random(5);
  const auto some = [&]() -> std::optional<std::string> {
    if (random.below(5) == 0) return std::nullopt;
    std::string text;
    for (auto n = random.below(8); n > 0; --n)
      text += random.below(3) == 0 ? static_cast<char>(random.below(256))
                                   : "\",\r\n a"[random.below(6)];
    return text;
  };
  const auto parser = parser_of(csv_columns.substr(0, csv_columns.size() - 1));
  for (int i = 0; i < 5000; ++i) {
    ParsedRecord wanted{.key = some(), .value = some()};
    for (auto n = random.below(3); n > 0; --n)
      wanted.headers.push_back({some().value_or(""), some()});
    const auto row = row_of(wanted);
    ASSERT_TRUE(is_whole_csv_row(row));
    const auto read = parser.parse(std::string_view(row).substr(0, row.size() - 1));
    ASSERT_TRUE(read.has_value()) << row;
    EXPECT_EQ(read->topic, "orders");
    EXPECT_EQ(read->partition, 2);
    EXPECT_EQ(read->timestamp_ms, 1420070400123);
    EXPECT_EQ(read->key, wanted.key);
    EXPECT_EQ(read->value, wanted.value);
    ASSERT_EQ(read->headers.size(), wanted.headers.size());
    for (std::size_t h = 0; h < wanted.headers.size(); ++h) {
      EXPECT_EQ(read->headers[h].key, wanted.headers[h].key);
      EXPECT_EQ(read->headers[h].value, wanted.headers[h].value);
    }
  }
}

TEST(RecordCsv, ColumnsInAnyOrderAndSomeOnly) {
  const auto read = parser_of("value,key").parse("paid,42\r");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->key, "42");
  EXPECT_EQ(read->value, "paid");
  EXPECT_FALSE(read->topic || read->partition || read->timestamp_ms);
}

TEST(RecordCsv, SaysWhatIsWrong) {
  EXPECT_FALSE(CsvParser::create("key,colour").has_value());
  EXPECT_EQ(why("key,value", "1"), "1 fields for 2 columns");
  EXPECT_EQ(why("key", "\"a\"b"), "a quote stands where none may");
  EXPECT_EQ(why("key,key_type", "a,number"), "'number' is no key_type");
  EXPECT_EQ(why("key,key_type", "?,base64"), "'base64' is no key_type");
  EXPECT_EQ(why("timestamp", "now"), "'now' is no timestamp");
  EXPECT_EQ(why("headers", "{}"), "headers is not an array");
  EXPECT_EQ(why("partition", "4294967297"), "'4294967297' is no partition");
  EXPECT_EQ(why("partition", "-1"), "'-1' is no partition");
}

}  // namespace
}  // namespace sluice::cli
