// Every I/O of a life of a log fails once, in turn: no crash of the program, nothing acknowledged
// is lost, and the log works again once the disk does.
#include "tests/support/log_bench.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace sluice::storage {
namespace {

using testing::LogBench;
using testing::make_batch;

LogOptions small_segments() {
  LogOptions options;
  options.segment_bytes = 6000;
  options.retention_bytes = 12'000;
  options.index_interval_bytes = 500;
  return options;
}

// A short life: everything a log does to its files. Returns the end of what was acknowledged.
Offset live(LogBench& bench) {
  Offset acknowledged = 0;
  if (!bench.try_open()) return acknowledged;
  for (int i = 0; i < 24; ++i) {
    const auto info = bench.append_durable(make_batch(std::to_string(i), 1, 900));
    if (info) acknowledged = info->durable_end();
    if (i % 8 == 5) (void)bench.sim().run(bench.log().apply_retention());
    if (i == 12) {
      bench.sim().run_for(std::chrono::seconds(3));
      (void)bench.sim().run(bench.store().maintain());
      (void)bench.sim().run(bench.log().maintain());
    }
    if (i == 20) (void)bench.read_all(bench.log().log_start_offset());
  }
  (void)bench.try_close();
  return acknowledged;
}

// False when the life was over before the n-th operation of its kind.
bool fails_at(std::uint64_t n, int error) {
  LogBench bench(n, small_segments());
  bench.disk().fail_nth(sim_any, n, error);
  const Offset acknowledged = live(bench);
  const bool failed = bench.disk().counters().faults != 0;
  bench.disk().clear_faults();
  bench.crash();
  bench.open();
  EXPECT_GE(bench.log().high_watermark(), acknowledged);
  for (const Finding& finding : bench.log().recovery().findings)
    EXPECT_EQ(finding.kind, Finding::Kind::tail_cut) << finding.path;
  Offset expected = bench.log().log_start_offset();
  for (const auto& record : bench.must_read_all()) EXPECT_EQ(record.offset, expected++);
  EXPECT_EQ(expected, bench.log().high_watermark());
  EXPECT_EQ(must(bench.append_durable(make_batch("on", 1))).base_offset, expected);
  EXPECT_EQ(bench.disk().counters().overlapping_writes, 0u);
  EXPECT_EQ(bench.disk().counters().changed_in_flight, 0u);
  return failed;
}

TEST(LogFaults, EveryOperationFailsOnceForGood) {
  std::uint64_t n = 1;
  for (; !::testing::Test::HasFailure() && fails_at(n, EIO); ++n) SCOPED_TRACE(n);
  EXPECT_GT(n, 100u);
}

TEST(LogFaults, EveryOperationFailsOnceForWantOfSpace) {
  std::uint64_t n = 1;
  for (; !::testing::Test::HasFailure() && fails_at(n, ENOSPC); ++n) SCOPED_TRACE(n);
  EXPECT_GT(n, 100u);
}

TEST(LogFaults, AFailedSyncIsNeverTriedAgain) {
  LogBench bench(1, small_segments());
  bench.open();
  for (int i = 0; i < 3; ++i) must(bench.append_durable(make_batch("a", 1, 900)));
  bench.disk().fail_nth(sim_sync, 1, EIO, ".log");
  int refused = 0;
  for (int i = 0; i < 10; ++i) refused += !bench.append_durable(make_batch("a", 1, 900));
  EXPECT_GT(refused, 0);
  EXPECT_TRUE(bench.log().fenced());
  const std::uint64_t syncs = bench.disk().counters().syncs;
  const std::uint64_t writes = bench.disk().counters().writes;
  (void)bench.sim().run(bench.log().maintain());
  (void)bench.try_close();
  EXPECT_EQ(bench.disk().counters().syncs, syncs);
  EXPECT_LE(bench.disk().counters().writes, writes + 1);  // the frontier may be saved
}

}  // namespace
}  // namespace sluice::storage
