#include "broker/group_offsets.hpp"

#include "tests/support/group_driver.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>

namespace sluice::broker {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using test::GroupClient;
using test::GroupDriver;

TopicId topic_id(int n) {
  TopicId id;
  id.octets[0] = static_cast<std::byte>(n);
  return id;
}

// A commit as an administrator or a consumer without group membership sends it.
CommitRequest simple_commit(std::string_view group, std::string_view topic, std::int32_t partition,
                            std::int64_t offset) {
  CommitRequest request;
  request.group_id = group;
  request.topics.push_back(
      {.name = topic, .id = {}, .partitions = {{.index = partition, .offset = offset}}});
  return request;
}

ErrorCode first_error(const GroupDriver& driver, RequestToken token) {
  return driver.reply<CommitReply>(token).topics[0].partitions[0].error;
}

FetchedPartition fetch(GroupDriver& driver, std::string_view group, std::string_view topic,
                       std::int32_t partition, TopicId id = {}) {
  FetchOffsetsRequest request;
  request.group_id = group;
  request.topics.emplace();
  request.topics->push_back({.name = topic, .id = id, .partitions = {partition}});
  return driver.coordinator().fetch(request).topics[0].partitions[0];
}

void settle(GroupClient& one) {
  one.join();
  one.finish_join();
  one.sync();
  one.finish_sync();
}

// Keeps members alive while time passes.
void pass_alive(GroupDriver& driver, GroupClient& one, milliseconds time) {
  for (milliseconds step{5'000}; time > milliseconds{0}; time -= step) {
    driver.pass(step);
    one.heartbeat();
  }
}

TEST(OffsetCommit, WithoutMembershipCreatesASimpleGroup) {
  GroupDriver driver;
  EXPECT_EQ(first_error(driver, driver.commit(simple_commit("g", "orders", 3, 42))),
            ErrorCode::none);
  EXPECT_EQ(fetch(driver, "g", "orders", 3).offset, 42);
  const auto described = driver.coordinator().describe("g", 6);
  EXPECT_EQ(described.state, "Empty");
  EXPECT_EQ(described.protocol_type, "");
}

TEST(OffsetCommit, WithoutMembershipIsRefusedWhileMembersAreIn) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1");
  settle(one);
  EXPECT_EQ(first_error(driver, driver.commit(simple_commit("g", "orders", 0, 1))),
            ErrorCode::unknown_member_id);
  one.leave();
  EXPECT_EQ(first_error(driver, driver.commit(simple_commit("g", "orders", 0, 1))),
            ErrorCode::none);
}

TEST(OffsetCommit, OfAMemberOfAnUnknownGroup) {
  GroupDriver driver;
  CommitRequest request = simple_commit("g", "orders", 0, 1);
  request.generation = 5;
  request.member_id = "m";
  request.api_version = 8;
  EXPECT_EQ(first_error(driver, driver.commit(request)), ErrorCode::illegal_generation);
  request.api_version = 9;
  EXPECT_EQ(first_error(driver, driver.commit(request)), ErrorCode::group_id_not_found);
  EXPECT_EQ(driver.coordinator().group_count(), 0u);
}

TEST(OffsetCommit, ChecksMemberGenerationAndState) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1");
  one.join();
  one.finish_join();
  EXPECT_EQ(one.commit("orders", 0, 1), ErrorCode::rebalance_in_progress);
  one.sync();
  EXPECT_EQ(one.commit("orders", 0, 1), ErrorCode::none);
  ++one.generation;
  EXPECT_EQ(one.commit("orders", 0, 2), ErrorCode::illegal_generation);
  --one.generation;
  const std::string id = std::exchange(one.member_id, "other");
  EXPECT_EQ(one.commit("orders", 0, 2), ErrorCode::unknown_member_id);
  one.member_id = id;
  one.instance_id = "unknown-instance";
  EXPECT_EQ(one.commit("orders", 0, 2), ErrorCode::unknown_member_id);
  one.instance_id.reset();

  GroupClient two(driver, "g", "2");
  two.join();  // PreparingRebalance: the last chance to commit before partitions move
  EXPECT_EQ(one.commit("orders", 0, 3), ErrorCode::none);
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, 3);
}

