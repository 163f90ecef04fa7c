#include "client/queue_member.hpp"

#include <gtest/gtest.h>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using protocol::ErrorCode;
using Step = QueueMember::Step;

const TopicId orders{{std::byte{1}}};

class QueueMemberTest : public testing::Test {
 protected:
  void join() {
    member_.subscribe({"orders"});
    member_.on_coordinator(true, now_);
    ASSERT_EQ(member_.next(now_).step, Step::heartbeat);
    static_cast<void>(member_.heartbeat());
    answer(ErrorCode::none, 1, std::vector<PartitionIndex>{0, 1});
  }
  void answer(ErrorCode error, std::int32_t epoch = 1,
              std::optional<std::vector<PartitionIndex>> assigned = std::nullopt) {
    protocol::ShareGroupHeartbeatResponse response;
    response.error_code = error;
    response.member_epoch = epoch;
    response.heartbeat_interval_ms = 5000;
    if (assigned) response.assignment.emplace().topic_partitions.push_back({orders, *assigned});
    member_.on_heartbeat(response, now_);
  }

  TimePoint now_{};
  QueueMember member_{"group", "me", 100ms};
};

TEST_F(QueueMemberTest, JoinsWithItsTopicsAndTellsThemOnce) {
  EXPECT_EQ(member_.next(now_).step, Step::idle);
  member_.subscribe({"orders", "mails", "orders"});
  EXPECT_EQ(member_.next(now_).step, Step::find_coordinator);
  member_.on_coordinator(true, now_);
  const auto first = member_.heartbeat();
  EXPECT_EQ(first.member_epoch, 0);
  EXPECT_EQ(first.subscribed_topic_names->size(), 2u);
  answer(ErrorCode::none, 4, std::vector<PartitionIndex>{1, 0});
  EXPECT_TRUE(member_.joined());
  EXPECT_EQ(member_.assigned(), (std::vector<QueuePartition>{{orders, 0}, {orders, 1}}));
  const auto action = member_.next(now_);
  EXPECT_EQ(action.step, Step::wait);
  EXPECT_EQ(action.at, now_ + 5s);
  const auto second = member_.heartbeat();
  EXPECT_EQ(second.member_epoch, 4);
  EXPECT_FALSE(second.subscribed_topic_names);
}

TEST_F(QueueMemberTest, AChangedSubscriptionGoesOutAtOnce) {
  join();
  member_.subscribe({"mails"});
  EXPECT_EQ(member_.next(now_).step, Step::heartbeat);
  EXPECT_TRUE(member_.heartbeat().subscribed_topic_names);
  member_.subscribe({"bills"});  // while that one is on its way
  answer(ErrorCode::none);
  EXPECT_EQ(member_.next(now_).step, Step::heartbeat);
  EXPECT_EQ(member_.heartbeat().subscribed_topic_names->front(), "bills");
}

TEST_F(QueueMemberTest, AnAnswerWithoutAnAssignmentChangesNone) {
  join();
  const auto revision = member_.revision();
  answer(ErrorCode::none, 2);
  EXPECT_EQ(member_.assigned().size(), 2u);
  EXPECT_EQ(member_.revision(), revision);
  answer(ErrorCode::none, 3, std::vector<PartitionIndex>{0});
  EXPECT_EQ(member_.assigned().size(), 1u);
  EXPECT_GT(member_.revision(), revision);
}

TEST_F(QueueMemberTest, AMemberThatIsNotKnownOrFencedJoinsAgain) {
  for (const auto error : {ErrorCode::unknown_member_id, ErrorCode::fenced_member_epoch}) {
    member_ = QueueMember("group", "me", 100ms);
    join();
    answer(error);
    EXPECT_TRUE(member_.assigned().empty());
    EXPECT_EQ(member_.next(now_).step, Step::heartbeat);
    const auto again = member_.heartbeat();
    EXPECT_EQ(again.member_epoch, 0);
    EXPECT_EQ(again.member_id, "me");
    EXPECT_TRUE(again.subscribed_topic_names);
    answer(ErrorCode::none, 2, std::vector<PartitionIndex>{0});
    EXPECT_EQ(member_.assigned().size(), 1u);
  }
}

TEST_F(QueueMemberTest, ALostCoordinatorIsLookedForAndTheAssignmentStays) {
  join();
  for (const auto error : {ErrorCode::not_coordinator, ErrorCode::coordinator_not_available}) {
    answer(error);
    EXPECT_EQ(member_.next(now_).step, Step::wait);
    EXPECT_EQ(member_.next(now_ + 100ms).step, Step::find_coordinator);
    EXPECT_EQ(member_.assigned().size(), 2u);
    member_.on_coordinator(false, now_);
    EXPECT_EQ(member_.next(now_ + 99ms).step, Step::wait);
    member_.on_coordinator(true, now_);
    EXPECT_EQ(member_.next(now_ + 100ms).step, Step::heartbeat);
    const auto next = member_.heartbeat();
    EXPECT_EQ(next.member_epoch, 1);
    EXPECT_TRUE(next.subscribed_topic_names);  // whether it heard of them is not known
  }
  answer(ErrorCode::coordinator_load_in_progress);
  EXPECT_EQ(member_.next(now_ + 100ms).step, Step::heartbeat);
}

TEST_F(QueueMemberTest, WhatCannotPassEndsTheMembership) {
  for (const auto error : {ErrorCode::group_authorization_failed, ErrorCode::group_max_size_reached,
                           ErrorCode::group_id_not_found}) {
    member_ = QueueMember("group", "me", 100ms);
    join();
    answer(error);
    EXPECT_EQ(member_.next(now_).step, Step::failed);
    EXPECT_EQ(member_.failure(), error);
    EXPECT_TRUE(member_.assigned().empty());
  }
}

TEST_F(QueueMemberTest, LeavesWithEpochMinusOne) {
  join();
  EXPECT_EQ(member_.farewell().member_epoch, -1);
  member_.on_left();
  EXPECT_FALSE(member_.joined());
  answer(ErrorCode::none, 7, std::vector<PartitionIndex>{0});  // of a heartbeat before it
  EXPECT_TRUE(member_.assigned().empty());
  EXPECT_EQ(member_.next(now_).step, Step::idle);
}

}  // namespace
}  // namespace sluice::client
