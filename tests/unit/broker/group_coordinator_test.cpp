#include "broker/group_coordinator.hpp"

#include "tests/support/group_driver.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using test::GroupClient;
using test::GroupDriver;

CommitRequest simple_commit(std::string_view group, std::string_view topic, std::int32_t partition,
                            std::int64_t offset) {
  CommitRequest request;
  request.group_id = group;
  request.topics.push_back(
      {.name = topic, .id = {}, .partitions = {{.index = partition, .offset = offset}}});
  return request;
}

std::int64_t fetch(GroupDriver& driver, std::string_view group, std::int32_t partition = 0) {
  FetchOffsetsRequest request;
  request.group_id = group;
  request.topics.emplace();
  request.topics->push_back({.name = "orders", .id = {}, .partitions = {partition}});
  return driver.coordinator().fetch(request).topics[0].partitions[0].offset;
}

ErrorCode first_error(const GroupDriver& driver, RequestToken token) {
  return driver.reply<CommitReply>(token).topics[0].partitions[0].error;
}

void settle(GroupClient& one) {
  one.join();
  one.finish_join();
  one.sync();
  one.finish_sync();
}

TEST(GroupCoordinatorLoad, EverythingWaitsForIt) {
  SeededRandom random(1);
  GroupCoordinator coordinator({}, random);
  const GroupTime now{TimePoint{}, 0};
  coordinator.join({.group_id = "g", .member_id = "m"}, 1, now);
  coordinator.sync({.group_id = "g"}, 2, now);
  coordinator.leave({.group_id = "g"}, 3, now);
  coordinator.commit(simple_commit("g", "orders", 0, 1), 4, now);
  coordinator.delete_offsets({.group_id = "g"}, 5, now);
  coordinator.delete_groups({"g"}, 6, now);
  const auto loading = ErrorCode::coordinator_load_in_progress;
  const auto done = coordinator.take_completed();
  ASSERT_EQ(done.size(), 6u);
  EXPECT_EQ(std::get<JoinReply>(done[0].reply).error, loading);
  EXPECT_EQ(std::get<JoinReply>(done[0].reply).member_id, "m");
  EXPECT_EQ(std::get<SyncReply>(done[1].reply).error, loading);
  EXPECT_EQ(std::get<LeaveReply>(done[2].reply).error, loading);
  EXPECT_EQ(std::get<CommitReply>(done[3].reply).topics[0].partitions[0].error, loading);
  EXPECT_EQ(std::get<DeleteOffsetsReply>(done[4].reply).error, loading);
  EXPECT_EQ(std::get<DeleteGroupsReply>(done[5].reply).groups[0].error, loading);
  EXPECT_EQ(coordinator.fetch({.group_id = "g"}).error, loading);
  EXPECT_EQ(coordinator.list({}).error, loading);
  EXPECT_EQ(coordinator.describe("g", 6).error, loading);
  EXPECT_EQ(coordinator.heartbeat({.group_id = "g"}, now), ErrorCode::none);
  EXPECT_EQ(coordinator.next_deadline(), std::nullopt);
}

