// A redrive sends each record once, whatever happens to it on the way.
#include "client/redrive/run.hpp"

#include "tests/unit/client/redrive/redrive_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace sluice::client {
namespace {

using testing::ElementsAre;

const std::string topic = "dlq.t";
constexpr RedriveLimits small{.window_records = 7,
                              .batch_bytes = 600,
                              .give_up_after = std::chrono::minutes(10),
                              .retry_backoff = std::chrono::milliseconds(1)};

std::vector<OwnedHeader> dead_letter_headers(const std::string& source, PartitionIndex partition,
                                             Offset offset, int redrives = 0) {
  std::vector<OwnedHeader> headers{{"type", "paid"}, {"type", std::nullopt}};
  if (redrives > 0) headers.push_back({"sluice-redrive-count", std::to_string(redrives)});
  headers.push_back({"__dlq.errors.topic", source});
  headers.push_back({"__dlq.errors.partition", std::to_string(partition)});
  headers.push_back({"__dlq.errors.offset", std::to_string(offset)});
  headers.push_back({"__dlq.errors.reason", offset % 2 == 0 ? "rejected" : "delivery-limit"});
  return headers;
}

RedriveProgress plan_of(const ModelPort& port, const std::string& id, ProducerId producer = 77) {
  RedriveProgress progress{
      .id = id, .max_redrives = 3, .producer_id = producer, .producer_epoch = 0};
  progress.selection.topic = topic;
  for (const auto& [partition, letters] : port.letters)
    progress.places[partition] = {0, letters.end()};
  return progress;
}

class RedriveTest : public testing::Test {
 protected:
  explicit RedriveTest(std::uint64_t seed = 1) : port(seed) {
    port.targets["a"].resize(3);
    port.targets["b"].resize(1);
  }
  // Letters of two sources, with gaps in their offsets.
  void fill(int per_partition, SeededRandom& random) {
    for (PartitionIndex p = 0; p < 2; ++p) {
      Offset offset = 0;
      auto& letters = port.letters.try_emplace(p, p).first->second;
      for (int i = 0; i < per_partition; ++i) {
        offset += 1 + static_cast<Offset>(random.below(3) == 0);
        const std::string source = random.below(4) == 0 ? "b" : "a";
        const auto partition = static_cast<PartitionIndex>(random.below(3));
        letters.add({.offset = offset,
                     .key = "k" + std::to_string(random.below(9)),
                     .value = std::to_string(p) + ":" + std::to_string(offset),
                     .headers = dead_letter_headers(source, partition, offset)});
      }
    }
  }
  RedriveRun begin(const std::string& id, ProducerId producer = 77) {
    ledgers.push_back(std::make_unique<RedriveLedger>(port.ledger(topic, {})));
    return RedriveRun(port, *ledgers.back(), plan_of(port, id, producer), small);
  }
  RedriveRun again(const std::string& id) {
    ledgers.push_back(std::make_unique<RedriveLedger>(port.ledger(topic, {})));
    return RedriveRun(port, *ledgers.back(), *port.stored(id), small);
  }
  std::vector<std::string> values(const std::string& name, PartitionIndex partition) {
    std::vector<std::string> values;
    for (const auto& batch :
         port.targets.at(name).at(static_cast<std::size_t>(partition)).batches())
      for (const auto& record : batch.records) values.push_back(*record.value);
    return values;
  }
  std::vector<std::string> all_values() {
    std::vector<std::string> all;
    for (const auto& [name, logs] : port.targets)
      for (std::size_t p = 0; p < logs.size(); ++p) {
        const auto some = values(name, static_cast<PartitionIndex>(p));
        all.insert(all.end(), some.begin(), some.end());
      }
    std::ranges::sort(all);
    return all;
  }
  std::vector<std::string> letter_values() {
    std::vector<std::string> all;
    for (const auto& [partition, letters] : port.letters)
      for (const auto& view : letters.views()) all.emplace_back(as_text(*view.value));
    std::ranges::sort(all);
    return all;
  }

