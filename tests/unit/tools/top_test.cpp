#include "tools/sluice/top_model.hpp"
#include "tools/sluice/top_sample.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using Page = TopView::Page;

TopSample sample(double seconds, std::int64_t written, std::int64_t committed) {
  TopSample taken{.seconds = seconds, .cluster = "c1", .brokers = 1, .latency_ms = 0.42};
  taken.disk_free = 50'000'000'000;
  taken.disk_total = 100'000'000'000;
  taken.topics = {{"a",
                   {{.topic = "a", .partition = 0, .end = 10, .bytes = 100},
                    {.topic = "a", .partition = 1, .start = 5, .end = written, .bytes = 2000}}},
                  {"b", {{.topic = "b", .partition = 0, .end = 7, .bytes = 50}}}};
  taken.groups = {
      {.name = "g",
       .state = "Stable",
       .members = 2,
       .lag = written - committed,
       .lag_seconds = 1.25,
       .partitions = {{.topic = "a", .partition = 1, .end = written, .committed = committed}}}};
  return taken;
}

TEST(Top, RatesAreDifferencesOverTime) {
  const auto before = sample(10, 100, 40), now = sample(12, 300, 140);
  EXPECT_DOUBLE_EQ(rates_of(now.topics[0], before, 2).records, 100);
  EXPECT_DOUBLE_EQ(rates_of(now.topics[1], before, 2).records, 0);
  EXPECT_DOUBLE_EQ(consumed_per_second(now.groups[0], before, 2), 50);
  // A topic that is new, or was made anew, has no rate yet.
  EXPECT_DOUBLE_EQ(rates_of(now.topics[0], {}, 2).records, 0);
  EXPECT_DOUBLE_EQ(rates_of(before.topics[0], now, 2).records, 0);
  EXPECT_DOUBLE_EQ(rates_of(now.topics[0], now, 0).records, 0);
}

TEST(Top, DrawsTopicsByRate) {
  const auto screen = draw({}, sample(10, 100, 40), sample(12, 300, 140), 100, 10);
  ASSERT_EQ(screen.lines.size(), 6u);
  EXPECT_EQ(
      screen.lines[0],
      "cluster c1  brokers 1  in 100 records/s 0 B/s  latency 0.4 ms  disk 50.0 GB free of 100 "
      "GB");
  EXPECT_EQ(screen.lines[3], "TOPIC  RECORDS/Sv  BYTES/S  RECORDS     SIZE  PARTITIONS");
  EXPECT_EQ(screen.lines[4], "a             100      0 B      305  2.10 kB           2");
  EXPECT_EQ(screen.rows, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(screen.title_line, 3u);
  EXPECT_EQ(screen.selected_line, 4u);
}

TEST(Top, KeysSortSelectAndDrillDown) {
  const auto before = sample(10, 100, 40), now = sample(12, 300, 140);
  TopView view;
  const auto screen = [&] { return draw(view, before, now, 100, 10); };
  EXPECT_TRUE(press('r', view, screen()));
  EXPECT_EQ(screen().rows, (std::vector<std::string>{"b", "a"}));
  press(key_down, view, screen());
  press(key_down, view, screen());  // there are two
  EXPECT_EQ(screen().selected_line, 5u);
  press(key_enter, view, screen());
  EXPECT_EQ(view.page, Page::topic);
  EXPECT_EQ(view.of, "a");
  EXPECT_EQ(screen().rows, (std::vector<std::string>{"1", "0"}));
  press(key_back, view, screen());
  EXPECT_EQ(view.page, Page::topics);
  press('g', view, screen());
  EXPECT_EQ(screen().lines[4], "g       160      1.2          50        2  Stable");
  press(key_enter, view, screen());
  EXPECT_EQ(screen().rows, (std::vector<std::string>{"a-1"}));
  press('t', view, screen());
  press('<', view, screen());
  EXPECT_EQ(view.sort, 0u);
  press('<', view, screen());
  EXPECT_EQ(view.sort, 0u);
  EXPECT_FALSE(press('q', view, screen()));
}

TEST(Top, FitsAnyScreenAndScrollsWithTheSelection) {
  auto now = sample(12, 300, 140);
  now.topics.clear();
  for (int i = 0; i < 50; ++i) now.topics.push_back({"topic-" + std::to_string(100 + i), {}});
  for (std::size_t height = 1; height < 12; ++height)
    for (const std::size_t width : {1u, 7u, 80u}) {
      TopView view{.sort = 0, .selected = 30};
      const auto screen = draw(view, now, now, width, height);
      EXPECT_LE(screen.lines.size(), height);
      for (const auto& line : screen.lines) EXPECT_LE(line.size(), width);
      if (screen.selected_line) {
        EXPECT_LT(*screen.selected_line, screen.lines.size());
      }
    }
  TopView view{.sort = 0, .ascending = true, .selected = 30};
  const auto screen = draw(view, now, now, 80, 10);
  ASSERT_TRUE(screen.selected_line);
  EXPECT_TRUE(screen.lines[*screen.selected_line].starts_with("topic-130"));
}

TEST(Top, JsonHasNullForWhatIsNotKnown) {
  auto now = sample(12, 300, 140);
  now.topics.resize(1);
  now.groups[0].lag_seconds.reset();
  EXPECT_EQ(top_json(sample(10, 100, 40), now),
            R"({"cluster":"c1","brokers":1,"latency_ms":0.42,"disk_free_bytes":50000000000,)"
            R"("disk_total_bytes":100000000000,"in_flight":null,"connections":null,"topics":[)"
            R"({"topic":"a","partitions":2,"records_per_second":100,"bytes_per_second":0,)"
            R"("bytes":2100}],"groups":[{"group":"g","state":"Stable","members":2,"lag":160,)"
            R"("lag_seconds":null,"consumed_per_second":50}]})"
            "\n");
}

// What no broker means, over HTTP: it is shown as something, and nothing overflows.
TEST(Top, NumbersOutOfAnyRangeAreShownAsTheNearest) {
  const auto odd = sample_of(
      {.status = R"({"connections":1e300,"disk":{"total_bytes":1e300,"free_bytes":-7}})",
       .topics = R"({"topics":[{"topic":"a","partitions":[
                    {"partition":0,"log_start_offset":-1e19,"high_watermark":9e18},
                    {"partition":1,"log_start_offset":-9e18,"high_watermark":1e19}]}]})",
       .groups = R"({"groups":[{"group":"g","lag":-3,"members":-1e300,"lag_seconds":-1}]})"});
  ASSERT_TRUE(odd) << odd.error().message();
  EXPECT_GT(odd->connections, 0);
  for (const auto page : {Page::topics, Page::groups})
    EXPECT_FALSE(draw({.page = page}, *odd, *odd, 100, 10).lines.empty());
  const auto screen = draw({.page = Page::groups}, *odd, *odd, 100, 10);
  ASSERT_EQ(screen.rows, std::vector<std::string>{"g"});
  EXPECT_TRUE(screen.lines[*screen.selected_line].starts_with("g         0 "))
      << screen.lines[*screen.selected_line];
}

}  // namespace
}  // namespace sluice::cli
