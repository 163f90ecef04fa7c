// Records as JSON lines and by template: golden text, and nothing lost on the way back.
#include "base/random.hpp"
#include "protocol/batch_builder.hpp"
#include "sluice/consumer.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/reading.hpp"
#include "tools/sluice/record_format.hpp"
#include "tools/sluice/record_json.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

std::optional<Bytes> bytes_of(const std::optional<std::string>& text) {
  return text ? std::optional<Bytes>(as_bytes(*text)) : std::nullopt;
}

// A record view over bytes that it keeps, made the way a consumer makes it.
struct Sample {
  std::vector<std::byte> area;
  RecordView view;

  Sample(const std::optional<std::string>& key, const std::optional<std::string>& value,
         const std::vector<OwnedHeader>& headers = {}) {
    std::vector<Header> borrowed;
    for (const auto& header : headers) borrowed.push_back({header.key, bytes_of(header.value)});
    protocol::put_record({.key = bytes_of(key), .value = bytes_of(value), .headers = borrowed}, 0,
                         0, area);
    protocol::Record record;
    EXPECT_EQ(protocol::parse_record(area, record), area.size());
    view = {.topic = "orders",
            .partition = 2,
            .offset = 7,
            .timestamp_ms = 1420070400123,
            .key = record.key,
            .value = record.value,
            .headers = record.headers};
  }
};

std::string json_of(const RecordView& record) {
  std::string out;
  append_record_json(out, record);
  return out;
}

TEST(RecordJson, IsThisLine) {
  const Sample sample("42", "paid\n", {{"type", "Created"}, {"type", std::nullopt}});
  EXPECT_EQ(json_of(sample.view),
            R"({"topic":"orders","partition":2,"offset":7,"timestamp":1420070400123,"key":"42",)"
            R"("value":"paid\n","headers":[{"key":"type","value":"Created"},)"
            R"({"key":"type","value":null}]})");
}

TEST(RecordJson, WritesOtherBytesAsBase64AndNullAsNull) {
  const Sample sample(std::nullopt, "\xFF", {{"h", "\x80"}});
  EXPECT_EQ(json_of(sample.view),
            R"({"topic":"orders","partition":2,"offset":7,"timestamp":1420070400123,"key":null,)"
            R"("value_base64":"/w==","headers":[{"key":"h","value_base64":"gA=="}]})");
}

std::optional<std::string> some_bytes(Random& random) {
  if (random.below(5) == 0) return std::nullopt;
  std::string bytes;
  const bool text = random.below(2) == 0;
  for (auto n = random.below(40); n > 0; --n)
    bytes += static_cast<char>(text ? random.below(128) : random.below(256));
  return bytes;
}

TEST(RecordJson, LosesNothing) {
  SeededRandom random(3);
  for (int i = 0; i < 5000; ++i) {
    std::vector<OwnedHeader> headers;
    for (auto n = random.below(4); n > 0; --n)
      headers.push_back({some_bytes(random).value_or(""), some_bytes(random)});
    const auto key = some_bytes(random);
    const auto value = some_bytes(random);
    const Sample sample(key, value, headers);
    const auto parsed = parse_record_json(json_of(sample.view));
    ASSERT_TRUE(parsed) << parsed.error();
    EXPECT_EQ(parsed->key, key);
    EXPECT_EQ(parsed->value, value);
    EXPECT_EQ(parsed->topic, "orders");
    EXPECT_EQ(parsed->partition, 2);
    EXPECT_EQ(parsed->timestamp_ms, 1420070400123);
    ASSERT_EQ(parsed->headers.size(), headers.size());
    for (std::size_t h = 0; h < headers.size(); ++h) {
      EXPECT_EQ(parsed->headers[h].key, headers[h].key);
      EXPECT_EQ(parsed->headers[h].value, headers[h].value);
    }
  }
}

TEST(RecordJson, SaysWhatIsWrong) {
  EXPECT_EQ(parse_record_json("[1]").error(), "not a JSON object");
  EXPECT_EQ(parse_record_json(R"({"key":1})").error(), "key is not a string");
  EXPECT_EQ(parse_record_json(R"({"value_base64":"*"})").error(), "value_base64 is not base64");
  EXPECT_EQ(parse_record_json(R"({"partition":"x"})").error(), "partition is not a whole number");
  EXPECT_EQ(parse_record_json(R"({"headers":[{"value":"x"}]})").error(), "a header has no key");
  EXPECT_TRUE(parse_record_json("{").error().starts_with("not JSON"));
}

std::string formatted(std::string_view format, const RecordView& record) {
  const auto parsed = RecordFormat::parse(format);
  EXPECT_TRUE(parsed);
  std::string out;
  parsed->append(out, record);
  return out;
}

TEST(RecordFormat, KnowsItsDirectives) {
  const Sample sample("42", "paid", {{"a", "1"}, {"b", std::nullopt}});
  EXPECT_EQ(formatted(R"(%t/%p@%o %k=%s\n)", sample.view), "orders/2@7 42=paid\n");
  EXPECT_EQ(formatted("%h|%T|%d|%K,%S|100%%", sample.view),
            "a=1,b=NULL|1420070400123|2015-01-01T00:00:00.123Z|2,4|100%");
  const Sample null(std::nullopt, std::nullopt);
  EXPECT_EQ(formatted("[%k][%s] %K %S", null.view), "[][] -1 -1");
}

TEST(RecordFormat, WritesForATerminalWhatItDoesNotObey) {
  const Sample sample("\x1b[31mred", "two\nlines\x07", {{"\x1b]0;title", "\x7f"}});
  auto format = *RecordFormat::parse("\x1b[1m%k\x1b[0m %s %h %j{k}");
  format.escape_controls();
  std::string out;
  format.append(out, sample.view);
  EXPECT_EQ(out,
            "\x1b[1m\\x1b[31mred\x1b[0m two\nlines\\x07 \\x1b]0;title=\\x7f \"\\u001b[31mred\"");
  auto raw = *RecordFormat::parse("raw");
  raw.escape_controls();
  out.clear();
  raw.append(out, sample.view);
  EXPECT_EQ(out, "two\nlines\x07");
}

TEST(RecordFormat, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(RecordFormat::parse("%q"));
  EXPECT_FALSE(RecordFormat::parse("50%"));
}

TEST(Place, ReadsAllForms) {
  using Kind = Place::Kind;
  const auto is = [](std::string_view text, Kind kind, std::int64_t number) {
    const auto from = parse_place(text, 1'000'000);
    return from && from->kind == kind && from->number == number;
  };
  EXPECT_TRUE(is("start", Kind::start, 0));
  EXPECT_TRUE(is("end", Kind::end, 0));
  EXPECT_TRUE(is("7", Kind::offset, 7));
  EXPECT_TRUE(is("-7", Kind::last, 7));
  EXPECT_TRUE(is("+7", Kind::skip, 7));
  EXPECT_TRUE(is("@2015-01-01", Kind::time, 1420070400000));
  EXPECT_TRUE(is("@-1s", Kind::time, 999'000));
  for (const auto* bad : {"", "x", "-", "7x", "@", "@x", "--7"})
    EXPECT_FALSE(parse_place(bad, 0)) << bad;
}

TEST(JsonWriter, PlacesCommas) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("a", 1).field("b", std::vector<int>{1, 2}).key("c").begin_array();
  json.begin_object().end_object().value("x").end_array();
  json.field("d", std::optional<std::string>()).field("e", true).end_object();
  EXPECT_EQ(out, R"({"a":1,"b":[1,2],"c":[{},"x"],"d":null,"e":true})");
}

}  // namespace
}  // namespace sluice::cli
