#include "client/assignor.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
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

// ---- Properties of the sticky assignors, over groups that change ----

std::size_t total(const PartitionCounts& counts) {
  std::size_t sum = 0;
  for (const auto& [topic, count] : counts) sum += static_cast<std::size_t>(count);
  return sum;
}

// Whom each partition belongs to; fails when it has two owners.
std::map<TopicPartition, std::string> owners(const GroupAssignment& assignment) {
  std::map<TopicPartition, std::string> by_partition;
  for (const auto& [id, partitions] : assignment)
    for (const auto& partition : partitions)
      EXPECT_TRUE(by_partition.emplace(partition, id).second) << partition.to_string();
  return by_partition;
}

// How many partitions both have, with the same member.
std::size_t kept(const GroupAssignment& before, const GroupAssignment& after) {
  const auto later = owners(after);
  std::size_t same = 0;
  for (const auto& [partition, id] : owners(before)) {
    const auto now = later.find(partition);
    same += now != later.end() && now->second == id;
  }
  return same;
}

bool wants(const GroupMemberInfo& member, const std::string& topic) {
  const auto& topics = member.subscription.topics;
  return std::find(topics.begin(), topics.end(), topic) != topics.end();
}

// Every partition that somebody wants has one owner who wants it; nobody could give one to a member
// that wants it and has at least two fewer.
void expect_good(const std::vector<GroupMemberInfo>& members, const PartitionCounts& counts,
                 const GroupAssignment& assignment) {
  std::map<std::string, const GroupMemberInfo*> by_id;
  for (const auto& m : members) by_id[m.member_id] = &m;
  std::size_t wanted = 0;
  for (const auto& [topic, count] : counts)
    if (std::any_of(members.begin(), members.end(), [&](const auto& m) { return wants(m, topic); }))
      wanted += static_cast<std::size_t>(count);
  EXPECT_EQ(owners(assignment).size(), wanted);
  for (const auto& [id, partitions] : assignment) {
    for (const auto& partition : partitions) {
      EXPECT_TRUE(wants(*by_id.at(id), partition.topic));
      for (const auto& other : members)
        if (wants(other, partition.topic))
          EXPECT_LT(partitions.size(), assignment.at(other.member_id).size() + 2)
              << partition.to_string() << " of " << id << " could go to " << other.member_id;
    }
  }
}

// What members say after a round: that they own what they were given.
void own(std::vector<GroupMemberInfo>& members, const GroupAssignment& assignment,
         std::int32_t generation) {
  for (auto& m : members) {
    m.subscription.owned = assignment.at(m.member_id);
    m.subscription.generation = generation;
  }
}

class StickyProperties : public testing::TestWithParam<std::uint64_t> {
 protected:
  PartitionCounts some_counts() {
    PartitionCounts counts;
    for (const auto* topic : {"t", "u", "v"})
      counts[topic] = 1 + static_cast<std::int32_t>(random_.below(12));
    return counts;
  }
  // All topics, or any that are not none.
  std::vector<std::string> some_topics(bool mixed) {
    std::vector<std::string> topics;
    for (const auto* topic : {"t", "u", "v"})
      if (!mixed || random_.below(2) == 0) topics.emplace_back(topic);
    if (topics.empty()) topics.emplace_back("t");
    return topics;
  }
  std::vector<GroupMemberInfo> some_members(bool mixed) {
    std::vector<GroupMemberInfo> members;
    const auto count = 1 + random_.below(6);
    for (std::uint64_t n = 0; n < count; ++n)
      members.push_back(member("m" + std::to_string(n), some_topics(mixed)));
    return members;
  }

  SeededRandom random_{GetParam()};
};

TEST_P(StickyProperties, NothingMovesWhenNothingChanged) {
  for (const bool mixed : {false, true}) {
    const auto counts = some_counts();
    auto members = some_members(mixed);
    const auto first = assign_sticky(members, counts);
    expect_good(members, counts, first);
    own(members, first, 1);
    EXPECT_EQ(assign_sticky(members, counts), first);
    EXPECT_EQ(assign_cooperatively(members, counts), first);
  }
}

TEST_P(StickyProperties, AMemberThatJoinsGetsItsShareAndNoMoreMoves) {
  const auto counts = some_counts();
  auto members = some_members(false);
  const auto before = assign_sticky(members, counts);
  own(members, before, 1);
  members.push_back(member("new", {"t", "u", "v"}));
  const auto after = assign_sticky(members, counts);
  expect_good(members, counts, after);
  EXPECT_EQ(kept(before, after), total(counts) - after.at("new").size());
}

TEST_P(StickyProperties, OfAMemberThatLeavesOnlyItsOwnPartitionsMove) {
  const auto counts = some_counts();
  auto members = some_members(false);
  members.push_back(member("other", {"t", "u", "v"}));
  const auto before = assign_sticky(members, counts);
  own(members, before, 1);
  const auto gone = random_.below(members.size());
  const auto freed = before.at(members[gone].member_id).size();
  members.erase(members.begin() + static_cast<std::ptrdiff_t>(gone));
  const auto after = assign_sticky(members, counts);
  expect_good(members, counts, after);
  EXPECT_EQ(kept(before, after), total(counts) - freed);
}

TEST_P(StickyProperties, MixedSubscriptionsStayBalancedWhileTheyChange) {
  auto counts = some_counts();
  auto members = some_members(true);
  for (std::int32_t generation = 1; generation < 6; ++generation) {
    const auto assignment = assign_sticky(members, counts);
    expect_good(members, counts, assignment);
    own(members, assignment, generation);
    auto& changed = members[random_.below(members.size())];
    changed.subscription.topics = some_topics(true);
    counts["u"] = 1 + static_cast<std::int32_t>(random_.below(12));  // also fewer: made anew
    if (random_.below(2) == 0)
      members.push_back(member("n" + std::to_string(generation), some_topics(true)));
  }
}

// KIP-429: in no round does a partition belong to two; the second one ends it, and is where the
// sticky assignor is.
TEST_P(StickyProperties, ACooperativeChangeEndsInTwoRoundsWithNoPartitionInTwoHands) {
  for (const bool mixed : {false, true}) {
    const auto counts = some_counts();
    auto members = some_members(mixed);
    const auto before = assign_cooperatively(members, counts);
    own(members, before, 1);
    members.push_back(member("new", some_topics(mixed)));
    const auto wanted = assign_sticky(members, counts);
    const auto first = assign_cooperatively(members, counts);
    const auto held = owners(before);
    for (const auto& [partition, id] : owners(first))
      if (const auto had = held.find(partition); had != held.end()) EXPECT_EQ(had->second, id);
    own(members, first, 2);
    const auto second = assign_cooperatively(members, counts);
    expect_good(members, counts, second);
    EXPECT_EQ(kept(first, second), owners(first).size());
    if (!mixed) EXPECT_EQ(kept(before, second), kept(before, wanted));
    own(members, second, 3);
    EXPECT_EQ(assign_cooperatively(members, counts), second);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, StickyProperties, testing::Range<std::uint64_t>(1, 101));

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