TEST(OffsetCommit, KeepsEpochMetadataAndAnswersInOrder) {
  GroupDriver driver;
  CommitRequest request;
  request.group_id = "g";
  request.topics.push_back(
      {.name = "orders",
       .id = topic_id(1),
       .partitions = {{.index = 1, .offset = 10, .leader_epoch = 7, .metadata = "note"},
                      {.index = 0, .offset = 11, .error = ErrorCode::unknown_topic_or_partition}}});
  const auto reply = driver.reply<CommitReply>(driver.commit(request));
  ASSERT_EQ(reply.topics.size(), 1u);
  EXPECT_EQ(reply.topics[0].id, topic_id(1));
  EXPECT_EQ(reply.topics[0].partitions[0].index, 1);
  EXPECT_EQ(reply.topics[0].partitions[0].error, ErrorCode::none);
  EXPECT_EQ(reply.topics[0].partitions[1].error, ErrorCode::unknown_topic_or_partition);
  const auto fetched = fetch(driver, "g", "orders", 1);
  EXPECT_EQ(fetched.offset, 10);
  EXPECT_EQ(fetched.leader_epoch, 7);
  EXPECT_EQ(fetched.metadata, "note");
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, -1);
}

TEST(OffsetCommit, RefusesLongMetadataPerPartition) {
  GroupDriver driver;
  const std::string fits(4096, 'x');
  std::string long_in_octets_only;
  for (int i = 0; i < 4096; ++i) long_in_octets_only += "\xc3\xa4";
  const std::string too_long(4097, 'x');
  CommitRequest request;
  request.group_id = "g";
  request.topics.push_back(
      {.name = "orders",
       .id = {},
       .partitions = {{.index = 0, .offset = 1, .metadata = too_long},
                      {.index = 1, .offset = 1, .metadata = fits},
                      {.index = 2, .offset = 1, .metadata = long_in_octets_only}}});
  const auto reply = driver.reply<CommitReply>(driver.commit(request));
  EXPECT_EQ(reply.topics[0].partitions[0].error, ErrorCode::offset_metadata_too_large);
  EXPECT_EQ(reply.topics[0].partitions[1].error, ErrorCode::none);
  EXPECT_EQ(reply.topics[0].partitions[2].error, ErrorCode::none);
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, -1);
}

TEST(OffsetCommit, OfNothingAcceptableLeavesNoGroup) {
  GroupDriver driver;
  CommitRequest request = simple_commit("g", "orders", 0, 1);
  const std::string too_long(5000, 'x');
  request.topics[0].partitions[0].metadata = too_long;
  EXPECT_EQ(first_error(driver, driver.commit(request)), ErrorCode::offset_metadata_too_large);
  request.topics[0].partitions[0].error = ErrorCode::unknown_topic_id;
  EXPECT_EQ(first_error(driver, driver.commit(request)), ErrorCode::unknown_topic_id);
  EXPECT_EQ(driver.coordinator().group_count(), 0u);
}

TEST(OffsetCommit, IsAnsweredAndSeenWhenDurableAndInOrder) {
  GroupDriver driver;
  driver.commit(simple_commit("g", "orders", 0, 1));
  driver.hold_writes();
  const auto second = driver.commit(simple_commit("g", "orders", 0, 2));
  const auto third = driver.commit(simple_commit("g", "orders", 0, 3));
  EXPECT_FALSE(driver.answered(second));
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, 1);
  driver.release_writes(1);
  EXPECT_TRUE(driver.answered(second));
  EXPECT_FALSE(driver.answered(third));
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, 2);
  driver.release_writes();
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, 3);
}

TEST(OffsetCommit, ThatCannotBeStoredChangesNothing) {
  GroupDriver driver;
  driver.commit(simple_commit("g", "orders", 0, 1));
  const std::vector<std::pair<ErrorCode, ErrorCode>> answers = {
      {ErrorCode::kafka_storage_error, ErrorCode::not_coordinator},
      {ErrorCode::not_leader_or_follower, ErrorCode::not_coordinator},
      {ErrorCode::not_enough_replicas, ErrorCode::coordinator_not_available},
      {ErrorCode::request_timed_out, ErrorCode::coordinator_not_available},
      {ErrorCode::message_too_large, ErrorCode::unknown_server_error}};
  for (const auto& [cause, answer] : answers) {
    driver.hold_writes();
    const auto token = driver.commit(simple_commit("g", "orders", 0, 2));
    driver.fail_write(cause);
    driver.release_writes();
    EXPECT_EQ(first_error(driver, token), answer);
    EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, 1);
  }
  driver.hold_writes();
  driver.commit(simple_commit("new", "orders", 0, 2));
  driver.fail_write(ErrorCode::kafka_storage_error);
  EXPECT_EQ(driver.coordinator().describe("new", 6).error, ErrorCode::group_id_not_found);
}

TEST(OffsetFetch, OfNothingIsMinusOneAndNoError) {
  GroupDriver driver;
  const auto fetched = fetch(driver, "unknown", "orders", 5);
  EXPECT_EQ(fetched.index, 5);
  EXPECT_EQ(fetched.offset, -1);
  EXPECT_EQ(fetched.leader_epoch, -1);
  EXPECT_EQ(fetched.metadata, "");
  EXPECT_EQ(fetched.error, ErrorCode::none);
  const auto all = driver.coordinator().fetch({.group_id = "unknown", .topics = std::nullopt});
  EXPECT_EQ(all.error, ErrorCode::none);
  EXPECT_TRUE(all.topics.empty());
}

