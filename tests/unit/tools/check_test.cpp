#include "tools/sluice/check.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using Bad = Threshold::Bad;

TEST(Check, ThresholdsAreReadAndJudge) {
  const auto high = parse_threshold("10,100.5", Bad::high);
  ASSERT_TRUE(high);
  EXPECT_EQ(high->judge(9.9), Verdict::ok);
  EXPECT_EQ(high->judge(10), Verdict::warning);
  EXPECT_EQ(high->judge(100.5), Verdict::critical);
  const auto low = parse_threshold("20,5", Bad::low);
  ASSERT_TRUE(low);
  EXPECT_EQ(low->judge(20.1), Verdict::ok);
  EXPECT_EQ(low->judge(20), Verdict::warning);
  EXPECT_EQ(low->judge(5), Verdict::critical);
  for (const auto* text : {"", "1", "1,", ",1", "a,b", "2,1", "-1,3", "1,2,3"})
    EXPECT_FALSE(parse_threshold(text, Bad::high)) << text;
  EXPECT_FALSE(parse_threshold("5,20", Bad::low));
}

std::vector<Measure> measures() {
  return {{.check = "latency", .subject = "h:1", .value = 1.5, .unit = "ms", .message = "fast"},
          {.check = "lag",
           .subject = "it's|me\"",
           .value = 12,
           .threshold = Threshold{5, 20, Bad::high},
           .verdict = Verdict::warning,
           .message = "12 records behind"},
          {.check = "disk-free",
           .value = 50,
           .unit = "%",
           .threshold = Threshold{20, 5, Bad::low},
           .message = "half"},
          {.check = "lag-seconds", .subject = "a", .verdict = Verdict::unknown, .message = "a|b"}};
}

TEST(Check, TheWorstCountsAndWhatIsUnknownIsNoWarning) {
  auto some = measures();
  EXPECT_EQ(worst(some), Verdict::warning);
  some[1].verdict = Verdict::ok;
  EXPECT_EQ(worst(some), Verdict::unknown);
  some[0].verdict = Verdict::critical;
  EXPECT_EQ(worst(some), Verdict::critical);
  EXPECT_EQ(worst({}), Verdict::ok);
}

TEST(Check, EachOutputIsWhatItsReadersExpect) {
  EXPECT_EQ(check_text(measures()),
            "WARNING\n\n"
            "STATUS   CHECK        OF        WHAT\n"
            "OK       latency      h:1       fast\n"
            "WARNING  lag          it's|me\"  12 records behind\n"
            "OK       disk-free    -         half\n"
            "UNKNOWN  lag-seconds  a         a|b\n");
  EXPECT_EQ(check_nagios(measures()),
            "SLUICE WARNING - lag it's/me\": 12 records behind; lag-seconds a: a/b | "
            "'latency_h:1'=1.5ms 'lag_it_s_me\"'=12;5;20;0 'disk-free'=50%;20:;5:;0\n");
  EXPECT_EQ(check_prometheus({measures()[1]}),
            "# HELP sluice_check_status 0 ok, 1 warning, 2 critical, 3 unknown.\n"
            "# TYPE sluice_check_status gauge\n"
            "sluice_check_status{check=\"lag\",subject=\"it's|me\\\"\"} 1\n"
            "# HELP sluice_check_value What was measured, in the unit of the check.\n"
            "# TYPE sluice_check_value gauge\n"
            "sluice_check_value{check=\"lag\",subject=\"it's|me\\\"\"} 12\n");
  EXPECT_EQ(check_json({measures()[3]}),
            R"({"status":"unknown","checks":[{"check":"lag-seconds","subject":"a",)"
            R"("status":"unknown","value":null,"unit":"","warning":null,"critical":null,)"
            R"("message":"a|b"}]})"
            "\n");
}

}  // namespace
}  // namespace sluice::cli
