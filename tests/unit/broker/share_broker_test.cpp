// Share groups of a whole broker, over real sockets and a real directory.
#include "tests/unit/broker/share_broker_fixture.hpp"

namespace sluice::broker {
namespace {

class ShareBrokerTest : public ShareBrokerFixture {};

TEST_F(ShareBrokerTest, AMemberIsAssignedItsTopicAndLeaves) {
  begin(1);
  const auto joined = heartbeat(0);
  EXPECT_EQ(joined.error_code, ErrorCode::none);
  EXPECT_EQ(joined.member_epoch, 1);
  ASSERT_TRUE(joined.assignment);
  EXPECT_EQ(joined.assignment->topic_partitions.front().topic_id, topic_);
  EXPECT_FALSE(heartbeat(1).assignment);
  EXPECT_EQ(heartbeat(7).error_code, ErrorCode::fenced_member_epoch);
  EXPECT_EQ(heartbeat(-2).error_code, ErrorCode::invalid_request);
  EXPECT_EQ(heartbeat(-1).error_code, ErrorCode::none);
  EXPECT_EQ(heartbeat(1).error_code, ErrorCode::unknown_member_id);
}

TEST_F(ShareBrokerTest, OffsetsAreNotCommittedToAShareGroup) {
  begin(1);
  protocol::OffsetCommitRequest request;
  request.group_id = "group";
  request.topics.emplace_back().name = "orders";
  request.topics.front().partitions.emplace_back().committed_offset = 1;
  const auto commit = [&] {
    const auto response = client_->call<protocol::OffsetCommitResponse>(request, 8);
    return response->topics.front().partitions.front().error_code;
  };
  EXPECT_EQ(commit(), ErrorCode::none);  // nobody has joined: it is a group like any other
  request.group_id = "share";
  protocol::ShareGroupHeartbeatRequest joins;
  joins.group_id = "share";
  joins.member_id = "member";
  joins.subscribed_topic_names = {"orders"};
  const auto joined = client_->call<protocol::ShareGroupHeartbeatResponse>(joins, 1);
  ASSERT_EQ(joined->error_code, ErrorCode::none);
  EXPECT_EQ(commit(), ErrorCode::group_id_not_found);
}

TEST_F(ShareBrokerTest, WhatWasAcceptedIsOverAlsoAfterARestart) {
  begin(10);
  EXPECT_EQ(fetch(), (Gots{{0, 9, 1}}));
  EXPECT_EQ(acknowledge(0, 3, {1, 2, 1, 3}), ErrorCode::none);
  EXPECT_EQ(start_and_lag(), (std::pair<Offset, std::int64_t>{1, 7}));
  EXPECT_EQ(fetch(), (Gots{{1, 1, 2}}));
  start();
  EXPECT_EQ(fetch(), (Gots{{1, 1, 3}, {4, 9, 2}}));  // those deliveries ended with the connection
  EXPECT_EQ(acknowledge(1, 9, {1}), ErrorCode::invalid_record_state);  // 2 and 3 are over
  EXPECT_EQ(acknowledge(1, 1, {1}), ErrorCode::none);
  EXPECT_EQ(acknowledge(4, 9, {1}), ErrorCode::none);
  EXPECT_EQ(start_and_lag(), (std::pair<Offset, std::int64_t>{10, 0}));
}

// Each batch takes a read of its own.
class ShareLastAttemptTest : public ShareBrokerFixture {
 protected:
  void produce_large() {
    const std::string value(60'000, 'x');
    NewRecord record;
    record.value = as_bytes(value);
    produce_batch({record}, protocol::Compression::none);
  }
  void begin_with_limit(std::string_view deliveries) {
    begin(0);
    configure("share.delivery.count.limit", deliveries);
  }
};

TEST_F(ShareLastAttemptTest, IsAloneAlsoWhereOtherBatchesFollow) {
  begin_with_limit("3");
  produce_large();
  for (std::int16_t deliveries = 1; deliveries < 3; ++deliveries) {
    EXPECT_EQ(fetch(), (Gots{{0, 0, deliveries}}));
    EXPECT_EQ(acknowledge(0, 0, {2}), ErrorCode::none);
  }
  produce_large();
  produce_large();
  EXPECT_EQ(fetch(), (Gots{{0, 0, 3}}));
  EXPECT_EQ(fetch(), (Gots{{1, 2, 1}}));
}

TEST_F(ShareLastAttemptTest, ComesBeforeTheRecordsBehindIt) {
  begin_with_limit("3");
  produce_large();
  produce_large();
  EXPECT_EQ(fetch(), (Gots{{0, 1, 1}}));
  EXPECT_EQ(acknowledge(1, 1, {2}), ErrorCode::none);
  EXPECT_EQ(fetch(), (Gots{{1, 1, 2}}));
  EXPECT_EQ(acknowledge(0, 1, {2}), ErrorCode::none);
  produce_large();
  EXPECT_EQ(fetch(), (Gots{{0, 0, 2}}));
  EXPECT_EQ(fetch(), (Gots{{1, 1, 3}}));
  EXPECT_EQ(fetch(), (Gots{{2, 2, 1}}));
}

// One of a hundred fails: a fetch for each would halve what the others do.
TEST_F(ShareBrokerTest, RecordsThatCameBackComeTogetherOutOfLargeBatches) {
  begin(0);
  const std::string value(1024, 'x');
  NewRecord record;
  record.value = as_bytes(value);
  for (int batch = 0; batch < 4; ++batch)
    produce_batch(std::vector<NewRecord>(64, record), protocol::Compression::none);
  EXPECT_EQ(fetch(), (Gots{{0, 255, 1}}));
  std::vector<std::int8_t> types(256, 1);
  for (const std::size_t i : {3u, 70u, 130u, 200u}) types[i] = 2;
  EXPECT_EQ(acknowledge(0, 255, types), ErrorCode::none);
  EXPECT_EQ(fetch(), (Gots{{3, 3, 2}, {70, 70, 2}, {130, 130, 2}, {200, 200, 2}}));
}

TEST_F(ShareBrokerTest, AReleasedRecordWaitsForItsBackoffAlsoAcrossARestart) {
  begin(2);
  configure("sluice.retry.backoff.ms", "400");
  configure("sluice.retry.backoff.jitter", "0");
  EXPECT_EQ(fetch(), (Gots{{0, 1, 1}}));
  const std::int64_t released_ms = clock_.wall_ms();
  EXPECT_EQ(acknowledge(0, 1, {2, 1}), ErrorCode::none);
  EXPECT_EQ(fetch(0), Gots{});
  start();
  EXPECT_EQ(fetch(20'000), (Gots{{0, 0, 2}}));  // woken by the clock, not by the wait
  EXPECT_GE(clock_.wall_ms() - released_ms, 399);
}

TEST_F(ShareBrokerTest, WithOrderByKeyOneRecordOfAKeyIsInFlightAlsoAcrossARestart) {
  begin(1);
  configure("sluice.share.order", "key");
  std::vector<NewRecord> records(5);
  for (const std::size_t i : {0u, 1u, 3u}) records[i].key = as_bytes("alice");
  records[2].key = as_bytes("bob");
  produce_batch(records, protocol::Compression::lz4);
  EXPECT_EQ(fetch(), (Gots{{0, 1, 1}, {3, 3, 1}, {5, 5, 1}}));
  EXPECT_EQ(fetch(0), Gots{});
  EXPECT_EQ(acknowledge(0, 0, {1}), ErrorCode::none);
  EXPECT_EQ(acknowledge(3, 3, {1}), ErrorCode::none);
  EXPECT_EQ(acknowledge(5, 5, {1}), ErrorCode::none);
  EXPECT_EQ(acknowledge(1, 1, {1}), ErrorCode::none);
  EXPECT_EQ(fetch(20'000), (Gots{{2, 2, 1}}));
  start();
  EXPECT_EQ(fetch(20'000), (Gots{{2, 2, 2}}));
  EXPECT_EQ(fetch(0), Gots{});
  EXPECT_EQ(acknowledge(2, 2, {1}), ErrorCode::none);
  EXPECT_EQ(fetch(20'000), (Gots{{4, 4, 1}}));
}

TEST_F(ShareBrokerTest, AWaitingFetchIsWokenByRecords) {
  begin(1);
  fetch();
  client_->send(fetch_request(20'000), 2);
  const auto other = std::exchange(client_, connect());
  produce(3);
  EXPECT_EQ(acquired(*other->receive<protocol::ShareFetchResponse>(2)), (Gots{{1, 3, 1}}));
}

TEST_F(ShareBrokerTest, AConnectionThatEndsFreesWhatItHeld) {
  begin(5);
  EXPECT_EQ(fetch(), (Gots{{0, 4, 1}}));
  client_ = connect();
  epoch_ = 0;
  EXPECT_EQ(fetch(20'000), (Gots{{0, 4, 2}}));
}

TEST_F(ShareBrokerTest, SessionsFollowTheirEpochs) {
  begin(1);
  epoch_ = 3;
  EXPECT_EQ(acknowledge(0, 0, {1}), ErrorCode::share_session_not_found);
  epoch_ = 0;
  EXPECT_EQ(acknowledge(0, 0, {1}), ErrorCode::invalid_share_session_epoch);
  epoch_ = 0;
  EXPECT_EQ(fetch(), (Gots{{0, 0, 1}}));
  epoch_ = 5;
  EXPECT_EQ(acknowledge(0, 0, {1}), ErrorCode::invalid_share_session_epoch);
  epoch_ = -1;
  EXPECT_EQ(acknowledge(0, 0, {1}), ErrorCode::none);
  EXPECT_EQ(start_and_lag(), (std::pair<Offset, std::int64_t>{1, 0}));
}

TEST_F(ShareBrokerTest, OffsetsAreAlteredAndDeletedWhileNobodyReads) {
  begin(10);
  heartbeat(0);
  protocol::AlterShareGroupOffsetsRequest alter;
  alter.group_id = "group";
  alter.topics.push_back({"orders", {{0, 4}, {9, 0}}});
  const auto alter_now = [&] {
    return *client_->call<protocol::AlterShareGroupOffsetsResponse>(alter, 0);
  };
  EXPECT_EQ(alter_now().error_code, ErrorCode::non_empty_group);
  heartbeat(-1);
  const auto altered = alter_now();
  EXPECT_EQ(altered.error_code, ErrorCode::none);
  EXPECT_EQ(altered.responses.front().partitions[0].error_code, ErrorCode::none);
  EXPECT_EQ(altered.responses.front().partitions[1].error_code,
            ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(start_and_lag(), (std::pair<Offset, std::int64_t>{4, 6}));
  EXPECT_EQ(fetch(), (Gots{{4, 9, 1}}));
  alter.topics.front().partitions = {{0, 8}};
  alter_now();
  EXPECT_EQ(fetch(), (Gots{{8, 9, 1}}));
  protocol::DeleteShareGroupOffsetsRequest remove;
  remove.group_id = "group";
  remove.topics.push_back({"orders"});
  const auto removed = client_->call<protocol::DeleteShareGroupOffsetsResponse>(remove, 0);
  EXPECT_EQ(removed->error_code, ErrorCode::none);
  EXPECT_EQ(removed->responses.front().error_code, ErrorCode::none);
  EXPECT_EQ(start_and_lag().first, -1);
}

}  // namespace
}  // namespace sluice::broker
