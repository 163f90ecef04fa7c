#include "broker/share/share_partition.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

using std::chrono::milliseconds;
using Ranges = std::vector<AcquiredRange>;

// A share partition with a clock, and a state that takes its writes.
class SharePartitionTest : public testing::Test {
 protected:
  void begin(ShareSettings settings = {}, Offset start = 0) {
    settings_ = settings;
    state_.reset(start);
    partition_.emplace(state_, settings_, random_, now_);
    (void)partition_->take_news();
  }
  void pass(milliseconds time) {
    now_.steady += time;
    now_.wall_ms += time.count();
    partition_->tick(now_);
  }
  Ranges acquire(std::string_view member, Offset log_end, AcquireLimits limits = {},
                 Offset batch_size = 10) {
    const auto from = partition_->next_offered(0);
    if (!from) return {};
    std::vector<BatchExtent> batches;
    for (Offset first = *from / batch_size * batch_size; first < log_end; first += batch_size)
      batches.push_back({first, std::min(first + batch_size, log_end) - 1});
    return partition_->acquire(member, *from, batches, limits, now_);
  }
  ErrorCode acknowledge(std::string_view member, Offset first, Offset last,
                        std::vector<std::int8_t> types) {
    const AcknowledgeBatch batch{first, last, types};
    const auto done = partition_->acknowledge(member, {&batch, 1}, now_);
    return done ? ErrorCode::none : done.error();
  }
  void store() {
    for (const ShareWrite& write : partition_->take_writes()) {
      state_.apply(write.change);
      partition_->on_durable(write.id);
    }
  }
  void restart() { partition_.emplace(state_, settings_, random_, now_); }

  ShareSettings settings_;
  SeededRandom random_{1};
  GroupTime now_{TimePoint{} + std::chrono::hours(1), 1'700'000'000'000};
  ShareState state_;
  std::optional<SharePartition> partition_;
};

constexpr std::int8_t accept = 1, release = 2, reject = 3, renew = 4;

TEST_F(SharePartitionTest, records_go_to_one_member_at_a_time_and_the_start_follows_accepts) {
  begin();
  EXPECT_EQ(acquire("a", 20, {.records_max = 10}), (Ranges{{0, 9, 1}}));
  EXPECT_EQ(acquire("b", 20), (Ranges{{10, 19, 1}}));
  EXPECT_TRUE(acquire("c", 20).empty());
  EXPECT_EQ(acknowledge("b", 10, 19, {accept}), ErrorCode::none);
  EXPECT_EQ(partition_->start(), 0);
  EXPECT_EQ(acknowledge("a", 0, 9, {accept}), ErrorCode::none);
  EXPECT_EQ(partition_->start(), 0);  // not durable yet
  store();
  EXPECT_EQ(partition_->start(), 20);
  EXPECT_EQ(partition_->counts().ranges, 0u);
  EXPECT_EQ(state_.start(), 20);
  EXPECT_EQ(state_.range_count(), 0u);
}

TEST_F(SharePartitionTest, acknowledgements_are_all_or_nothing) {
  begin();
  acquire("a", 10);
  EXPECT_EQ(acknowledge("b", 0, 9, {accept}), ErrorCode::invalid_record_state);
  EXPECT_EQ(acknowledge("a", 0, 10, {accept}), ErrorCode::invalid_request);
  EXPECT_EQ(acknowledge("a", 0, 9, {accept, accept}), ErrorCode::invalid_request);
  EXPECT_EQ(acknowledge("a", 5, 4, {accept}), ErrorCode::invalid_request);
  EXPECT_EQ(acknowledge("a", 0, 0, {7}), ErrorCode::invalid_request);
  const std::int8_t one[] = {accept};
  const AcknowledgeBatch overlapping[] = {{0, 4, one}, {4, 5, one}};
  EXPECT_EQ(partition_->acknowledge("a", overlapping, now_).error(), ErrorCode::invalid_request);
  const AcknowledgeBatch half[] = {{0, 4, one}, {10, 10, one}};
  EXPECT_EQ(partition_->acknowledge("a", half, now_).error(), ErrorCode::invalid_request);
  EXPECT_EQ(partition_->counts().acquired, 10);
  EXPECT_EQ(acknowledge("a", 0, 9, {accept}), ErrorCode::none);
  EXPECT_EQ(acknowledge("a", 0, 9, {accept}), ErrorCode::invalid_record_state);  // settling
  store();
  EXPECT_EQ(acknowledge("a", 0, 9, {accept}), ErrorCode::none);  // below the start
}

