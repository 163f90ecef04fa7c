#include "client/queue_session.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using protocol::ErrorCode;
using protocol::ShareAcknowledgeResponse;
using protocol::ShareFetchResponse;
using Demand = QueueSession::Demand;
using Step = QueueSession::Step;

const TopicId orders{{std::byte{1}}};
const TopicId mails{{std::byte{2}}};
const QueueTarget first{{orders, 0}, {"orders", 0}};
const QueueTarget second{{orders, 1}, {"orders", 1}};
const QueueTarget third{{mails, 0}, {"mails", 0}};

class QueueSessionTest : public testing::Test {
 protected:
  QueueSessionTest() {
    session_.set_abilities({.renews = true, .details = true});
    session_.assign({first});
  }
  // Acquires [0, 9] of the first partition, and gives them out.
  void acquire() {
    ASSERT_EQ(session_.next(now_, Demand::yes).step, Step::fetch);
    static_cast<void>(session_.begin_fetch(now_));
    auto response = answer();
    protocol::ShareFetchResponse::AcquiredRecords range;
    range.last_offset = 9;
    range.delivery_count = 1;
    row(response, first).acquired_records.push_back(range);
    EXPECT_EQ(session_.on_fetch(response, now_).size(), 1u);
    for (Offset offset = 0; offset < 10; ++offset)
      EXPECT_TRUE(session_.give({"orders", 0, offset}, now_));
  }
  static ShareFetchResponse answer() {
    ShareFetchResponse response;
    response.acquisition_lock_timeout_ms = 30'000;
    return response;
  }
  template <class Response>
  static typename decltype(Response::Topic::partitions)::value_type& row(
      Response& response, const QueueTarget& target) {
    if (response.responses.empty()) response.responses.emplace_back().topic_id = target.id.topic;
    auto& made = response.responses.back().partitions.emplace_back();
    made.partition_index = target.id.partition;
    return made;
  }
  void say(Offset offset, AckType type = AckType::accept) {
    auto* partition = session_.find({"orders", 0, offset});
    ASSERT_NE(partition, nullptr);
    auto& queue = type == AckType::renew ? partition->renewals : partition->settlements;
    if (type != AckType::renew) partition->held.acknowledge(offset);
    queue.push({.offset = offset, .type = type});
  }
  void acknowledged(ErrorCode error) {
    ShareAcknowledgeResponse response;
    row(response, first).error_code = error;
    session_.on_acknowledge(response, now_);
  }

  TimePoint now_{};
  QueueSession session_{{.group_id = "group", .member_id = "me", .fetch_wait = 500ms}};
};

TEST_F(QueueSessionTest, OpensWithAllTargetsAndThenNamesOnlyChanges) {
  session_.assign({first, second});
  auto request = session_.begin_fetch(now_);
  EXPECT_EQ(request.share_session_epoch, 0);
  ASSERT_EQ(request.topics.size(), 1u);
  EXPECT_EQ(request.topics.front().partitions.size(), 2u);
  EXPECT_EQ(request.max_wait_ms, 500);
  session_.on_fetch(answer(), now_);
  EXPECT_TRUE(session_.open());
  request = session_.begin_fetch(now_);
  EXPECT_EQ(request.share_session_epoch, 1);
  EXPECT_TRUE(request.topics.empty());
  session_.on_fetch(answer(), now_);
  session_.assign({second, third});
  request = session_.begin_fetch(now_);
  EXPECT_EQ(request.share_session_epoch, 2);
  ASSERT_EQ(request.topics.size(), 1u);
  EXPECT_EQ(request.topics.front().topic_id, mails);
  ASSERT_EQ(request.forgotten_topics_data.size(), 1u);
  EXPECT_EQ(request.forgotten_topics_data.front().partitions, std::vector<PartitionIndex>{0});
}

TEST_F(QueueSessionTest, AsksForNothingWithoutDemandOrTargets) {
  EXPECT_EQ(session_.next(now_, Demand::no).step, Step::idle);
  session_.assign({});
  EXPECT_EQ(session_.next(now_, Demand::yes).step, Step::idle);
}

TEST_F(QueueSessionTest, AFetchWaitsLongOnlyWhileNothingIsHeld) {
  acquire();
  EXPECT_EQ(session_.begin_fetch(now_).max_wait_ms, 5);
  session_.on_fetch(answer(), now_);
  say(3);
  const auto request = session_.begin_fetch(now_);  // carries what was said
  EXPECT_EQ(request.max_wait_ms, 0);
  ASSERT_EQ(request.topics.size(), 1u);
  EXPECT_EQ(request.topics.front().partitions.front().acknowledgement_batches.size(), 1u);
}

TEST_F(QueueSessionTest, WhatIsSaidGoesAtOnceWithoutDemand) {
  acquire();
  for (const Offset offset : {4, 2, 3, 7}) say(offset);
  say(8, AckType::reject);
  ASSERT_EQ(session_.next(now_, Demand::no).step, Step::acknowledge);
  EXPECT_TRUE(session_.settling());
  const auto request = session_.begin_acknowledge(now_);
  EXPECT_FALSE(request.is_renew_ack);
  const auto& batches = request.topics.front().partitions.front().acknowledgement_batches;
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[0].first_offset, 2);
  EXPECT_EQ(batches[0].last_offset, 4);
  EXPECT_EQ(batches[1].first_offset, 7);
  EXPECT_EQ(batches[2].acknowledge_types, std::vector<std::int8_t>{3});
  EXPECT_TRUE(session_.settling());
  acknowledged(ErrorCode::none);
  EXPECT_FALSE(session_.settling());
  EXPECT_EQ(session_.held(), 5u);
  EXPECT_EQ(session_.totals().accepted, 4u);
  EXPECT_EQ(session_.totals().rejected, 1u);
  EXPECT_TRUE(session_.take_outcomes().at({"orders", 0}));
}

