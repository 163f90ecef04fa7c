#include "storage/compaction.hpp"

#include "tests/support/log_bench.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>

namespace sluice::storage {
namespace {

using testing::LogBench;
using testing::make_batch;
using testing::StoredRecord;
using testing::TestRecord;

LogOptions compacted() {
  LogOptions options;
  options.segment_bytes = 8192;
  options.cleanup_compact = true;
  options.cleanup_delete = false;
  return options;
}

void put(LogBench& bench, std::string key, std::string value, bool tombstone = false,
         testing::BatchProducer producer = {}) {
  const std::vector<TestRecord> records{{.key = std::move(key),
                                         .value = std::move(value),
                                         .timestamp = bench.clock().wall_ms(),
                                         .tombstone = tombstone}};
  must(bench.append_durable(make_batch(records, producer)));
}

// What a reader from the start ends up with.
std::map<std::string, std::string> contents(LogBench& bench) {
  std::map<std::string, std::string> all;
  for (const StoredRecord& record : bench.must_read_all()) {
    if (record.tombstone) {
      all.erase(record.key);
    } else {
      all[record.key] = record.value;
    }
  }
  return all;
}

void fill(LogBench& bench, int count, int keys) {
  for (int i = 0; i < count; ++i)
    put(bench, "key" + std::to_string(i % keys), std::string(200, 'x') + std::to_string(i));
}

TEST(Compaction, KeepsTheNewestRecordOfEachKeyAtItsOffset) {
  LogBench bench(1, compacted());
  bench.open();
  fill(bench, 300, 10);
  const auto before = contents(bench);
  const auto all = bench.must_read_all();
  ASSERT_TRUE(bench.log().needs_compaction());
  must(bench.sim().run(bench.log().compact()));
  EXPECT_EQ(contents(bench), before);
  const auto rest = bench.must_read_all();
  EXPECT_LT(rest.size(), 80u);
  for (const StoredRecord& record : rest)
    EXPECT_EQ(record, all[static_cast<std::size_t>(record.offset)]);
  EXPECT_FALSE(bench.log().needs_compaction());
  bench.close();
  bench.open();
  EXPECT_EQ(bench.must_read_all(), rest);
  EXPECT_EQ(bench.log().high_watermark(), 300);
  bench.crash();
  bench.open();
  EXPECT_EQ(bench.must_read_all(), rest);
}

TEST(Compaction, TombstonesGoWhenTheirTimeHasPassed) {
  LogOptions options = compacted();
  options.delete_retention_ms = 60'000;
  LogBench bench(1, options);
  bench.open();
  put(bench, "gone", "value");
  put(bench, "gone", "", true);
  fill(bench, 100, 3);
  must(bench.sim().run(bench.log().compact()));
  const auto tombstones = [&bench] {
    int count = 0;
    for (const StoredRecord& record : bench.must_read_all()) count += record.tombstone;
    return count;
  };
  EXPECT_EQ(tombstones(), 1);
  EXPECT_FALSE(contents(bench).contains("gone"));
  bench.sim().run_for(std::chrono::minutes(2));
  fill(bench, 100, 3);
  must(bench.sim().run(bench.log().compact()));
  EXPECT_EQ(tombstones(), 0);
  EXPECT_FALSE(contents(bench).contains("gone"));
}

TEST(Compaction, TombstonesThatAreToStayForEverStay) {
  LogOptions options = compacted();
  options.delete_retention_ms = std::numeric_limits<std::int64_t>::max();
  LogBench bench(1, options);
  bench.open();
  put(bench, "gone", "value");
  put(bench, "gone", "", true);
  for (int round = 0; round < 2; ++round) {
    fill(bench, 100, 3);
    must(bench.sim().run(bench.log().compact()));
    const auto records = bench.must_read_all();
    EXPECT_EQ(std::ranges::count_if(records, &StoredRecord::tombstone), 1);
    bench.sim().run_for(std::chrono::hours(1000));
  }
}

TEST(Compaction, AProducersLastBatchStaysAsAHeader) {
  LogBench bench(1, compacted());
  bench.open();
  put(bench, "a", "1", false, {.id = 77, .epoch = 0, .sequence = 0});
  put(bench, "a", "2", false, {.id = 77, .epoch = 0, .sequence = 1});
  put(bench, "a", "3");
  fill(bench, 100, 3);
  must(bench.sim().run(bench.log().compact()));
  EXPECT_EQ(contents(bench)["a"], "3");
  // Rebuilt from the log alone.
  bench.close();
  for (const std::string& path : bench.disk().paths())
    if (path.ends_with(".snapshot")) bench.disk().put(path, {});
  bench.open();
  const auto again =
      make_batch({{.key = "a", .value = "2"}}, {.id = 77, .epoch = 0, .sequence = 1});
  EXPECT_TRUE(must(bench.append_durable(again)).duplicate);
  const auto next = make_batch({{.key = "a", .value = "4"}}, {.id = 77, .epoch = 0, .sequence = 2});
  EXPECT_FALSE(must(bench.append_durable(next)).duplicate);
}

TEST(Compaction, WithLittleMemoryTakesSeveralRuns) {
  StoreOptions store_options;
  store_options.compaction_memory = 8192;
  LogBench bench(1, compacted(), store_options);
  bench.open();
  for (int round = 0; round < 3; ++round) fill(bench, 400, 400);
  const auto before = contents(bench);
  std::size_t size = bench.must_read_all().size();
  for (int i = 0; i < 40; ++i) {
    must(bench.sim().run(bench.log().compact()));
    const std::size_t now = bench.must_read_all().size();
    EXPECT_LE(now, size);
    size = now;
  }
  EXPECT_LT(size, 500u);
  EXPECT_EQ(contents(bench), before);
}

TEST(Compaction, ACrashAtAnyStepLosesNothing) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    LogBench bench(n, compacted());
    bench.open();
    fill(bench, 60, 7);
    put(bench, "key1", "", true);
    put(bench, "key2", "end");
    const auto before = contents(bench);
    const Offset end = bench.log().high_watermark();
    bench.disk().crash_at(n);
    if (bench.sim().run(bench.log().compact()) && bench.disk().crashes() == 0) {
      EXPECT_GT(n, 20u);  // every step had its turn
      bench.disk().crash();
      bench.drop();
      return;
    }
    bench.crash();
    bench.open();
    EXPECT_EQ(contents(bench), before);
    EXPECT_EQ(bench.log().high_watermark(), end);
    EXPECT_TRUE(bench.log().recovery().findings.empty());
    must(bench.sim().run(bench.log().compact()));
    EXPECT_EQ(contents(bench), before);
    for (const std::string& path : bench.disk().paths()) {
      EXPECT_FALSE(path.ends_with(".swap")) << path;
      EXPECT_FALSE(path.ends_with(".cleaned")) << path;
    }
  }
}

