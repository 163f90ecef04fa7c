#include "client/assignor.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace sluice::client {
namespace {

GroupMemberInfo member(std::string id, std::vector<std::string> topics,
                       std::vector<TopicPartition> owned = {}, std::int32_t generation = 1) {
  return {.member_id = std::move(id),
          .subscription = {
              .topics = std::move(topics), .owned = std::move(owned), .generation = generation}};
}

// "a:t0,t1 b:t2"
std::string text(const GroupAssignment& assignment) {
  std::string out;
  for (const auto& [id, partitions] : assignment) {
    out += (out.empty() ? "" : " ") + id + ":";
    for (std::size_t i = 0; i < partitions.size(); ++i)
      out += (i ? "," : "") + partitions[i].topic + std::to_string(partitions[i].partition);
  }
  return out;
}

// Expected values: RangeAssignorTest and RoundRobinAssignorTest of Kafka.
TEST(RangeAssignor, GivesContiguousRangesTopicByTopic) {
  const std::vector members = {member("a", {"t", "u"}), member("b", {"t", "u"})};
  EXPECT_EQ(text(assign_range(members, {{"t", 3}, {"u", 3}})), "a:t0,t1,u0,u1 b:t2,u2");
}

TEST(RangeAssignor, LeavesMembersEmptyWhenThereAreTooMany) {
  const std::vector members = {member("a", {"t"}), member("b", {"t"}), member("c", {"t"})};
  EXPECT_EQ(text(assign_range(members, {{"t", 2}})), "a:t0 b:t1 c:");
}

TEST(RangeAssignor, IgnoresTopicsThatDoNotExist) {
  EXPECT_EQ(text(assign_range({member("a", {"t", "gone"})}, {{"t", 1}})), "a:t0");
}

TEST(RangeAssignor, PutsStaticMembersFirst) {
  std::vector members = {member("a", {"t"}), member("z", {"t"})};
  members[1].instance_id = "one";
  EXPECT_EQ(text(assign_range(members, {{"t", 3}})), "a:t2 z:t0,t1");
}

TEST(RoundRobinAssignor, TakesTurns) {
  const std::vector members = {member("a", {"t", "u"}), member("b", {"t", "u"})};
  EXPECT_EQ(text(assign_round_robin(members, {{"t", 3}, {"u", 3}})), "a:t0,t2,u1 b:t1,u0,u2");
}

TEST(RoundRobinAssignor, SkipsMembersWithoutTheTopic) {
  const std::vector members = {member("a", {"t"}), member("b", {"t", "u"}),
                               member("c", {"t", "u", "v"})};
  EXPECT_EQ(text(assign_round_robin(members, {{"t", 1}, {"u", 2}, {"v", 3}})),
            "a:t0 b:u0 c:u1,v0,v1,v2");
}

TEST(StickyAssignor, KeepsWhatIsOwnedAndBalances) {
  const std::vector members = {member("a", {"t"}, {{"t", 0}, {"t", 1}, {"t", 2}, {"t", 3}}),
                               member("b", {"t"})};
  EXPECT_EQ(text(assign_sticky(members, {{"t", 4}})), "a:t0,t1 b:t2,t3");
}

TEST(StickyAssignor, TrustsTheNewerClaim) {
  const std::vector members = {member("a", {"t"}, {{"t", 0}}, 3),
                               member("b", {"t"}, {{"t", 0}}, 2)};
  EXPECT_EQ(text(assign_sticky(members, {{"t", 2}})), "a:t0 b:t1");
}

TEST(CooperativeAssignor, HoldsBackWhatChangesHands) {
  const std::vector members = {member("a", {"t"}, {{"t", 0}, {"t", 1}, {"t", 2}, {"t", 3}}),
                               member("b", {"t"})};
  EXPECT_EQ(text(assign_cooperatively(members, {{"t", 4}})), "a:t0,t1 b:");
}

TEST(Assignors, CoverEveryPartitionOnceAndStayBalanced) {
  SeededRandom random(11);
  for (int round = 0; round < 300; ++round) {
    PartitionCounts counts;
    for (const auto* topic : {"t", "u", "v"})
      counts[topic] = static_cast<std::int32_t>(random.below(9));
    std::vector<GroupMemberInfo> members;
    for (auto n = 1 + random.below(6); n > 0; --n)
      members.push_back(member("m" + std::to_string(n), {"t", "u", "v"}));
    const auto before = assign_round_robin(members, counts);
    for (auto& m : members)
      if (random.below(3)) m.subscription.owned = before.at(m.member_id);
    const std::size_t total = static_cast<std::size_t>(counts["t"] + counts["u"] + counts["v"]);
    for (const auto& assignment :
         {assign_range(members, counts), assign_round_robin(members, counts),
          assign_sticky(members, counts)}) {
      std::set<TopicPartition> seen;
      for (const auto& [id, partitions] : assignment)
        seen.insert(partitions.begin(), partitions.end());
      EXPECT_EQ(seen.size(), total);
    }
    std::size_t least = total;
    std::size_t most = 0;
    for (const auto& [id, partitions] : assign_sticky(members, counts)) {
      least = std::min(least, partitions.size());
      most = std::max(most, partitions.size());
    }
    EXPECT_LE(most - least, 1u);
  }
}

TEST(ConsumerProtocol, SubscriptionsAndAssignmentsComeBack) {
  const Subscription subscription{
      .topics = {"t", "u"}, .owned = {{"t", 0}, {"t", 2}, {"u", 1}}, .generation = 5};
  const auto decoded = decode_subscription(encode_subscription(subscription));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->topics, subscription.topics);
  EXPECT_EQ(decoded->owned, subscription.owned);
  EXPECT_EQ(decoded->generation, 5);
  const std::vector<TopicPartition> partitions = {{"t", 0}, {"u", 3}};
  EXPECT_EQ(decode_assignment(encode_assignment(partitions)).value(), partitions);
  EXPECT_TRUE(decode_assignment({})->empty());
  EXPECT_FALSE(decode_subscription({}));
  EXPECT_FALSE(decode_assignment(as_bytes("x")));
}

TEST(ConsumerProtocol, ReadsNewerVersions) {
  auto bytes = encode_assignment({{"t", 0}});
  bytes[1] = std::byte{9};
  bytes.push_back(std::byte{7});  // a field that we do not know
  EXPECT_EQ(decode_assignment(bytes).value().size(), 1u);
}

}  // namespace
}  // namespace sluice::client
