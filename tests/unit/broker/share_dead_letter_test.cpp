// Dead letters, delays and changes by hand in the core of a share partition.
#include "broker/share/share_partition.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int8_t accept = 1, release = 2, reject = 3;

class ShareDeadLetterTest : public testing::Test {
 protected:
  ShareDeadLetterTest() {
    settings_.dead_letters = true;
    settings_.deliveries_max = 2;
    state_.reset(0);
    restart();
  }
  void restart() { partition_.emplace(state_, settings_, random_, now_); }
  void pass(std::chrono::nanoseconds time) {
    now_.steady += time;
    now_.wall_ms += std::chrono::duration_cast<milliseconds>(time).count();
    partition_->tick(now_);
  }
  void acquire(Offset last) {
    const auto from = partition_->next_offered(0);
    ASSERT_TRUE(from);
    const BatchExtent batch{*from, last};
    partition_->acquire("a", *from, {&batch, 1}, {}, now_);
  }
  ErrorCode acknowledge(Offset first, Offset last, std::int8_t type,
                        milliseconds delay = milliseconds{-1}, std::string_view reason = "") {
    const AcknowledgeBatch batch{first, last, {&type, 1}, delay, reason};
    const auto done = partition_->acknowledge("a", {&batch, 1}, now_);
    return done ? ErrorCode::none : done.error();
  }
  void store() {
    for (const ShareWrite& write : partition_->take_writes()) {
      state_.apply(write.change);
      partition_->on_durable(write.id);
    }
  }
  void lose() {
    for (const ShareWrite& write : partition_->take_writes()) partition_->on_failed(write.id, now_);
  }
  std::vector<DeadLetter> letters(std::int64_t max = 100) {
    return partition_->take_dead_letters(max);
  }
  // 0 is rejected and dead-lettering.
  void reject_first() {
    acquire(0);
    acknowledge(0, 0, reject, milliseconds{-1}, "bad");
    store();
  }

  ShareSettings settings_;
  SeededRandom random_{1};
  GroupTime now_{TimePoint{} + std::chrono::hours(1), 1'700'000'000'000};
  ShareState state_;
  std::optional<SharePartition> partition_;
};

TEST_F(ShareDeadLetterTest, ARejectIsDurableBeforeItIsCopiedAndCopiedBeforeItIsFinished) {
  acquire(2);
  EXPECT_EQ(acknowledge(0, 1, reject, milliseconds{-1}, "bad"), ErrorCode::none);
  EXPECT_EQ(acknowledge(2, 2, accept), ErrorCode::none);
  EXPECT_FALSE(partition_->has_dead_letters());
  store();
  EXPECT_EQ(state_.dead_lettering_count(), 2);
  EXPECT_EQ(partition_->counts().dead_lettering, 2);
  const auto first = letters(1);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].last, 0);
  EXPECT_EQ(first[0].failure->reason, FailureReason::rejected);
  EXPECT_EQ(first[0].failure->message, "bad");
  EXPECT_EQ(first[0].failure->last_ms, now_.wall_ms);
  const auto second = letters();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].first, 1);
  EXPECT_FALSE(partition_->has_dead_letters());
  partition_->copied(0, 1);
  EXPECT_EQ(partition_->start(), 0);  // not durable
  store();
  EXPECT_EQ(partition_->start(), 3);
  EXPECT_EQ(state_.range_count(), 0u);
}

TEST_F(ShareDeadLetterTest, ACopyThatFailsIsTriedAgainEverLaterAndAtOnceAfterAChange) {
  reject_first();
  for (const int wait_s : {1, 2, 4, 8, 16, 32, 60, 60}) {
    ASSERT_EQ(letters().size(), 1u) << wait_s;
    partition_->copy_failed(0, 0, now_);
    EXPECT_EQ(partition_->next_deadline(), now_.steady + seconds(wait_s));
    pass(seconds(wait_s) - milliseconds(1));
    EXPECT_FALSE(partition_->has_dead_letters());
    pass(milliseconds(1));
  }
  ASSERT_EQ(letters().size(), 1u);
  partition_->copy_failed(0, 0, now_);
  partition_->retry_dead_letters();
  EXPECT_TRUE(partition_->has_dead_letters());
  EXPECT_TRUE(partition_->take_writes().empty());  // nothing of this is stored
}

TEST_F(ShareDeadLetterTest, AWriteThatFailsAfterTheCopyIsWrittenAgainWithoutAnother) {
  reject_first();
  ASSERT_EQ(letters().size(), 1u);
  partition_->copied(0, 0);
  lose();
  EXPECT_FALSE(partition_->has_dead_letters());
  EXPECT_EQ(partition_->counts().dead_lettering, 1);
  pass(seconds(1));
  store();
  EXPECT_EQ(partition_->start(), 1);
}

TEST_F(ShareDeadLetterTest, ARejectThatCannotBeStoredGivesTheRecordBack) {
  acquire(0);
  acknowledge(0, 0, reject);
  lose();
  EXPECT_FALSE(partition_->has_dead_letters());
  EXPECT_EQ(partition_->next_offered(0), 0);
}

TEST_F(ShareDeadLetterTest, ARestartGoesOnWithWhatIsNotFinished) {
  reject_first();
  restart();
  auto again = letters();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].deliveries, 1);
  EXPECT_EQ(again[0].failure->message, "bad");
  partition_->copied(0, 0);
  restart();  // the copy is durable, that it is archived is not
  EXPECT_EQ(letters().size(), 1u);
}

