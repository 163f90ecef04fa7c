// Queue consumers on a network that delays, cuts and reorders (sim_network.hpp, sim_queue.hpp).
#include "tests/unit/client/sim_queue.hpp"

#include "sluice/producer.hpp"
#include "sluice/queue_consumer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using State = SimQueueCluster::Record::State;
const std::string topic = "jobs";

class SimQueueTest : public testing::TestWithParam<int> {
 protected:
  SimQueueTest() : cluster_(sim_, static_cast<std::uint64_t>(GetParam()), {}) {
    cluster_.topics = {topic};
    cluster_.add_topic(topic, 3);
  }
  ClientOptions client() {
    return {.retry_backoff = 10ms, .host = std::make_shared<SimHost>(cluster_)};
  }
  Deadline in(std::chrono::milliseconds wait) { return Deadline(sim_.clock().now() + wait); }
  void put(int count, std::optional<PartitionIndex> partition = std::nullopt) {
    auto producer = *Producer::create({.client = client(), .batch_size = 300});
    for (int i = 0; i < count; ++i) {
      const std::string value = std::to_string(i);
      ASSERT_TRUE(producer.send(
          {.topic = topic, .partition = partition ? *partition : i % 3, .value = as_bytes(value)}));
    }
    ASSERT_TRUE(producer.flush());
  }
  QueueConsumer worker(QueueConsumerOptions options = {}) {
    options.client = client();
    options.group_id = "workers";
    auto queue = *QueueConsumer::create(std::move(options));
    EXPECT_TRUE(queue.subscribe({topic}));
    return queue;
  }

  SimExecutor sim_;
  SimQueueCluster cluster_;
};

using Place = std::pair<PartitionIndex, Offset>;

// Two members, cuts and moves: no record is lost, and none comes again after a flush said that its
// accept is known.
TEST_P(SimQueueTest, EverythingIsAcceptedAndNothingConfirmedComesAgain) {
  put(300);
  cluster_.faults.cut = 0.03;
  cluster_.faults.move = 0.01;
  std::vector<QueueConsumer> workers;
  workers.push_back(worker({.fetch_records = 20, .fetch_wait = 50ms}));
  workers.push_back(worker({.fetch_records = 7, .fetch_wait = 50ms}));
  std::set<Place> confirmed;
  for (int turn = 0; turn < 5000 && cluster_.count(State::accepted) < 300; ++turn) {
    auto& queue = workers[static_cast<std::size_t>(turn) % 2];
    const auto records = queue.poll(in(100ms));
    if (!records) {
      ASSERT_TRUE(retriable(records.error())) << records.error().message();
      continue;
    }
    std::map<PartitionIndex, std::vector<Place>> said;
    for (const auto& record : *records) {
      const Place place{record.partition, record.offset};
      EXPECT_FALSE(confirmed.contains(place)) << record.partition << "/" << record.offset;
      if (turn % 5 == 0)
        EXPECT_TRUE(queue.release(record));
      else if (queue.accept(record))
        said[record.partition].push_back(place);
    }
    const auto flushed = queue.flush(in(10s));
    ASSERT_TRUE(flushed) << flushed.error().message();
    for (const auto& [where, outcome] : *flushed)
      if (outcome) confirmed.insert(said[where.partition].begin(), said[where.partition].end());
    if (turn % 10 == 0) cluster_.maybe_move_a_leader();
  }
  EXPECT_EQ(cluster_.count(State::accepted), 300u);
  for (const auto& [partition, offset] : confirmed)
    EXPECT_EQ(cluster_.records(topic, partition).at(offset).state, State::accepted);
  EXPECT_GT(confirmed.size(), 150u);
  EXPECT_GT(cluster_.cuts, 0u);
}

