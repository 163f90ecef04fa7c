// How a log gives its bytes to the disk: several writes on their way, zeros ahead, files used
// again.
#include "storage/format.hpp"
#include "tests/support/log_bench.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace sluice::storage {
namespace {

using testing::LogBench;
using testing::make_batch;

LogOptions recycling() {
  LogOptions options;
  options.segment_bytes = 100'000;
  options.retention_bytes = 100'000;
  return options;
}

// Appends until a segment's file was used again; false if that never happens.
bool append_until_recycled(LogBench& bench) {
  bool kept = false;
  for (int i = 0; i < 200; ++i) {
    const std::vector<std::vector<std::byte>> batches{make_batch(std::to_string(i), 1, 9000),
                                                      make_batch(std::to_string(i) + "b", 1, 9000)};
    for (const auto& batch : batches) must(bench.append_durable(batch));
    const bool is_kept = bench.disk().exists(bench.file(spare_name));
    if (kept && !is_kept) return true;
    kept = is_kept;
  }
  return false;
}

TEST(LogWrite, AStreamOfLargeBatchesHasSeveralWritesInFlight) {
  LogBench bench;
  bench.open();
  const auto batch = make_batch("large", 1, 90'000);
  must(bench.append_durable(batch));
  for (int round = 0; round < 20; ++round) {
    must(bench.append(batch));
    bench.sim().run_for(std::chrono::microseconds(10));
  }
  must(bench.sim().run(bench.log().wait_durable(bench.log().log_end_offset())));
  EXPECT_GE(bench.disk().counters().in_flight_max, 2u);
  EXPECT_EQ(bench.disk().counters().overlapping_writes, 0u);
  EXPECT_EQ(bench.disk().counters().changed_in_flight, 0u);
  EXPECT_EQ(bench.must_read_all().size(), 21u);
}

TEST(LogWrite, WhatLandedBehindAGapIsNotTakenForDurable) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    LogBench bench(seed);
    bench.open();
    const auto batch = make_batch("large", 1, 90'000);
    must(bench.append_durable(batch));
    for (int i = 0; i < 6; ++i) {
      must(bench.append(batch));
      bench.sim().run_for(std::chrono::microseconds(30));
    }
    const Offset seen = bench.log().high_watermark();
    bench.crash();
    bench.open();
    ASSERT_GE(bench.log().high_watermark(), seen);
    ASSERT_EQ(static_cast<Offset>(bench.must_read_all().size()), bench.log().high_watermark());
  }
}

TEST(LogWrite, AFailedWriteFencesThoughLaterOnesLanded) {
  LogBench bench;
  bench.open();
  const auto batch = make_batch("large", 1, 90'000);
  must(bench.append_durable(batch));
  bench.disk().fail_nth(sim_write, 2, EIO);
  const Offset before = bench.log().high_watermark();
  for (int i = 0; i < 8; ++i) {
    if (!bench.append(batch)) break;
    bench.sim().run_for(std::chrono::microseconds(20));
  }
  EXPECT_FALSE(bench.sim().run(bench.log().wait_durable(before + 6)));
  EXPECT_TRUE(bench.log().fenced());
  EXPECT_LT(bench.log().high_watermark(), before + 6);
}

TEST(LogWrite, SmallWritesFindZerosAhead) {
  LogBench bench;
  bench.open();
  for (int i = 0; i < 40; ++i) must(bench.append_durable(make_batch(std::to_string(i), 1, 900)));
  // More bytes were written than the records and their rewritten blocks: zeros.
  EXPECT_GT(bench.disk().counters().writes, bench.disk().counters().durable_writes);
  EXPECT_EQ(bench.disk().counters().overlapping_writes, 0u);
  EXPECT_EQ(bench.must_read_all().size(), 40u);
}

TEST(LogWrite, AnIdlePartitionTakesAtMost64KiBBeyondItsRecords) {
  LogBench bench;
  bench.open();
  must(bench.append_durable(make_batch("one", 1, 900)));
  bench.sim().run_until_idle();
  const std::string file = bench.file("00000000000000000000.log");
  EXPECT_LE(bench.disk().content(file).size(), std::size_t{64} << 10);
  bench.sim().run_for(std::chrono::seconds(3));
  must(bench.sim().run(bench.log().maintain()));
  bench.sim().run_until_idle();
  EXPECT_LE(bench.disk().content(file).size(), 1100u);
}

TEST(LogWrite, ARetiredSegmentsFileBecomesTheNextOne) {
  LogBench bench(1, recycling());
  bench.open();
  ASSERT_TRUE(append_until_recycled(bench));
  must(bench.append_durable(make_batch("on", 1, 500)));
  const auto records = bench.must_read_all();
  EXPECT_EQ(records.back().value.substr(0, 2), "on");
  EXPECT_EQ(static_cast<Offset>(records.size()),
            bench.log().high_watermark() - bench.log().log_start_offset());
  bench.close();
  EXPECT_FALSE(bench.disk().exists(bench.file(spare_name)));
}

// Also when all has expired, and the active segment is made of an older one and empty.
TEST(LogWrite, ACloseLeavesNoOldBatchesBehindTheEndOnTheDisk) {
  LogOptions options = recycling();
  options.retention_ms = 400;
  for (int count = 30; count < 60; ++count) {
    LogBench bench(1, options);
    bench.open();
    for (int i = 0; i < count; ++i) must(bench.append_durable(make_batch("a", 1, 9000)));
    for (const int pause_ms : {500, 3000}) {
      bench.sim().run_for(std::chrono::milliseconds(pause_ms));
      must(bench.sim().run(bench.log().apply_retention()));
      must(bench.sim().run(bench.log().maintain()));
      bench.sim().run_until_idle();
    }
    bench.close();
    for (const std::string& path : bench.disk().paths()) {
      if (!path.ends_with(".log")) continue;
      EXPECT_EQ(bench.disk().durable_content(path).size(), bench.disk().content(path).size())
          << count << ' ' << path;
    }
  }
}

TEST(LogWrite, AFileThatWasSentFromIsNotUsedAgain) {
  StoreOptions store_options;
  store_options.tail_cache_bytes = 16 << 10;
  LogBench bench(1, recycling(), store_options);
  bench.open();
  std::size_t shared = 0;
  bool spared = false;
  for (int i = 0; i < 200; ++i) {
    must(bench.append_durable(make_batch(std::to_string(i), 1, 9000)));
    for (int twice = 0; twice < 2; ++twice) {
      const ReadResult got = must(bench.read(bench.log().log_start_offset(), 200'000,
                                             std::numeric_limits<Offset>::max(),
                                             AtLeastOneBatch::yes, Handout::files));
      shared += got.slices.size() == 1 && !got.slices[0].file.empty() ? 1 : 0;
    }
    spared = spared || bench.disk().exists(bench.file(spare_name));
  }
  EXPECT_GT(shared, 50u);
  EXPECT_GT(bench.log().log_start_offset(), 100);
  EXPECT_FALSE(spared);
}

TEST(LogWrite, StaleBatchesOfARecycledFileAreNeverTakenForLive) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    LogBench bench(seed, recycling());
    bench.open();
    ASSERT_TRUE(append_until_recycled(bench));
    must(bench.append_durable(make_batch("last", 1, 700)));
    const Offset end = bench.log().high_watermark();
    bench.sim().run_until_idle();
    bench.crash();
    bench.open();
    ASSERT_EQ(bench.log().high_watermark(), end);
    EXPECT_EQ(bench.must_read_all().back().value.substr(0, 4), "last");
    EXPECT_EQ(must(bench.append_durable(make_batch("on", 1))).base_offset, end);
    EXPECT_FALSE(bench.disk().exists(bench.file(spare_name)));
  }
}

}  // namespace
}  // namespace sluice::storage
