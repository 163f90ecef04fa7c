#include "tools/sluice/trace.hpp"

#include "broker/queue/schedule_records.hpp"
#include "protocol/batch_builder.hpp"
#include "sluice/admin.hpp"
#include "sluice/record.hpp"
#include "tools/sluice/trace_source.hpp"

#include <gtest/gtest.h>

#include <list>
#include <vector>

namespace sluice::cli {
namespace {

const std::string id = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string span = "00f067aa0ba902b7";
const std::string parent = "00-" + id + "-" + span + "-01";
constexpr std::int64_t day = 1'420'070'400'000;  // 2015-01-01

TEST(TraceContext, IsReadAsTheStandardSays) {
  const auto context = parse_traceparent(parent);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id, id);
  EXPECT_EQ(context->span_id, span);
  EXPECT_TRUE(parse_traceparent("01-" + parent.substr(3) + "-more"));
  EXPECT_EQ(parse_traceparent("00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01")->trace_id,
            id);
}

TEST(TraceContext, OtherFormsAreRefused) {
  const std::string zeros(32, '0');
  for (const std::string& text :
       {std::string(), std::string("00"), parent + "-more", parent + "0", parent.substr(1),
        "ff" + parent.substr(2), "0g" + parent.substr(2), "00-" + zeros + "-" + span + "-01",
        "00-" + id + "-" + zeros.substr(16) + "-01", "00_" + parent.substr(3)})
    EXPECT_FALSE(parse_traceparent(text)) << text;
}

TEST(TraceContext, AnArgumentMayBeTheIdAlone) {
  EXPECT_EQ(parse_trace_argument(id)->trace_id, id);
  EXPECT_EQ(parse_trace_argument(parent)->span_id, span);
  EXPECT_FALSE(parse_trace_argument(std::string(32, '0')));
  EXPECT_FALSE(parse_trace_argument(id + "0"));
}

// Records with the bytes that they borrow.
class Records {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  RecordView make(const std::string& topic, Offset offset, std::int64_t timestamp,
                  const Pairs& headers) {
    std::vector<Header> views;
    for (const auto& [key, value] : headers) views.push_back({key, as_bytes(value)});
    protocol::put_record({.key = as_bytes("key"), .value = as_bytes("value"), .headers = views}, 0,
                         0, bytes_.emplace_back());
    topics_.push_back(topic);
    protocol::Record record;
    EXPECT_GT(protocol::parse_record(bytes_.back(), record), 0u);
    return {.topic = topics_.back(),
            .partition = 0,
            .offset = offset,
            .timestamp_ms = timestamp,
            .key = record.key,
            .value = record.value,
            .headers = record.headers};
  }

 private:
  std::list<std::vector<std::byte>> bytes_;
  std::list<std::string> topics_;
};

class TraceTest : public testing::Test {
 protected:
  void take(const std::string& topic, Offset offset, std::int64_t timestamp,
            const Records::Pairs& headers) {
    EXPECT_TRUE(trace_.take(records_.make(topic, offset, timestamp, headers), TraceTime::create));
  }
  // Of the only record, after these commits of the group.
  TraceCommit after(const std::vector<SeenCommit>& commits) {
    take("orders", 10, day, {{"traceparent", parent}});
    trace_.sort();
    for (const auto& commit : commits) trace_.commit(commit);
    const auto& found = trace_.records().front().commits;
    return found.size() == 1 ? found.front() : TraceCommit{.group = "none or many"};
  }
  static SeenCommit commit(Offset offset, std::int64_t at_ms, bool all_before_known = false) {
    return {.group = "billing",
            .where = {"orders", 0},
            .offset = offset,
            .at_ms = at_ms,
            .all_before_known = all_before_known};
  }

  Records records_;
  Trace trace_{id, 100};
};

TEST_F(TraceTest, TakesOnlyRecordsOfItsTrace) {
  const std::string other = "00-11111111111111111111111111111111-" + span + "-01";
  take("orders", 0, day, {});
  take("orders", 1, day, {{"traceparent", other}});
  take("orders", 2, day, {{"a", "b"}, {"traceparent", parent}});
  take("orders", 3, day, {{"traceparent", "garbage"}});
  ASSERT_EQ(trace_.records().size(), 1u);
  EXPECT_EQ(trace_.records().front().offset, 2);
}

TEST_F(TraceTest, IsInOrderOfTimeWithDeadLettersBehindTheirSource) {
  const Records::Pairs letter{{"traceparent", parent},
                              {"__dlq.errors.topic", "orders"},
                              {"__dlq.errors.partition", "0"},
                              {"__dlq.errors.offset", "10"},
                              {"__dlq.errors.last.failure.ms", std::to_string(day + 500)}};
  take("dead", 0, day, letter);
  take("payments", 3, day + 100, {{"traceparent", "00-" + id + "-00f067aa0ba902b8-01"}});
  take("orders", 10, day, {{"traceparent", parent}});
  take("later", 0, day,
       {{"traceparent", parent}, {"sluice-scheduled-for", std::to_string(day + 900)}});
  trace_.sort();
  std::string order;
  for (const auto& record : trace_.records()) order += record.where.topic + " ";
  EXPECT_EQ(order, "orders payments dead later ");
  const auto& dead = trace_.records()[2];
  EXPECT_EQ(dead.letter->offset, 10);
  EXPECT_EQ(trace_.same_span_before(dead), &trace_.records()[0]);
  EXPECT_EQ(trace_.same_span_before(trace_.records()[1]), nullptr);
}

TEST_F(TraceTest, KeepsNoMoreThanItsLimit) {
  Trace small(id, 1);
  const Records::Pairs headers{{"traceparent", parent}};
  EXPECT_TRUE(small.take(records_.make("t", 0, day, headers), TraceTime::create));
  EXPECT_FALSE(small.full());
  EXPECT_FALSE(small.take(records_.make("t", 1, day, headers), TraceTime::create));
  EXPECT_TRUE(small.full());
}

// The topic of records that wait, as the broker writes it.
class WaitingTest : public TraceTest {
 protected:
  WaitingTest() : waiting_(trace_, {{topic_id, "reminders"}}) {}

