#include "storage/log.hpp"

#include "tests/support/log_bench.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace sluice::storage {
namespace {

using testing::code_of;
using testing::LogBench;
using testing::make_batch;
using testing::StoredRecord;

TEST(Log, AnAppendedBatchIsReadBackOnceItIsDurable) {
  LogBench bench;
  bench.open();
  const AppendInfo info = must(bench.append_durable(make_batch("a", 3)));
  EXPECT_EQ(info.base_offset, 0);
  EXPECT_EQ(info.last_offset, 2);
  EXPECT_EQ(bench.log().high_watermark(), 3);
  const std::vector<StoredRecord> records = bench.must_read_all();
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[2].offset, 2);
  EXPECT_EQ(records[2].value.substr(0, 3), "a/2");
}

TEST(Log, NothingIsReadableBeforeItIsDurable) {
  LogBench bench;
  bench.open();
  must(bench.append_durable(make_batch("a", 1)));
  must(bench.append(make_batch("b", 1)));
  EXPECT_EQ(bench.log().log_end_offset(), 2);
  EXPECT_EQ(bench.log().high_watermark(), 1);
  EXPECT_TRUE(must(bench.read(1)).empty());
  must(bench.sim().run(bench.log().wait_durable(2)));
  EXPECT_FALSE(must(bench.read(1)).empty());
}

// What sluice.acks.one=accepted answers, and what acks=all waits for.
TEST(Log, WhatIsAcceptedIsNotShownWhileTheDiskDoesNotAnswer) {
  LogBench bench;
  bench.open();
  must(bench.append_durable(make_batch("a", 1)));
  bench.disk().set_slow(std::chrono::hours(1));
  EXPECT_EQ(must(bench.append(make_batch("b", 1))).base_offset, 1);  // accepted
  bool acknowledged = false;
  const auto wait = [](Log* log, bool* done) -> Task<> {
    const auto durable = co_await log->wait_durable(2);
    *done = durable.has_value();
  };
  bench.sim().spawn(wait(&bench.log(), &acknowledged));
  bench.sim().run_for(std::chrono::minutes(30));
  EXPECT_FALSE(acknowledged);
  EXPECT_EQ(bench.log().log_end_offset(), 2);
  EXPECT_EQ(bench.log().high_watermark(), 1);
  EXPECT_TRUE(must(bench.read(1)).empty());
  EXPECT_EQ(must(bench.sim().run(bench.log().max_timestamp())).offset, 0);
  bench.sim().run_for(std::chrono::hours(2));
  EXPECT_TRUE(acknowledged);
  EXPECT_EQ(bench.log().high_watermark(), 2);
  bench.disk().set_slow(Duration::zero());
  EXPECT_FALSE(must(bench.read(1)).empty());
}

// … and it is on its way to the disk at once, whoever waits: sluice.flush.max.ms holds by that.
TEST(Log, WhatIsAcceptedBecomesDurableThoughNobodyWaits) {
  LogBench bench;
  bench.open();
  must(bench.append_durable(make_batch("a", 1)));
  must(bench.append(make_batch("b", 1)));
  bench.sim().run_for(std::chrono::milliseconds(2));  // two of the slowest writes
  EXPECT_EQ(bench.log().high_watermark(), 2);
}

TEST(Log, BatchesThatArriveDuringAWriteShareTheNextOne) {
  LogBench bench;
  bench.open();
  must(bench.append_durable(make_batch("a", 1)));
  const std::uint64_t before = bench.disk().counters().durable_writes;
  for (int i = 0; i < 20; ++i) must(bench.append(make_batch("b", 1)));
  must(bench.sim().run(bench.log().wait_durable(21)));
  EXPECT_LE(bench.disk().counters().durable_writes, before + 2);
  EXPECT_EQ(bench.disk().counters().overlapping_writes, 0u);
  EXPECT_EQ(bench.disk().counters().changed_in_flight, 0u);
}

