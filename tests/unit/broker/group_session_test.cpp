// How members stay in a group and how they get out of it; what is told about it.
#include "broker/group.hpp"
#include "tests/support/group_driver.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

using std::chrono::milliseconds;
using test::GroupClient;
using test::GroupDriver;

std::string state_of(GroupDriver& driver, std::string_view group = "g") {
  return driver.coordinator().describe(group, 5).state;
}

// One member, Stable.
void settle(GroupClient& one) {
  one.join();
  one.finish_join();
  one.sync();
  one.finish_sync();
}

// Two members of a Stable group; `one` leads.
void settle(GroupClient& one, GroupClient& two) {
  settle(one);
  two.join();
  one.join();
  one.finish_join();
  two.finish_join();
  two.sync();
  one.sync();
  one.finish_sync();
  two.finish_sync();
}

TEST(GroupHeartbeat, AnswersByState) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  one.join();
  EXPECT_EQ(one.heartbeat(), ErrorCode::illegal_generation);
  one.finish_join();
  EXPECT_EQ(one.heartbeat(), ErrorCode::none);  // CompletingRebalance
  one.sync();
  EXPECT_EQ(one.heartbeat(), ErrorCode::none);
  two.join();
  EXPECT_EQ(one.heartbeat(), ErrorCode::rebalance_in_progress);
  one.member_id = "other";
  EXPECT_EQ(one.heartbeat(), ErrorCode::unknown_member_id);
  GroupClient elsewhere(driver, "other", "3");
  EXPECT_EQ(elsewhere.heartbeat(), ErrorCode::unknown_member_id);
  GroupClient nowhere(driver, "", "3");
  EXPECT_EQ(nowhere.heartbeat(), ErrorCode::invalid_group_id);
}

TEST(GroupSession, EndsWithoutHeartbeatsAndTheOthersRebalance) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one, two);
  for (int i = 0; i < 3; ++i) {
    driver.pass(milliseconds{4'000});
    one.heartbeat();
  }
  EXPECT_EQ(one.heartbeat(), ErrorCode::rebalance_in_progress);
  EXPECT_EQ(two.heartbeat(), ErrorCode::unknown_member_id);
  one.join();
  EXPECT_EQ(one.finish_join().members.size(), 1u);
}

TEST(GroupSession, IsKeptByHeartbeatsAlsoDuringARebalance) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one, two);
  one.join();
  for (int i = 0; i < 5; ++i) {
    driver.pass(milliseconds{9'000});
    EXPECT_EQ(two.heartbeat(), ErrorCode::rebalance_in_progress);
  }
  two.join();
  EXPECT_TRUE(one.join_answered());
}

TEST(GroupSession, IsKeptByCommits) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1");
  settle(one);
  for (int i = 0; i < 3; ++i) {
    driver.pass(milliseconds{9'000});
    EXPECT_EQ(one.commit("orders", 0, i), ErrorCode::none);
  }
  EXPECT_EQ(one.heartbeat(), ErrorCode::none);
}

TEST(GroupSession, IsKeptWhileAKnownMemberWaitsInJoin) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  two.session_timeout = milliseconds{60'000};
  settle(one, two);
  one.join();  // parked far beyond its session of 10 s
  driver.pass(milliseconds{50'000});
  EXPECT_FALSE(one.join_answered());
  two.join();
  EXPECT_EQ(one.finish_join().error, ErrorCode::none);
  one.sync();
  EXPECT_EQ(one.finish_sync().error, ErrorCode::none);
}

TEST(GroupSession, OfANewMemberEndsFiveMinutesIntoItsParkedJoin) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  one.rebalance_timeout = milliseconds{1'000'000};
  one.session_timeout = milliseconds{1'000'000};
  settle(one);
  two.join();
  driver.pass(milliseconds{299'999});
  EXPECT_FALSE(two.join_answered());
  driver.pass(milliseconds{1});
  EXPECT_EQ(two.finish_join().error, ErrorCode::unknown_member_id);
  EXPECT_EQ(two.joined.member_id, "");
}

TEST(GroupSession, OfAllMembersMayEndAtOnce) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one, two);
  driver.skip(milliseconds{100'000});
  driver.pass(milliseconds{0});
  EXPECT_EQ(state_of(driver), "Empty");
}

TEST(GroupLeave, OfTheLastMemberLeavesAnEmptyGroupOfTheNextGeneration) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1");
  settle(one);
  driver.hold_writes();
  LeaveRequest request{.group_id = "g", .members = {{one.member_id, std::nullopt}}};
  const auto token = driver.leave(request);
  EXPECT_FALSE(driver.answered(token));  // until the empty generation is durable
  driver.release_writes();
  EXPECT_EQ(driver.reply<LeaveReply>(token).single_error(), ErrorCode::none);
  EXPECT_EQ(state_of(driver), "Empty");
  const auto stored = decode_group_value(*driver.log().back().value);
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->generation, 2);
  EXPECT_EQ(stored->protocol_type, "consumer");
  EXPECT_EQ(stored->protocol, std::nullopt);
  EXPECT_TRUE(stored->members.empty());
}

TEST(GroupLeave, OfOneMakesTheOthersRebalance) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one, two);
  EXPECT_EQ(one.leave().members[0].error, ErrorCode::none);
  EXPECT_EQ(two.heartbeat(), ErrorCode::rebalance_in_progress);
  two.join();
  EXPECT_EQ(two.finish_join().leader, two.member_id);
}

TEST(GroupLeave, AnswersEachMember) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one, two);
  LeaveRequest request{.group_id = "g",
                       .members = {{"nobody", std::nullopt},
                                   {two.member_id, std::nullopt},
                                   {"", std::string_view("no-instance")},
                                   {one.member_id, std::nullopt}}};
  const auto reply = driver.reply<LeaveReply>(driver.leave(request));
  ASSERT_EQ(reply.members.size(), 4u);
  EXPECT_EQ(reply.error, ErrorCode::none);
  EXPECT_EQ(reply.members[0].error, ErrorCode::unknown_member_id);
  EXPECT_EQ(reply.members[1].error, ErrorCode::none);
  EXPECT_EQ(reply.members[2].error, ErrorCode::unknown_member_id);
  EXPECT_EQ(reply.members[2].instance_id, "no-instance");
  EXPECT_EQ(reply.members[3].error, ErrorCode::none);
  EXPECT_EQ(state_of(driver), "Empty");
}