TEST(OffsetFetch, OfEverythingListsWhatIsCommitted) {
  GroupDriver driver;
  driver.commit(simple_commit("g", "orders", 0, 1));
  driver.commit(simple_commit("g", "orders", 4, 2));
  driver.commit(simple_commit("g", "payments", 0, 3));
  driver.commit(simple_commit("other", "orders", 1, 9));
  const auto all = driver.coordinator().fetch({.group_id = "g", .topics = std::nullopt});
  ASSERT_EQ(all.topics.size(), 2u);
  EXPECT_EQ(all.topics[0].name, "orders");
  EXPECT_EQ(all.topics[0].partitions.size(), 2u);
  EXPECT_EQ(all.topics[1].partitions[0].offset, 3);
}

TEST(OffsetFetch, OfATopicMadeAnewDoesNotReturnTheOldOnesOffset) {
  GroupDriver driver;
  CommitRequest request = simple_commit("g", "orders", 0, 10);
  request.topics[0].id = topic_id(1);
  driver.commit(request);
  EXPECT_EQ(fetch(driver, "g", "orders", 0, topic_id(1)).offset, 10);
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, 10);
  EXPECT_EQ(fetch(driver, "g", "orders", 0, topic_id(2)).offset, -1);
}

TEST(OffsetDelete, RemovesWhatIsThereAndWritesTombstones) {
  GroupDriver driver;
  driver.commit(simple_commit("g", "orders", 0, 1));
  driver.commit(simple_commit("g", "orders", 1, 2));
  DeleteOffsetsRequest request{
      .group_id = "g",
      .topics = {{.name = "orders",
                  .partitions = {{.index = 0},
                                 {.index = 9},
                                 {.index = 1, .error = ErrorCode::unknown_topic_or_partition}}}}};
  const auto reply = driver.reply<DeleteOffsetsReply>(driver.delete_offsets(request));
  EXPECT_EQ(reply.error, ErrorCode::none);
  EXPECT_EQ(reply.topics[0].partitions[0].error, ErrorCode::none);
  EXPECT_EQ(reply.topics[0].partitions[1].error, ErrorCode::none);
  EXPECT_EQ(reply.topics[0].partitions[2].error, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, -1);
  EXPECT_EQ(fetch(driver, "g", "orders", 1).offset, 2);
  EXPECT_EQ(driver.log().size(), 3u);
  EXPECT_EQ(driver.log().back(), encode_offset_tombstone({"g", "orders", 0}));
}

TEST(OffsetDelete, IsRefusedForTopicsTheMembersRead) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1");
  settle(one);
  one.commit("orders", 0, 1);
  one.commit("payments", 0, 1);
  DeleteOffsetsRequest request{.group_id = "g",
                               .topics = {{.name = "orders", .partitions = {{.index = 0}}},
                                          {.name = "payments", .partitions = {{.index = 0}}}}};
  const auto reply = driver.reply<DeleteOffsetsReply>(driver.delete_offsets(request));
  EXPECT_EQ(reply.topics[0].partitions[0].error, ErrorCode::group_subscribed_to_topic);
  EXPECT_EQ(reply.topics[1].partitions[0].error, ErrorCode::none);
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, 1);
  EXPECT_EQ(fetch(driver, "g", "payments", 0).offset, -1);
}

TEST(OffsetDelete, UnreadableSubscriptionsCountAsEverything) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1");
  one.protocols = {{"range", GroupClient::blob("?")}};
  settle(one);
  one.commit("payments", 0, 1);
  DeleteOffsetsRequest request{.group_id = "g",
                               .topics = {{.name = "payments", .partitions = {{.index = 0}}}}};
  const auto reply = driver.reply<DeleteOffsetsReply>(driver.delete_offsets(request));
  EXPECT_EQ(reply.topics[0].partitions[0].error, ErrorCode::group_subscribed_to_topic);
}

TEST(OffsetDelete, ErrorsOfTheGroup) {
  GroupDriver driver;
  const auto error = [&](std::string_view group) {
    DeleteOffsetsRequest request{.group_id = group, .topics = {}};
    return driver.reply<DeleteOffsetsReply>(driver.delete_offsets(request)).error;
  };
  EXPECT_EQ(error(""), ErrorCode::invalid_group_id);
  EXPECT_EQ(error("g"), ErrorCode::group_id_not_found);
  GroupClient one(driver, "g", "1");
  one.protocol_type = "connect";
  settle(one);
  EXPECT_EQ(error("g"), ErrorCode::non_empty_group);
  one.leave();
  EXPECT_EQ(error("g"), ErrorCode::none);
}