TEST_F(SharePartitionTest, a_released_record_is_delivered_again_until_its_limit) {
  begin({.deliveries_max = 3});
  EXPECT_EQ(acquire("a", 1), (Ranges{{0, 0, 1}}));
  EXPECT_EQ(acknowledge("a", 0, 0, {release}), ErrorCode::none);
  EXPECT_TRUE(partition_->take_news());
  EXPECT_EQ(acquire("b", 1), (Ranges{{0, 0, 2}}));
  pass(settings_.lock_duration);
  EXPECT_EQ(acquire("a", 1), (Ranges{{0, 0, 3}}));
  store();
  EXPECT_EQ(acknowledge("a", 0, 0, {release}), ErrorCode::none);
  EXPECT_TRUE(acquire("a", 1).empty());
  store();
  EXPECT_EQ(partition_->start(), 1);
}

TEST_F(SharePartitionTest, the_last_attempt_is_alone) {
  begin({.deliveries_max = 2});
  EXPECT_EQ(acquire("a", 5), (Ranges{{0, 4, 1}}));
  acknowledge("a", 0, 4, {release, accept, release, accept, accept});
  store();
  EXPECT_EQ(acquire("a", 20), (Ranges{{0, 0, 2}}));
  EXPECT_EQ(acquire("a", 20), (Ranges{{2, 2, 2}}));
  EXPECT_EQ(acquire("a", 20), (Ranges{{5, 19, 1}}));
}

TEST_F(SharePartitionTest, a_released_record_waits_and_holds_up_nobody) {
  begin({.retry = {.first = milliseconds{100}, .multiplier = 3, .jitter = 0}});
  acquire("a", 3);
  acknowledge("a", 0, 2, {release, accept, accept});
  EXPECT_FALSE(partition_->take_news());
  EXPECT_EQ(acquire("a", 5), (Ranges{{3, 4, 1}}));
  EXPECT_EQ(partition_->next_deadline(), now_.steady + milliseconds{100});
  pass(milliseconds{99});
  EXPECT_TRUE(acquire("a", 5).empty());
  pass(milliseconds{1});
  EXPECT_TRUE(partition_->take_news());
  EXPECT_EQ(acquire("a", 5), (Ranges{{0, 0, 2}}));
  acknowledge("a", 0, 0, {release});
  EXPECT_EQ(partition_->next_deadline(), now_.steady + milliseconds{300});
  store();
  restart();
  EXPECT_EQ(partition_->next_deadline(), now_.steady + milliseconds{300});
  EXPECT_EQ(partition_->counts().waiting, 1);
}