TEST(Log, EverythingIsThereAfterACleanRestartWithoutAScan) {
  LogBench bench;
  bench.open();
  for (int i = 0; i < 100; ++i) must(bench.append_durable(make_batch(std::to_string(i), 5, 100)));
  const auto before = bench.must_read_all();
  bench.close();
  bench.open();
  EXPECT_TRUE(bench.log().recovery().clean);
  EXPECT_EQ(bench.log().recovery().bytes_scanned, 0);
  EXPECT_EQ(bench.log().leader_epoch(), 0);
  EXPECT_EQ(bench.log().high_watermark(), 500);
  EXPECT_EQ(bench.must_read_all(), before);
  EXPECT_EQ(must(bench.append_durable(make_batch("next", 1))).base_offset, 500);
}

TEST(Log, AcknowledgedBatchesSurviveAPowerCutAndTheEpochRises) {
  LogBench bench;
  bench.open();
  for (int i = 0; i < 30; ++i) must(bench.append_durable(make_batch(std::to_string(i), 2, 700)));
  const auto before = bench.must_read_all();
  bench.crash();
  bench.open();
  EXPECT_FALSE(bench.log().recovery().clean);
  EXPECT_EQ(bench.log().leader_epoch(), 1);
  EXPECT_EQ(bench.must_read_all(), before);
  must(bench.append_durable(make_batch("after", 1)));
  const auto records = bench.must_read_all();
  EXPECT_EQ(records.back().epoch, 1);
  EXPECT_EQ(bench.log().end_of_epoch(0).end_offset, 60);
}

TEST(Log, RollsBySizeAndReadsAcrossSegments) {
  LogOptions options;
  options.segment_bytes = 8192;
  LogBench bench(1, options);
  bench.open();
  for (int i = 0; i < 60; ++i) must(bench.append_durable(make_batch(std::to_string(i), 4, 200)));
  EXPECT_GT(bench.log().segment_count(), 5u);
  const auto records = bench.must_read_all();
  ASSERT_EQ(records.size(), 240u);
  for (std::size_t i = 0; i < records.size(); ++i)
    EXPECT_EQ(records[i].offset, static_cast<Offset>(i));
  EXPECT_TRUE(bench.disk().exists(bench.file("00000000000000000000.index")));
  EXPECT_TRUE(bench.disk().exists(bench.file("00000000000000000000.timeindex")));
  EXPECT_TRUE(bench.disk().exists(bench.file("00000000000000000000.seal")));
  bench.crash();
  bench.open();
  EXPECT_EQ(bench.must_read_all(), records);
}

TEST(Log, ReadsHonourTheLimitAndTheSize) {
  LogBench bench;
  bench.open();
  for (int i = 0; i < 50; ++i) must(bench.append_durable(make_batch(std::to_string(i), 1, 300)));
  const std::size_t one = make_batch("0", 1, 300).size();
  EXPECT_EQ(must(bench.read(0, one * 3)).size, one * 3);
  EXPECT_EQ(must(bench.read(0, one * 3 + 5)).size, one * 3);
  EXPECT_EQ(must(bench.read(0, 10)).size, one);
  EXPECT_TRUE(must(bench.read(0, 10, 50, AtLeastOneBatch::no)).empty());
  EXPECT_EQ(must(bench.read(10, 1 << 20, 20)).size, one * 10);
  EXPECT_EQ(must(bench.read(10, 1 << 20, 20)).next_offset, 20);
  EXPECT_EQ(code_of(bench.read(51)), Errc::offset_out_of_range);
  EXPECT_TRUE(must(bench.read(50)).empty());
}