TEST(OffsetExpiry, OfASimpleGroupCountsFromTheCommit) {
  GroupDriver driver;
  driver.commit(simple_commit("g", "orders", 0, 1));
  driver.pass(hours{100});
  driver.commit(simple_commit("g", "orders", 1, 1));
  driver.pass(hours{24 * 7} - hours{100} + minutes{10});
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, -1);
  EXPECT_EQ(fetch(driver, "g", "orders", 1).offset, 1);
  driver.pass(hours{101});
  EXPECT_EQ(driver.coordinator().group_count(), 0u);
}

TEST(OffsetExpiry, CountsFromWhenTheGroupBecameEmpty) {
  GroupOptions options = GroupDriver::quick();
  options.offsets_retention = hours{10};
  GroupDriver driver(options);
  GroupClient one(driver, "g", "1");
  settle(one);
  one.commit("orders", 0, 1);
  pass_alive(driver, one, hours{20});
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, 1);  // subscribed
  one.leave();
  driver.pass(hours{9});
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, 1);
  driver.pass(hours{2});
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, -1);
  EXPECT_EQ(driver.coordinator().group_count(), 0u);
  EXPECT_EQ(driver.log().back(), encode_group_tombstone("g"));
}

TEST(OffsetExpiry, OfAStableConsumerGroupTakesOnlyTopicsNobodyReads) {
  GroupOptions options = GroupDriver::quick();
  options.offsets_retention = hours{1};
  GroupDriver driver(options);
  GroupClient one(driver, "g", "1");
  settle(one);
  one.commit("orders", 0, 1);
  one.commit("payments", 0, 1);
  pass_alive(driver, one, hours{2});
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, 1);
  EXPECT_EQ(fetch(driver, "g", "payments", 0).offset, -1);
  EXPECT_EQ(driver.coordinator().group_count(), 1u);
}

TEST(OffsetExpiry, SparesActiveGroupsOfOtherProtocols) {
  GroupOptions options = GroupDriver::quick();
  options.offsets_retention = hours{1};
  GroupDriver driver(options);
  GroupClient one(driver, "g", "1");
  one.protocol_type = "connect";
  settle(one);
  one.commit("payments", 0, 1);
  pass_alive(driver, one, hours{2});
  EXPECT_EQ(fetch(driver, "g", "payments", 0).offset, 1);
}

TEST(OffsetExpiry, AGivenRetentionTimeGoesInstead) {
  GroupDriver driver;
  CommitRequest request = simple_commit("g", "orders", 0, 1);
  request.api_version = 4;
  request.retention_ms = 3'600'000;
  driver.commit(request);
  driver.pass(minutes{59});
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, 1);
  driver.pass(minutes{15});
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, -1);
}

TEST(OffsetExpiry, AGivenRetentionTimeMayBeForEver) {
  GroupDriver driver;
  CommitRequest request = simple_commit("g", "orders", 0, 1);
  request.api_version = 4;
  request.retention_ms = std::numeric_limits<std::int64_t>::max();
  driver.commit(request);
  driver.pass(hours{24 * 365});
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, 1);
}

TEST(OffsetExpiry, ACommitDuringItIsNotLost) {
  GroupOptions options = GroupDriver::quick();
  options.offsets_retention = hours{1};
  GroupDriver driver(options);
  driver.commit(simple_commit("g", "orders", 0, 1));
  driver.hold_writes();
  driver.pass(hours{2});
  EXPECT_GE(driver.held_writes(), 1u);
  const auto token = driver.commit(simple_commit("g", "orders", 0, 2));
  driver.release_writes();
  EXPECT_EQ(first_error(driver, token), ErrorCode::none);
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, 2);
  GroupDriver again(driver.log(), driver.now());
  EXPECT_EQ(fetch(again, "g", "orders", 0).offset, 2);
}

TEST(TopicDeletion, TakesTheOffsetsOfThatTopicOnly) {
  GroupDriver driver;
  CommitRequest old_topic = simple_commit("g", "orders", 0, 10);
  old_topic.topics[0].id = topic_id(1);
  driver.commit(old_topic);
  CommitRequest new_topic = simple_commit("h", "orders", 0, 20);
  new_topic.topics[0].id = topic_id(2);
  driver.commit(new_topic);
  driver.commit(simple_commit("h", "orders", 1, 30));  // stored without an id
  driver.coordinator().delete_topic_offsets("orders", topic_id(1), driver.now());
  driver.pump();
  EXPECT_EQ(fetch(driver, "g", "orders", 0).offset, -1);
  EXPECT_EQ(fetch(driver, "h", "orders", 0).offset, 20);
  EXPECT_EQ(fetch(driver, "h", "orders", 1).offset, -1);
}

}  // namespace
}  // namespace sluice::broker