TEST(GroupCoordinatorLoad, AStableGroupSurvivesARestart) {
  GroupDriver before;
  GroupClient one(before, "g", "1"), two(before, "g", "2");
  two.instance_id = "static";
  settle(one);
  two.join();
  one.join();
  one.finish_join();
  two.finish_join();
  two.sync();
  one.sync();
  two.finish_sync();
  before.commit(simple_commit("simple", "orders", 0, 5));
  one.commit("orders", 0, 77);
  before.skip(hours{1});

  GroupDriver after(before.log(), before.now());
  const auto described = after.coordinator().describe("g", 6);
  EXPECT_EQ(described.state, "Stable");
  EXPECT_EQ(described.protocol_data, "range");
  ASSERT_EQ(described.members.size(), 2u);
  EXPECT_EQ(as_text(described.members[1].assignment), "assigned to " + two.member_id);
  EXPECT_EQ(described.members[1].instance_id, "static");
  EXPECT_EQ(fetch(after, "g"), 77);
  EXPECT_EQ(fetch(after, "simple"), 5);

  // The members go on as if nothing had been, with fresh sessions.
  GroupClient again(after, "g", "1");
  again.member_id = one.member_id;
  again.generation = one.generation;
  after.pass(milliseconds{9'000});
  EXPECT_EQ(again.heartbeat(), ErrorCode::none);
  EXPECT_EQ(again.commit("orders", 0, 78), ErrorCode::none);
  after.pass(milliseconds{2'000});
  EXPECT_EQ(again.heartbeat(), ErrorCode::rebalance_in_progress);  // the other one is gone
}

TEST(GroupCoordinatorLoad, AnEmptyGroupKeepsItsGeneration) {
  GroupDriver before;
  GroupClient one(before, "g", "1");
  settle(one);
  one.leave();
  GroupDriver after(before.log(), before.now());
  EXPECT_EQ(after.coordinator().describe("g", 6).state, "Empty");
  GroupClient again(after, "g", "1");
  again.join();
  EXPECT_EQ(again.finish_join().generation, 3);
}

TEST(GroupCoordinatorLoad, DeletedGroupsAndOffsetsStayDeleted) {
  GroupDriver before;
  GroupClient one(before, "g", "1");
  settle(one);
  one.commit("orders", 0, 1);
  one.leave();
  before.commit(simple_commit("simple", "orders", 0, 5));
  before.delete_groups({"g", "simple"});
  GroupDriver after(before.log(), before.now());
  EXPECT_EQ(after.coordinator().group_count(), 0u);
}

TEST(GroupCoordinatorLoad, SkipsWhatItDoesNotUnderstand) {
  SeededRandom random(1);
  GroupCoordinator coordinator({}, random);
  const Blob other_type{std::byte{0}, std::byte{3}, std::byte{0}, std::byte{1}, std::byte{'g'}};
  EXPECT_FALSE(coordinator.load(other_type, Bytes(other_type)));
  EXPECT_FALSE(coordinator.load({}, std::nullopt));
  const OffsetsRecord group = encode_group("g", {});
  EXPECT_FALSE(coordinator.load(group.key, Bytes(*group.value).first(5)));
  EXPECT_TRUE(coordinator.load(group.key, Bytes(*group.value)));
  coordinator.finish_load({TimePoint{}, 0});
  EXPECT_EQ(coordinator.group_count(), 1u);
}

TEST(GroupCoordinatorDelete, TakesEmptyGroupsOnly) {
  GroupDriver driver;
  GroupClient one(driver, "active", "1"), two(driver, "left", "2");
  settle(one);
  settle(two);
  two.commit("orders", 0, 1);
  two.leave();
  driver.commit(simple_commit("simple", "orders", 0, 1));
  const auto reply = driver.reply<DeleteGroupsReply>(
      driver.delete_groups({"active", "left", "simple", "none", "left"}));
  ASSERT_EQ(reply.groups.size(), 5u);
  EXPECT_EQ(reply.groups[0].error, ErrorCode::non_empty_group);
  EXPECT_EQ(reply.groups[1].error, ErrorCode::none);
  EXPECT_EQ(reply.groups[2].error, ErrorCode::none);
  EXPECT_EQ(reply.groups[3].error, ErrorCode::group_id_not_found);
  EXPECT_EQ(reply.groups[4].error, ErrorCode::group_id_not_found);
  EXPECT_EQ(fetch(driver, "left"), -1);
  EXPECT_EQ(driver.coordinator().group_count(), 1u);
}

TEST(GroupCoordinatorDelete, IsAnsweredWhenDurable) {
  GroupDriver driver;
  driver.commit(simple_commit("g", "orders", 0, 1));
  driver.hold_writes();
  const auto token = driver.delete_groups({"g"});
  EXPECT_FALSE(driver.answered(token));
  driver.release_writes();
  EXPECT_TRUE(driver.answered(token));
}

TEST(GroupCoordinatorDelete, ThatFailsBringsTheGroupBack) {
  GroupDriver driver;
  driver.commit(simple_commit("g", "orders", 0, 1));
  driver.hold_writes();
  const auto token = driver.delete_groups({"g", "none"});
  driver.fail_write(ErrorCode::kafka_storage_error);
  const auto reply = driver.reply<DeleteGroupsReply>(token);
  EXPECT_EQ(reply.groups[0].error, ErrorCode::not_coordinator);
  EXPECT_EQ(reply.groups[1].error, ErrorCode::group_id_not_found);
  EXPECT_EQ(fetch(driver, "g"), 1);
}

TEST(GroupCoordinatorDelete, CommitsAroundItKeepTheOrderOfTheLog) {
  GroupDriver driver;
  driver.commit(simple_commit("g", "orders", 0, 1));
  driver.hold_writes();
  const auto before = driver.commit(simple_commit("g", "orders", 1, 2));
  driver.delete_groups({"g"});
  const auto after = driver.commit(simple_commit("g", "orders", 2, 3));
  driver.release_writes();
  EXPECT_EQ(first_error(driver, before), ErrorCode::none);
  EXPECT_EQ(first_error(driver, after), ErrorCode::none);
  GroupDriver again(driver.log(), driver.now());
  for (GroupDriver* d : {&driver, &again}) {
    EXPECT_EQ(fetch(*d, "g", 0), -1);
    EXPECT_EQ(fetch(*d, "g", 1), -1);
    EXPECT_EQ(fetch(*d, "g", 2), 3);
  }
}

TEST(GroupCoordinatorDescribe, AnUnknownGroupIsDead) {
  GroupDriver driver;
  auto described = driver.coordinator().describe("g", 5);
  EXPECT_EQ(described.error, ErrorCode::none);
  EXPECT_EQ(described.state, "Dead");
  EXPECT_EQ(described.group_id, "g");
  described = driver.coordinator().describe("g", 6);
  EXPECT_EQ(described.error, ErrorCode::group_id_not_found);
  EXPECT_EQ(described.state, "Dead");
  EXPECT_EQ(described.error_message, "Group g not found.");
}

TEST(GroupCoordinatorList, FiltersByStateAndTypeInAnyCase) {
  GroupDriver driver;
  GroupClient one(driver, "stable", "1");
  settle(one);
  GroupClient two(driver, "connect", "2");
  two.protocol_type = "connect";
  settle(two);
  two.leave();
  driver.commit(simple_commit("simple", "orders", 0, 1));

  const auto ids = [&](const GroupListFilter& filter) {
    std::string result;
    for (const ListedGroup& g : driver.coordinator().list(filter).groups)
      result += g.group_id + " ";
    return result;
  };
  EXPECT_EQ(ids({}), "connect simple stable ");
  EXPECT_EQ(ids({.states = {"STABLE"}, .types = {}}), "stable ");
  EXPECT_EQ(ids({.states = {" empty ", "dead"}, .types = {}}), "connect simple ");
  EXPECT_EQ(ids({.states = {"nonsense"}, .types = {}}), "");
  EXPECT_EQ(ids({.states = {}, .types = {"Classic"}}), "connect simple stable ");
  EXPECT_EQ(ids({.states = {}, .types = {"consumer"}}), "");
  const auto listed = driver.coordinator().list({}).groups;
  EXPECT_EQ(listed[0].protocol_type, "connect");
  EXPECT_EQ(listed[1].protocol_type, "");
  EXPECT_EQ(listed[2].protocol_type, "consumer");
  EXPECT_EQ(listed[2].state, "Stable");
  EXPECT_EQ(listed[2].type, "classic");
}

TEST(GroupCoordinatorBounds, GroupsAreCounted) {
  GroupOptions options = GroupDriver::quick();
  options.groups_max = 1;
  GroupDriver driver(options);
  driver.commit(simple_commit("g", "orders", 0, 1));
  EXPECT_EQ(first_error(driver, driver.commit(simple_commit("h", "orders", 0, 1))),
            ErrorCode::policy_violation);
  GroupClient one(driver, "h", "1");
  one.join();
  EXPECT_EQ(one.finish_join().error, ErrorCode::policy_violation);
  EXPECT_EQ(first_error(driver, driver.commit(simple_commit("g", "orders", 1, 1))),
            ErrorCode::none);
}

TEST(GroupCoordinatorBounds, IdsGivenOutAreCounted) {
  GroupOptions options = GroupDriver::quick();
  options.pending_members_max = 2;
  GroupDriver driver(options);
  GroupClient one(driver, "g", "1");
  const auto error = [&] { return driver.reply<JoinReply>(driver.join(one.join_request())).error; };
  EXPECT_EQ(error(), ErrorCode::member_id_required);
  EXPECT_EQ(error(), ErrorCode::member_id_required);
  EXPECT_EQ(error(), ErrorCode::group_max_size_reached);
  driver.pass(milliseconds{10'000});
  EXPECT_EQ(error(), ErrorCode::member_id_required);
}

TEST(GroupCoordinatorBounds, MemoryIsCountedAndGivenBack) {
  GroupOptions options = GroupDriver::quick();
  options.state_bytes_max = 100'000;
  GroupDriver driver(options);
  GroupClient one(driver, "g", "1");
  one.protocols = {{"range", Blob(90'000)}};
  settle(one);
  EXPECT_EQ(one.joined.error, ErrorCode::none);
  EXPECT_GT(driver.coordinator().state_bytes(), 90'000u);
  GroupClient two(driver, "h", "2");
  two.protocols = {{"range", Blob(90'000)}};
  two.join();
  EXPECT_EQ(two.finish_join().error, ErrorCode::group_max_size_reached);
  CommitRequest big = simple_commit("s", "orders", 0, 1);
  for (int i = 0; i < 1'000; ++i) big.topics[0].partitions.push_back({.index = i, .offset = 1});
  EXPECT_EQ(first_error(driver, driver.commit(big)), ErrorCode::policy_violation);

  one.leave();
  driver.delete_groups({"g"});
  EXPECT_EQ(driver.coordinator().state_bytes(), 0u);
  settle(two);
  EXPECT_EQ(two.joined.error, ErrorCode::none);
}

TEST(GroupCoordinatorBounds, WritesInFlightAreCounted) {
  GroupOptions options = GroupDriver::quick();
  options.writes_in_flight_max = 1;
  GroupDriver driver(options);
  driver.hold_writes();
  driver.commit(simple_commit("g", "orders", 0, 1));
  EXPECT_EQ(first_error(driver, driver.commit(simple_commit("g", "orders", 0, 2))),
            ErrorCode::coordinator_not_available);
  driver.release_writes();
  EXPECT_EQ(first_error(driver, driver.commit(simple_commit("g", "orders", 0, 3))),
            ErrorCode::none);
}

TEST(GroupCoordinatorBounds, TextThatNoRecordCanHoldIsRefused) {
  GroupDriver driver;
  const std::string long_text(40'000, 'x');
  GroupClient one(driver, long_text, "1"), two(driver, "g", long_text), three(driver, "g", "3");
  three.protocol_type = long_text;
  for (GroupClient* c : {&one, &two, &three}) {
    c->join();
    EXPECT_EQ(c->finish_join().error, ErrorCode::invalid_request);
  }
  EXPECT_EQ(first_error(driver, driver.commit(simple_commit(long_text, "orders", 0, 1))),
            ErrorCode::invalid_group_id);
}

TEST(GroupCoordinatorStop, AnswersEverythingThatWaits) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1"), two(driver, "g", "2");
  settle(one);
  two.join();
  driver.hold_writes();
  const auto commit = driver.commit(simple_commit("simple", "orders", 0, 1));
  EXPECT_EQ(driver.coordinator().parked_count(), 2u);
  driver.coordinator().abandon(ErrorCode::coordinator_not_available);
  driver.pump();
  EXPECT_EQ(two.finish_join().error, ErrorCode::coordinator_not_available);
  EXPECT_EQ(first_error(driver, commit), ErrorCode::coordinator_not_available);
  EXPECT_EQ(driver.coordinator().parked_count(), 0u);
  driver.release_writes();
  EXPECT_EQ(driver.answers(commit), 1u);
}

TEST(GroupCoordinatorTimer, AGroupThatNobodyStoredVanishesWithItsLastId) {
  GroupDriver driver;
  GroupClient one(driver, "g", "1");
  driver.join(one.join_request());
  EXPECT_EQ(driver.coordinator().group_count(), 1u);
  driver.pass(milliseconds{10'000});
  EXPECT_EQ(driver.coordinator().group_count(), 0u);
  EXPECT_TRUE(driver.log().empty());
}

}  // namespace
}  // namespace sluice::broker
