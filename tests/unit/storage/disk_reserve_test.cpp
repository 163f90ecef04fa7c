// A disk that fills up: what is refused, what goes on, and that it ends by itself.
#include "storage/disk_reserve.hpp"

#include "base/log.hpp"
#include "tests/support/log_bench.hpp"

#include <gtest/gtest.h>

namespace sluice::storage {
namespace {

using testing::LogBench;
using testing::make_batch;

constexpr std::int64_t mib = 1 << 20;

FileSystemSpace free_of(std::int64_t bytes) {
  return {.free_bytes = static_cast<std::uint64_t>(bytes), .total_bytes = 100 * mib};
}

TEST(DiskReserve, RecordsStopAboveItAndStatesMayUseIt) {
  NullLogger logger;
  DiskReserve reserve(8 * mib, logger);
  EXPECT_TRUE(reserve.allows(free_of(9 * mib), mib, ReserveUse::none));
  EXPECT_FALSE(reserve.low());
  EXPECT_FALSE(reserve.allows(free_of(9 * mib), mib + 1, ReserveUse::none));
  EXPECT_TRUE(reserve.allows(free_of(5 * mib), mib, ReserveUse::half));
  EXPECT_FALSE(reserve.allows(free_of(5 * mib), mib + 1, ReserveUse::half));
  EXPECT_TRUE(reserve.allows(free_of(0), mib, ReserveUse::whole));
}

TEST(DiskReserve, IsNotLowAgainBeforeThereIsSomeSlack) {
  NullLogger logger;
  DiskReserve reserve(8 * mib, logger);
  reserve.look(free_of(8 * mib));
  EXPECT_FALSE(reserve.low());
  reserve.look(free_of(8 * mib - 1));
  EXPECT_TRUE(reserve.low());
  reserve.look(free_of(9 * mib - 1));
  EXPECT_TRUE(reserve.low());
  reserve.look(free_of(9 * mib));
  EXPECT_FALSE(reserve.low());
}

// What is only looked ahead for is asked for again, in smaller steps.
TEST(DiskReserve, IsLowWhenItIsTooSmallForWhatIsNeeded) {
  NullLogger logger;
  DiskReserve reserve(8 * mib, logger);
  EXPECT_FALSE(reserve.allows(free_of(9 * mib), 4 * mib, ReserveUse::none));
  EXPECT_FALSE(reserve.low());
  reserve.refused(free_of(9 * mib), 2 * mib);
  EXPECT_TRUE(reserve.low());
  reserve.look(free_of(10 * mib - 1));
  EXPECT_TRUE(reserve.low());
  reserve.look(free_of(10 * mib));
  EXPECT_FALSE(reserve.low());
}

TEST(DiskReserve, OfNothingIsNeverLow) {
  NullLogger logger;
  DiskReserve reserve(0, logger);
  reserve.look(free_of(0));
  EXPECT_TRUE(reserve.allows(free_of(0), mib, ReserveUse::none));
  EXPECT_FALSE(reserve.low());
}

TEST(DiskReserve, ByDefaultIsASixteenthAndAtMost64MiB) {
  EXPECT_EQ(default_disk_reserve(64 << 20), 4 * mib);
  EXPECT_EQ(default_disk_reserve(std::uint64_t{1} << 40), 64 * mib);
}

class FullDisk : public ::testing::Test {
 protected:
  static constexpr std::int64_t reserved = mib;

  static StoreOptions store_options() {
    StoreOptions options;
    options.disk_reserve_bytes = reserved;
    return options;
  }

  FullDisk() {
    bench.disk().set_capacity(3 * mib);
    bench.open();
  }

  std::int64_t free_bytes() {
    const auto files = bench.disk().mount(bench.sim());
    return static_cast<std::int64_t>(must(bench.sim().run(files->space())).free_bytes);
  }

