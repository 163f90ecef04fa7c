#include "tools/sluice/dlq.hpp"

#include "tools/sluice/dlq_print.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

TEST(DlqSelection, IsReadFromTheCommandLine) {
  const auto selection = parse_selection({.topic = "dlq.t",
                                          .offsets = {"0:5", "2:7-9", "2:20"},
                                          .sources = {"orders"},
                                          .since = "-1h",
                                          .until = "2026-01-01T00:00:00Z",
                                          .headers = {"a=b=c"},
                                          .fields = {"order.id=7"},
                                          .again = true},
                                         3'600'001);
  ASSERT_TRUE(selection) << selection.error();
  EXPECT_EQ(selection->topic, "dlq.t");
  EXPECT_EQ(selection->offsets.at(0), (std::vector<OffsetRange>{{5, 5}}));
  EXPECT_EQ(selection->offsets.at(2), (std::vector<OffsetRange>{{7, 9}, {20, 20}}));
  EXPECT_EQ(selection->filter.since_ms, 1);
  EXPECT_EQ(selection->filter.until_ms, 1'767'225'600'000);
  EXPECT_EQ(selection->filter.headers.front().second, "b=c");
  EXPECT_EQ(selection->filter.fields.front().first, "order.id");
  EXPECT_TRUE(selection->again);
}

TEST(DlqSelection, SaysWhatIsWrong) {
  for (const auto* text : {"", "5", "x:5", "0:x", "0:", ":5", "0:5-", "0:5-4", "-1:0", "0:-1"})
    EXPECT_FALSE(parse_selection({.offsets = {text}}, 0)) << text;
  EXPECT_EQ(parse_selection({.since = "soon"}, 0).error(),
            "--since 'soon' is no time like 2015-01-01T12:00 or -15m");
  EXPECT_EQ(parse_selection({.headers = {"novalue"}}, 0).error(),
            "--header 'novalue' is not NAME=VALUE");
  EXPECT_EQ(parse_selection({.fields = {"a.=1"}}, 0).error(),
            "--field 'a.' is no JSON path like order.items[0].sku");
}

DlqListing listing() {
  return {.summary = {.topic = "dlq.orders",
                      .depth = 1234,
                      .redriven = 5,
                      .oldest_ms = 1'767'225'600'000,
                      .newest_ms = 1'767'225'601'000,
                      .reasons = {{"", 1}, {"a", 2}, {"b", 3}, {"c", 4}, {"d", 5}},
                      .sources = {{{"orders", "billing"}, 1229}}},
          .unfinished = "0123456789ab"};
}

TEST(DlqPrint, AListingAsText) {
  EXPECT_EQ(list_text({listing()}, Style::plain),
            "TOPIC       DEPTH  REDRIVEN  OLDEST                    NEWEST                    "
            "REASONS                SOURCES (GROUPS)\n"
            "dlq.orders  1,234         5  2026-01-01T00:00:00.000Z  2026-01-01T00:00:01.000Z  "
            "d 5, c 4, b 3, 2 more  orders (billing) 1,229\n");
}

TEST(DlqPrint, AListingAsJson) {
  auto one = listing();
  one.summary.reasons = {{"", 1}};
  EXPECT_EQ(list_json({one}),
            R"([{"topic":"dlq.orders","depth":1234,"redriven":5,"oldest_ms":1767225600000,)"
            R"("newest_ms":1767225601000,"reasons":[{"reason":null,"count":1}],)"
            R"("sources":[{"topic":"orders","group":"billing","count":1229}],)"
            R"("unfinished_redrive":"0123456789ab"}])"
            "\n");
  EXPECT_EQ(list_json({}), "[]\n");
}

RedriveReport report() {
  return {
      .id = "0123456789ab",
      .topic = "dlq.orders",
      .state = RedriveState::running,
      .counts = {.examined = 2010, .already = 3, .redriven = 2000, .loop_guard = 2, .failed = 5},
      .targets = {{"mail", 1}, {"orders", 1999}},
      .failures = {{"there is no topic 'x'", 1, 7, 5}}};
}

TEST(DlqPrint, AReportAsText) {
  EXPECT_EQ(report_text(report(), false),
            "redrive     0123456789ab of dlq.orders, unfinished\n"
            "redriven    2,000 (mail 1, orders 1,999)\n"
            "loop guard  2\n"
            "failed      5\n"
            "left        7\n"
            "left out    3 redriven before\n"
            "\n"
            "failed 5 from 1:7 on: there is no topic 'x'\n");
  EXPECT_EQ(report_text({.counts = {.redriven = 1}}, true),
            "to redrive  1\nloop guard  0\nfailed      0\nleft        0\n");
}

TEST(DlqPrint, AReportAsJson) {
  EXPECT_EQ(report_json(report(), false),
            R"({"id":"0123456789ab","topic":"dlq.orders","state":"unfinished","dry_run":false,)"
            R"("examined":2010,"redriven_before":3,"unselected":0,"redriven":2000,"loop_guard":2,)"
            R"("failed":5,"left":7,"targets":[{"topic":"mail","redriven":1},)"
            R"({"topic":"orders","redriven":1999}],"failures":[{"why":"there is no topic 'x'",)"
            R"("partition":1,"offset":7,"count":5}],"uncertain":false})"
            "\n");
}

}  // namespace
}  // namespace sluice::cli
