#include "tools/sluice/text.hpp"

#include "base/random.hpp"
#include "tools/sluice/cli.hpp"
#include "tools/sluice/table.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace sluice::cli {
namespace {

TEST(Text, Base64IsThatOfTheRfc) {
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foo"), "Zm9v");
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64_decode("Zm9vYg=="), "foob");
  EXPECT_FALSE(base64_decode("Zm9"));
  EXPECT_FALSE(base64_decode("Z=9v"));
  EXPECT_FALSE(base64_decode("Zm9*"));
}

TEST(Text, Base64TakesAnyBytes) {
  SeededRandom random(1);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(random.next());
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
  }
}

TEST(Text, KnowsUtf8) {
  EXPECT_TRUE(is_utf8("plain, \xC3\xA9, \xE2\x82\xAC, \xF0\x9F\x98\x80"));
  EXPECT_FALSE(is_utf8("\xFF"));
  EXPECT_FALSE(is_utf8("\xC3"));
  EXPECT_FALSE(is_utf8("\xC0\x80"));          // overlong
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));  // beyond the last code point
}

TEST(Text, JsonStringsEscapeWhatMustBe) {
  std::string out;
  append_json_string(out, std::string_view("a\"b\\c\n\t\x01\0z", 10));
  EXPECT_EQ(out, R"("a\"b\\c\n\t\u0001\u0000z")");
}

TEST(Text, FindsTheNearMiss) {
  const std::vector<std::string> names = {"topics", "groups", "produce", "consume"};
  EXPECT_EQ(nearest("topcs", names), "topics");
  EXPECT_EQ(nearest("group", names), "groups");
  EXPECT_EQ(nearest("consmue", names), "consume");
  EXPECT_EQ(nearest("con", names), "consume");
  EXPECT_FALSE(nearest("xyzzy", names));
}

TEST(Text, NumbersForPeople) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(1000), "1,000");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "1.00 kB");
  EXPECT_EQ(human_bytes(17'796'843), "17.8 MB");
  EXPECT_EQ(human_bytes(999'999), "1.00 MB");
  EXPECT_EQ(human_seconds(std::chrono::milliseconds(45)), "45 ms");
  EXPECT_EQ(human_seconds(std::chrono::milliseconds(1234)), "1.23 s");
}

TEST(Text, WholeUnitsStayWithinTheirBounds) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(whole_units(2.9, most), 2);
  EXPECT_EQ(whole_units(-2.9, most), -2);
  EXPECT_EQ(whole_units(1e300, most), most);
  EXPECT_EQ(whole_units(-1e300, most), -most);
  EXPECT_EQ(whole_units(11, 10), 10);
  EXPECT_EQ(whole_units(std::numeric_limits<double>::infinity(), 10), 10);
  EXPECT_EQ(whole_units(std::numeric_limits<double>::quiet_NaN(), 10), 0);
}

TEST(Text, TimeLimitsAreOfThisWorld) {
  EXPECT_EQ(Global{.timeout_seconds = 1.5}.timeout(), std::chrono::milliseconds(1500));
  EXPECT_EQ(Global{.timeout_seconds = 1e-9}.timeout(), std::chrono::milliseconds(1));
  EXPECT_EQ(Global{.timeout_seconds = 1e300}.timeout(), std::chrono::milliseconds(pause_ms_max));
}

TEST(Text, TimesBothWays) {
  EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(1420070400123), "2015-01-01T00:00:00.123Z");
  EXPECT_EQ(iso_time(-62'167'219'200'000), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(iso_time(253'402'300'800'000), "253402300800000");
  EXPECT_EQ(iso_time(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(parse_time("2015-01-01", 0), 1420070400000);
  EXPECT_EQ(parse_time("2015-01-01T12:30", 0), 1420115400000);
  EXPECT_EQ(parse_time("2015-01-01T12:30:05.25Z", 0), 1420115405250);
  EXPECT_EQ(parse_time("1420070400123", 0), 1420070400123);
  EXPECT_EQ(parse_time("-15m", 1'000'000), 100'000);
  EXPECT_EQ(parse_time("1969-12-31T23:59:59.999", 0), 0);
  EXPECT_EQ(parse_time("-2d", 1'000'000), 0);
  EXPECT_EQ(parse_time("-2147483647d", 1'000'000), 0);
  EXPECT_FALSE(parse_time("-9223372036854775807d", 0));
  EXPECT_FALSE(parse_time("2015-02-30", 0));
  EXPECT_FALSE(parse_time("yesterday", 0));
  EXPECT_FALSE(parse_time("2015-01-01T25:00", 0));
  EXPECT_FALSE(parse_time("2015-01-01T12:00:00.-5", 0));
}

TEST(Text, UnescapesAsC) {
  EXPECT_EQ(unescape(R"(a\tb\n\\\x41\q)"), "a\tb\n\\A\\q");
  EXPECT_EQ(unescape("tail\\"), "tail\\");
}

TEST(Table, AlignsColumns) {
  Table table({{"TOPIC"}, {"PARTITIONS", Align::right}});
  table.add({"orders", "3"});
  table.add({"caf\xC3\xA9", "12"});
  EXPECT_EQ(table.to_string(),
            "TOPIC   PARTITIONS\n"
            "orders           3\n"
            "caf\xC3\xA9            12\n");
}

TEST(Text, ControlCharactersAreShownNotObeyed) {
  EXPECT_EQ(printable("a\tb\nc", Lines::keep), "a\tb\nc");
  EXPECT_EQ(printable("a\tb\nc", Lines::escape), "a\\x09b\\x0ac");
  EXPECT_EQ(printable("\x1b[2J\r\x7f", Lines::keep), "\\x1b[2J\\x0d\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m",
                      Lines::keep),
            "\\x9b31m");
  EXPECT_EQ(printable("ключ \xc3\x9b", Lines::keep), "ключ \xc3\x9b");
}

TEST(Table, LeavesNoTrailingSpacesAndColoursOnlyTitles) {
  Table table({{"A"}, {"LONG TITLE"}});
  table.add({"x", "y"});
  EXPECT_EQ(table.to_string(), "A  LONG TITLE\nx  y\n");
  EXPECT_EQ(table.to_string(Style::colour), "\x1b[1mA  LONG TITLE\x1b[0m\nx  y\n");
}

}  // namespace
}  // namespace sluice::cli
