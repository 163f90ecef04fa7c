#include "client/accumulator.hpp"

#include "sluice/error.hpp"

#include <gtest/gtest.h>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;

class AccumulatorTest : public ::testing::Test {
 protected:
  void begin(AccumulatorOptions options = {}) {
    options.batch_size = std::min<std::size_t>(options.batch_size, 1000);
    accumulator_.emplace(options);
    queue_ = accumulator_->add_queue({"t", 0});
    if (options.idempotent) accumulator_->set_identity(7, 0);
  }
  Accumulator::Appended add(std::string_view value) {
    auto appended = accumulator_->append(queue_, {.timestamp = 1, .value = as_bytes(value)}, now_);
    EXPECT_TRUE(appended);
    return *appended;
  }
  // One batch for each call: the value fills it.
  std::shared_ptr<const BatchOutcome> add_batch() { return add(std::string(950, 'x')).outcome; }
  protocol::BatchHeader header(const Accumulator::BatchPtr& batch) {
    const auto view = protocol::parse_batch(*batch->bytes);
    EXPECT_TRUE(view && protocol::batch_crc_matches(*batch->bytes));
    return view->header;
  }
  bool ready() const { return accumulator_->ready(queue_, now_); }

  std::optional<Accumulator> accumulator_;
  Accumulator::QueueId queue_ = 0;
  TimePoint now_{std::chrono::hours(1)};
};

const Error broken{make_error_code(Errc::disconnected), "test"};

TEST_F(AccumulatorTest, RecordsLingerForCompany) {
  begin({.linger = 5ms});
  const auto first = add("a");
  const auto second = add("b");
  EXPECT_EQ(first.outcome, second.outcome);
  EXPECT_EQ(second.index, 1);
  EXPECT_FALSE(first.batch_ready);
  EXPECT_FALSE(ready());
  EXPECT_EQ(accumulator_->next_ready(now_), now_ + 5ms);
  now_ += 5ms;
  EXPECT_TRUE(ready());
  auto batch = accumulator_->drain(queue_);
  EXPECT_EQ(header(batch).record_count, 2);
  accumulator_->succeed(std::move(batch), 40, -1);
  EXPECT_TRUE(second.outcome->done);
  EXPECT_EQ(second.outcome->base_offset, 40);
  EXPECT_TRUE(accumulator_->idle());
  EXPECT_EQ(accumulator_->memory_used(), 0u);
}

TEST_F(AccumulatorTest, FullBatchesGoAtOnce) {
  begin({.linger = 1h});
  EXPECT_FALSE(add(std::string(500, 'x')).batch_ready);
  EXPECT_TRUE(add(std::string(600, 'x')).batch_ready);
  EXPECT_TRUE(ready());
  static_cast<void>(accumulator_->drain(queue_));
  EXPECT_FALSE(ready()) << "the second is not full";
}

TEST_F(AccumulatorTest, FlushMakesEverythingDue) {
  begin({.linger = 1h});
  add("a");
  EXPECT_FALSE(ready());
  accumulator_->begin_flush();
  EXPECT_TRUE(ready());
}

TEST_F(AccumulatorTest, BoundsMemoryAndRecords) {
  begin({.batch_size = 1000, .batch_size_max = 3000, .buffer_memory = 3500});
  add(std::string(2000, 'x'));  // larger than batch_size, alone in its batch
  const std::string value(2000, 'x');
  const auto full = accumulator_->append(queue_, {.value = as_bytes(value)}, now_);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Errc::buffer_full);
  const std::string huge(4000, 'x');
  const auto large = accumulator_->append(queue_, {.value = as_bytes(huge)}, now_);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Errc::record_too_large);
}

TEST_F(AccumulatorTest, NumbersBatchesOfAnIdempotentProducer) {
  begin({.linger = 0ms});
  add_batch();
  add_batch();
  const auto first = header(accumulator_->drain(queue_));
  const auto second = header(accumulator_->drain(queue_));
  EXPECT_EQ(first.producer_id, 7);
  EXPECT_EQ(first.base_sequence, 0);
  EXPECT_EQ(second.base_sequence, 1);
}

TEST_F(AccumulatorTest, SendsNothingWithoutAnIdentity) {
  Accumulator accumulator({.linger = 0ms});
  const auto queue = accumulator.add_queue({"t", 0});
  ASSERT_TRUE(accumulator.append(queue, {.value = as_bytes("a")}, now_));
  EXPECT_FALSE(accumulator.ready(queue, now_));
  EXPECT_TRUE(accumulator.identity_needed());
}