// A fetch with little room left must not go on in the next segment, where a smaller batch would
// fit.
TEST(Log, ABatchThatDoesNotFitIsNotPassedOver) {
  LogOptions options;
  options.segment_bytes = 20'000;
  LogBench bench(1, options);
  bench.open();
  for (int i = 0; i < 4; ++i) must(bench.append_durable(make_batch("large", 1, 4'000)));
  must(bench.append_durable(make_batch("larger", 1, 9'000)));  // rolls
  for (int i = 0; i < 3; ++i) must(bench.append_durable(make_batch("small", 1, 10)));
  ASSERT_GT(bench.log().segment_count(), 1u);
  for (Offset from = 0; from < 5; ++from) {
    const ReadResult read = must(bench.read(from, 1'000, 8, AtLeastOneBatch::no));
    EXPECT_TRUE(read.empty()) << from;
    EXPECT_EQ(read.next_offset, from);
  }
}

TEST(Log, IdempotentBatchesAreAnsweredWithTheirFirstOffset) {
  LogBench bench;
  bench.open();
  const auto batch = [](Sequence sequence) {
    return make_batch("p", 2, 16, {.id = 9, .epoch = 0, .sequence = sequence});
  };
  must(bench.append_durable(batch(0)));
  must(bench.append_durable(batch(2)));
  const AppendInfo again = must(bench.append_durable(batch(0)));
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.base_offset, 0);
  EXPECT_EQ(again.last_offset, 1);
  EXPECT_EQ(code_of(bench.append(batch(6))), Errc::out_of_order_sequence);
  EXPECT_EQ(bench.log().log_end_offset(), 4);
  bench.crash();
  bench.open();
  EXPECT_TRUE(must(bench.append_durable(batch(2))).duplicate);
  EXPECT_TRUE(must(bench.append_durable(batch(0))).duplicate);
  EXPECT_FALSE(must(bench.append_durable(batch(4))).duplicate);
  bench.close();
  bench.open();
  EXPECT_TRUE(must(bench.append_durable(batch(0))).duplicate);
  const auto old = make_batch("p", 1, 16, {.id = 9, .epoch = -1, .sequence = 0});
  EXPECT_EQ(code_of(bench.append(old)), Errc::invalid_producer_epoch);
}

TEST(Log, AFailedWriteFencesTheLogAndTellsEveryWaiter) {
  LogBench bench;
  bench.open();
  must(bench.append_durable(make_batch("a", 1)));
  bench.disk().fail_nth(sim_write, 1, EIO, ".log");
  EXPECT_FALSE(bench.append_durable(make_batch("b", 1)));
  EXPECT_TRUE(bench.log().fenced());
  EXPECT_EQ(code_of(bench.append(make_batch("c", 1))), Errc::fenced);
  EXPECT_EQ(bench.log().high_watermark(), 1);
  EXPECT_EQ(bench.must_read_all().size(), 1u);
  const std::uint64_t writes = bench.disk().counters().writes;
  must(bench.sim().run(bench.log().maintain()));
  EXPECT_EQ(bench.disk().counters().writes, writes);
  EXPECT_TRUE(bench.log().fenced());
}

TEST(Log, AFullDiskFencesUntilItReopensByItself) {
  LogBench bench;
  bench.open();
  must(bench.append_durable(make_batch("a", 1)));
  bench.disk().fail_nth(sim_write, 1, ENOSPC, ".log");
  EXPECT_FALSE(bench.append_durable(make_batch("b", 1)));
  EXPECT_TRUE(bench.log().fenced());
  must(bench.sim().run(bench.log().maintain()));
  EXPECT_FALSE(bench.log().fenced());
  EXPECT_GT(bench.log().leader_epoch(), 0);
  must(bench.append_durable(make_batch("c", 1)));
  const auto records = bench.must_read_all();
  EXPECT_EQ(records.front().value.substr(0, 1), "a");
  EXPECT_EQ(records.back().value.substr(0, 1), "c");
  bench.crash();
  bench.open();
  EXPECT_EQ(bench.must_read_all(), records);
}

TEST(Log, NoSpaceToReserveRefusesWithoutFencing) {
  LogBench bench;
  bench.open();
  bench.disk().inject({.ops = sim_allocate, .count = 2, .error = ENOSPC});
  EXPECT_EQ(code_of(bench.append(make_batch("a", 1))), Errc::disk_full);
  EXPECT_FALSE(bench.log().fenced());
  EXPECT_EQ(must(bench.append_durable(make_batch("a", 1))).base_offset, 0);
}

TEST(Log, AnIdleLogGivesBackItsPreparedSpace) {
  LogBench bench;
  bench.open();
  for (int i = 0; i < 20; ++i) must(bench.append_durable(make_batch("a", 10, 1000)));
  bench.sim().run_for(std::chrono::seconds(10));
  must(bench.sim().run(bench.log().maintain()));
  bench.sim().run_until_idle();
  const auto size = bench.disk().content(bench.file("00000000000000000000.log")).size();
  EXPECT_EQ(static_cast<std::int64_t>(size), bench.log().size_on_disk());
  EXPECT_FALSE(bench.log().needs_maintain());
  must(bench.append_durable(make_batch("b", 1)));
  EXPECT_TRUE(bench.log().needs_maintain());
  EXPECT_EQ(bench.must_read_all().size(), 201u);
}

TEST(Log, DeletedRecordsStayDeleted) {
  LogOptions options;
  options.segment_bytes = 8192;
  LogBench bench(1, options);
  bench.open();
  for (int i = 0; i < 40; ++i) must(bench.append_durable(make_batch(std::to_string(i), 1, 1000)));
  EXPECT_EQ(must(bench.sim().run(bench.log().delete_records(25))), 25);
  EXPECT_EQ(bench.log().log_start_offset(), 25);
  EXPECT_EQ(code_of(bench.read(24)), Errc::offset_out_of_range);
  bench.crash();
  bench.open();
  EXPECT_EQ(bench.log().log_start_offset(), 25);
  EXPECT_EQ(bench.must_read_all().size(), 15u);
  EXPECT_FALSE(bench.sim().run(bench.log().delete_records(41)));
}

TEST(Log, RetentionDeletesWhatIsTooOldOrTooMuch) {
  LogOptions options;
  options.segment_bytes = 8192;
  options.retention_bytes = 20'000;
  options.retention_ms = 1000LL * 3600;
  LogBench bench(1, options);
  bench.open();
  for (int i = 0; i < 60; ++i) must(bench.append_durable(make_batch(std::to_string(i), 1, 1000)));
  bench.sim().run_until_idle();  // size is kept within its bound as segments are closed
  EXPECT_EQ(must(bench.sim().run(bench.log().apply_retention())), 0u);
  EXPECT_LT(bench.log().size_on_disk(), 20'000 + 8192);
  EXPECT_GE(bench.log().size_on_disk(), 20'000);
  bench.sim().run_for(std::chrono::hours(2));
  EXPECT_GT(must(bench.sim().run(bench.log().apply_retention())), 0u);
  EXPECT_EQ(bench.log().size_on_disk(), 0);
  EXPECT_EQ(bench.log().log_start_offset(), 60);
  EXPECT_EQ(bench.log().high_watermark(), 60);
  bench.close();
  bench.open();
  EXPECT_EQ(must(bench.append_durable(make_batch("x", 1))).base_offset, 60);
}

TEST(Log, WhatExpiredWhileTheLogWasClosedIsDeletedAtTheNextStart) {
  LogOptions options;
  options.retention_ms = 1000LL * 3600;
  for (const bool clean : {true, false}) {
    LogBench bench(1, options);
    bench.open();
    must(bench.append_durable(make_batch("a", 3)));
    bench.sim().run_for(std::chrono::hours(2));
    if (clean) {
      bench.close();
    } else {
      bench.crash();
    }
    bench.open();
    EXPECT_EQ(must(bench.sim().run(bench.log().apply_retention())), 1u);
    EXPECT_EQ(bench.log().log_start_offset(), 3);
    EXPECT_EQ(must(bench.append_durable(make_batch("b", 1))).base_offset, 3);
  }
}

// The segment is as old as its first record says, whatever later ones say.
TEST(Log, TimestampsFarApartDoNotRoll) {
  LogOptions options;
  options.segment_ms = 60'000;
  LogBench bench(1, options);
  bench.open();
  constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max() - 1;
  for (const std::int64_t timestamp : {far, -far, std::int64_t{0}})
    must(bench.append_durable(
        make_batch(std::vector<testing::TestRecord>{{.value = "v", .timestamp = timestamp}})));
  EXPECT_EQ(bench.log().segment_count(), 1u);
}

TEST(Log, RollsByTimeAlsoAfterARestart) {
  LogOptions options;
  options.segment_ms = 60'000;
  for (const bool clean : {true, false}) {
    LogBench bench(1, options);
    bench.open();
    const auto at = [](TimestampMs ms) {
      const std::vector<testing::TestRecord> records{
          {.key = "k", .value = "v", .timestamp = SimClock::first_wall_ms + ms}};
      return make_batch(records);
    };
    must(bench.append_durable(at(0)));
    must(bench.append_durable(at(30'000)));
    EXPECT_EQ(bench.log().segment_count(), 1u);
    if (clean) {
      bench.close();
    } else {
      bench.crash();
    }
    bench.open();
    must(bench.append_durable(at(59'000)));
    EXPECT_EQ(bench.log().segment_count(), 1u);
    must(bench.append_durable(at(61'000)));
    EXPECT_EQ(bench.log().segment_count(), 2u);
    EXPECT_EQ(bench.must_read_all().size(), 4u);
  }
}

TEST(Log, FindsTheExactRecordByTimeAlsoInACompressedBatch) {
  LogOptions options;
  options.segment_bytes = 4096;
  LogBench bench(1, options);
  bench.open();
  const TimestampMs start = SimClock::first_wall_ms;
  for (int i = 0; i < 40; ++i) {
    std::vector<testing::TestRecord> records;
    for (int j = 0; j < 10; ++j)
      records.push_back(
          {.key = "k", .value = std::string(40, 'v'), .timestamp = start + i * 100 + j * 10});
    const auto codec = i % 2 == 0 ? protocol::Compression::none : protocol::Compression::lz4;
    must(bench.append_durable(make_batch(records, {}, codec)));
  }
  for (const int at : {0, 5, 10, 11, 1555, 3990}) {
    const TimestampOffset found = must(bench.sim().run(bench.log().find_by_time(start + at)));
    EXPECT_EQ(found.offset, (at + 9) / 10);
    EXPECT_EQ(found.timestamp, start + (at + 9) / 10 * 10);
  }
  EXPECT_EQ(must(bench.sim().run(bench.log().find_by_time(start + 3991))).offset, -1);
  EXPECT_EQ(must(bench.sim().run(bench.log().max_timestamp())).offset, 399);
  bench.crash();
  bench.open();
  EXPECT_EQ(must(bench.sim().run(bench.log().find_by_time(start + 1555))).offset, 156);
  EXPECT_EQ(must(bench.sim().run(bench.log().max_timestamp())).offset, 399);
}

TEST(Log, ColdReadsComeFromTheFile) {
  StoreOptions store_options;
  store_options.tail_cache_bytes = 64 << 10;
  LogOptions options;
  options.segment_bytes = 200'000;
  LogBench bench(1, options, store_options);
  bench.open();
  for (int i = 0; i < 300; ++i) must(bench.append_durable(make_batch(std::to_string(i), 3, 900)));
  EXPECT_LE(bench.store().cached_bytes(), 1 << 20);
  const auto records = bench.must_read_all();
  ASSERT_EQ(records.size(), 900u);
  for (std::size_t i = 0; i < records.size(); ++i)
    EXPECT_EQ(records[i].offset, static_cast<Offset>(i));
}

TEST(Log, ADamagedBatchIsNeverHandedOut) {
  LogOptions options;
  options.segment_bytes = 20'000;
  LogBench bench(1, options);
  bench.open();
  for (int i = 0; i < 60; ++i) must(bench.append_durable(make_batch(std::to_string(i), 1, 1000)));
  bench.close();
  const std::size_t one = make_batch("0", 1, 1000).size();
  bench.disk().corrupt(bench.file("00000000000000000000.log"), one * 5 + 200, std::byte{4});
  bench.open();
  EXPECT_EQ(must(bench.read(0)).next_offset, 5);
  EXPECT_EQ(code_of(bench.read(5)), Errc::damaged);
  EXPECT_FALSE(must(bench.read(6)).empty());
}

}  // namespace
}  // namespace sluice::storage
