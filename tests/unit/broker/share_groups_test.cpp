#include "broker/share/share_groups.hpp"

#include "broker/options.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

TopicId topic(int number) {
  TopicId id;
  id.octets[15] = static_cast<std::byte>(number);
  return id;
}

// Everybody has something, everything is had, and nobody has much more than another.
void expect_fair(std::size_t members, std::int32_t partitions,
                 const std::vector<ShareAssignment>& assignments) {
  std::size_t least = 1'000'000, most = 0;
  std::map<PartitionIndex, int> holders;
  for (const ShareAssignment& one : assignments) {
    least = std::min(least, one.size());
    most = std::max(most, one.size());
    for (const auto& held : one) ++holders[held.partition];
  }
  EXPECT_EQ(holders.size(), static_cast<std::size_t>(partitions));
  EXPECT_LE(most - least, 1u) << members << " members, " << partitions << " partitions";
  if (partitions >= static_cast<std::int32_t>(members))
    for (const auto& [partition, count] : holders) EXPECT_EQ(count, 1);
}

TEST(ShareAssignorTest, PartitionsAreDealtOutFairly) {
  for (std::size_t members = 1; members <= 9; ++members)
    for (std::int32_t partitions = 1; partitions <= 9; ++partitions) {
      std::vector<ShareAssignment> assignments(members);
      assign_simply({members, {topic(1)}}, {{topic(1), partitions}}, assignments);
      expect_fair(members, partitions, assignments);
    }
}

TEST(ShareAssignorTest, WhatSomebodyHasStays) {
  std::vector<ShareAssignment> before(2);
  assign_simply({2, {topic(1)}}, {{topic(1), 6}}, before);
  std::vector<ShareAssignment> after = before;
  after.emplace_back();
  assign_simply({3, {topic(1)}}, {{topic(1), 6}}, after);
  expect_fair(3, 6, after);
  for (std::size_t i = 0; i < 2; ++i)
    for (const auto& kept : after[i]) EXPECT_TRUE(before[i].contains(kept));
}

TEST(ShareAssignorTest, OnlySubscribersAreAssigned) {
  std::vector<ShareAssignment> assignments(2);
  assign_simply({{topic(1)}, {topic(1), topic(2)}}, {{topic(1), 2}, {topic(2), 2}}, assignments);
  EXPECT_EQ(assignments[0].size(), 1u);
  EXPECT_EQ(assignments[1].size(), 3u);
}

class ShareGroupsTest : public testing::Test {
 protected:
  ShareGroupsTest() {
    Topic orders;
    orders.name = "orders";
    orders.id = topic(1);
    orders.partition_count = 2;
    EXPECT_TRUE(catalog_.apply(CreateTopic{orders}));
  }
  ShareHeartbeatReply beat(std::string_view member, std::int32_t epoch) {
    ShareHeartbeat request;
    request.group_id = "group";
    request.member_id = member;
    request.member_epoch = epoch;
    if (epoch == 0) request.topics.emplace().push_back("orders");
    return groups_.heartbeat(request, catalog_, options_, now_);
  }

  Catalog catalog_;
  Options options_;
  ShareGroups groups_;
  GroupTime now_{TimePoint{} + std::chrono::hours(1), 0};
};

TEST_F(ShareGroupsTest, ASecondMemberTakesItsPart) {
  EXPECT_EQ(beat("a", 0).assignment->size(), 2u);
  EXPECT_FALSE(beat("a", 1).assignment);
  EXPECT_EQ(beat("b", 0).assignment->size(), 1u);
  const auto told = beat("a", 1);
  EXPECT_EQ(told.member_epoch, 2);
  ASSERT_TRUE(told.assignment);
  EXPECT_EQ(told.assignment->size(), 1u);
  EXPECT_EQ(beat("a", 1).error, ErrorCode::none);  // the reply was lost: it says the former epoch
  EXPECT_EQ(beat("b", -1).member_epoch, -1);
  EXPECT_EQ(beat("a", 2).assignment->size(), 2u);
}

TEST_F(ShareGroupsTest, ASilentMemberIsRemoved) {
  beat("a", 0);
  now_.steady += std::chrono::seconds(30);
  beat("b", 0);
  EXPECT_EQ(groups_.next_deadline(), now_.steady + std::chrono::seconds(15));
  now_.steady += std::chrono::seconds(15);
  groups_.tick(now_);
  EXPECT_EQ(beat("a", 1).error, ErrorCode::unknown_member_id);
  EXPECT_EQ(beat("b", 2).assignment->size(), 2u);
  now_.steady += std::chrono::seconds(45);
  groups_.tick(now_);
  EXPECT_FALSE(groups_.has_members("group"));
}

TEST_F(ShareGroupsTest, NewPartitionsAreDealtOut) {
  beat("a", 0);
  ASSERT_TRUE(catalog_.apply(GrowTopic{topic(1), 5}));
  EXPECT_EQ(beat("a", 1).assignment->size(), 5u);
}

TEST_F(ShareGroupsTest, BadRequestsAreNamed) {
  EXPECT_EQ(beat("", 0).error, ErrorCode::invalid_request);
  EXPECT_EQ(beat("a", -2).error, ErrorCode::invalid_request);
  EXPECT_EQ(beat("a", 1).error, ErrorCode::unknown_member_id);
  ShareHeartbeat request;
  request.group_id = "group";
  request.member_id = "a";
  EXPECT_EQ(groups_.heartbeat(request, catalog_, options_, now_).error, ErrorCode::invalid_request);
  EXPECT_FALSE(groups_.has_members("group"));
}

}  // namespace
}  // namespace sluice::broker