TEST_F(AccumulatorTest, KeepsOrderOverRetries) {
  begin({.linger = 0ms});
  for (int i = 0; i < 4; ++i) add_batch();
  auto a = accumulator_->drain(queue_);
  auto b = accumulator_->drain(queue_);
  auto c = accumulator_->drain(queue_);
  // They fail out of order; nothing is sent until all of them came back.
  accumulator_->retry(std::move(c), now_);
  EXPECT_FALSE(ready());
  accumulator_->retry(std::move(a), now_ + 100ms);
  EXPECT_FALSE(ready());
  accumulator_->retry(std::move(b), now_);
  EXPECT_FALSE(ready()) << "not before the back-off is over";
  now_ += 100ms;
  for (int sequence = 0; sequence < 4; ++sequence) {
    ASSERT_TRUE(ready());
    auto batch = accumulator_->drain(queue_);
    EXPECT_EQ(header(batch).base_sequence, sequence);
    accumulator_->succeed(std::move(batch), sequence, -1);
  }
}

TEST_F(AccumulatorTest, SeveralInFlightWithoutIdempotenceToo) {
  begin({.linger = 0ms, .idempotent = false});
  for (int i = 0; i < 3; ++i) add_batch();
  std::vector<Accumulator::BatchPtr> in_flight;
  while (ready()) in_flight.push_back(accumulator_->drain(queue_));
  ASSERT_EQ(in_flight.size(), 3u);
  // One that is retried goes alone, before anything new: the rest of the order is kept.
  accumulator_->retry(std::move(in_flight[0]), now_);
  add_batch();
  now_ += 1s;
  EXPECT_FALSE(ready());
  accumulator_->succeed(std::move(in_flight[1]), 0, -1);
  accumulator_->succeed(std::move(in_flight[2]), 1, -1);
  ASSERT_TRUE(ready());
  EXPECT_EQ(accumulator_->drain(queue_)->attempts, 2);
}

TEST_F(AccumulatorTest, OneInFlightKeepsTheOrderWithoutIdempotence) {
  begin({.linger = 0ms, .idempotent = false, .in_flight_per_partition = 1});
  add_batch();
  add_batch();
  auto batch = accumulator_->drain(queue_);
  EXPECT_EQ(header(batch).producer_id, -1);
  EXPECT_FALSE(ready());
  accumulator_->succeed(std::move(batch), 0, -1);
  EXPECT_TRUE(ready());
}

TEST_F(AccumulatorTest, AtMostFiveInFlight) {
  begin({.linger = 0ms});
  for (int i = 0; i < 6; ++i) add_batch();
  std::vector<Accumulator::BatchPtr> in_flight;
  while (ready()) in_flight.push_back(accumulator_->drain(queue_));
  EXPECT_EQ(in_flight.size(), 5u);
}

TEST_F(AccumulatorTest, ALostNumberNeedsANewIdentity) {
  begin({.linger = 0ms});
  for (int i = 0; i < 3; ++i) add_batch();
  auto a = accumulator_->drain(queue_);
  auto b = accumulator_->drain(queue_);
  const auto outcome = a->outcome;
  accumulator_->fail(std::move(a), broken);
  EXPECT_EQ(outcome->error.code, Errc::disconnected);
  EXPECT_FALSE(accumulator_->identity_needed()) << "one is still in flight";
  EXPECT_FALSE(ready());
  accumulator_->retry(std::move(b), now_);
  ASSERT_TRUE(accumulator_->identity_needed());
  accumulator_->set_identity(8, 3);
  const auto again = header(accumulator_->drain(queue_));
  EXPECT_EQ(again.producer_id, 8);
  EXPECT_EQ(again.producer_epoch, 3);
  EXPECT_EQ(again.base_sequence, 0);
  EXPECT_EQ(header(accumulator_->drain(queue_)).base_sequence, 1);
}

TEST_F(AccumulatorTest, GivesUpAfterTheDeliveryTimeout) {
  begin({.linger = 0ms, .delivery_timeout = 10s});
  const auto outcome = add_batch();
  now_ += 9s;
  accumulator_->expire(now_);
  EXPECT_FALSE(outcome->done);
  now_ += 1s;
  accumulator_->expire(now_);
  EXPECT_TRUE(outcome->done);
  EXPECT_EQ(outcome->error.code, Errc::timed_out);
  EXPECT_TRUE(accumulator_->idle());
  EXPECT_FALSE(accumulator_->identity_needed()) << "it had no number yet";
}

TEST_F(AccumulatorTest, KnowsTheOldestUnconfirmedBatch) {
  begin({.linger = 0ms});
  add_batch();
  add_batch();
  auto a = accumulator_->drain(queue_);
  auto b = accumulator_->drain(queue_);
  EXPECT_TRUE(accumulator_->is_oldest(*a));
  EXPECT_FALSE(accumulator_->is_oldest(*b));
  accumulator_->retry(std::move(a), now_);
  EXPECT_FALSE(accumulator_->is_oldest(*b));
}

}  // namespace
}  // namespace sluice::client