TEST_F(SharePartitionTest, the_wait_grows_to_its_bound_and_jitters_around_it) {
  const RetryPolicy plain{milliseconds{100}, milliseconds{1000}, 2, 0};
  EXPECT_EQ(backoff(plain, 1, random_), milliseconds{100});
  EXPECT_EQ(backoff(plain, 3, random_), milliseconds{400});
  EXPECT_EQ(backoff(plain, 60, random_), milliseconds{1000});
  RetryPolicy jittered = plain;
  jittered.jitter = 0.5;
  milliseconds least{10'000}, most{0};
  for (int i = 0; i < 2000; ++i) {
    const milliseconds wait = backoff(jittered, 2, random_);
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  EXPECT_GE(least, milliseconds{100});
  EXPECT_LT(least, milliseconds{105});
  EXPECT_LE(most, milliseconds{300});
  EXPECT_GT(most, milliseconds{295});
  EXPECT_EQ(backoff({}, 4, random_), milliseconds{0});
}

TEST_F(SharePartitionTest, renewal_restarts_the_lock) {
  begin();
  acquire("a", 2);
  pass(milliseconds{20'000});
  EXPECT_EQ(acknowledge("a", 0, 0, {renew}), ErrorCode::none);
  EXPECT_TRUE(partition_->take_writes().empty());
  pass(milliseconds{10'000});
  EXPECT_EQ(acquire("b", 2), (Ranges{{1, 1, 2}}));
  pass(milliseconds{20'000});
  EXPECT_EQ(acquire("b", 2), (Ranges{{0, 0, 2}}));
}

TEST_F(SharePartitionTest, the_end_of_a_session_frees_what_it_held) {
  begin();
  acquire("a", 10, {.records_max = 1, .mode = AcquireMode::exact_count});
  acquire("b", 10);
  EXPECT_EQ(partition_->release_member("nobody", now_), 0u);
  EXPECT_NE(partition_->release_member("b", now_), 0u);
  EXPECT_EQ(acquire("c", 10), (Ranges{{1, 9, 2}}));
  EXPECT_EQ(acknowledge("b", 1, 9, {accept}), ErrorCode::invalid_record_state);
  EXPECT_EQ(acknowledge("a", 0, 0, {accept}), ErrorCode::none);
}

TEST_F(SharePartitionTest, whole_batches_pass_the_wish_and_exact_counts_do_not) {
  begin({.locks_max = 15});
  EXPECT_EQ(acquire("a", 40, {.records_max = 3}), (Ranges{{0, 9, 1}}));
  EXPECT_EQ(acquire("a", 40, {.records_max = 2, .mode = AcquireMode::exact_count}),
            (Ranges{{10, 11, 1}}));
  EXPECT_EQ(acquire("a", 40, {.mode = AcquireMode::exact_count}), (Ranges{{12, 14, 1}}));
  EXPECT_EQ(partition_->next_offered(0), std::nullopt);
  (void)partition_->take_news();
  acknowledge("a", 3, 3, {accept});
  EXPECT_TRUE(partition_->take_news());
  EXPECT_EQ(acquire("a", 40, {.mode = AcquireMode::exact_count}), (Ranges{{15, 15, 1}}));
}

TEST_F(SharePartitionTest, ranges_end_with_the_batch_in_which_they_are_large_enough) {
  begin();
  EXPECT_EQ(acquire("a", 19, {.range_records = 4}, 3),
            (Ranges{{0, 5, 1}, {6, 11, 1}, {12, 17, 1}, {18, 18, 1}}));
  acknowledge("a", 0, 18, {release});
  EXPECT_EQ(acquire("a", 19, {.range_records = 4}), (Ranges{{0, 9, 2}, {10, 18, 2}}));
}

TEST_F(SharePartitionTest, offsets_without_records_are_finished) {
  begin();
  const BatchExtent batches[] = {{5, 6}, {10, 11}};
  EXPECT_EQ(partition_->acquire("a", 0, batches, {}, now_), (Ranges{{5, 6, 1}, {10, 11, 1}}));
  EXPECT_EQ(partition_->start(), 5);
  EXPECT_EQ(partition_->counts().finished, 3);
  acknowledge("a", 5, 6, {0, accept});
  store();
  EXPECT_EQ(partition_->start(), 10);
}

TEST_F(SharePartitionTest, a_failed_write_gives_the_record_back) {
  begin();
  acquire("a", 2);
  acknowledge("a", 0, 1, {accept, reject});
  for (const ShareWrite& write : partition_->take_writes()) partition_->on_failed(write.id, now_);
  EXPECT_TRUE(partition_->take_news());
  EXPECT_EQ(acquire("b", 2), (Ranges{{0, 1, 2}}));
  EXPECT_EQ(partition_->counts().settling, 0);
}

TEST_F(SharePartitionTest, a_restart_keeps_counts_and_outcomes_and_forgets_locks) {
  begin();
  acquire("a", 10);
  acknowledge("a", 0, 9,
              {accept, release, accept, accept, accept, accept, accept, accept, accept, reject});
  store();
  acquire("a", 12, {.records_max = 1});
  restart();
  EXPECT_EQ(partition_->start(), 1);
  EXPECT_EQ(partition_->end(), 10);
  EXPECT_EQ(acquire("b", 12), (Ranges{{1, 1, 2}, {10, 11, 1}}));
}

TEST_F(SharePartitionTest, the_log_start_takes_everything_below_with_it) {
  begin();
  acquire("a", 10);
  acknowledge("a", 2, 3, {accept});
  partition_->log_start_moved(3);
  EXPECT_EQ(partition_->start(), 3);
  store();
  EXPECT_EQ(partition_->start(), 4);
  EXPECT_EQ(acknowledge("a", 0, 9, {accept}), ErrorCode::none);
  partition_->log_start_moved(100);
  store();
  EXPECT_EQ(partition_->start(), 100);
  EXPECT_EQ(partition_->end(), 100);
  EXPECT_EQ(state_.start(), 100);
  EXPECT_EQ(partition_->counts().ranges, 0u);
}

// Figure of the issue: kilobytes, not the span.
TEST_F(SharePartitionTest, one_stuck_record_among_many_finished_ones_is_two_ranges) {
  begin({.locks_max = 1 << 20});
  constexpr Offset step = 100'000, total = 10'000'000;
  for (Offset first = 0; first < total; first += step) {
    const BatchExtent batch{first, first + step - 1};
    partition_->acquire("a", first, {&batch, 1}, {.records_max = step}, now_);
    acknowledge("a", first == 0 ? 1 : first, first + step - 1, {accept});
    store();
  }
  EXPECT_EQ(partition_->start(), 0);
  EXPECT_EQ(partition_->counts().finished, total - 1);
  EXPECT_EQ(partition_->counts().ranges, 2u);
  EXPECT_EQ(state_.range_count(), 1u);
  EXPECT_EQ(state_.finished_count(), total - 1);
}

}  // namespace
}  // namespace sluice::broker
