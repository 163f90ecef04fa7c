#include "tools/sluice/queue.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

TEST(Queue, RecordsAreReadFromTheCommandLine) {
  const auto one = parse_queue_records("orders:2:17");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->where, (TopicPartition{"orders", 2}));
  EXPECT_EQ(one->first, 17);
  EXPECT_EQ(one->last, 17);
  const auto several = parse_queue_records("orders:0:17-20");
  ASSERT_TRUE(several);
  EXPECT_EQ(several->last, 20);
  for (const auto* text : {"", "orders", "orders:1", ":1:2", "orders:x:1", "orders:1:",
                           "orders:1:x", "orders:1:5-", "orders:1:5-4", "orders:-1:2", "::"})
    EXPECT_FALSE(parse_queue_records(text)) << text;
}

std::vector<QueuePartition> partitions() {
  return {{.where = {"orders", 0},
           .start = 10,
           .end = 1020,
           .high_watermark = 5000,
           .acquired = 1000,
           .waiting = 1,
           .ranges = {{.first = 10,
                       .last = 1009,
                       .state = "acquired",
                       .delivery_count = 1,
                       .member_id = "worker-1",
                       .until_ms = 1'767'225'600'000},
                      {.first = 1015,
                       .last = 1015,
                       .state = "waiting",
                       .delivery_count = 3,
                       .until_ms = 1'767'225'601'000,
                       .first_failure_ms = 1,
                       .last_failure_ms = 2,
                       .reason = "card declined"}}}};
}

TEST(Queue, ShowsWhoHasWhatUntilWhen) {
  EXPECT_EQ(
      queue_text(partitions(), Style::plain),
      "TOPIC   PARTITION  FINISHED TO  OFFERED TO   END  IN FLIGHT  WAITING  DEAD-LETTERING\n"
      "orders          0           10        1020  5000      1,000        1               0\n"
      "\n"
      "TOPIC   PARTITION  OFFSETS  STATE     ATTEMPTS  UNTIL                     MEMBER    "
      "REASON\n"
      "orders          0  10-1009  acquired         1  2026-01-01T00:00:00.000Z  worker-1  -\n"
      "orders          0     1015  waiting          3  2026-01-01T00:00:01.000Z  -         "
      "card declined\n");
}

TEST(Queue, IsJsonWithNullsForWhatIsNotKnown) {
  auto some = partitions();
  some.front().ranges.erase(some.front().ranges.begin());
  EXPECT_EQ(queue_json("billing", some),
            R"({"group":"billing","partitions":[{"topic":"orders","partition":0,)"
            R"("start_offset":10,"end_offset":1020,"high_watermark":5000,"acquired":1000,)"
            R"("waiting":1,"settling":0,"dead_lettering":0,"finished":0,"more_ranges":false,)"
            R"("ranges":[{"first_offset":1015,"last_offset":1015,"state":"waiting",)"
            R"("delivery_count":3,"member_id":null,"until_ms":1767225601000,"first_failure_ms":1,)"
            R"("last_failure_ms":2,"reason":"card declined"}]}]})"
            "\n");
  EXPECT_EQ(queue_json("billing", {}), "{\"group\":\"billing\",\"partitions\":[]}\n");
}

}  // namespace
}  // namespace sluice::cli