TEST(GroupLeave, OfAnUnknownGroupNamesEachMember) {
  GroupDriver driver;
  LeaveRequest request{.group_id = "none", .members = {{"a", std::nullopt}}};
  const auto reply = driver.reply<LeaveReply>(driver.leave(request));
  EXPECT_EQ(reply.error, ErrorCode::none);
  EXPECT_EQ(reply.single_error(), ErrorCode::unknown_member_id);
  request.group_id = "";
  EXPECT_EQ(driver.reply<LeaveReply>(driver.leave(request)).error, ErrorCode::invalid_group_id);
}

TEST(GroupLeave, OfAnIdGivenOutForgetsIt) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one);
  two.member_id = driver.reply<JoinReply>(driver.join(two.join_request())).member_id;
  one.join();
  EXPECT_FALSE(one.join_answered());
  EXPECT_EQ(two.leave().members[0].error, ErrorCode::none);
  EXPECT_TRUE(one.join_answered());
}

TEST(GroupLeave, AnswersWhatTheMemberHasParked) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one, two);
  one.join();
  two.heartbeat();
  EXPECT_EQ(one.leave().members[0].error, ErrorCode::none);
  EXPECT_EQ(one.finish_join().error, ErrorCode::unknown_member_id);
}

TEST(GroupDescribe, TellsMetadataAndAssignmentOnlyWhenStable) {
  GroupDriver driver;
  GroupClient one(driver, "g", "client");
  settle(one);
  auto described = driver.coordinator().describe("g", 6);
  EXPECT_EQ(described.error, ErrorCode::none);
  EXPECT_EQ(described.state, "Stable");
  EXPECT_EQ(described.protocol_type, "consumer");
  EXPECT_EQ(described.protocol_data, "range");
  ASSERT_EQ(described.members.size(), 1u);
  EXPECT_EQ(described.members[0].client_id, "client");
  EXPECT_EQ(described.members[0].client_host, "/127.0.0.1");
  EXPECT_EQ(described.members[0].metadata, GroupClient::subscription({"orders"}));
  EXPECT_EQ(as_text(described.members[0].assignment), "assigned to " + one.member_id);

  one.join();
  one.finish_join();
  described = driver.coordinator().describe("g", 6);
  EXPECT_EQ(described.state, "CompletingRebalance");
  EXPECT_EQ(described.protocol_data, "");
  EXPECT_TRUE(described.members[0].metadata.empty());
  EXPECT_TRUE(described.members[0].assignment.empty());
}

}  // namespace
}  // namespace sluice::broker