  // At the next offset.
  void waits(std::int64_t due_ms, Offset replaces = -1, Offset origin = -1,
             const TopicId& topic = topic_id) {
    const auto key = broker::encode_schedule_entry({.target = {topic, 3},
                                                    .due_ms = due_ms,
                                                    .timestamp_ms = day,
                                                    .origin = origin,
                                                    .replaces = replaces,
                                                    .key = as_bytes("k")});
    put(key, {{"traceparent", parent}});
  }
  void done(const std::vector<Offset>& offsets) {
    const auto value = broker::encode_done(offsets);
    auto record = records_.make(schedules_topic, next_++, day, {});
    const auto key = broker::encode_done_key();
    record.key = key;
    record.value = value;
    waiting_.take(record);
  }
  void put(const broker::Blob& key, const Records::Pairs& headers) {
    auto record = records_.make(schedules_topic, next_++, day, headers);
    record.key = key;
    waiting_.take(record);
  }
  std::string ids() {
    trace_.sort();
    std::string text;
    for (const auto& one : trace_.waiting()) text += one.schedule_id + " ";
    return text;
  }

  static constexpr TopicId topic_id{.octets = {std::byte{7}}};
  WaitingReader waiting_;
  Offset next_ = 0;
};

TEST_F(WaitingTest, WhatIsDueFirstComesFirst) {
  waits(day + 200);
  waits(day + 100);
  EXPECT_EQ(ids(), "0-1 0-0 ");
  const auto& first = trace_.waiting().front();
  EXPECT_EQ(first.where, (TopicPartition{"reminders", 3}));
  EXPECT_EQ(first.key, "k");
  EXPECT_EQ(first.scheduled_for_ms, day + 100);
  const std::string expected =
      "trace 4bf92f3577b34da6a3ce929d0e0e4736: 0 records in 0 topics; 2 wait\n"
      "\n"
      "reminders-3  key \"k\"  value 5 B\n"
      "  waiting    until 2015-01-01T00:00:00.100Z, schedule 0-1\n"
      "  produced   2015-01-01T00:00:00.000Z, by the producer's clock\n"
      "  span       00f067aa0ba902b7\n"
      "\n"
      "reminders-3  key \"k\"  value 5 B\n"
      "  waiting    until 2015-01-01T00:00:00.200Z, schedule 0-0\n"
      "  produced   2015-01-01T00:00:00.000Z, by the producer's clock\n"
      "  span       00f067aa0ba902b7\n";
  EXPECT_EQ(trace_text({.trace = trace_, .topics = 1, .commit_times = true}), expected);
}

TEST_F(WaitingTest, WhatIsDoneWaitsNoMore) {
  waits(day);
  waits(day);
  waits(day);
  done({0, 2, 77});
  EXPECT_EQ(ids(), "0-1 ");
}

TEST_F(WaitingTest, ACopyStandsForItsOriginal) {
  waits(day);
  waits(day, 0, 0);  // stored again, under the name that it has
  EXPECT_EQ(ids(), "0-0 ");
  waits(day, 1, 0);
  done({1});  // of the copy that was replaced
  EXPECT_EQ(ids(), "0-0 ");
  done({2});
  EXPECT_EQ(ids(), "");
}

TEST_F(WaitingTest, OtherTracesAndTopicsAreLeftOut) {
  waits(day, -1, -1, TopicId{.octets = {std::byte{8}}});
  put(broker::encode_schedule_entry({.target = {topic_id, 0}}), {});
  put(broker::Blob(3), {{"traceparent", parent}});
  EXPECT_EQ(ids(), "");
}

TEST_F(WaitingTest, WhatIsSeenDeliveredDoesNotWait) {
  waits(day + 1);
  waits(day + 2);
  auto record =
      records_.make("reminders", 5, day, {{"traceparent", parent}, {"sluice-schedule-id", "0-0"}});
  record.partition = 3;
  EXPECT_TRUE(trace_.take(record, TraceTime::create));
  EXPECT_EQ(ids(), "0-1 ");
}

TEST_F(TraceTest, TheFirstCommitPastARecordCounts) {
  const auto found = after({commit(5, day + 1), commit(11, day + 2), commit(20, day + 3)});
  EXPECT_TRUE(found.committed);
  EXPECT_TRUE(found.exact);
  EXPECT_EQ(found.at_ms, day + 2);
  EXPECT_FALSE(found.set_back);
}

TEST_F(TraceTest, WhatCompactionMayHaveTakenMakesATimeALatestTime) {
  const auto found = after({commit(11, day + 2)});
  EXPECT_TRUE(found.committed);
  EXPECT_FALSE(found.exact);
}

TEST_F(TraceTest, WithAllCommitsBeforeItATimeIsExact) {
  EXPECT_TRUE(after({commit(11, day + 2, true)}).exact);
}

TEST_F(TraceTest, ACommitOfTheRecordsOwnOffsetIsNotPastIt) {
  const auto found = after({commit(10, day + 1)});
  EXPECT_FALSE(found.committed);
  EXPECT_EQ(found.offset, 10);
}

TEST_F(TraceTest, AGroupThatWasSetBackIsTold) {
  EXPECT_TRUE(after({commit(11, day + 1, true), commit(3, day + 2)}).set_back);
}

TEST_F(TraceTest, ACommitWithoutATimeIsBeforeNow) {
  const auto found = after({commit(11, -1)});
  EXPECT_TRUE(found.committed);
  EXPECT_FALSE(found.exact);
}

TEST(TraceDelivery, IsWhatTheShareGroupSaysOfTheOffset) {
  const QueuePartition queue{
      .start = 10,
      .end = 20,
      .more_ranges = true,
      .ranges = {
          {.first = 10, .last = 12, .state = "waiting", .delivery_count = 2, .until_ms = day}}};
  EXPECT_EQ(delivery_of(queue, 9)->state, "finished");
  EXPECT_EQ(delivery_of(queue, 12)->state, "waiting");
  EXPECT_EQ(delivery_of(queue, 12)->deliveries, 2);
  EXPECT_EQ(delivery_of(queue, 12)->until_ms, day);
  EXPECT_FALSE(delivery_of(queue, 13));  // in a range that was left out
  EXPECT_EQ(delivery_of(queue, 20)->state, "not offered yet");
  EXPECT_FALSE(delivery_of({.error = ErrorCode::unknown_topic_or_partition, .start = 10}, 9));
  EXPECT_FALSE(delivery_of({}, 9));
}

TEST_F(TraceTest, ShowsWhatIsKnownAndWhatIsNot) {
  take("orders", 10, day, {{"traceparent", parent}});
  take("dead", 0, day,
       {{"traceparent", parent},
        {"__dlq.errors.topic", "orders"},
        {"__dlq.errors.partition", "0"},
        {"__dlq.errors.offset", "10"},
        {"__dlq.errors.group", "work"},
        {"__dlq.errors.reason", "rejected"},
        {"__dlq.errors.message", "no card"},
        {"__dlq.errors.delivery.count", "3"},
        {"__dlq.errors.last.failure.ms", std::to_string(day + 1500)}});
  trace_.sort();
  trace_.commit(commit(5, day + 10));
  trace_.commit(commit(11, day + 1000));
  trace_.commit({.group = "audit", .where = {"orders", 0}, .offset = 4, .at_ms = day});
  trace_.commit({.group = "mail", .where = {"orders", 0}, .offset = 12, .at_ms = day + 2000});
  trace_.commit({.group = "slow", .where = {"orders", 0}, .offset = 12});
  trace_.records()[1].time = TraceTime::log_append;
  EXPECT_EQ(trace_text({.trace = trace_, .topics = 2, .commit_times = true}),
            "trace 4bf92f3577b34da6a3ce929d0e0e4736: 2 records in 2 topics, 1.50 s\n"
            "\n"
            "orders-0 offset 10  key \"key\"  value 5 B\n"
            "  produced   2015-01-01T00:00:00.000Z, by the producer's clock\n"
            "  span       00f067aa0ba902b7\n"
            "  stored     the log does not tell\n"
            "  not yet    audit, at offset 4\n"
            "  committed  2015-01-01T00:00:01.000Z (1.00 s later), group billing\n"
            "  committed  by 2015-01-01T00:00:02.000Z (2.00 s later), group mail\n"
            "  committed  by now, group slow\n"
            "\n"
            "dead-0 offset 0  key \"key\"  value 5 B\n"
            "  produced   the log does not tell\n"
            "  span       00f067aa0ba902b7, as orders-0 offset 10\n"
            "  letter of  orders-0 offset 10, group work, rejected, 3 deliveries: \"no card\"\n"
            "  stored     2015-01-01T00:00:00.000Z\n");
}

}  // namespace
}  // namespace sluice::cli
