// Dead letters, delays and the queue's own APIs with a whole broker, over real sockets and a real
// directory.
#include "protocol/record.hpp"
#include "tests/unit/broker/share_broker_fixture.hpp"

#include <map>
#include <thread>

namespace sluice::broker {
namespace {

using protocol::RecordHeader;
using Texts = std::vector<std::pair<std::string, std::string>>;
using ConfigPairs = std::vector<std::pair<std::string_view, std::string_view>>;

struct Copy {
  std::string key;
  std::string value;
  std::int64_t timestamp = 0;
  Texts headers;

  // The last of that name, as readers take it.
  std::string header(std::string_view name) const {
    std::string found = "-";
    for (const auto& [key_of, text] : headers)
      if (key_of == name) found = text;
    return found;
  }
};

constexpr std::string_view dlq = "dlq.orders";

class DeadLetterTest : public ShareBrokerFixture {
 protected:
  ErrorCode create(std::string_view name, const ConfigPairs& configs, int partitions = 1) {
    protocol::CreateTopicsRequest request;
    request.timeout_ms = 10'000;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = 1;
    for (const auto& [key, value] : configs) topic.configs.push_back({key, value});
    const auto response = client_->call<protocol::CreateTopicsResponse>(request, 7);
    said_ = response->topics.front().error_message.value_or("");
    return response->topics.front().error_code;
  }
  void create_dlq(ConfigPairs more = {}) {
    more.emplace_back("errors.deadletterqueue.group.enable", "true");
    ASSERT_EQ(create(dlq, more), ErrorCode::none) << said_;
  }
  void delete_topic(std::string_view name) {
    protocol::DeleteTopicsRequest request;
    request.timeout_ms = 10'000;
    request.topics.push_back({std::string_view(name), {}});
    const auto response = client_->call<protocol::DeleteTopicsResponse>(request, 6);
    ASSERT_EQ(response->responses.front().error_code, ErrorCode::none);
  }
  // A group that begins at the start of "orders" and has a dead-letter topic.
  void begin_with_dlq(int records) {
    create_dlq();
    begin(records);
    configure("errors.deadletterqueue.topic.name", dlq);
  }
  ErrorCode acknowledge_with(Offset first, Offset last, std::int8_t type, std::int64_t delay_ms,
                             std::string_view reason) {
    protocol::ShareAcknowledgeRequest request;
    request.group_id = "group";
    request.member_id = "member";
    request.share_session_epoch = epoch_++;
    request.topics.push_back({topic_, {{0, {{first, last, {type}, delay_ms, reason}}}}});
    const auto response = client_->call<protocol::ShareAcknowledgeResponse>(request, 2);
    return response->responses.front().partitions.front().error_code;
  }