TEST_F(QueueSessionTest, RenewalsGoFirstAndAlone) {
  acquire();
  say(1);
  say(2, AckType::renew);
  ASSERT_EQ(session_.next(now_, Demand::yes).step, Step::acknowledge);
  const auto request = session_.begin_acknowledge(now_);
  EXPECT_TRUE(request.is_renew_ack);
  EXPECT_EQ(request.topics.front().partitions.front().acknowledgement_batches.size(), 1u);
  acknowledged(ErrorCode::none);
  EXPECT_TRUE(session_.settling());  // the accept is still to be sent
  EXPECT_TRUE(session_.take_outcomes().empty());
}

TEST_F(QueueSessionTest, ALostRecordCostsNoOther) {
  acquire();
  for (const Offset offset : {1, 2, 3, 4}) say(offset);
  int requests = 0;
  for (; session_.next(now_, Demand::no).step == Step::acknowledge; ++requests) {
    const auto request = session_.begin_acknowledge(now_);
    bool bad = false;
    for (const auto& batch : request.topics.front().partitions.front().acknowledgement_batches)
      bad = bad || (batch.first_offset <= 3 && batch.last_offset >= 3);
    acknowledged(bad ? ErrorCode::invalid_record_state : ErrorCode::none);
  }
  EXPECT_EQ(requests, 5);
  EXPECT_EQ(session_.totals().accepted, 3u);
  EXPECT_EQ(session_.totals().unconfirmed, 1u);
  EXPECT_TRUE(
      session_.take_outcomes().at({"orders", 0}).error().is(ErrorCode::invalid_record_state));
  EXPECT_EQ(session_.find({"orders", 0, 3}), nullptr);
}

TEST_F(QueueSessionTest, WhatMayPassIsSentAgainAFewTimes) {
  acquire();
  say(1);
  int requests = 0;
  for (auto action = session_.next(now_, Demand::no); action.step != Step::idle;
       action = session_.next(now_, Demand::no)) {
    if (action.step == Step::wait) {
      now_ = action.at;
      continue;
    }
    static_cast<void>(session_.begin_acknowledge(now_));
    acknowledged(ErrorCode::coordinator_load_in_progress);
    ++requests;
  }
  EXPECT_EQ(requests, 5);
  EXPECT_FALSE(session_.take_outcomes().at({"orders", 0}));
}

TEST_F(QueueSessionTest, AnEndedSessionVoidsWhatWasHeldAndSaid) {
  for (const auto error :
       {ErrorCode::share_session_not_found, ErrorCode::invalid_share_session_epoch}) {
    acquire();
    say(1);
    static_cast<void>(session_.begin_acknowledge(now_));
    say(2);
    say(3, AckType::renew);
    ShareAcknowledgeResponse response;
    response.error_code = error;
    session_.on_acknowledge(response, now_);
    EXPECT_FALSE(session_.open());
    EXPECT_EQ(session_.held(), 0u);
    EXPECT_FALSE(session_.settling());
    EXPECT_FALSE(session_.take_failure());
    EXPECT_TRUE(session_.take_outcomes().at({"orders", 0}).error().is(error));
    EXPECT_EQ(session_.next(now_, Demand::yes).step, Step::wait);
    now_ += 50ms;
    EXPECT_EQ(session_.next(now_, Demand::yes).step, Step::fetch);
  }
  EXPECT_EQ(session_.totals().unconfirmed, 4u);
  EXPECT_EQ(session_.begin_fetch(now_).share_session_epoch, 0);
}

TEST_F(QueueSessionTest, ErrorsOfPartitionsRefreshOrFail) {
  static_cast<void>(session_.begin_fetch(now_));
  auto response = answer();
  row(response, first).error_code = ErrorCode::not_leader_or_follower;
  session_.on_fetch(response, now_);
  EXPECT_TRUE(session_.take_stale());
  EXPECT_FALSE(session_.take_failure());
  EXPECT_EQ(session_.next(now_, Demand::yes).step, Step::wait);
  now_ += 50ms;
  static_cast<void>(session_.begin_fetch(now_));
  response = answer();
  row(response, first).error_code = ErrorCode::topic_authorization_failed;
  session_.on_fetch(response, now_);
  EXPECT_FALSE(session_.take_stale());
  EXPECT_TRUE(session_.take_failure()->is(ErrorCode::topic_authorization_failed));
}

TEST_F(QueueSessionTest, ThePartitionOfAnotherMemberIsKeptUntilItsRecordsAreDone) {
  acquire();
  session_.assign({second});
  say(1);
  EXPECT_EQ(session_.next(now_, Demand::yes).step, Step::acknowledge);  // not with a fetch
  static_cast<void>(session_.begin_acknowledge(now_));
  acknowledged(ErrorCode::none);
  EXPECT_EQ(session_.totals().accepted, 1u);
  EXPECT_NE(session_.find({"orders", 0, 2}), nullptr);
}

TEST_F(QueueSessionTest, TheFarewellTakesTheRestAlong) {
  acquire();
  say(1);
  say(2, AckType::renew);
  const auto request = session_.begin_farewell(now_);
  EXPECT_EQ(request.share_session_epoch, -1);
  EXPECT_FALSE(request.is_renew_ack);
  EXPECT_EQ(request.topics.front().partitions.front().acknowledgement_batches.size(), 1u);
}

}  // namespace
}  // namespace sluice::client
