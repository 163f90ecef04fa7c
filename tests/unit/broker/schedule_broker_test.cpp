// Scheduled delivery by a whole broker.
#include "broker/queue/schedule_headers.hpp"
#include "tests/unit/broker/queue_fixture.hpp"

namespace sluice::broker {
namespace {

using Values = std::vector<std::string>;

class ScheduleBrokerTest : public QueueTest {
 protected:
  ScheduleBrokerTest() { create_topic("orders", {{"sluice.schedule.enable", "true"}}); }

  static SentRecord delayed(std::string value, std::int64_t ms) {
    return {std::move(value), {{"first", "1"}, {"sluice-delay-ms", std::to_string(ms)}, {"z", ""}}};
  }
};

TEST_F(ScheduleBrokerTest, ARecordComesWhenItIsDueWithEverythingItHad) {
  const std::int64_t begin = now_ms();
  SentRecord sent = delayed("later", 300);
  sent.key = "key";
  const Produced produced = produce("orders", {{"now", {}}, sent, {"now too", {}}});
  EXPECT_EQ(produced.error, ErrorCode::none);
  EXPECT_EQ(produced.base_offset, 0);
  const auto records = read("orders", 3);
  ASSERT_EQ(values_of(records), (Values{"now", "now too", "later"}));
  EXPECT_EQ(records[0].offset, 0);
  EXPECT_EQ(records[1].offset, 2);  // the place of the one that waits stays empty
  EXPECT_EQ(records[2].offset, 3);
  EXPECT_EQ(records[2].key, "key");
  EXPECT_GE(records[2].timestamp_ms, begin);
  EXPECT_LT(records[2].timestamp_ms, begin + 300);  // the producer's
  const std::int64_t due = std::stoll(records[2].header("sluice-scheduled-for"));
  EXPECT_GE(due, begin + 300);
  EXPECT_GE(records[2].seen_ms, due);
  EXPECT_LT(records[2].seen_ms, due + 2000);
  TextHeaders others = records[2].headers;
  ASSERT_EQ(others.size(), 4u);
  others.resize(2);
  EXPECT_EQ(others, (TextHeaders{{"first", "1"}, {"z", ""}}));
  EXPECT_EQ(records[2].headers[3].first, "sluice-schedule-id");
}

TEST_F(ScheduleBrokerTest, ABatchOfWaitingRecordsOnlyLeavesItsOffsets) {
  EXPECT_EQ(produce("orders", {delayed("a", 50), delayed("b", 50)}).base_offset, 0);
  EXPECT_EQ(produce("orders", {{"now", {}}}).base_offset, 2);
  EXPECT_EQ(read("orders", 3).size(), 3u);
}

TEST_F(ScheduleBrokerTest, CompressedBatchesAreLookedIntoToo) {
  for (const auto codec : {protocol::Compression::gzip, protocol::Compression::snappy,
                           protocol::Compression::lz4, protocol::Compression::zstd}) {
    protocol::BatchOptions options;
    options.compression = codec;
    EXPECT_EQ(produce("orders", {{"now", {}}, delayed("later", 10)}, options).error,
              ErrorCode::none);
  }
  EXPECT_EQ(read("orders", 8).size(), 8u);
}

TEST_F(ScheduleBrokerTest, ATimeThatHasPassedIsNow) {
  const SentRecord past{"past", {{"sluice-deliver-at", "1000"}}};
  EXPECT_EQ(produce("orders", {past}).error, ErrorCode::none);
  EXPECT_EQ(read("orders", 1).front().header("sluice-scheduled-for"), "1000");
}

TEST_F(ScheduleBrokerTest, WithoutTheConfigHeadersAreHeaders) {
  create_topic("plain", {});
  EXPECT_EQ(produce("plain", {delayed("now", 60'000)}).error, ErrorCode::none);
  const auto records = read("plain", 1);
  EXPECT_EQ(records.front().header("sluice-delay-ms"), "60000");
}

TEST_F(ScheduleBrokerTest, WhatCannotBeIsRefusedByNameAndStoresNothing) {
  const std::int64_t year_3000 = 32'503'680'000'000;
  const std::vector<std::pair<TextHeaders, std::string>> cases{
      {{{"sluice-delay-ms", "-5"}}, "DELIVERY_TIME_NEGATIVE"},
      {{{"sluice-deliver-at", "-1"}}, "DELIVERY_TIME_NEGATIVE"},
      {{{"sluice-delay-ms", "soon"}}, "DELIVERY_TIME_NOT_A_NUMBER"},
      {{{"sluice-delay-ms", "1.5"}}, "DELIVERY_TIME_NOT_A_NUMBER"},
      {{{"sluice-delay-ms", "+5"}}, "DELIVERY_TIME_NOT_A_NUMBER"},
      {{{"sluice-delay-ms", ""}}, "DELIVERY_TIME_NOT_A_NUMBER"},
      {{{"sluice-delay-ms", " 5"}}, "DELIVERY_TIME_NOT_A_NUMBER"},
      {{{"sluice-deliver-at", std::string("\0\0\0\0\0\0\0\5", 8)}}, "DELIVERY_TIME_NOT_A_NUMBER"},
      {{{"sluice-deliver-at", "5"}, {"sluice-delay-ms", "5"}}, "DELIVERY_TIME_TWICE"},
      {{{"sluice-delay-ms", "5"}, {"sluice-delay-ms", "5"}}, "DELIVERY_TIME_TWICE"},
      {{{"sluice-deliver-at", std::to_string(year_3000)}}, "DELIVERY_TIME_TOO_FAR"},
      {{{"sluice-delay-ms", "99999999999999999999999"}}, "DELIVERY_TIME_TOO_FAR"},
      {{{"sluice-delay-ms", "9223372036854775807"}}, "DELIVERY_TIME_TOO_FAR"},
  };
  for (const auto& [headers, name] : cases) {
    const Produced refused = produce("orders", {{"good", {}}, {"bad", headers}});
    EXPECT_EQ(refused.error, ErrorCode::invalid_record) << name;
    ASSERT_EQ(refused.faults.size(), 1u) << name;
    EXPECT_TRUE(refused.faults.front().starts_with("1 " + name + ":")) << refused.faults.front();
  }
  EXPECT_EQ(produce("orders", {{"first", {}}}).base_offset, 0);
}

TEST_F(ScheduleBrokerTest, CompactionAndSchedulesDoNotGoTogether) {
  EXPECT_EQ(
      create_topic("both", {{"sluice.schedule.enable", "true"}, {"cleanup.policy", "compact"}}),
      ErrorCode::invalid_config);
  EXPECT_EQ(configure(2, "orders", "cleanup.policy", "compact"), ErrorCode::invalid_config);
}

TEST_F(ScheduleBrokerTest, AnIdempotentRetryIsAnsweredAndStoresNothing) {
  protocol::BatchOptions options;
  options.producer_id = 4711;
  options.producer_epoch = 0;
  options.base_sequence = 0;
  const auto batch = batch_of({{"now", {}}, delayed("later", 100)}, options);
  const Produced first = produce_batch("orders", batch);
  EXPECT_EQ(first.error, ErrorCode::none);
  const Produced again = produce_batch("orders", batch);
  EXPECT_EQ(again.error, ErrorCode::none);
  EXPECT_EQ(again.base_offset, first.base_offset);
  options.base_sequence = 2;  // the one that waits counts
  EXPECT_EQ(produce("orders", {{"next", {}}}, options).error, ErrorCode::none);
  EXPECT_EQ(values_of(read_within("orders", std::chrono::milliseconds(600))),
            (Values{"now", "next", "later"}));
}

TEST_F(ScheduleBrokerTest, WhatWaitsSurvivesARestartWithAnotherNumberOfShards) {
  EXPECT_EQ(produce("orders", {delayed("later", 700), delayed("soon", 0)}).error, ErrorCode::none);
  EXPECT_EQ(values_of(read("orders", 1)), (Values{"soon"}));
  start(1);
  EXPECT_EQ(values_of(read("orders", 2)), (Values{"soon", "later"}));
  start(3);  // nothing comes twice
  EXPECT_EQ(values_of(read_within("orders", std::chrono::milliseconds(300))),
            (Values{"soon", "later"}));
}

TEST_F(ScheduleBrokerTest, TheClockThatIsSetForwardMakesThemDue) {
  EXPECT_EQ(produce("orders", {delayed("hour", 3'600'000)}).error, ErrorCode::none);
  EXPECT_TRUE(read_within("orders", std::chrono::milliseconds(100)).empty());
  clock_.step(3'600'000);
  EXPECT_EQ(values_of(read("orders", 1)), (Values{"hour"}));
}

TEST_F(ScheduleBrokerTest, TheClockThatIsSetBackMakesNothingEarlyAndHoldsUpNothing) {
  EXPECT_EQ(produce("orders", {delayed("old", 400)}).error, ErrorCode::none);
  clock_.step(-3'600'000);
  EXPECT_EQ(produce("orders", {delayed("new", 300)}).error, ErrorCode::none);
  EXPECT_EQ(values_of(read_within("orders", std::chrono::milliseconds(1200))), (Values{"new"}));
  clock_.step(3'600'000);
  EXPECT_EQ(values_of(read("orders", 2)), (Values{"new", "old"}));
}

TEST_F(ScheduleBrokerTest, ATopicThatIsDeletedTakesItsSchedulesWithIt) {
  EXPECT_EQ(produce("orders", {delayed("gone", 200)}).error, ErrorCode::none);
  EXPECT_EQ(delete_topic("orders"), ErrorCode::none);
  create_topic("orders", {{"sluice.schedule.enable", "true"}});
  EXPECT_EQ(produce("orders", {delayed("mine", 400)}).error, ErrorCode::none);
  EXPECT_EQ(values_of(read("orders", 1)), (Values{"mine"}));
}

TEST_F(ScheduleBrokerTest, WhatItsTopicDoesNotTakeIsKeptAndTriedAgain) {
  EXPECT_EQ(produce("orders", {delayed("kept", 100)}).error, ErrorCode::none);
  EXPECT_EQ(configure(2, "orders", "sluice.schedule.enable", "false"), ErrorCode::none);
  EXPECT_EQ(configure(2, "orders", "cleanup.policy", "compact"), ErrorCode::none);
  EXPECT_TRUE(read_within("orders", std::chrono::milliseconds(500)).empty());
  EXPECT_EQ(configure(2, "orders", "cleanup.policy", "delete"), ErrorCode::none);
  EXPECT_EQ(values_of(read("orders", 1)), (Values{"kept"}));
}

// A time to try again is by the clock as it was: everything is loaded once more.
TEST_F(ScheduleBrokerTest, TheClockThatIsSetBackHoldsUpNothingThatWasPostponed) {
  constexpr std::int64_t hour_ms = 3'600'000;
  clock_.step(hour_ms);
  EXPECT_EQ(produce("orders", {delayed("refused", 100)}).error, ErrorCode::none);
  EXPECT_EQ(configure(2, "orders", "sluice.schedule.enable", "false"), ErrorCode::none);
  EXPECT_EQ(configure(2, "orders", "cleanup.policy", "compact"), ErrorCode::none);
  EXPECT_TRUE(read_within("orders", std::chrono::milliseconds(200)).empty());
  // The partition is left alone for a second now, in which this one becomes due.
  EXPECT_EQ(configure(2, "orders", "cleanup.policy", "delete"), ErrorCode::none);
  EXPECT_EQ(configure(2, "orders", "sluice.schedule.enable", "true"), ErrorCode::none);
  const std::string due = std::to_string(now_ms() - hour_ms + 300);
  const SentRecord sent{"right", {{"sluice-deliver-at", due}}};
  EXPECT_EQ(produce("orders", {sent}).error, ErrorCode::none);
  EXPECT_TRUE(read_within("orders", std::chrono::milliseconds(100)).empty());
  clock_.step(-hour_ms);
  EXPECT_EQ(values_of(read("orders", 1)), (Values{"right"}));
}

// A record that waited longer than its topic keeps records is not deleted as it comes.
TEST_F(ScheduleBrokerTest, RetentionCountsFromTheDelivery) {
  EXPECT_EQ(produce("orders", {delayed("later", 3'600'000)}).error, ErrorCode::none);
  clock_.step(3'600'000);
  const auto records = read("orders", 1);
  EXPECT_LT(records.at(0).timestamp_ms, now_ms() - 3'500'000);
  const auto batch = protocol::parse_batch_header(fetch("orders", 1, 1 << 20));
  ASSERT_TRUE(batch);
  EXPECT_GE(batch->max_timestamp, std::stoll(records[0].header("sluice-scheduled-for")));
  protocol::ListOffsetsRequest request;
  auto& part = request.topics.emplace_back().partitions.emplace_back();
  request.topics.front().name = "orders";
  part.timestamp = -3;  // of the newest record
  const auto response = client_->call<protocol::ListOffsetsResponse>(request, 7);
  const auto& row = response->topics.front().partitions.front();
  EXPECT_EQ(row.offset, 1);
  EXPECT_EQ(row.timestamp, records[0].timestamp_ms);
}

TEST_F(ScheduleBrokerTest, ALogAppendTimeTopicStampsWhenItIsDue) {
  create_topic("stamped",
               {{"sluice.schedule.enable", "true"}, {"message.timestamp.type", "LogAppendTime"}});
  EXPECT_EQ(produce("stamped", {delayed("later", 200)}).error, ErrorCode::none);
  const auto records = read("stamped", 1);
  EXPECT_GE(records.front().timestamp_ms,
            std::stoll(records.front().header("sluice-scheduled-for")));
}

// kafkajs goes to the end of the partition when an answer has no record, kafka-python 2.0 fails.
TEST_F(ScheduleBrokerTest, AnAnswerBeginsWithARecordIfThereIsOne) {
  const auto first_batch = [](const std::vector<std::byte>& bytes) {
    return protocol::parse_batch_header(bytes);
  };
  for (int i = 0; i < 5; ++i) produce("orders", {delayed("far", 3'600'000)});
  EXPECT_TRUE(fetch("orders", 0, 1 << 20, 4).empty());
  const auto at_end = first_batch(fetch("orders", 0, 1 << 20));
  ASSERT_TRUE(at_end);  // so that a consumer gets to the end
  EXPECT_EQ(at_end->record_count, 0);
  produce("orders", {{"now", {}}});
  produce("orders", {delayed("far", 3'600'000)});
  for (const std::int16_t version : std::to_array<std::int16_t>({4, 11}))
    for (const Offset from : {0, 3, 5}) {
      const auto batch = first_batch(fetch("orders", from, 1, version));
      ASSERT_TRUE(batch);
      EXPECT_EQ(batch->base_offset, 5);
      EXPECT_EQ(batch->record_count, 1);
    }
}

// ---- Listing and cancelling ----

class ScheduleListTest : public ScheduleBrokerTest {
 protected:
  using List = protocol::ListSchedulesResponse;
  using Cancel = protocol::CancelSchedulesResponse;

  List list(std::optional<std::string_view> topic, std::optional<std::string_view> key = {},
            std::int32_t limit = 100, std::optional<std::string_view> cursor = {}) {
    protocol::ListSchedulesRequest request;
    request.topic_name = topic;
    if (key) request.key = as_bytes(*key);
    request.limit = limit;
    request.cursor = cursor;
    return *client_->call<List>(request, 0);
  }
  Cancel cancel(std::vector<std::string_view> ids, std::optional<std::string_view> topic = {},
                std::optional<std::string_view> key = {}) {
    protocol::CancelSchedulesRequest request;
    request.ids = std::move(ids);
    request.topic_name = topic;
    if (key) request.key = as_bytes(*key);
    return *client_->call<Cancel>(request, 0);
  }
  void schedule(const std::string& topic, std::string value, std::string key, std::int64_t ms) {
    SentRecord sent = delayed(std::move(value), ms);
    sent.key = std::move(key);
    EXPECT_EQ(produce(topic, {sent}).error, ErrorCode::none);
  }
};

TEST_F(ScheduleListTest, WhatWaitsIsListedInPages) {
  create_topic("others", {{"sluice.schedule.enable", "true"}}, 3);
  for (int i = 0; i < 5; ++i) schedule("orders", "value", "k" + std::to_string(i), 60'000);
  for (int i = 0; i < 2; ++i) schedule("others", "v", "k0", 60'000);
  EXPECT_EQ(list(std::nullopt).schedules.size(), 7u);
  EXPECT_EQ(list("orders").pending, 7);
  EXPECT_EQ(list("others", "k0").schedules.size(), 2u);
  const List one = list("orders", "k3");
  ASSERT_EQ(one.schedules.size(), 1u);
  EXPECT_EQ(one.schedules.front().topic_name, "orders");
  EXPECT_EQ(one.schedules.front().value_size, 5);
  EXPECT_GT(one.schedules.front().deliver_at_ms, now_ms() + 50'000);
  std::optional<std::string> cursor;
  std::size_t seen = 0;
  for (int pages = 0; pages < 10; ++pages) {
    const List page = list(std::nullopt, {}, 3, cursor);
    seen += page.schedules.size();
    EXPECT_LE(page.schedules.size(), 3u);
    if (!page.next_cursor) break;
    cursor = std::string(*page.next_cursor);
  }
  EXPECT_EQ(seen, 7u);
}

TEST_F(ScheduleListTest, WhatIsCancelledDoesNotComeAlsoAfterARestart) {
  schedule("orders", "by id", "a", 800);
  schedule("orders", "by key", "b", 800);
  schedule("orders", "by key", "b", 800);
  schedule("orders", "stays", "c", 800);
  const List listed = list("orders", "a");
  const std::string id(listed.schedules.at(0).id);
  EXPECT_EQ(cancel({id}).cancelled, 1);
  EXPECT_EQ(cancel({id}).cancelled, 0);
  EXPECT_EQ(cancel({}, "orders", "b").cancelled, 2);
  EXPECT_EQ(list("orders").schedules.size(), 1u);
  start();
  EXPECT_EQ(values_of(read("orders", 1)), (Values{"stays"}));
  EXPECT_EQ(values_of(read_within("orders", std::chrono::milliseconds(300))), (Values{"stays"}));
}

// One that waits long among very many that do not keep the log: it is stored once more.
TEST_F(ScheduleListTest, OneThatWaitsLongKeepsItsIdAndNotTheLog) {
  schedule("orders", "stays", "far", 3'600'000);
  const std::string id(list("orders").schedules.at(0).id);
  const std::vector<SentRecord> many(5000, SentRecord{"x", {{"sluice-delay-ms", "0"}}});
  for (int i = 0; i < 24; ++i) ASSERT_EQ(produce("orders", many).error, ErrorCode::none);
  ASSERT_EQ(read("orders", 120'000).size(), 120'000u);
  const TimePoint until = clock_.now() + std::chrono::seconds(10);
  const auto store = static_cast<PartitionIndex>(std::stoi(id));
  while (log_start("__sluice_schedules", store) < 1000 && clock_.now() < until) {
    produce("orders", many);  // what is appended makes it look
    read("orders", 5000, 120'000);
  }
  EXPECT_GE(log_start("__sluice_schedules", store), 1000);
  start();
  const List listed = list("orders");
  ASSERT_EQ(listed.schedules.size(), 1u);
  EXPECT_EQ(listed.schedules.front().id, id);
  EXPECT_EQ(listed.schedules.front().value_size, 5);
  EXPECT_EQ(cancel({id}).cancelled, 1);
  EXPECT_EQ(list("orders").pending, 0);
}

TEST_F(ScheduleListTest, QuestionsThatMakeNoSenseAreRefused) {
  EXPECT_EQ(list("missing").error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(list(std::nullopt, "key").error_code, ErrorCode::invalid_request);
  EXPECT_EQ(list("orders", {}, 0).error_code, ErrorCode::invalid_request);
  EXPECT_EQ(list("orders", {}, 10, "cursor").error_code, ErrorCode::invalid_request);
  EXPECT_EQ(cancel({}).error_code, ErrorCode::invalid_request);
  EXPECT_EQ(cancel({"1-1"}, "orders").error_code, ErrorCode::invalid_request);
  EXPECT_EQ(cancel({"one"}).error_code, ErrorCode::invalid_request);
  EXPECT_EQ(cancel({"999-1", "0-99"}).cancelled, 0);
}

}  // namespace
}  // namespace sluice::broker