  std::vector<Copy> read(std::string_view topic, PartitionIndex partition = 0) {
    protocol::FetchRequest request;
    request.max_wait_ms = 0;
    request.min_bytes = 0;
    request.max_bytes = 8 << 20;
    auto& wanted = request.topics.emplace_back();
    wanted.topic = topic;
    auto& one = wanted.partitions.emplace_back();
    one.partition = partition;
    one.partition_max_bytes = 8 << 20;
    const auto response = client_->call<protocol::FetchResponse>(request, 12);
    std::vector<Copy> copies;
    for (const auto& answer : response->responses)
      for (const auto& row : answer.partitions)
        if (row.records) add_copies(row.records->bytes, copies);
    return copies;
  }
  static void add_copies(Bytes bytes, std::vector<Copy>& copies) {
    protocol::BatchIterator batches{bytes};
    while (const auto batch = batches.next()) {
      protocol::RecordIterator records{*batch};
      while (const auto record = records.next()) {
        Copy& copy = copies.emplace_back();
        if (record->key) copy.key = as_text(*record->key);
        if (record->value) copy.value = as_text(*record->value);
        copy.timestamp = protocol::timestamp_of(*record, batch->header);
        for (const RecordHeader& header : record->headers)
          copy.headers.emplace_back(header.key, header.value ? as_text(*header.value) : "null");
      }
    }
  }
  // Until so many are there, or ten seconds are over.
  std::vector<Copy> await_copies(std::size_t count, std::string_view topic = dlq,
                                 PartitionIndex partition = 0) {
    std::vector<Copy> copies = read(topic, partition);
    const TimePoint until = clock_.now() + std::chrono::seconds(10);
    while (copies.size() < count && clock_.now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      copies = read(topic, partition);
    }
    return copies;
  }
  void await_start(Offset start) {
    const TimePoint until = clock_.now() + std::chrono::seconds(10);
    while (start_and_lag().first != start && clock_.now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(start_and_lag().first, start);
  }
  protocol::DescribeQueueResponse::Partition describe(std::int32_t max_ranges = 100) {
    protocol::DescribeQueueRequest request;
    request.group_id = "group";
    request.max_ranges = max_ranges;
    auto response = client_->call<protocol::DescribeQueueResponse>(request, 0);
    const TimePoint until = clock_.now() + std::chrono::seconds(10);
    while (response->error_code == ErrorCode::coordinator_load_in_progress && clock_.now() < until)
      response = client_->call<protocol::DescribeQueueResponse>(request, 0);
    EXPECT_EQ(response->error_code, ErrorCode::none);
    if (response->topics.empty()) return {};
    EXPECT_EQ(response->topics.front().name, "orders");
    return response->topics.front().partitions.front();
  }
  void await_dead_lettering(std::int64_t records) {
    const TimePoint until = clock_.now() + std::chrono::seconds(10);
    while (describe().dead_lettering != records && clock_.now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(describe().dead_lettering, records);
  }
  protocol::AlterQueueResponse::Partition change(Offset first, Offset last, std::int8_t action,
                                                 std::string_view reason = "") {
    protocol::AlterQueueRequest request;
    request.group_id = "group";
    request.topics.push_back({"orders", {{0, {{first, last, action, reason}}}}});
    return client_->call<protocol::AlterQueueResponse>(request, 0)
        ->topics.front()
        .partitions.front();
  }
  std::string said_;
};

TEST_F(DeadLetterTest, ARejectedRecordIsCopiedWholeAndThenFinished) {
  create_dlq();
  begin(1);
  configure("errors.deadletterqueue.topic.name", dlq);
  const RecordHeader headers[] = {
      {"trace", as_bytes("a")}, {"null", std::nullopt}, {"trace", as_bytes("b")}};
  NewRecord record;
  record.timestamp = clock_.wall_ms() - 5000;
  record.key = as_bytes("alice");
  record.value = as_bytes("{}");
  record.headers = headers;
  produce_batch({record}, protocol::Compression::none);
  const std::int64_t before_ms = clock_.wall_ms();
  EXPECT_EQ(fetch(), (Gots{{0, 1, 1}}));
  EXPECT_EQ(acknowledge(0, 0, {1}), ErrorCode::none);
  EXPECT_EQ(acknowledge_with(1, 1, 3, -1, "no such customer"), ErrorCode::none);
  const auto copies = await_copies(1);
  ASSERT_EQ(copies.size(), 1u);
  EXPECT_EQ(copies[0].key, "alice");
  EXPECT_EQ(copies[0].value, "{}");
  EXPECT_EQ(copies[0].timestamp, record.timestamp);
  const std::string failed = copies[0].header("__dlq.errors.first.failure.ms");
  EXPECT_GE(std::atoll(failed.c_str()), before_ms);
  EXPECT_EQ(copies[0].headers, (Texts{{"trace", "a"},
                                      {"null", "null"},
                                      {"trace", "b"},
                                      {"__dlq.errors.topic", "orders"},
                                      {"__dlq.errors.partition", "0"},
                                      {"__dlq.errors.offset", "1"},
                                      {"__dlq.errors.group", "group"},
                                      {"__dlq.errors.delivery.count", "1"},
                                      {"__dlq.errors.message", "no such customer"},
                                      {"__dlq.errors.reason", "rejected"},
                                      {"__dlq.errors.first.failure.ms", failed},
                                      {"__dlq.errors.last.failure.ms", failed}}));
  await_start(2);
  start();
  await_start(2);
  EXPECT_EQ(read(dlq).size(), 1u);
}

TEST_F(DeadLetterTest, TheLastDeliveryLeadsThereWithTheTimesOfItsFailures) {
  begin_with_dlq(2);
  configure("share.delivery.count.limit", "2");
  EXPECT_EQ(fetch(), (Gots{{0, 1, 1}}));
  EXPECT_EQ(acknowledge(0, 1, {2, 1}), ErrorCode::none);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(fetch(), (Gots{{0, 0, 2}}));
  EXPECT_EQ(acknowledge_with(0, 0, 2, -1, "db is down"), ErrorCode::none);
  const auto copies = await_copies(1);
  ASSERT_EQ(copies.size(), 1u);
  EXPECT_EQ(copies[0].header("__dlq.errors.reason"), "delivery-limit");
  EXPECT_EQ(copies[0].header("__dlq.errors.message"), "db is down");
  EXPECT_EQ(copies[0].header("__dlq.errors.delivery.count"), "2");
  const auto ms = [&](std::string_view name) { return std::stoll(copies[0].header(name)); };
  EXPECT_GE(ms("__dlq.errors.last.failure.ms") - ms("__dlq.errors.first.failure.ms"), 19);
  await_start(2);
}

TEST_F(DeadLetterTest, WithoutItsTopicARecordStaysAcrossARestartAndGoesOnByItself) {
  begin_with_dlq(3);
  delete_topic(dlq);
  EXPECT_EQ(fetch(), (Gots{{0, 2, 1}}));
  EXPECT_EQ(acknowledge(0, 2, {3, 1, 3}), ErrorCode::none);
  await_dead_lettering(2);
  EXPECT_EQ(fetch(0), Gots{});  // given up is not offered
  EXPECT_EQ(start_and_lag().first, 0);
  start();
  await_dead_lettering(2);
  const auto ranges = describe().ranges;
  ASSERT_EQ(ranges.size(), 3u);
  EXPECT_EQ(ranges[0].state, "dead-lettering");
  EXPECT_EQ(ranges[0].reason, "rejected");
  EXPECT_GT(ranges[0].first_failure_ms, 0);
  EXPECT_EQ(ranges[1].state, "finished");
  create_dlq();  // nobody fetches
  const auto copies = await_copies(2);
  ASSERT_EQ(copies.size(), 2u);
  EXPECT_EQ(copies[0].header("__dlq.errors.offset"), "0");
  EXPECT_EQ(copies[1].header("__dlq.errors.offset"), "2");
  await_start(3);
}

TEST_F(DeadLetterTest, WhatWasNotCopiedBeforeAStopIsCopiedAfterTheStartWithoutAConsumer) {
  begin_with_dlq(1);
  ASSERT_EQ(alter(2, dlq, "max.message.bytes", "10").first, ErrorCode::none);  // too small
  EXPECT_EQ(fetch(), (Gots{{0, 0, 1}}));
  EXPECT_EQ(acknowledge(0, 0, {3}), ErrorCode::none);
  await_dead_lettering(1);
  EXPECT_TRUE(read(dlq).empty());
  ASSERT_EQ(alter(2, dlq, "max.message.bytes", "100000").first, ErrorCode::none);
  start();
  EXPECT_EQ(await_copies(1).size(), 1u);
  await_start(1);
}

TEST_F(DeadLetterTest, CompressedBatchesAndLogAppendTimeAreReadAsConsumersReadThem) {
  create_dlq();
  ASSERT_EQ(create("orders", {{"message.timestamp.type", "LogAppendTime"}}), ErrorCode::none);
  begin(1);
  configure("errors.deadletterqueue.topic.name", dlq);
  std::vector<std::string> values;
  for (int i = 0; i < 50; ++i) values.push_back("value-" + std::to_string(i));
  std::vector<NewRecord> records(values.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].timestamp = 1000;
    records[i].value = as_bytes(values[i]);
  }
  const std::int64_t before_ms = clock_.wall_ms();
  produce_batch(records, protocol::Compression::zstd);
  EXPECT_EQ(fetch(), (Gots{{0, 50, 1}}));
  std::vector<std::int8_t> types(51, 1);
  types[8] = types[30] = types[31] = 3;
  EXPECT_EQ(acknowledge(0, 50, types), ErrorCode::none);
  const auto copies = await_copies(3);
  ASSERT_EQ(copies.size(), 3u);
  EXPECT_EQ(copies[0].value, "value-7");
  EXPECT_EQ(copies[1].value, "value-29");
  EXPECT_EQ(copies[2].value, "value-30");
  EXPECT_GE(copies[0].timestamp, before_ms);  // when it was appended, not 1000
  await_start(51);
}

TEST_F(DeadLetterTest, WhatWasDeletedMeanwhileIsFinishedWithoutACopy) {
  begin_with_dlq(4);
  delete_topic(dlq);
  EXPECT_EQ(fetch(), (Gots{{0, 3, 1}}));
  EXPECT_EQ(acknowledge(0, 3, {3}), ErrorCode::none);
  await_dead_lettering(4);
  protocol::DeleteRecordsRequest remove;
  remove.timeout_ms = 10'000;
  remove.topics.push_back({"orders", {{0, 2}}});
  ASSERT_TRUE(client_->call<protocol::DeleteRecordsResponse>(remove, 2));
  create_dlq();
  const auto copies = await_copies(2);
  ASSERT_EQ(copies.size(), 2u);
  EXPECT_EQ(copies[0].header("__dlq.errors.offset"), "2");
  await_start(4);
}

TEST_F(DeadLetterTest, ATopicNamesOneForAllGroupsAndAGroupMayHaveNone) {
  create_dlq();
  ASSERT_EQ(create("orders", {{"sluice.deadletter.topic.name", dlq}}), ErrorCode::none) << said_;
  begin(2);
  EXPECT_EQ(fetch(), (Gots{{0, 1, 1}}));
  EXPECT_EQ(acknowledge(0, 0, {3}), ErrorCode::none);
  EXPECT_EQ(await_copies(1).size(), 1u);
  configure("errors.deadletterqueue.topic.name", "");
  EXPECT_EQ(acknowledge(1, 1, {3}), ErrorCode::none);
  EXPECT_EQ(start_and_lag().first, 2);  // archived at once
  EXPECT_EQ(read(dlq).size(), 1u);
}

TEST_F(DeadLetterTest, AMissingTopicIsCreatedWhereThatIsAllowed) {
  auto_create_dead_letter_topics_ = true;
  start();
  begin(1);
  configure("errors.deadletterqueue.topic.name", dlq);
  EXPECT_EQ(fetch(), (Gots{{0, 0, 1}}));
  EXPECT_EQ(acknowledge(0, 0, {3}), ErrorCode::none);
  await_start(1);
  EXPECT_EQ(read(dlq).size(), 1u);
}

TEST_F(DeadLetterTest, WhatCameOutOfTheDeadLetterTopicStaysUntilSomebodyDecides) {
  begin_with_dlq(1);
  const RecordHeader header{"__dlq.errors.topic", as_bytes(dlq)};
  NewRecord record;
  record.timestamp = clock_.wall_ms();
  record.headers = {&header, 1};
  produce_batch({record}, protocol::Compression::none);
  EXPECT_EQ(fetch(), (Gots{{0, 1, 1}}));
  EXPECT_EQ(acknowledge(0, 1, {3}), ErrorCode::none);
  EXPECT_EQ(await_copies(1).size(), 1u);  // of the other one
  await_dead_lettering(1);
  EXPECT_EQ(change(1, 1, 3).changed, 0);  // that is what it is at
  configure("errors.deadletterqueue.topic.name", "");
  await_dead_lettering(1);  // not archived because of that
  EXPECT_EQ(change(1, 1, 3).changed, 1);
  await_start(2);
  EXPECT_EQ(read(dlq).size(), 1u);
}

TEST_F(DeadLetterTest, EveryBadTopicHasAnErrorOfItsOwn) {
  create_dlq();
  ASSERT_EQ(create("dlq.closed", {}), ErrorCode::none);
  ASSERT_EQ(create("dlq.compacted", {{"errors.deadletterqueue.group.enable", "true"},
                                     {"cleanup.policy", "compact"}}),
            ErrorCode::none);
  begin(1);
  const auto group_fault = [&](std::string_view topic) {
    const auto [error, text] = alter(32, "group", "errors.deadletterqueue.topic.name", topic);
    return error == ErrorCode::invalid_config ? text : std::string{};
  };
  EXPECT_NE(group_fault("dlq.none").find("does not exist"), std::string::npos);
  EXPECT_NE(group_fault("dlq.closed").find("errors.deadletterqueue.group.enable"),
            std::string::npos);
  EXPECT_NE(group_fault("dlq.compacted").find("compacted"), std::string::npos);
  EXPECT_NE(group_fault("orders").find("must begin with 'dlq.'"), std::string::npos);
  EXPECT_NE(group_fault("__consumer_offsets").find("must not begin with '__'"), std::string::npos);
  EXPECT_NE(group_fault("dlq./").find("invalid"), std::string::npos);
  const auto topic_fault = [&](std::string_view source, std::string_view topic) {
    const auto [error, text] = alter(2, source, "sluice.deadletter.topic.name", topic);
    return error == ErrorCode::invalid_config ? text : std::string{};
  };
  EXPECT_NE(topic_fault(dlq, dlq).find("its own"), std::string::npos);
  ASSERT_EQ(create("dlq.second", {{"errors.deadletterqueue.group.enable", "true"},
                                  {"sluice.deadletter.topic.name", dlq}}),
            ErrorCode::none);
  EXPECT_NE(topic_fault(dlq, "dlq.second").find("come back"), std::string::npos);
  EXPECT_EQ(create("dlq.self", {{"sluice.deadletter.topic.name", "dlq.self"}}),
            ErrorCode::invalid_config);
  const auto copies = alter(32, "group", "errors.deadletterqueue.copy.record.enable", "false");
  EXPECT_EQ(copies.first, ErrorCode::invalid_config);
  EXPECT_NE(copies.second.find("whole record"), std::string::npos);
}

TEST_F(DeadLetterTest, AReleaseMayNameItsDelay) {
  begin(4);
  configure("sluice.retry.backoff.ms", "60000");
  EXPECT_EQ(fetch(), (Gots{{0, 3, 1}}));
  EXPECT_EQ(acknowledge_with(0, 0, 2, -2, ""), ErrorCode::invalid_request);
  EXPECT_EQ(acknowledge_with(0, 0, 2, 7 * 86'400'000LL + 1, ""), ErrorCode::invalid_request);
  const std::int64_t released_ms = clock_.wall_ms();
  EXPECT_EQ(acknowledge_with(0, 0, 2, 300, "later"), ErrorCode::none);
  EXPECT_EQ(acknowledge_with(1, 1, 2, 0, ""), ErrorCode::none);
  EXPECT_EQ(acknowledge_with(2, 2, 2, 7 * 86'400'000LL, ""), ErrorCode::none);
  EXPECT_EQ(acknowledge_with(3, 3, 2, -1, ""), ErrorCode::none);  // by the group's backoff
  EXPECT_EQ(fetch(0), (Gots{{1, 1, 2}}));
  EXPECT_EQ(fetch(20'000), (Gots{{0, 0, 2}}));
  EXPECT_GE(clock_.wall_ms() - released_ms, 299);
  const auto queue = describe();
  EXPECT_EQ(queue.waiting, 2);
  ASSERT_EQ(queue.ranges.size(), 4u);
  EXPECT_EQ(queue.ranges[0].state, "acquired");
  EXPECT_EQ(queue.ranges[0].member_id, "member");
  EXPECT_EQ(queue.ranges[0].reason, "released: later");
  EXPECT_EQ(queue.ranges[2].state, "waiting");
  EXPECT_GT(queue.ranges[2].until_ms, clock_.wall_ms() + 6 * 86'400'000LL);
  EXPECT_GT(queue.ranges[3].until_ms, clock_.wall_ms() + 30'000);
}

TEST_F(DeadLetterTest, AQueueIsSeenAndChangedByHandAlsoWhileNobodyUsesIt) {
  begin_with_dlq(6);
  configure("sluice.retry.backoff.ms", "3600000");
  EXPECT_EQ(fetch(), (Gots{{0, 5, 1}}));
  EXPECT_EQ(acknowledge(0, 1, {2}), ErrorCode::none);
  EXPECT_EQ(acknowledge(5, 5, {1}), ErrorCode::none);
  start();
  auto queue = describe(1);
  EXPECT_EQ(queue.start_offset, 0);
  EXPECT_EQ(queue.high_watermark, 6);
  EXPECT_EQ(queue.ranges.size(), 1u);
  EXPECT_TRUE(queue.more_ranges);
  EXPECT_EQ(change(0, 0, 2).changed, 1);  // it waits no longer
  EXPECT_EQ(change(1, 2, 3, "poison").changed, 2);
  EXPECT_EQ(change(5, 5, 3).changed, 0);  // finished
  EXPECT_EQ(change(0, 9, 4).error_code, ErrorCode::invalid_request);
  const auto copies = await_copies(2);
  ASSERT_EQ(copies.size(), 2u);
  EXPECT_EQ(copies[1].header("__dlq.errors.message"), "poison");
  EXPECT_EQ(copies[1].header("__dlq.errors.offset"), "2");
  EXPECT_EQ(fetch(), (Gots{{0, 0, 2}}));
  produce(2);
  EXPECT_EQ(change(7, 7, 3).changed, 1);  // never offered
  EXPECT_EQ(await_copies(3).back().header("__dlq.errors.message"), "Rejected by hand.");
  EXPECT_EQ(describe(0).error_code, ErrorCode::none);
  protocol::DescribeQueueRequest unknown;
  unknown.group_id = "nobody";
  EXPECT_EQ(client_->call<protocol::DescribeQueueResponse>(unknown, 0)->error_code,
            ErrorCode::group_id_not_found);
}

}  // namespace
}  // namespace sluice::broker
