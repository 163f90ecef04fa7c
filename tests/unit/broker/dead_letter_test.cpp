// The copy of a dead letter, and which topic it may go to.
#include "broker/queue/dead_letter.hpp"

#include "broker/options.hpp"
#include "broker/queue/dead_letter_topic.hpp"
#include "protocol/queue_headers.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

constexpr std::string_view enable = "errors.deadletterqueue.group.enable";

class DeadLetterTopicTest : public testing::Test {
 protected:
  void add(std::string name, ConfigMap overrides) {
    Topic topic{std::move(name), {}, 1, 0, std::move(overrides)};
    topic.id.octets[0] = static_cast<std::byte>(++topics_);
    ASSERT_TRUE(catalog_.apply(CreateTopic{std::move(topic)}));
  }
  std::string fault(std::string_view to, std::string_view source = "") {
    return dead_letter_fault(catalog_, options_, {to, source});
  }

  Catalog catalog_;
  Options options_;
  int topics_ = 0;
};

TEST_F(DeadLetterTopicTest, TheGroupsOwnSettingHoldsAlsoWhenItIsEmpty) {
  add("orders", {{"sluice.deadletter.topic.name", "dlq.topic"}});
  const Topic& orders = *catalog_.find("orders");
  EXPECT_EQ(dead_letter_topic_of(catalog_, "g", orders), "dlq.topic");
  const auto set = [&](std::string_view value) {
    const ReplaceConfigs change{
        ResourceType::group, "g", {{std::string(group_dead_letter_key), std::string(value)}}};
    ASSERT_TRUE(catalog_.apply(change));
  };
  set("dlq.group");
  EXPECT_EQ(dead_letter_topic_of(catalog_, "g", orders), "dlq.group");
  set("");
  EXPECT_EQ(dead_letter_topic_of(catalog_, "g", orders), "");
  EXPECT_EQ(dead_letter_topic_of(catalog_, "other", orders), "dlq.topic");
}

TEST_F(DeadLetterTopicTest, AMissingTopicIsNoFaultWhereItWouldBeMade) {
  EXPECT_NE(fault("dlq.a"), "");
  options_.dead_letter_auto_create_topics = true;
  EXPECT_EQ(fault("dlq.a"), "");
  EXPECT_NE(fault("a"), "");  // the prefix holds all the same
  options_.dead_letter_topic_prefix = "";
  EXPECT_EQ(fault("a"), "");
  EXPECT_NE(fault("__a"), "");
}

TEST_F(DeadLetterTopicTest, DeadLettersNeverComeBackToWhereTheyCameFrom) {
  add("dlq.a", {{std::string(enable), "true"}, {"sluice.deadletter.topic.name", "dlq.b"}});
  add("dlq.b", {{std::string(enable), "true"}, {"sluice.deadletter.topic.name", "orders"}});
  EXPECT_EQ(fault("dlq.a"), "");
  EXPECT_EQ(fault("dlq.a", "payments"), "");
  EXPECT_NE(fault("dlq.a", "orders"), "");
  EXPECT_NE(fault("dlq.a", "dlq.a"), "");
  EXPECT_NE(fault("dlq.a", "dlq.b"), "");
}

TEST_F(DeadLetterTopicTest, TheBrokersCleanupPolicyCounts) {
  add("dlq.a", {{std::string(enable), "true"}});
  EXPECT_EQ(fault("dlq.a"), "");
  options_.log_cleanup_policy = {"compact"};
  EXPECT_NE(fault("dlq.a"), "");
}

TEST(DeadLetterCopyTest, AddsItsHeadersBehindTheRecordsOwn) {
  const protocol::RecordHeader own[] = {{protocol::dead_letter_header::topic, as_bytes("before")}};
  protocol::NewRecord stored;
  stored.headers = own;
  std::vector<std::byte> area;
  protocol::put_record(stored, 0, 0, area);
  protocol::Record record;
  ASSERT_NE(protocol::parse_record(area, record), 0u);
  const DeadLetterInfo info{"orders", 3, 77, "group", 5, "lock-timeout", "", 10, 20};
  const DeadLetterCopy copy{record, 1234, info};
  EXPECT_EQ(copy.record().timestamp, 1234);
  EXPECT_EQ(copy.record().key, std::nullopt);
  EXPECT_EQ(copy.record().value, std::nullopt);
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto& header : copy.record().headers)
    headers.emplace_back(header.key, as_text(header.value.value_or(Bytes{})));
  EXPECT_EQ(headers, (std::vector<std::pair<std::string, std::string>>{
                         {"__dlq.errors.topic", "before"},
                         {"__dlq.errors.topic", "orders"},
                         {"__dlq.errors.partition", "3"},
                         {"__dlq.errors.offset", "77"},
                         {"__dlq.errors.group", "group"},
                         {"__dlq.errors.delivery.count", "5"},
                         {"__dlq.errors.message", "Offset delivery count exceeded the threshold."},
                         {"__dlq.errors.reason", "lock-timeout"},
                         {"__dlq.errors.first.failure.ms", "10"},
                         {"__dlq.errors.last.failure.ms", "20"}}));
  EXPECT_TRUE(came_from(record, "before"));
  EXPECT_FALSE(came_from(record, "orders"));
}

}  // namespace
}  // namespace sluice::broker
