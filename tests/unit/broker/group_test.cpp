// The classic group protocol as clients see it: join, rebalance, sync. Sessions and leaving are in
// group_session_test.cpp, static members in group_static_test.cpp.
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

ErrorCode join_error(const GroupDriver& driver, RequestToken token) {
  return driver.reply<JoinReply>(token).error;
}
ErrorCode sync_error(const GroupDriver& driver, RequestToken token) {
  return driver.reply<SyncReply>(token).error;
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

TEST(GroupJoin, EmptyGroupIdIsRefused) {
  GroupDriver driver;
  GroupClient one(driver, "", "c");
  EXPECT_EQ(join_error(driver, one.join()), ErrorCode::invalid_group_id);
}

TEST(GroupJoin, SessionTimeoutOutOfBoundsIsRefused) {
  GroupDriver driver;
  GroupClient one(driver, "g", "c");
  one.session_timeout = milliseconds{5'999};
  EXPECT_EQ(join_error(driver, one.join()), ErrorCode::invalid_session_timeout);
  one.session_timeout = milliseconds{1'800'001};
  EXPECT_EQ(join_error(driver, one.join()), ErrorCode::invalid_session_timeout);
  EXPECT_EQ(driver.coordinator().group_count(), 0u);
}

TEST(GroupJoin, NoProtocolOrNoTypeIsInconsistent) {
  GroupDriver driver;
  GroupClient one(driver, "g", "c");
  one.protocols.clear();
  EXPECT_EQ(join_error(driver, one.join()), ErrorCode::inconsistent_group_protocol);
  GroupClient two(driver, "g", "c");
  two.protocol_type = "";
  EXPECT_EQ(join_error(driver, two.join()), ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(driver.coordinator().group_count(), 0u);
}

TEST(GroupJoin, MemberIdOfUnknownGroupIsUnknown) {
  GroupDriver driver;
  GroupClient one(driver, "g", "c");
  one.member_id = "c-1";
  EXPECT_EQ(join_error(driver, one.join()), ErrorCode::unknown_member_id);
  EXPECT_EQ(driver.reply<JoinReply>(one.join_token()).generation, -1);
}

TEST(GroupJoin, FromVersion4OnANewMemberHasToComeBackWithItsId) {
  GroupDriver driver;
  GroupClient one(driver, "g", "client");
  const auto first = driver.reply<JoinReply>(driver.join(one.join_request()));
  EXPECT_EQ(first.error, ErrorCode::member_id_required);
  EXPECT_TRUE(first.member_id.starts_with("client-"));
  EXPECT_EQ(first.member_id.size(), std::string("client-").size() + 36);
  EXPECT_EQ(state_of(driver), "Empty");

  one.member_id = first.member_id;
  one.join();
  const JoinReply& joined = one.finish_join();
  EXPECT_EQ(joined.error, ErrorCode::none);
  EXPECT_EQ(joined.member_id, first.member_id);
  EXPECT_EQ(joined.generation, 1);
}

TEST(GroupJoin, BelowVersion4TheIdComesWithTheJoin) {
  GroupDriver driver;
  GroupClient one(driver, "g", "client");
  one.join_version = 3;
  const auto token = driver.join(one.join_request());
  const auto joined = driver.reply<JoinReply>(token);
  EXPECT_EQ(joined.error, ErrorCode::none);
  EXPECT_TRUE(joined.member_id.starts_with("client-"));
  EXPECT_EQ(joined.leader, joined.member_id);
}

TEST(GroupJoin, AnIdThatIsNotUsedIsForgottenAfterTheSessionTimeout) {
  GroupDriver driver;
  GroupClient one(driver, "g", "c");
  const auto first = driver.reply<JoinReply>(driver.join(one.join_request()));
  driver.pass(milliseconds{10'000});
  EXPECT_EQ(driver.coordinator().group_count(), 0u);
  one.member_id = first.member_id;
  EXPECT_EQ(join_error(driver, one.join()), ErrorCode::unknown_member_id);
}

TEST(GroupJoin, ThePhaseWaitsForIdsGivenOut) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one);
  driver.join(two.join_request());  // MEMBER_ID_REQUIRED, and does not come back
  one.join();
  EXPECT_FALSE(one.join_answered());
  driver.pass(milliseconds{10'000});
  ASSERT_TRUE(one.join_answered());
  EXPECT_EQ(one.finish_join().generation, 2);
}

TEST(GroupJoin, TheAnswerNamesLeaderProtocolAndMembers) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one, two);
  EXPECT_EQ(one.joined.leader, one.member_id);
  EXPECT_EQ(two.joined.leader, one.member_id);
  EXPECT_EQ(one.joined.generation, two.joined.generation);
  EXPECT_EQ(one.joined.protocol_type, "consumer");
  EXPECT_EQ(one.joined.protocol_name, "range");
  ASSERT_EQ(one.joined.members.size(), 2u);
  EXPECT_TRUE(two.joined.members.empty());
  EXPECT_EQ(one.joined.members[0].metadata, GroupClient::subscription({"orders"}));
}

TEST(GroupJoin, AnotherProtocolTypeIsInconsistent) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one);
  two.protocol_type = "connect";
  EXPECT_EQ(join_error(driver, two.join()), ErrorCode::inconsistent_group_protocol);
}

TEST(GroupJoin, NoCommonProtocolIsInconsistent) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one);
  two.protocols = {{"roundrobin", {}}};
  EXPECT_EQ(join_error(driver, two.join()), ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(state_of(driver), "Stable");
}

