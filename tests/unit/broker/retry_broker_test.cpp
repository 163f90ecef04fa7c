// Retry topics by a whole broker: a client that can produce requeues, the broker does the rest.
#include "broker/queue/retry_topic.hpp"
#include "tests/unit/broker/queue_fixture.hpp"

namespace sluice::broker {
namespace {

using Values = std::vector<std::string>;
constexpr std::int8_t group_resource = 32;
const std::map<std::string, std::string> takes_dead_letters{
    {"errors.deadletterqueue.group.enable", "true"}};

class RetryBrokerTest : public QueueTest {
 protected:
  RetryBrokerTest() {
    create_topic("orders", {{"sluice.retry.enable", "true"}, {"retention.ms", "1234567"}}, 3);
    set("sluice.retry.backoff.ms", "200");
    set("sluice.retry.backoff.jitter", "0");
  }
  void set(const std::string& key, const std::string& value) {
    EXPECT_EQ(configure(group_resource, "billing", key, value), ErrorCode::none);
  }
  const protocol::MetadataResponse::Topic& metadata(const std::string& name, bool creating = true) {
    protocol::MetadataRequest request;
    request.topics.emplace();
    request.topics->emplace_back().name = name;
    request.allow_auto_topic_creation = creating;
    metadata_ = *client_->call<protocol::MetadataResponse>(request, 9);
    return metadata_.topics.front();
  }
  // As a consumer that failed: what it read, with its headers, to the retry topic.
  void requeue(const ReadRecord& record) {
    const SentRecord sent{record.value, record.headers, record.key};
    EXPECT_EQ(produce("orders.billing.retry", {sent}).error, ErrorCode::none);
  }

 private:
  protocol::MetadataResponse metadata_;
};

TEST_F(RetryBrokerTest, ARetryTopicIsMadeForAClientThatAsks) {
  const auto& topic = metadata("orders.billing.retry", false);  // librdkafka's consumers say so
  EXPECT_EQ(topic.error_code, ErrorCode::none);
  EXPECT_EQ(topic.partitions.size(), 3u);
  create_topic("plain", {});
  EXPECT_EQ(metadata("plain.billing.retry").partitions.size(), 1u);  // any topic, made by its name
  EXPECT_EQ(produce("plain.billing.retry", {{"now", {}}}).error, ErrorCode::none);
  EXPECT_EQ(read("plain.billing.retry", 1).front().headers.size(), 0u);
}

TEST_F(RetryBrokerTest, AProducerThatAsksNobodyFindsItToo) {
  EXPECT_EQ(produce("orders.billing.retry", {{"again", {}}}).error, ErrorCode::none);
  EXPECT_EQ(values_of(read("orders.billing.retry", 1)), (Values{"again"}));
}

TEST_F(RetryBrokerTest, ARecordComesBackAfterTheBackoffAndIsCounted) {
  const std::int64_t begin = now_ms();
  const SentRecord failed{"broken", {{"trace", "abc"}, {"trace", "def"}}, "key"};
  EXPECT_EQ(produce("orders.billing.retry", {failed}).error, ErrorCode::none);
  const auto first = read("orders.billing.retry", 1);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_GE(first[0].seen_ms, begin + 200);
  EXPECT_EQ(first[0].key, "key");
  EXPECT_TRUE(first[0].header("sluice-retry-attempt").starts_with("1:"));
  requeue(first[0]);
  const std::int64_t again = now_ms();
  const auto second = read("orders.billing.retry", 1, first[0].offset + 1);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_GE(second[0].seen_ms, again + 390);  // twice as long
  EXPECT_TRUE(second[0].header("sluice-retry-attempt").starts_with("2:"));
  // What the broker adds is there once, what the client gave is all there.
  TextHeaders kept = second[0].headers;
  ASSERT_EQ(kept.size(), 5u);
  kept.resize(2);
  EXPECT_EQ(kept, failed.headers);
}

TEST_F(RetryBrokerTest, AnAttemptThatTheClientMadeUpCountsAsTheFirst) {
  const SentRecord forged{"x", {{"sluice-retry-attempt", "4:0:0:1:0123456789abcdef"}}};
  EXPECT_EQ(produce("orders.billing.retry", {forged}).error, ErrorCode::none);
  const auto records = read("orders.billing.retry", 1);
  EXPECT_TRUE(records.front().header("sluice-retry-attempt").starts_with("1:"));
}

TEST_F(RetryBrokerTest, AfterTheLastAttemptItIsADeadLetterWithEverything) {
  create_topic("dlq.billing", takes_dead_letters);
  set("errors.deadletterqueue.topic.name", "dlq.billing");
  set("sluice.retry.attempts.max", "2");
  set("sluice.retry.backoff.ms", "20");
  const SentRecord failed{"broken", {{"trace", "abc"}}, "key"};
  const std::int64_t begin = now_ms();
  produce("orders.billing.retry", {failed});
  const auto first = read("orders.billing.retry", 1);
  requeue(first.at(0));
  const auto second = read("orders.billing.retry", 1, first[0].offset + 1);
  requeue(second.at(0));
  const auto letters = read("dlq.billing", 1);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].value, "broken");
  EXPECT_EQ(letters[0].key, "key");
  EXPECT_EQ(letters[0].headers.front(), (std::pair<std::string, std::string>{"trace", "abc"}));
  EXPECT_EQ(letters[0].header("__dlq.errors.topic"), "orders");
  EXPECT_EQ(letters[0].header("__dlq.errors.partition"), "0");
  EXPECT_EQ(letters[0].header("__dlq.errors.offset"), "0");
  EXPECT_EQ(letters[0].header("__dlq.errors.group"), "billing");
  EXPECT_EQ(letters[0].header("__dlq.errors.delivery.count"), "3");
  EXPECT_EQ(letters[0].header("__dlq.errors.reason"), "retry-limit");
  EXPECT_GE(std::stoll(letters[0].header("__dlq.errors.first.failure.ms")), begin);
  EXPECT_GE(std::stoll(letters[0].header("__dlq.errors.last.failure.ms")), begin + 40);
  EXPECT_TRUE(
      read("orders.billing.retry", 1, second[0].offset + 1, 0, std::chrono::milliseconds(300))
          .empty());
}