TEST_P(SimQueueTest, ALostLockCostsOnlyItsOwnRecord) {
  cluster_.lock_duration = 1s;
  put(9, 0);
  auto queue = worker();
  const auto records = queue.poll(in(5s));
  ASSERT_TRUE(records && records->size() == 9);
  const std::vector<QueueRecord> all(records->begin(), records->end());
  sim_.run_for(600ms);
  for (std::size_t i = 0; i < 9; ++i)
    if (i != 4) EXPECT_TRUE(queue.renew(all[i]));
  EXPECT_TRUE(queue.flush(in(1s)));
  sim_.run_for(500ms);  // past the first lock, and not past the renewed ones
  EXPECT_TRUE(queue.accept(all));
  const auto flushed = queue.flush(in(5s));
  ASSERT_TRUE(flushed);
  EXPECT_TRUE(flushed->at({topic, 0}).error().is(ErrorCode::invalid_record_state));
  EXPECT_EQ(cluster_.count(State::accepted), 8u);
  EXPECT_EQ(cluster_.records(topic, 0).at(4).state, State::available);
}

TEST_P(SimQueueTest, LocksAreRenewedWhileHandlersRun) {
  cluster_.lock_duration = 1s;
  put(3);
  auto queue = worker();
  std::vector<Settlement> running;
  std::stop_source stop;
  const auto handler = [&](const QueueRecord& record, Settlement settle) {
    EXPECT_EQ(record.delivery_count, 1);
    running.push_back(std::move(settle));
  };
  std::optional<Result<QueueTotals>> totals;
  const Done<QueueTotals> done{
      [](void* context, Result<QueueTotals> result) {
        static_cast<std::optional<Result<QueueTotals>>*>(context)->emplace(std::move(result));
      },
      &totals};
  queue.run_async(done, handler, {.concurrency = 10},
                  Deadline(TimePoint::max()).with(stop.get_token()));
  sim_.run_for(10s);
  EXPECT_EQ(running.size(), 3u);
  EXPECT_GE(cluster_.renewals, 3 * 10);
  for (auto& settle : running) settle(Disposition::accept());
  stop.request_stop();
  sim_.run_for(1s);
  ASSERT_TRUE(totals && *totals);
  EXPECT_EQ((*totals)->accepted, 3u);
  EXPECT_EQ((*totals)->unconfirmed, 0u);
  EXPECT_EQ(cluster_.count(State::accepted), 3u);
}

TEST_P(SimQueueTest, WhatIsNotSettledInTimeIsReleased) {
  put(2);
  auto queue = worker();
  std::vector<Settlement> running;
  const auto keep = [&](const QueueRecord&, Settlement s) { running.push_back(std::move(s)); };
  const auto totals = queue.run_async(keep, {.concurrency = 10, .drain = 2s}, in(1s));
  ASSERT_TRUE(totals) << totals.error().message();
  EXPECT_EQ(running.size(), 2u);
  EXPECT_EQ(totals->released, 2u);
  EXPECT_EQ(cluster_.count(State::available), 2u);
  running.clear();  // too late, and harmless
  sim_.run_for(100ms);
  EXPECT_EQ(queue.poll(in(5s))->size(), 2u);
}

// The design point: an acknowledgement is not held up by a fetch that waits for records.
TEST_P(SimQueueTest, AnAcknowledgementDoesNotWaitBehindAFetch) {
  cluster_.faults.delay_max = 1ms;
  put(2, 0);
  auto queue = worker({.fetch_records = 1, .acquire = Acquire::exact, .fetch_wait = 20s});
  std::vector<Settlement> running;
  const auto handler = [&](const QueueRecord&, Settlement s) { running.push_back(std::move(s)); };
  std::stop_source stop;
  std::optional<Result<QueueTotals>> totals;
  const Done<QueueTotals> done{
      [](void* context, Result<QueueTotals> result) {
        static_cast<std::optional<Result<QueueTotals>>*>(context)->emplace(std::move(result));
      },
      &totals};
  queue.run_async(done, handler, {.concurrency = 8},
                  Deadline(TimePoint::max()).with(stop.get_token()));
  sim_.run_for(2s);
  ASSERT_EQ(running.size(), 2u);  // both are held, and the member asks for more
  const auto said_at = sim_.clock().now();
  running.front()(Disposition::accept());
  sim_.run_for(100ms);
  EXPECT_EQ(cluster_.count(State::accepted), 1u);
  EXPECT_LE(cluster_.last_acknowledged - said_at, 15ms);
  running.clear();
  stop.request_stop();
  sim_.run_for(30s);
  EXPECT_TRUE(totals);
}