TEST(GroupJoin, TheCommonProtocolWithMostFirstChoicesWins) {
  GroupDriver driver(GroupOptions{});
  GroupClient one(driver, "g", "1"), two(driver, "g", "2"), three(driver, "g", "3");
  one.protocols = {{"range", {}}, {"sticky", {}}, {"only-one", {}}};
  two.protocols = {{"sticky", {}}, {"range", {}}};
  three.protocols = {{"only-three", {}}, {"sticky", {}}, {"range", {}}};
  for (GroupClient* c : {&one, &two, &three}) c->join();
  driver.pass(milliseconds{9'000});
  EXPECT_EQ(one.finish_join().protocol_name, "sticky");
  EXPECT_EQ(three.finish_join().protocol_name, "sticky");
}

TEST(GroupJoin, AFullGroupRefusesNewMembers) {
  GroupOptions options = GroupDriver::quick();
  options.group_size_max = 2;
  GroupDriver driver(options);
  GroupClient one(driver, "g", "1"), two(driver, "g", "2"), three(driver, "g", "3");
  settle(one, two);
  EXPECT_EQ(join_error(driver, three.join()), ErrorCode::group_max_size_reached);
  EXPECT_EQ(one.heartbeat(), ErrorCode::none);
}

TEST(GroupJoin, AFollowerThatRejoinsUnchangedGetsTheCurrentGeneration) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one, two);
  const auto generation = two.generation;
  two.join();
  ASSERT_TRUE(two.join_answered());
  EXPECT_EQ(two.finish_join().generation, generation);
  EXPECT_TRUE(two.joined.members.empty());
  EXPECT_EQ(state_of(driver), "Stable");
}

TEST(GroupJoin, ALeaderThatRejoinsStartsARebalance) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one, two);
  one.join();
  EXPECT_FALSE(one.join_answered());
  EXPECT_EQ(state_of(driver), "PreparingRebalance");
}

TEST(GroupJoin, ChangedMetadataStartsARebalance) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one, two);
  two.protocols[0].second = GroupClient::subscription({"payments"});
  two.join();
  EXPECT_FALSE(two.join_answered());
  EXPECT_EQ(one.heartbeat(), ErrorCode::rebalance_in_progress);
}

TEST(GroupJoin, BeforeTheAssignmentAnUnchangedMemberGetsTheSameAnswerAgain) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1");
  one.join();
  one.finish_join();
  EXPECT_EQ(state_of(driver), "CompletingRebalance");
  one.join();
  ASSERT_TRUE(one.join_answered());
  EXPECT_EQ(one.finish_join().generation, 1);
  EXPECT_EQ(one.joined.members.size(), 1u);
}

TEST(GroupJoin, ANewMemberBeforeTheAssignmentCancelsParkedSyncs) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2"), three(driver, "g", "3");
  settle(one, two);
  two.protocols[0].second = GroupClient::subscription({"payments"});
  two.join();
  one.join();
  one.finish_join();
  two.finish_join();
  two.sync();
  EXPECT_FALSE(two.sync_answered());
  three.join();
  EXPECT_EQ(two.finish_sync().error, ErrorCode::rebalance_in_progress);
}