TEST_F(RetryBrokerTest, WithoutADeadLetterTopicItComesBackWithoutEnd) {
  set("sluice.retry.attempts.max", "1");
  set("sluice.retry.backoff.ms", "10");
  produce("orders.billing.retry", {{"broken", {}}});
  Offset from = 0;
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const auto records = read("orders.billing.retry", 1, from);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_TRUE(records[0].header("sluice-retry-attempt").starts_with(std::to_string(attempt)));
    from = records[0].offset + 1;
    requeue(records[0]);
  }
}

TEST_F(RetryBrokerTest, ARecordThatCannotBecomeADeadLetterStaysWithTheClient) {
  create_topic("dlq.missing", takes_dead_letters);
  set("errors.deadletterqueue.topic.name", "dlq.missing");
  set("sluice.retry.attempts.max", "1");
  set("sluice.retry.backoff.ms", "10");
  produce("orders.billing.retry", {{"broken", {}}});
  const auto records = read("orders.billing.retry", 1);
  const SentRecord again{records.at(0).value, records[0].headers};
  delete_topic("dlq.missing");
  EXPECT_EQ(produce("orders.billing.retry", {again}).error, ErrorCode::kafka_storage_error);
  create_topic("dlq.missing", takes_dead_letters);
  EXPECT_EQ(produce("orders.billing.retry", {again}).error, ErrorCode::none);
  EXPECT_EQ(read("dlq.missing", 1).size(), 1u);
}

// Their copies are larger than a batch may be.
TEST_F(RetryBrokerTest, ManyLastAttemptsInOneBatchBecomeDeadLetters) {
  create_topic("dlq.billing",
               {{"errors.deadletterqueue.group.enable", "true"}, {"max.message.bytes", "4000"}});
  set("errors.deadletterqueue.topic.name", "dlq.billing");
  set("sluice.retry.attempts.max", "1");
  set("sluice.retry.backoff.ms", "10");
  std::vector<SentRecord> first(10, SentRecord{std::string(900, 'x'), {}});
  produce("orders.billing.retry", first);
  std::vector<SentRecord> again;
  for (const auto& record : read("orders.billing.retry", first.size()))
    again.push_back({record.value, record.headers});
  EXPECT_EQ(produce("orders.billing.retry", again).error, ErrorCode::none);
  EXPECT_EQ(read("dlq.billing", first.size()).size(), first.size());
}

TEST_F(RetryBrokerTest, ARetryTopicIsNoDeadLetterTopic) {
  metadata("orders.billing.retry");
  EXPECT_EQ(configure(group_resource, "billing", "errors.deadletterqueue.topic.name",
                      "orders.billing.retry"),
            ErrorCode::invalid_config);
}

TEST_F(RetryBrokerTest, AttemptsAreKnownAfterARestart) {
  produce("orders.billing.retry", {{"broken", {}}});
  const auto first = read("orders.billing.retry", 1);
  start();
  requeue(first.at(0));
  const auto second = read("orders.billing.retry", 1, first[0].offset + 1);
  EXPECT_TRUE(second.at(0).header("sluice-retry-attempt").starts_with("2:"));
}

}  // namespace
}  // namespace sluice::broker