TEST_F(ShareDeadLetterTest, TheLastDeliveryGivesUpForItsReason) {
  acquire(1);
  acknowledge(0, 1, release, milliseconds{-1}, "first");
  const auto first_ms = now_.wall_ms;
  acquire(0);  // the last delivery of a record is alone
  pass(milliseconds{5});
  acknowledge(0, 0, release, milliseconds{-1}, "second");
  store();
  auto released = letters();
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(*released[0].failure,
            (Failure{first_ms, now_.wall_ms, FailureReason::delivery_limit, "second"}));
  acquire(1);
  pass(settings_.lock_duration);
  store();
  auto timed_out = letters();
  ASSERT_EQ(timed_out.size(), 1u);
  EXPECT_EQ(*timed_out[0].failure,
            (Failure{first_ms, now_.wall_ms, FailureReason::lock_timeout, ""}));
}

TEST_F(ShareDeadLetterTest, TheLogStartTakesWhatIsBeingCopied) {
  acquire(9);
  acknowledge(0, 9, reject);
  store();
  ASSERT_EQ(letters().size(), 1u);
  partition_->log_start_moved(5);
  partition_->copied(0, 7);
  partition_->copy_failed(8, 9, now_);
  store();
  EXPECT_EQ(partition_->start(), 8);
  EXPECT_EQ(partition_->counts().dead_lettering, 2);
}

TEST_F(ShareDeadLetterTest, DelaysReplaceTheBackoffAndHaveBounds) {
  settings_.retry = {.first = milliseconds{100}, .jitter = 0};
  restart();
  acquire(2);
  EXPECT_EQ(acknowledge(0, 0, release, milliseconds{-2}), ErrorCode::invalid_request);
  EXPECT_EQ(acknowledge(0, 0, release, delay_max + milliseconds{1}), ErrorCode::invalid_request);
  EXPECT_EQ(acknowledge(0, 0, release, milliseconds{0}), ErrorCode::none);
  EXPECT_EQ(partition_->next_offered(0), 0);
  EXPECT_EQ(acknowledge(1, 1, release, milliseconds{5000}), ErrorCode::none);
  EXPECT_EQ(acknowledge(2, 2, release, milliseconds{-1}), ErrorCode::none);
  store();
  restart();
  pass(milliseconds{100});
  EXPECT_EQ(partition_->counts().waiting, 1);
  pass(milliseconds{4899});
  EXPECT_EQ(partition_->counts().waiting, 1);
  pass(milliseconds{1});
  EXPECT_EQ(partition_->counts().waiting, 0);
}

TEST_F(ShareDeadLetterTest, WhatAClientSaysIsCutAtAWholeCharacter) {
  std::string long_text(Failure::message_bytes_max - 1, 'a');
  long_text += "ää";
  acquire(0);
  acknowledge(0, 0, reject, milliseconds{-1}, long_text);
  store();
  EXPECT_EQ(letters().at(0).failure->message, long_text.substr(0, Failure::message_bytes_max - 1));
}

TEST_F(ShareDeadLetterTest, ByHandEveryUnfinishedRecordIsReleasedOrRejected) {
  settings_.retry = {.first = seconds{100}, .jitter = 0};
  restart();
  acquire(4);
  acknowledge(0, 0, release);  // waits
  acknowledge(1, 1, reject);   // dead-lettering
  acknowledge(2, 2, accept);   // finished
  store();
  ASSERT_EQ(letters().size(), 1u);  // being copied: left alone
  const HandChange freed{0, 3, Acknowledge::release};
  EXPECT_EQ(partition_->change_by_hand({&freed, 1}, 10, now_)->records, 2);  // 0, 3
  EXPECT_EQ(acknowledge(3, 3, accept), ErrorCode::invalid_record_state);
  EXPECT_EQ(acknowledge(4, 4, accept), ErrorCode::none);
  partition_->copy_failed(1, 1, now_);
  EXPECT_EQ(partition_->change_by_hand({&freed, 1}, 10, now_)->records, 1);  // 1
  const HandChange given_up{0, 100, Acknowledge::reject, "skip"};
  EXPECT_EQ(partition_->change_by_hand({&given_up, 1}, 10, now_)->records, 8);  // but 2, 4
  store();
  EXPECT_EQ(partition_->end(), 10);
  EXPECT_EQ(partition_->counts().dead_lettering, 8);
  settings_.dead_letters = false;
  partition_->set_settings(settings_);
  EXPECT_EQ(partition_->change_by_hand({&given_up, 1}, 10, now_)->records, 8);
  store();
  EXPECT_EQ(partition_->start(), 10);
  const HandChange accepts{0, 1, Acknowledge::accept};
  EXPECT_EQ(partition_->change_by_hand({&accepts, 1}, 10, now_).error(),
            ErrorCode::invalid_request);
}

TEST_F(ShareDeadLetterTest, ALookTellsRangesThatAreAlikeAsOne) {
  acquire(9);
  acknowledge(3, 3, release, seconds{7});
  acknowledge(0, 0, accept);
  const auto all = partition_->describe(10, now_);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].state, QueueState::settling);
  EXPECT_EQ(all[1].state, QueueState::acquired);
  EXPECT_EQ(all[1].last, 2);
  EXPECT_EQ(all[1].member, "a");
  EXPECT_EQ(all[1].until_ms, now_.wall_ms + settings_.lock_duration.count());
  EXPECT_EQ(all[2].state, QueueState::waiting);
  EXPECT_EQ(all[2].until_ms, now_.wall_ms + 7000);
  ASSERT_TRUE(all[2].failure);
  EXPECT_EQ(all[3].last, 9);
  EXPECT_EQ(partition_->describe(2, now_).size(), 2u);
}

}  // namespace
}  // namespace sluice::broker