  // Appends until the log refuses; returns how many batches it took, and why it stopped.
  std::pair<int, Error> fill() {
    for (int count = 0;; ++count)
      if (const auto done = bench.append_durable(make_batch("a", 1, 20'000)); !done)
        return {count, done.error()};
  }

  LogBench bench{1, {.segment_bytes = 300'000}, store_options()};
};

TEST_F(FullDisk, RefusesRecordsWithoutFencingAndKeepsTheReserve) {
  const auto [count, error] = fill();
  EXPECT_EQ(error.code, Errc::disk_full);
  EXPECT_GT(count, 50);
  EXPECT_FALSE(bench.log().fenced());
  EXPECT_TRUE(bench.store().disk_low());
  EXPECT_GE(free_bytes(), reserved);
  EXPECT_EQ(bench.must_read_all().size(), static_cast<std::size_t>(count));
}

// 1 MiB a batch; a fast log looks ahead for up to 64 MiB, which there is not.
TEST(DiskReserveOfALog, LookingAheadForMoreThanThereIsRaisesNoAlarm) {
  StoreOptions store_options;
  store_options.disk_reserve_bytes = mib;
  LogBench bench(1, {}, store_options);
  bench.disk().set_capacity(40 * mib);
  bench.open();
  const auto batch = make_batch("a", 1, mib / 2);
  for (int i = 0; i < 60; ++i) {
    must(bench.append_durable(batch));
    ASSERT_FALSE(bench.store().disk_low()) << i;
  }
}

TEST(RefusedRecords, ComeAgainWhenTheirOwnerAllowsIt) {
  LogBench bench;
  bench.open();
  bench.store().refuse_records(true);
  EXPECT_TRUE(bench.store().disk_low());
  const auto batch = make_batch("a", 1, 20'000);
  const auto refused = bench.append_durable(batch);
  EXPECT_EQ(testing::code_of(refused), Errc::disk_full);
  EXPECT_FALSE(bench.log().fenced());
  LogOptions of_states = bench.options();
  of_states.reserve_use = ReserveUse::whole;
  bench.set_options(of_states);
  must(bench.append_durable(batch));
  of_states.reserve_use = ReserveUse::none;
  bench.set_options(of_states);
  bench.store().refuse_records(false);
  EXPECT_FALSE(bench.store().disk_low());
  for (int i = 0; i < 10; ++i) must(bench.append_durable(batch));
}

TEST(ClosedSegments, AreToldOldestFirstAndTheActiveOneCanBeClosed) {
  LogBench bench(1, {.segment_bytes = 50'000});
  bench.open();
  for (int i = 0; i < 8; ++i) must(bench.append_durable(make_batch("a", 1, 20'000)));
  const auto all = must(bench.sim().run(bench.log().closed_segments(1 << 30)));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].end, 2);
  EXPECT_EQ(all[2].end, 6);
  EXPECT_EQ(all[0].newest_ms, SimClock::first_wall_ms);
  EXPECT_EQ(must(bench.sim().run(bench.log().closed_segments(all[0].bytes + 1))).size(), 2u);
  EXPECT_TRUE(must(bench.sim().run(bench.log().closed_segments(0))).empty());
  EXPECT_GT(bench.log().active_bytes(), 40'000);
  must(bench.sim().run(bench.log().close_active_segment()));
  EXPECT_EQ(bench.log().active_bytes(), 0);
  EXPECT_EQ(must(bench.sim().run(bench.log().closed_segments(1 << 30))).back().end, 8);
  must(bench.sim().run(bench.log().close_active_segment()));  // nothing to close
  EXPECT_EQ(must(bench.append_durable(make_batch("b", 1))).base_offset, 8);
}

TEST_F(FullDisk, DeletesRecordsAndTakesNewOnesAtOnce) {
  fill();
  const Offset end = bench.log().high_watermark();
  EXPECT_EQ(must(bench.sim().run(bench.log().delete_records(end))), end);
  EXPECT_EQ(must(bench.append_durable(make_batch("b", 1))).base_offset, end);
  must(bench.sim().run(bench.store().maintain()));
  EXPECT_FALSE(bench.store().disk_low());
}

TEST_F(FullDisk, GivesTheReserveToALogOfStates) {
  fill();
  LogOptions of_states = bench.options();
  of_states.reserve_use = ReserveUse::whole;
  bench.set_options(of_states);
  must(bench.append_durable(make_batch("b", 1, 200'000)));
  EXPECT_LT(free_bytes(), reserved);
}

TEST_F(FullDisk, HasEverythingAfterACrash) {
  fill();
  const auto records = bench.must_read_all();
  bench.crash();
  bench.open();
  EXPECT_EQ(bench.must_read_all(), records);
}

}  // namespace
}  // namespace sluice::storage
