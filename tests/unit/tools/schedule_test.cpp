#include "tools/sluice/schedule.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

std::vector<Schedule> schedules() {
  return {{.id = "0-17",
           .where = {"orders", 2},
           .deliver_at_ms = 1'767'225'600'000,
           .key = "42",
           .value_size = 900},
          {.id = "1-3", .where = {"", 0}, .deliver_at_ms = 1'767'225'601'000, .key = "\xff"}};
}

TEST(Schedule, ShowsWhatWaitsUntilWhen) {
  EXPECT_EQ(schedules_text(schedules(), Style::plain),
            "ID    TOPIC      PARTITION  DELIVERED AT              KEY          BYTES\n"
            "0-17  orders             2  2026-01-01T00:00:00.000Z  42             900\n"
            "1-3   (deleted)          0  2026-01-01T00:00:01.000Z  base64:/w==   null\n");
}

TEST(Schedule, IsJsonThatLosesNoKey) {
  EXPECT_EQ(schedules_json(schedules(), 7, true),
            R"({"pending":7,"more":true,"schedules":[)"
            R"({"id":"0-17","topic":"orders","partition":2,"deliver_at_ms":1767225600000,)"
            R"("key":"42","value_size":900},)"
            R"({"id":"1-3","topic":"","partition":0,"deliver_at_ms":1767225601000,)"
            R"("key_base64":"/w==","value_size":null}]})"
            "\n");
}

// Before a broker is asked.
TEST(Schedule, CancellingSaysWhat) {
  const Global global;
  EXPECT_EQ(schedule_cancel(global, {}), Exit::usage);
  EXPECT_EQ(schedule_cancel(global, {.topic = "orders"}), Exit::usage);
  EXPECT_EQ(schedule_cancel(global, {.ids = {"0-1"}, .topic = "orders", .all = true}), Exit::usage);
  EXPECT_EQ(schedule_cancel(global, {.topic = "orders", .key = "42", .all = true}), Exit::usage);
  EXPECT_EQ(schedule_list(global, {.key = "42"}), Exit::usage);
}

}  // namespace
}  // namespace sluice::cli
