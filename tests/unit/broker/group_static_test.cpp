// Static members (KIP-345, KIP-814): an instance id outlives the member id.
#include "broker/group.hpp"
#include "tests/support/group_driver.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

using std::chrono::milliseconds;
using test::GroupClient;
using test::GroupDriver;

std::string state_of(GroupDriver& driver) { return driver.coordinator().describe("g", 5).state; }

// A Stable group: a static member that leads and a static follower.
struct StaticPair {
  GroupDriver driver;
  GroupClient leader{driver, "g", "c1"};
  GroupClient follower{driver, "g", "c2"};

  StaticPair() {
    leader.instance_id = "one";
    follower.instance_id = "two";
    leader.join();
    leader.finish_join();
    leader.sync();
    leader.finish_sync();
    follower.join();
    leader.join();
    leader.finish_join();
    follower.finish_join();
    follower.sync();
    leader.sync();
    leader.finish_sync();
    follower.finish_sync();
  }
  // The same instance after a restart: it knows nothing.
  GroupClient restarted(const GroupClient& before, std::int16_t version = 9) {
    GroupClient client(driver, "g", "c");
    client.instance_id = before.instance_id;
    client.join_version = version;
    return client;
  }
};

TEST(GroupStaticMember, IsNotAskedToComeBackWithAnId) {
  StaticPair g;
  EXPECT_EQ(g.leader.joined.error, ErrorCode::none);
  EXPECT_TRUE(g.leader.member_id.starts_with("one-"));
  EXPECT_EQ(state_of(g.driver), "Stable");
  EXPECT_EQ(g.driver.coordinator().describe("g", 5).members[0].instance_id, "one");
}

TEST(GroupStaticMember, TakesItsPlaceBackWithoutARebalance) {
  StaticPair g;
  GroupClient again = g.restarted(g.follower);
  again.join();
  ASSERT_TRUE(again.join_answered());
  again.finish_join();
  EXPECT_EQ(again.joined.error, ErrorCode::none);
  EXPECT_NE(again.member_id, g.follower.member_id);
  EXPECT_EQ(again.generation, g.leader.generation);
  EXPECT_EQ(again.joined.leader, g.leader.member_id);
  EXPECT_FALSE(again.joined.skip_assignment);
  EXPECT_TRUE(again.joined.members.empty());
  EXPECT_EQ(state_of(g.driver), "Stable");

  again.sync();
  again.finish_sync();
  EXPECT_EQ(again.assignment(), "assigned to " + g.follower.member_id);
}

TEST(GroupStaticMember, IsToldItsNewIdOnlyWhenThatIsDurable) {
  StaticPair g;
  GroupClient again = g.restarted(g.follower);
  g.driver.hold_writes();
  again.join();
  EXPECT_FALSE(again.join_answered());
  g.driver.release_writes();
  EXPECT_TRUE(again.join_answered());
  const auto stored = decode_group_value(*g.driver.log().back().value);
  ASSERT_EQ(stored->members.size(), 2u);
  EXPECT_EQ(stored->members[1].member_id, again.finish_join().member_id);
  EXPECT_EQ(as_text(stored->members[1].assignment), "assigned to " + g.follower.member_id);
}

TEST(GroupStaticMember, KeepsItsOldIdWhenTheNewOneCannotBeStored) {
  StaticPair g;
  GroupClient again = g.restarted(g.follower);
  again.protocols = {{"range", {}}, {"more", {}}};
  g.driver.hold_writes();
  again.join();
  g.driver.fail_write(ErrorCode::kafka_storage_error);
  EXPECT_EQ(again.finish_join().error, ErrorCode::not_coordinator);
  EXPECT_EQ(g.follower.heartbeat(), ErrorCode::none);
  EXPECT_EQ(g.leader.heartbeat(), ErrorCode::none);
}

TEST(GroupStaticMember, ALeaderComesBackWithMembersAndSkipsTheAssignment) {
  StaticPair g;
  GroupClient again = g.restarted(g.leader);
  again.join();
  again.finish_join();
  EXPECT_EQ(again.joined.leader, again.member_id);
  EXPECT_TRUE(again.joined.skip_assignment);
  EXPECT_EQ(again.joined.members.size(), 2u);
  EXPECT_EQ(state_of(g.driver), "Stable");
}

TEST(GroupStaticMember, ALeaderBelowVersion9IsToldTheOldLeader) {
  StaticPair g;
  GroupClient again = g.restarted(g.leader, 8);
  again.join();
  again.finish_join();
  EXPECT_EQ(again.joined.leader, g.leader.member_id);
  EXPECT_NE(again.joined.leader, again.member_id);
  EXPECT_FALSE(again.joined.skip_assignment);
  EXPECT_TRUE(again.joined.members.empty());
}

