#include "client/group_member.hpp"

#include <gtest/gtest.h>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using protocol::ErrorCode;
using Step = GroupMember::Step;

class GroupMemberTest : public ::testing::Test {
 protected:
  void begin(std::vector<Assignor> assignors = {Assignor::range}) {
    member_.emplace(GroupMemberOptions{.group_id = "g", .assignors = std::move(assignors)});
    member_->subscribe({"t"});
  }
  Step step() const { return member_->next(now_).step; }
  GroupMember::JoinOutcome joined(std::int32_t generation, std::string leader = "me") const {
    return {.generation = generation,
            .protocol = std::string(assignor_name(member_->options().assignors.front())),
            .leader = std::move(leader),
            .member_id = "me"};
  }
  GroupMember::Change become_stable(std::vector<TopicPartition> assignment,
                                    std::int32_t generation = 1) {
    if (step() == Step::find_coordinator) member_->on_coordinator(true, now_);
    if (step() == Step::release) member_->on_released();
    EXPECT_EQ(step(), Step::join);
    member_->on_join(joined(generation), now_);
    EXPECT_EQ(step(), Step::sync);
    return member_->on_sync(ErrorCode::none, std::move(assignment), now_);
  }

  std::optional<GroupMember> member_;
  TimePoint now_{std::chrono::hours(1)};
  const std::vector<TopicPartition> both_ = {{"t", 0}, {"t", 1}};
};

TEST_F(GroupMemberTest, IsIdleUntilItSubscribes) {
  GroupMember member({.group_id = "g"});
  EXPECT_EQ(member.next(now_).step, Step::idle);
}

TEST_F(GroupMemberTest, JoinsSyncsAndHeartbeats) {
  begin();
  EXPECT_EQ(step(), Step::find_coordinator);
  const auto change = become_stable(both_);
  EXPECT_EQ(change.added, both_);
  EXPECT_TRUE(member_->leads());
  EXPECT_TRUE(member_->stable());
  EXPECT_EQ(member_->next(now_).at, now_ + 3s);
  now_ += 3s;
  EXPECT_EQ(step(), Step::heartbeat);
  member_->on_heartbeat(ErrorCode::none, now_);
  EXPECT_EQ(step(), Step::wait);
}

TEST_F(GroupMemberTest, JoinsAgainUnderTheIdItWasGiven) {
  begin();
  member_->on_coordinator(true, now_);
  member_->on_join({.error = ErrorCode::member_id_required, .member_id = "given"}, now_);
  EXPECT_EQ(step(), Step::join);
  EXPECT_EQ(member_->member_id(), "given");
}

TEST_F(GroupMemberTest, AnEagerMemberReleasesBeforeItRejoins) {
  begin();
  become_stable(both_);
  member_->on_heartbeat(ErrorCode::rebalance_in_progress, now_);
  EXPECT_EQ(step(), Step::release);
  EXPECT_EQ(member_->assigned(), both_);
  member_->on_released();
  EXPECT_TRUE(member_->assigned().empty());
  const auto change = become_stable({{"t", 0}}, 2);
  EXPECT_EQ(change.added.size(), 1u);
  EXPECT_TRUE(change.revoked.empty());
}

TEST_F(GroupMemberTest, ACooperativeMemberKeepsReadingAndRejoinsAfterALoss) {
  begin({Assignor::cooperative_sticky});
  become_stable(both_);
  member_->on_heartbeat(ErrorCode::rebalance_in_progress, now_);
  EXPECT_EQ(step(), Step::join) << "nothing to release";
  EXPECT_EQ(member_->subscription().owned, both_);
  EXPECT_EQ(member_->subscription().generation, 1);
  const auto change = become_stable({{"t", 0}}, 2);
  EXPECT_EQ(change.revoked, (std::vector<TopicPartition>{{"t", 1}}));
  EXPECT_EQ(step(), Step::join) << "what it gave up can be given out now";
  const auto settled = become_stable({{"t", 0}}, 3);
  EXPECT_TRUE(settled.revoked.empty());
  EXPECT_TRUE(member_->stable());
}

TEST_F(GroupMemberTest, AnUnknownMemberStartsAfresh) {
  begin();
  become_stable(both_);
  member_->on_heartbeat(ErrorCode::unknown_member_id, now_);
  EXPECT_EQ(member_->take_lost(), both_);
  EXPECT_TRUE(member_->take_lost().empty());
  EXPECT_EQ(member_->member_id(), "");
  EXPECT_EQ(step(), Step::join);
}

TEST_F(GroupMemberTest, AnOldGenerationKeepsTheMemberId) {
  begin();
  become_stable(both_);
  member_->on_commit_error(ErrorCode::illegal_generation, now_);
  EXPECT_EQ(member_->take_lost(), both_);
  EXPECT_EQ(member_->member_id(), "me");
  EXPECT_EQ(step(), Step::join);
}

TEST_F(GroupMemberTest, ADisconnectDoesNotCostTheMembership) {
  begin();
  become_stable(both_);
  member_->on_disconnect(now_);
  EXPECT_EQ(step(), Step::wait);
  now_ += 100ms;
  EXPECT_EQ(step(), Step::find_coordinator);
  member_->on_coordinator(true, now_);
  EXPECT_TRUE(member_->stable());
  EXPECT_EQ(member_->assigned(), both_);
}

TEST_F(GroupMemberTest, ADisconnectInTheMiddleOfARebalanceBeginsItAgain) {
  begin();
  member_->on_coordinator(true, now_);
  member_->on_join(joined(1), now_);
  member_->on_disconnect(now_);
  now_ += 1s;
  member_->on_coordinator(true, now_);
  EXPECT_EQ(step(), Step::join);
  EXPECT_EQ(member_->member_id(), "me");
}

TEST_F(GroupMemberTest, AMovedCoordinatorIsLookedUp) {
  begin();
  become_stable(both_);
  member_->on_heartbeat(ErrorCode::not_coordinator, now_);
  now_ += 1s;
  EXPECT_EQ(step(), Step::find_coordinator);
}

TEST_F(GroupMemberTest, SomeErrorsEndTheMembership) {
  begin();
  become_stable(both_);
  member_->on_heartbeat(ErrorCode::fenced_instance_id, now_);
  EXPECT_EQ(step(), Step::failed);
  EXPECT_EQ(member_->failure(), ErrorCode::fenced_instance_id);
  EXPECT_EQ(member_->take_lost(), both_);
}

TEST_F(GroupMemberTest, OtherTopicsMeanAnotherRound) {
  begin();
  become_stable(both_);
  member_->subscribe({"t"});
  EXPECT_TRUE(member_->stable()) << "nothing changed";
  member_->subscribe({"u", "t", "t"});
  EXPECT_EQ(step(), Step::release);
  EXPECT_EQ(member_->topics(), (std::vector<std::string>{"t", "u"}));
}

TEST_F(GroupMemberTest, AChangeDuringARoundIsNotForgotten) {
  begin();
  member_->on_coordinator(true, now_);
  member_->on_join(joined(1), now_);
  member_->rejoin();
  EXPECT_EQ(step(), Step::sync);
  member_->on_sync(ErrorCode::none, both_, now_);
  EXPECT_EQ(step(), Step::release);
}

}  // namespace
}  // namespace sluice::client