  ModelPort port;
  std::vector<std::unique_ptr<RedriveLedger>> ledgers;
};

TEST_F(RedriveTest, SendsToTheSourceWithoutTheDeadLetterHeaders) {
  port.letters[0].add({.offset = 4,
                       .key = std::nullopt,
                       .value = "v",
                       .headers = dead_letter_headers("a", 2, 17, 1)});
  auto run = begin("r");
  ASSERT_TRUE(run.save());
  ASSERT_TRUE(run.run({}));
  const auto& batches = port.targets["a"][2].batches();
  ASSERT_EQ(batches.size(), 1u);
  const auto& record = batches.front().records.front();
  EXPECT_EQ(record.timestamp_ms, 1004);
  EXPECT_FALSE(record.key);
  ASSERT_EQ(record.headers.size(), 3u);
  EXPECT_EQ(record.headers[0].value, "paid");
  EXPECT_FALSE(record.headers[1].value);
  EXPECT_EQ(record.headers[2].key, "sluice-redrive-count");
  EXPECT_EQ(record.headers[2].value, "2");
}

TEST_F(RedriveTest, LeavesRecordsThatGoInCirclesAndThoseWithoutATarget) {
  port.letters[0].add(
      {.offset = 0, .key = "k", .value = "loop", .headers = dead_letter_headers("a", 0, 1, 3)});
  port.letters[0].add(
      {.offset = 1, .key = "k", .value = "gone", .headers = dead_letter_headers("deleted", 0, 1)});
  port.letters[0].add({.offset = 2, .key = "k", .value = "bare", .headers = {}});
  port.letters[0].add(
      {.offset = 3, .key = "k", .value = "self", .headers = dead_letter_headers(topic, 0, 1)});
  port.letters[0].add(
      {.offset = 4, .key = "k", .value = "good", .headers = dead_letter_headers("a", 1, 1)});
  auto run = begin("r");
  ASSERT_TRUE(run.save());
  ASSERT_TRUE(run.run({}));
  const auto report = run.report();
  EXPECT_EQ(report.counts.loop_guard, 1);
  EXPECT_EQ(report.counts.failed, 3);
  EXPECT_EQ(report.counts.redriven, 1);
  EXPECT_EQ(report.failures.size(), 3u);
  EXPECT_EQ(report.state, RedriveState::finished);
  EXPECT_THAT(values("a", 1), ElementsAre("good"));
}

TEST_F(RedriveTest, WhatWasRedrivenIsLeftOutNextTimeUnlessItIsWantedAgain) {
  SeededRandom random(3);
  fill(50, random);
  auto first = begin("first");
  ASSERT_TRUE(first.save());
  ASSERT_TRUE(first.run({}));
  const auto sent = all_values();
  EXPECT_EQ(sent, letter_values());
  auto second = begin("second", 78);
  ASSERT_TRUE(second.run({}));
  EXPECT_EQ(second.report().counts.already, 100);
  EXPECT_EQ(all_values(), sent);
  auto progress = plan_of(port, "third", 79);
  progress.selection.again = true;
  RedriveRun third(port, *ledgers.back(), progress, small);
  ASSERT_TRUE(third.run({}));
  EXPECT_EQ(third.report().counts.redriven, 100);
}

TEST_F(RedriveTest, ADryRunSendsAndSavesNothing) {
  SeededRandom random(4);
  fill(50, random);
  auto ledger = port.ledger(topic, {});
  RedriveRun run(port, ledger, plan_of(port, ""), small, RedriveRun::Mode::dry);
  ASSERT_TRUE(run.run({}));
  EXPECT_EQ(run.report().counts.redriven, 100);
  EXPECT_TRUE(all_values().empty());
  EXPECT_TRUE(port.progress.batches().empty());
}

TEST_F(RedriveTest, ARefusedRecordDoesNotHoldUpItsBatch) {
  SeededRandom random(5);
  fill(20, random);
  port.letters[0].add({.offset = 100,
                       .key = "k",
                       .value = std::string(2000, 'x'),
                       .headers = dead_letter_headers("a", 0, 1)});
  port.letters[0].add(
      {.offset = 101, .key = "k", .value = "after", .headers = dead_letter_headers("a", 0, 1)});
  auto run = begin("r");
  ASSERT_TRUE(run.save());
  ASSERT_TRUE(run.run({}));
  EXPECT_EQ(run.report().counts.failed, 1);
  EXPECT_EQ(run.report().counts.redriven, 41);
  EXPECT_EQ(all_values().size(), 41u);
}

TEST_F(RedriveTest, KeepsToItsRate) {
  SeededRandom random(6);
  fill(50, random);
  auto progress = plan_of(port, "r");
  progress.records_per_second = 10;
  auto ledger = port.ledger(topic, {});
  RedriveRun run(port, ledger, progress, small);
  ASSERT_TRUE(run.save());
  const auto began = port.now();
  ASSERT_TRUE(run.run({}));
  EXPECT_GE(port.now() - began, std::chrono::seconds(9));
  EXPECT_LE(port.now() - began, std::chrono::seconds(11));
}

TEST_F(RedriveTest, AnEarlierProcessIsShutOutBeforeItsNextWindow) {
  SeededRandom random(7);
  fill(60, random);
  auto first = begin("r");
  ASSERT_TRUE(first.save());
  int windows = 0;
  const auto ended = first.run([&](const RedriveReport&) {
    if (++windows != 4) return true;
    auto second = again("r");
    EXPECT_TRUE(second.claim());
    EXPECT_TRUE(second.run({}));
    return true;
  });
  ASSERT_FALSE(ended);
  EXPECT_TRUE(ended.error().is(ErrorCode::invalid_producer_epoch)) << ended.error().message();
  EXPECT_EQ(all_values(), letter_values());
}

TEST_F(RedriveTest, AbandoningNotesWhatTheLastWindowDid) {
  SeededRandom random(8);
  fill(60, random);
  auto first = begin("r");
  ASSERT_TRUE(first.save());
  port.faults.lose_answer = 1;  // stored, but nobody hears of it
  int waits = 0;
  ASSERT_FALSE(first.run([&](const RedriveReport&) {
    port.faults.calls_until_death = 8;
    return ++waits < 1000;
  }));
  port.revive();
  port.faults = {};
  const auto sent = all_values();
  ASSERT_FALSE(sent.empty());
  auto second = again("r");
  ASSERT_TRUE(second.claim());
  ASSERT_TRUE(second.abandon());
  EXPECT_EQ(second.report().state, RedriveState::abandoned);
  EXPECT_FALSE(second.report().uncertain);
  EXPECT_EQ(all_values(), sent);
  auto next = begin("next", 78);
  ASSERT_TRUE(next.run({}));
  EXPECT_EQ(all_values(), letter_values());
}

TEST_F(RedriveTest, AWindowWhoseRecordsAreGoneIsNotGuessedAt) {
  SeededRandom random(9);
  fill(60, random);
  auto first = begin("r");
  ASSERT_TRUE(first.save());
  while (port.stored("r")->window.empty()) {  // until it dies behind a save
    port.faults.calls_until_death = static_cast<int>(random.below(20));
    auto next = again("r");
    ASSERT_FALSE(next.claim() && next.run({}));
    port.revive();
  }
  port.faults = {};
  port.letters[0].remove_before(1000);
  auto second = again("r");
  ASSERT_TRUE(second.claim());
  const auto resumed = second.run({});
  ASSERT_FALSE(resumed);
  EXPECT_TRUE(resumed.error().is(ErrorCode::offset_out_of_range));
  ASSERT_TRUE(second.abandon());
  EXPECT_TRUE(second.report().uncertain);
}

// The property: dies at any step, again and again; answers and requests are lost or late; targets
// forget their producers. Every record is at its target once, in order, and the report is right.
class RedriveChaosTest : public RedriveTest, public testing::WithParamInterface<int> {
 protected:
  RedriveChaosTest() : RedriveTest(static_cast<std::uint64_t>(GetParam())) {}
};

TEST_P(RedriveChaosTest, EachRecordArrivesOnce) {
  SeededRandom random(static_cast<std::uint64_t>(GetParam()) + 1000);
  for (int round = 0; round < 20; ++round) {
    port.clear();
    fill(static_cast<int>(20 + random.below(60)), random);
    port.faults = {.lose_request = 0.1, .lose_answer = 0.1, .late_request = 0.05, .forget = 0.3};
    port.faults.calls_until_death = static_cast<int>(random.below(40));
    auto first = begin("r");
    auto ended = first.save();
    if (ended) ended = first.run({});
    int deaths = 0;
    while (!ended) {
      ASSERT_TRUE(port.dead()) << ended.error().message() << ", round " << round;
      ASSERT_LT(++deaths, 1000);
      port.revive();
      port.faults.calls_until_death = static_cast<int>(3 + random.below(40));
      auto next = port.stored("r") ? again("r") : begin("r");
      ended = port.stored("r") ? next.claim() : next.save();
      if (ended) ended = next.run({});
    }
    ASSERT_EQ(all_values(), letter_values()) << "seed " << GetParam() << " round " << round;
    const auto last = port.stored("r");
    EXPECT_EQ(last->counts.redriven, static_cast<std::int64_t>(all_values().size()));
    EXPECT_EQ(last->state, RedriveState::finished);
    auto ledger = port.ledger(topic, {});
    EXPECT_EQ(ledger.count(0, 0) + ledger.count(1, 0), all_values().size());
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, RedriveChaosTest, testing::Range(0, 50));

}  // namespace
}  // namespace sluice::client