TEST(GroupJoin, AJoinSentTwiceIsAnsweredOnceEach) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one, two);
  two.protocols[0].second = GroupClient::subscription({"payments"});
  const auto first = two.join();
  const auto second = two.join();
  EXPECT_EQ(join_error(driver, first), ErrorCode::rebalance_in_progress);
  EXPECT_FALSE(driver.answered(second));
  one.join();
  EXPECT_EQ(join_error(driver, second), ErrorCode::none);
  EXPECT_EQ(driver.answers(first), 1u);
  EXPECT_EQ(driver.answers(second), 1u);
}

TEST(GroupInitialRebalance, WaitsForTheDelayOnceWhenNobodyElseComes) {
  GroupDriver driver(GroupOptions{});
  GroupClient one(driver, "g", "1");
  one.join();
  driver.pass(milliseconds{2'999});
  EXPECT_FALSE(one.join_answered());
  driver.pass(milliseconds{1});
  EXPECT_TRUE(one.join_answered());
}

TEST(GroupInitialRebalance, IsExtendedWhileMembersArrive) {
  GroupDriver driver(GroupOptions{});
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  one.join();
  driver.pass(milliseconds{2'000});
  two.join();
  driver.pass(milliseconds{1'000});
  EXPECT_FALSE(one.join_answered());
  driver.pass(milliseconds{3'000});
  ASSERT_TRUE(one.join_answered());
  ASSERT_TRUE(two.join_answered());
  EXPECT_EQ(one.finish_join().generation, 1);
  EXPECT_EQ(two.finish_join().generation, 1);
}

TEST(GroupInitialRebalance, IsBoundedByTheRebalanceTimeout) {
  GroupDriver driver(GroupOptions{});
  GroupClient first(driver, "g", "0");
  first.rebalance_timeout = milliseconds{7'000};
  first.join();
  std::vector<std::unique_ptr<GroupClient>> others;
  for (int i = 0; i < 20 && !first.join_answered(); ++i) {
    driver.pass(milliseconds{500});
    others.push_back(std::make_unique<GroupClient>(driver, "g", std::to_string(i)));
    others.back()->rebalance_timeout = milliseconds{7'000};
    others.back()->join();
  }
  driver.pass(milliseconds{500});
  EXPECT_TRUE(first.join_answered());
  EXPECT_LE(others.size(), 15u);
}

TEST(GroupRebalance, AMemberThatDoesNotComeBackIsOutAfterTheRebalanceTimeout) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  one.rebalance_timeout = two.rebalance_timeout = milliseconds{8'000};
  settle(one, two);
  one.join();
  driver.pass(milliseconds{4'000});
  EXPECT_EQ(two.heartbeat(), ErrorCode::rebalance_in_progress);
  driver.pass(milliseconds{3'999});
  EXPECT_FALSE(one.join_answered());
  driver.pass(milliseconds{1});
  ASSERT_TRUE(one.join_answered());
  EXPECT_EQ(one.finish_join().members.size(), 1u);
  EXPECT_EQ(two.heartbeat(), ErrorCode::unknown_member_id);
}

TEST(GroupRebalance, AnotherLeaderIsChosenWhenTheLeaderDoesNotComeBack) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  one.rebalance_timeout = two.rebalance_timeout = milliseconds{8'000};
  settle(one, two);
  two.protocols[0].second = GroupClient::subscription({"payments"});
  two.join();
  driver.pass(milliseconds{8'000});
  ASSERT_TRUE(two.join_answered());
  EXPECT_EQ(two.finish_join().leader, two.member_id);
  EXPECT_EQ(two.joined.members.size(), 1u);
}

TEST(GroupRebalance, VersionZeroWaitsForTheSessionTimeout) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  one.join_version = two.join_version = 0;
  settle(one, two);
  one.join();
  driver.pass(milliseconds{6'000});
  two.heartbeat();
  driver.pass(milliseconds{3'999});
  EXPECT_FALSE(one.join_answered());
  driver.pass(milliseconds{1});
  EXPECT_TRUE(one.join_answered());
}

TEST(GroupRebalance, MembersThatNeverSyncAreOutAfterTheRebalanceTimeout) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one);
  one.rebalance_timeout = two.rebalance_timeout = milliseconds{20'000};
  two.join();
  one.join();
  one.finish_join();
  two.finish_join();
  one.sync();
  EXPECT_EQ(state_of(driver), "Stable");
  for (int i = 0; i < 4; ++i) {
    driver.pass(milliseconds{5'000});
    if (i < 3) EXPECT_EQ(one.heartbeat(), ErrorCode::none);
    if (i < 3) EXPECT_EQ(two.heartbeat(), ErrorCode::none);
  }
  EXPECT_EQ(two.heartbeat(), ErrorCode::unknown_member_id);
  EXPECT_EQ(one.heartbeat(), ErrorCode::rebalance_in_progress);
}

TEST(GroupSync, ParksFollowersUntilTheLeaderAssigns) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one);
  two.join();
  one.join();
  one.finish_join();
  two.finish_join();
  two.sync();
  EXPECT_FALSE(two.sync_answered());
  one.sync();
  EXPECT_EQ(one.finish_sync().error, ErrorCode::none);
  EXPECT_EQ(two.finish_sync().error, ErrorCode::none);
  EXPECT_EQ(two.assignment(), "assigned to " + two.member_id);
  EXPECT_EQ(two.synced.protocol_type, "consumer");
  EXPECT_EQ(two.synced.protocol_name, "range");
}

TEST(GroupSync, AssignmentsAreGivenOutOnlyWhenDurable) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1");
  one.join();
  one.finish_join();
  driver.hold_writes();
  one.sync();
  EXPECT_FALSE(one.sync_answered());
  EXPECT_EQ(state_of(driver), "CompletingRebalance");
  driver.release_writes();
  EXPECT_EQ(one.finish_sync().error, ErrorCode::none);
  EXPECT_EQ(state_of(driver), "Stable");
}

TEST(GroupSync, AFailedWriteIsToldAndTheGroupRebalances) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1");
  one.join();
  one.finish_join();
  driver.hold_writes();
  one.sync();
  driver.fail_write(ErrorCode::kafka_storage_error);
  EXPECT_EQ(one.finish_sync().error, ErrorCode::not_coordinator);
  EXPECT_EQ(state_of(driver), "PreparingRebalance");
}

TEST(GroupSync, AWriteOfAnEarlierGenerationChangesNothing) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  one.join();
  one.finish_join();
  driver.hold_writes();
  one.sync();
  two.join();
  EXPECT_EQ(one.finish_sync().error, ErrorCode::rebalance_in_progress);
  driver.release_writes();
  EXPECT_EQ(state_of(driver), "PreparingRebalance");
  one.join();
  EXPECT_EQ(one.finish_join().generation, 2);
}

TEST(GroupSync, AMemberTheLeaderForgotGetsAnEmptyAssignment) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one);
  two.join();
  one.join();
  one.finish_join();
  two.finish_join();
  two.sync();
  one.sync({{one.member_id, GroupClient::blob("all")}, {"nobody", GroupClient::blob("x")}});
  EXPECT_EQ(two.finish_sync().error, ErrorCode::none);
  EXPECT_EQ(two.assignment(), "");
  one.finish_sync();
  EXPECT_EQ(one.assignment(), "all");
}

TEST(GroupSync, ErrorsAreKafkas) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one, two);
  GroupClient stranger(driver, "g", "3");
  stranger.member_id = "nobody";
  stranger.generation = one.generation;
  stranger.joined.protocol_name = "range";
  EXPECT_EQ(sync_error(driver, stranger.sync()), ErrorCode::unknown_member_id);
  GroupClient elsewhere(driver, "other", "3");
  elsewhere.joined.protocol_name = "range";
  EXPECT_EQ(sync_error(driver, elsewhere.sync()), ErrorCode::unknown_member_id);

  --two.generation;
  EXPECT_EQ(sync_error(driver, two.sync()), ErrorCode::illegal_generation);
  ++two.generation;
  two.joined.protocol_name = "sticky";
  EXPECT_EQ(sync_error(driver, two.sync()), ErrorCode::inconsistent_group_protocol);
  two.joined.protocol_name = "range";
  two.protocol_type = "connect";
  EXPECT_EQ(sync_error(driver, two.sync()), ErrorCode::inconsistent_group_protocol);
  two.protocol_type = "consumer";
  EXPECT_EQ(sync_error(driver, two.sync()), ErrorCode::none);  // the current assignment again
  one.join();
  EXPECT_EQ(sync_error(driver, two.sync()), ErrorCode::rebalance_in_progress);

  SyncRequest unnamed;
  unnamed.group_id = "g";
  EXPECT_EQ(sync_error(driver, driver.sync(unnamed)), ErrorCode::inconsistent_group_protocol);
  unnamed.group_id = "";
  unnamed.api_version = 4;
  EXPECT_EQ(sync_error(driver, driver.sync(unnamed)), ErrorCode::invalid_group_id);
}

}  // namespace
}  // namespace sluice::broker