void forget_file(LogBench& bench, const std::string& path) {
  const auto files = bench.disk().mount(bench.sim());
  must(bench.sim().run(files->remove(path)));
}

// The name of the checkpoint must be on the disk before the first gap is.
TEST(Compaction, ARunWhoseCheckpointFailedMakesNoGapWithoutOne) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    LogBench bench(n, compacted());
    bench.open();
    fill(bench, 60, 7);
    const auto before = contents(bench);
    bench.disk().fail_nth(sim_any, 1, ENOSPC, "cleaner-offset-checkpoint");
    EXPECT_FALSE(bench.sim().run(bench.log().compact()));
    bench.disk().clear_faults();
    bench.disk().crash_at(n);
    const auto done = bench.sim().run(bench.log().compact());
    const bool over = done && bench.disk().crashes() == 0;
    bench.crash();
    if (over) return;  // every step had its turn
    bench.open();
    EXPECT_EQ(contents(bench), before);
  }
}

// Versions before the checkpoint came first could be interrupted between the two; their frontier
// says nothing of the log start.
TEST(Compaction, ALogThatAnOlderVersionCompactedWithoutACheckpointIsReadAndHeals) {
  LogBench bench(1, compacted());
  bench.open();
  fill(bench, 300, 10);
  must(bench.sim().run(bench.log().compact()));
  const auto before = bench.must_read_all();
  bench.close();
  forget_file(bench, bench.file("cleaner-offset-checkpoint"));
  forget_file(bench, "meta/frontier-0");
  for (int start = 0; start < 2; ++start) {
    bench.open();
    EXPECT_EQ(bench.must_read_all(), before);
    bench.close();
  }
  bench.open();
  fill(bench, 100, 10);
  must(bench.sim().run(bench.log().compact()));
}

TEST(Compaction, AGapInALogThatIsNotCompactedIsDamageAlsoWithoutAFrontier) {
  LogOptions options;
  options.segment_bytes = 8192;
  LogBench bench(1, options);
  bench.open();
  fill(bench, 300, 10);
  bench.close();
  const std::string segment = bench.file("00000000000000000000.log");
  const auto content = bench.disk().content(segment);
  const std::size_t second = protocol::parse_batch(content)->bytes.size();
  constexpr std::size_t base_offset_byte = 6;
  bench.disk().corrupt(segment, second + base_offset_byte, std::byte{1});
  forget_file(bench, "meta/frontier-0");
  bench.open();
  EXPECT_EQ(testing::code_of(bench.read_all(0)), Errc::damaged);
}

Task<> read_all_the_time(Log& log, bool& stop, int& reads) {
  Offset from = 0;
  while (!stop) {
    auto got = co_await log.read(from, 3000);
    SLUICE_CHECK(got.has_value());
    from = got->empty() ? 0 : got->next_offset;
    ++reads;
  }
}

TEST(Compaction, ReadersBesideItSeeOldOrNewNeverAMixture) {
  StoreOptions store_options;
  store_options.tail_cache_bytes = 16 << 10;
  store_options.descriptors_max = 2;
  LogBench bench(3, compacted(), store_options);
  bench.open();
  bool stop = false;
  int reads = 0;
  fill(bench, 200, 9);
  bench.sim().spawn(read_all_the_time(bench.log(), stop, reads));
  for (int round = 0; round < 5; ++round) {
    fill(bench, 100, 9);
    const auto before = contents(bench);
    must(bench.sim().run(bench.log().compact()));
    EXPECT_EQ(contents(bench), before);
  }
  stop = true;
  bench.sim().run_until_idle();
  EXPECT_GT(reads, 50);
}

}  // namespace
}  // namespace sluice::storage