TEST_P(SimQueueTest, AMemberThatWasForgottenJoinsAgain) {
  put(30);
  auto queue = worker();
  ASSERT_FALSE(queue.poll(in(5s))->empty());
  cluster_.knows_members = false;
  sim_.run_for(5s);
  EXPECT_TRUE(cluster_.knows_members);
  put(30);
  const auto records = queue.poll(in(5s));
  ASSERT_TRUE(records && !records->empty());
  EXPECT_TRUE(queue.accept(*records));
  for (const auto& [where, outcome] : *queue.flush(in(5s))) EXPECT_TRUE(outcome);
}

TEST_P(SimQueueTest, AnotherBrokerRefusesDelaysAndReasons) {
  cluster_.is_sluice = false;
  put(1);
  auto queue = worker();
  const auto records = queue.poll(in(5s));
  ASSERT_TRUE(records && records->size() == 1);
  const auto& record = records->front();
  EXPECT_TRUE(queue.release(record, 5s).error().is(Errc::unsupported));
  EXPECT_TRUE(queue.reject(record, "no").error().is(Errc::unsupported));
  EXPECT_TRUE(queue.release(record));  // it is still held
  const auto delayed = [](const QueueRecord&, Settlement settle) {
    settle(Disposition::release(1s));
  };
  const auto ran = queue.run_async(delayed, {}, in(5s));
  ASSERT_FALSE(ran);
  EXPECT_TRUE(ran.error().is(Errc::unsupported));
  EXPECT_EQ(cluster_.count(State::available), 1u);
}

TEST_P(SimQueueTest, ASluiceIsToldDelaysAndReasons) {
  put(6, 0);
  auto queue = worker();
  const auto records = queue.poll(in(5s));
  ASSERT_TRUE(records && records->size() == 6);
  EXPECT_TRUE(queue.release(records->first(2), 7s));
  EXPECT_TRUE(queue.reject((*records)[2], "no such customer"));
  EXPECT_TRUE(queue.reject((*records)[3], "no money"));
  EXPECT_TRUE(queue.release((*records)[4], 0s));
  EXPECT_TRUE(queue.release((*records)[5]));
  for (const auto& [where, outcome] : *queue.flush(in(5s))) EXPECT_TRUE(outcome);
  const auto& stored = cluster_.records(topic, 0);
  const auto delay = [&](Offset offset) { return stored.at(offset).delay_ms; };
  EXPECT_EQ(delay(0), 7000);
  EXPECT_EQ(delay(1), 7000);
  EXPECT_EQ(stored.at(2).reason, "no such customer");
  EXPECT_EQ(stored.at(3).reason, "no money");
  EXPECT_EQ(delay(4), 0);
  EXPECT_EQ(delay(5), -1);
  EXPECT_EQ(cluster_.count(State::rejected), 2u);
  EXPECT_TRUE(
      queue.reject({topic, 0, 0}, std::string(1001, 'x')).error().is(Errc::invalid_argument));
}

TEST_P(SimQueueTest, NoConnectionIsLeftBehind) {
  put(3);
  {
    auto queue = worker();
    EXPECT_FALSE(queue.poll(in(5s))->empty());
    EXPECT_GT(cluster_.open_connections, 1);
  }
  EXPECT_EQ(cluster_.open_connections, 0);
}

TEST_P(SimQueueTest, ACloseSendsWhatWasSaidAndReleasesTheRest) {
  put(10, 0);
  {
    auto queue = worker();
    const auto records = queue.poll(in(5s));
    ASSERT_TRUE(records && records->size() == 10);
    EXPECT_TRUE(queue.accept(records->first(4)));
    EXPECT_TRUE(queue.close(in(5s)));
    EXPECT_TRUE(queue.accept(records->subspan(4)).error().is(Errc::closed));
  }
  EXPECT_EQ(cluster_.count(State::accepted), 4u);
  EXPECT_EQ(cluster_.count(State::available), 6u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SimQueueTest, testing::Range(1, 9));

}  // namespace
}  // namespace sluice::client
