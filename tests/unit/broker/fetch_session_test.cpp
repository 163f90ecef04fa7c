#include "broker/fetch_session.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

using protocol::ErrorCode;
using protocol::FetchRequest;

constexpr std::int16_t by_name = 12;
constexpr std::int16_t by_id = 13;

FetchRequest request(std::int32_t session, std::int32_t epoch,
                     std::vector<std::pair<std::string_view, Offset>> partitions = {}) {
  FetchRequest message;
  message.session_id = session;
  message.session_epoch = epoch;
  for (const auto& [topic, offset] : partitions) {
    FetchRequest::Partition partition;
    partition.fetch_offset = offset;
    partition.partition_max_bytes = 1 << 20;
    message.topics.push_back({topic, {}, {partition}});
  }
  return message;
}

std::vector<std::string> names(FetchSession& session) {
  std::vector<std::string> out;
  for (const FetchTarget& target : session.targets()) out.push_back(target.topic_name);
  return out;
}

TEST(FetchSessions, WithoutASessionEveryPartitionIsInThePlan) {
  FetchSessions sessions;
  const auto plan = sessions.begin(request(0, -1, {{"a", 5}, {"b", 6}}), by_name, 7);
  EXPECT_EQ(plan.error, ErrorCode::none);
  EXPECT_EQ(plan.session, nullptr);
  ASSERT_EQ(plan.targets.size(), 2u);
  EXPECT_EQ(plan.targets[1].offset, 6);
}

TEST(FetchSessions, IncrementalRequestsAddChangeAndForget) {
  FetchSessions sessions;
  const auto first = sessions.begin(request(0, 0, {{"a", 0}, {"b", 0}}), by_name, 7);
  ASSERT_NE(first.session, nullptr);
  EXPECT_EQ(first.session->id(), 7);
  EXPECT_FALSE(first.incremental);

  auto change = request(7, 1, {{"b", 9}, {"c", 1}});
  change.forgotten_topics_data.push_back({"a", {}, {0}});
  const auto second = sessions.begin(change, by_name, 8);
  ASSERT_NE(second.session, nullptr);
  EXPECT_TRUE(second.incremental);
  EXPECT_EQ(names(*second.session), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(second.session->targets().front().offset, 9);
}

TEST(FetchSessions, WrongIdAndWrongEpochAreRefused) {
  FetchSessions sessions;
  EXPECT_EQ(sessions.begin(request(3, 1), by_name, 7).error, ErrorCode::fetch_session_id_not_found);
  sessions.begin(request(0, 0, {{"a", 0}}), by_name, 7);
  EXPECT_EQ(sessions.begin(request(7, 2), by_name, 8).error,
            ErrorCode::invalid_fetch_session_epoch);
  EXPECT_EQ(sessions.begin(request(7, 1), by_name, 8).error, ErrorCode::none);
}

TEST(FetchSessions, NamesAndIdsDoNotMixInOneSession) {
  FetchSessions sessions;
  sessions.begin(request(0, 0, {{"a", 0}}), by_name, 7);
  EXPECT_EQ(sessions.begin(request(7, 1), by_id, 8).error, ErrorCode::fetch_session_topic_id_error);
}

TEST(FetchSessions, AFullFetchWithEpochMinusOneClosesTheSession) {
  FetchSessions sessions;
  sessions.begin(request(0, 0, {{"a", 0}}), by_name, 7);
  EXPECT_EQ(sessions.begin(request(7, -1, {{"a", 0}}), by_name, 8).session, nullptr);
  EXPECT_EQ(sessions.begin(request(7, 1), by_name, 8).error, ErrorCode::fetch_session_id_not_found);
}

TEST(FetchSessions, ASessionWithoutPartitionsIsDropped) {
  FetchSessions sessions;
  sessions.begin(request(0, 0, {{"a", 0}}), by_name, 7);
  auto forget = request(7, 1);
  forget.forgotten_topics_data.push_back({"a", {}, {0}});
  const auto plan = sessions.begin(forget, by_name, 8);
  EXPECT_EQ(plan.error, ErrorCode::none);
  EXPECT_EQ(plan.session, nullptr);
  EXPECT_TRUE(plan.targets.empty());
}

TEST(FetchSession, PartitionsThatReturnedDataAreReadLastNextTime) {
  FetchSessions sessions;
  const auto plan = sessions.begin(request(0, 0, {{"a", 0}, {"b", 0}, {"c", 0}}), by_name, 7);
  plan.session->move_to_end({&plan.session->targets().front()});
  EXPECT_EQ(names(*plan.session), (std::vector<std::string>{"b", "c", "a"}));
  const auto changed = sessions.begin(request(7, 1, {{"a", 4}}), by_name, 8);
  EXPECT_EQ(names(*changed.session), (std::vector<std::string>{"b", "c", "a"}));
  EXPECT_EQ(changed.session->targets().back().offset, 4);
}

}  // namespace
}  // namespace sluice::broker