TEST(GroupStaticMember, TheOldIdIsFencedEverywhere) {
  StaticPair g;
  GroupClient again = g.restarted(g.follower);
  again.join();
  again.finish_join();
  EXPECT_EQ(g.follower.heartbeat(), ErrorCode::fenced_instance_id);
  EXPECT_EQ(g.follower.commit("orders", 0, 1), ErrorCode::fenced_instance_id);
  g.follower.sync();
  EXPECT_EQ(g.follower.finish_sync().error, ErrorCode::fenced_instance_id);
  g.follower.join();
  EXPECT_EQ(g.follower.finish_join().error, ErrorCode::fenced_instance_id);
  EXPECT_EQ(g.follower.leave().members[0].error, ErrorCode::fenced_instance_id);
  EXPECT_EQ(again.heartbeat(), ErrorCode::none);
  again.instance_id = "unheard-of";
  EXPECT_EQ(again.heartbeat(), ErrorCode::unknown_member_id);
}

TEST(GroupStaticMember, ParkedRequestsOfTheOldIdAreFenced) {
  StaticPair g;
  g.follower.protocols[0].second = GroupClient::subscription({"payments"});
  g.follower.join();
  EXPECT_FALSE(g.follower.join_answered());
  GroupClient again = g.restarted(g.follower);
  again.join();
  EXPECT_EQ(g.follower.finish_join().error, ErrorCode::fenced_instance_id);
  EXPECT_FALSE(again.join_answered());
  g.leader.join();
  EXPECT_EQ(again.finish_join().error, ErrorCode::none);
  EXPECT_EQ(g.driver.answers(g.follower.join_token()), 1u);
}

TEST(GroupStaticMember, ComingBackBeforeTheAssignmentStartsARebalance) {
  StaticPair g;
  g.leader.join();
  g.follower.join();
  g.leader.finish_join();
  g.follower.finish_join();
  EXPECT_EQ(state_of(g.driver), "CompletingRebalance");
  GroupClient again = g.restarted(g.follower);
  again.join();
  EXPECT_FALSE(again.join_answered());
  EXPECT_EQ(state_of(g.driver), "PreparingRebalance");
}

TEST(GroupStaticMember, ComingBackWithAnotherChosenProtocolStartsARebalance) {
  StaticPair g;
  g.leader.protocols = {{"range", {}}, {"sticky", {}}};
  g.follower.protocols = {{"range", {}}, {"sticky", {}}};
  g.leader.join();
  g.follower.join();
  g.leader.finish_join();
  g.follower.finish_join();
  g.leader.sync();
  EXPECT_EQ(state_of(g.driver), "Stable");
  GroupClient again = g.restarted(g.follower);
  again.protocols = {{"sticky", {}}};
  again.join();
  EXPECT_FALSE(again.join_answered());
  EXPECT_EQ(state_of(g.driver), "PreparingRebalance");
}

TEST(GroupStaticMember, MayBeRemovedByItsInstanceId) {
  StaticPair g;
  LeaveRequest request{.group_id = "g", .members = {{"", std::string_view("two")}}};
  const auto reply = g.driver.reply<LeaveReply>(g.driver.leave(request));
  EXPECT_EQ(reply.members[0].error, ErrorCode::none);
  EXPECT_EQ(g.leader.heartbeat(), ErrorCode::rebalance_in_progress);
  EXPECT_EQ(g.follower.heartbeat(), ErrorCode::unknown_member_id);
}

TEST(GroupStaticMember, KeepsItsPlaceInARebalanceItMisses) {
  StaticPair g;
  g.follower.session_timeout = milliseconds{10'000};
  GroupClient third(g.driver, "g", "c3");
  third.rebalance_timeout = g.leader.rebalance_timeout;
  third.join();
  g.leader.join();
  // The follower neither joins nor leaves; only its session counts.
  EXPECT_FALSE(third.join_answered());
  g.driver.pass(milliseconds{10'000});
  EXPECT_TRUE(third.join_answered());
  EXPECT_EQ(g.follower.heartbeat(), ErrorCode::unknown_member_id);
}

TEST(GroupStaticMember, IsOutWhenItsSessionEnds) {
  StaticPair g;
  for (int i = 0; i < 3; ++i) {
    g.driver.pass(milliseconds{4'000});
    g.leader.heartbeat();
  }
  EXPECT_EQ(g.leader.heartbeat(), ErrorCode::rebalance_in_progress);
  GroupClient again = g.restarted(g.follower);
  again.join();
  EXPECT_FALSE(again.join_answered());
}

TEST(GroupStaticMember, ThatAloneIsLeftAndSilentDoesNotEndTheJoinPhase) {
  StaticPair g;
  // Longer sessions than the rebalance timeout: nobody rejoins, nobody is thrown out yet.
  for (GroupClient* c : {&g.leader, &g.follower}) {
    c->session_timeout = milliseconds{100'000};
    c->rebalance_timeout = milliseconds{5'000};
    c->join();
  }
  g.leader.finish_join();
  g.follower.finish_join();
  g.leader.sync();
  g.follower.sync();
  GroupClient third(g.driver, "g", "c3");
  third.rebalance_timeout = milliseconds{5'000};
  third.join();
  third.leave();
  g.driver.pass(milliseconds{20'000});
  EXPECT_EQ(state_of(g.driver), "PreparingRebalance");
  g.driver.pass(milliseconds{100'000});
  EXPECT_EQ(state_of(g.driver), "Empty");
}

}  // namespace
}  // namespace sluice::broker
